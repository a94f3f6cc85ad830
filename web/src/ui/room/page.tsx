/** A room: from its link, or a call, to the way out. It only shows the machine's state. */
import '../../style/room.css';

import { useEffect } from 'preact/hooks';

import { me, ready } from '../../app/account';
import { forget, remember } from '../../app/next';
import { closeRoom, openRoom, room } from '../../app/room';
import { t } from '../../i18n';
import { roomOf } from '../../state/address';
import { Framed, Waiting } from '../frame';
import { path } from '../route';
import { SignIn } from '../sign-in';
import { Call } from './call';
import { Lobby } from './lobby';
import { Outside } from './outside';

export function RoomPage() {
  const id = roomOf(path.value) ?? '';
  if (me.value) return <Signed key={id} id={id} />;
  return (
    <Framed title="roomTitle">{ready.value ? <Invited /> : <Waiting />}</Framed>
  );
}

/** Somebody who has the link, and isn't signed in. */
function Invited() {
  useEffect(() => remember(path.value), []);
  return (
    <section class="hero">
      <h1>{t('invitedTitle')}</h1>
      <p class="lead">{t('invitedHint')}</p>
      <SignIn done={() => undefined} />
    </section>
  );
}

function Signed({ id }: { id: string }) {
  useEffect(() => {
    forget();
    openRoom(id);
    // Whoever goes to another page leaves the call and puts the camera away.
    return closeRoom;
  }, []);
  const state = room.value;
  if (state.roomId !== id || state.phase === 'looking') return <Framed title="roomTitle">{<Waiting />}</Framed>;
  if (state.phase === 'in') return <Call state={state} />;
  if (state.call && state.phase === 'joining') return <Framed title="callTitle" name={state.call.name}>{<Waiting />}</Framed>;
  const inLobby = state.phase === 'lobby' || state.phase === 'joining';
  return <Framed title="roomTitle" name={state.name}>{inLobby ? <Lobby state={state} /> : <Outside state={state} />}</Framed>;
}
