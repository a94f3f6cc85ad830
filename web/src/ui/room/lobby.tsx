/** Before the call: how I look and sound, what others will see, and the door. */
import { DoorOpen, Lock, Mic, MicOff, Video, VideoOff } from 'lucide-preact';
import { useEffect } from 'preact/hooks';

import { me } from '../../app/account';
import { give } from '../../app/room';
import { t } from '../../i18n';
import * as devices from '../../media/devices';
import type { State } from '../../state/room';
import { Switch } from '../button';
import { CopyLink } from '../copy';
import { Devices } from '../devices';
import { watchedWords } from '../kept';

export function Lobby({ state }: { state: State }) {
  useEffect(() => {
    // Whoever has allowed the camera for good needn't be asked once more.
    void devices.openIfAllowed();
  }, []);
  const joining = state.phase === 'joining';
  return (
    <section class="card wide lobby" data-state={state.phase}>
      <header>
        <h1>{state.name || t('roomTitle')}</h1>
        {state.locked && !state.owned && (
          <p class="notice">
            <Lock aria-hidden="true" /> {t('lobbyLocked')}
          </p>
        )}
      </header>
      {/* The door is what the tab key comes to first; the picture stands beside it, or above. */}
      <div class="entry">
        <button type="button" class="primary large" disabled={joining} onClick={join}>
          <DoorOpen aria-hidden="true" />
          {t('joinRoom')}
        </button>
        <p class="quiet" role="status">
          {joining ? t(state.online ? 'joining' : 'phase_offline') : ''}
        </p>
        <div class="row">
          <Switch on={devices.isOn('audio')} icons={[Mic, MicOff]} name={t('microphone')} press={() => devices.toggle('audio')} />
          <Switch on={devices.isOn('video')} icons={[Video, VideoOff]} name={t('camera')} press={() => devices.toggle('video')} />
        </div>
        {/* Below the switches, which its length mustn't move. */}
        <Seen />
        <p class="quiet">
          {t('lobbyPrivacy')} {watchedWords()}
        </p>
        <CopyLink link={state.joinUrl} />
      </div>
      <Devices />
    </section>
  );
}

/** Without camera and microphone one can still look and listen. */
function join(): void {
  devices.goWithout();
  give({ is: 'join' });
}

/** What the others will see and hear of me, in words. */
function Seen() {
  const has = devices.local.value !== null;
  const [sound, picture] = [has && devices.isOn('audio'), has && devices.isOn('video')];
  const what = sound && picture ? 'seenBoth' : picture ? 'seenPicture' : sound ? 'seenSound' : 'seenName';
  return <p>{t(what, { name: me.value?.displayName ?? '' })}</p>;
}
