/** Out of the call: why, and a way on. */
import { RotateCw } from 'lucide-preact';
import { useEffect, useRef } from 'preact/hooks';

import { give, openRoom } from '../../app/room';
import { type Key, t, wordsFor } from '../../i18n';
import { Trouble } from '../../protocol/types';
import type { Phase, State } from '../../state/room';
import { Action } from '../button';
import { CallButton } from '../call-button';
import { NewRoom } from '../new-room';
import { follow } from '../route';

/** What the button that leads back is called; without one there is no way back. */
const BACK: Partial<Record<Phase, Key>> = {
  left: 'joinAgain', full: 'tryAgain', locked: 'tryAgain', busy: 'tryAgain', failed: 'tryAgain', 'other-tab': 'useHere',
};

/** Nobody comes into this room any more, or not I: one of my own is the way on. */
const ENDED: Phase[] = ['gone', 'deleted', 'removed', 'blocked'];

export function Outside({ state }: { state: State }) {
  const { phase, code, call } = state;
  // Nobody comes back into a call: it is made anew.
  const again = call && ['left', 'declined', 'unanswered', 'cancelled', 'over'].includes(phase);
  const back = again ? undefined : BACK[phase];
  const own = !call && ENDED.includes(phase);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [phase]);
  return (
    <section class="card narrow outside" data-state={phase}>
      <h1 ref={heading} tabIndex={-1}>{t(`out_${phase}` as Key, { n: state.limit, name: call?.name ?? '' })}</h1>
      {phase === 'failed' && code ? <p>{wordsFor(new Trouble(code, ''))}</p> : <p>{t(`out_${phase}_hint` as Key, { name: call?.name ?? '' })}</p>}
      {own ? (
        <NewRoom primary>
          <Away call={false} />
        </NewRoom>
      ) : (
        <div class="row">
          {again && <CallButton who={{ id: call.userId, displayName: call.name }} name="callAgain" />}
          {back && <Action icon={RotateCw} name={t(back)} primary press={() => (state.joinUrl ? give({ is: 'join' }) : openRoom(state.roomId))} />}
          <Away call={call !== null} primary={!back && !again} />
        </div>
      )}
    </section>
  );
}

function Away({ call, primary = false }: { call: boolean; primary?: boolean }) {
  return (
    <a class={primary ? 'button primary' : 'button'} href={call ? '/friends' : '/'} onClick={follow}>
      {t(call ? 'toFriends' : 'toStart')}
    </a>
  );
}
