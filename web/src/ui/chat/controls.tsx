/** The bar: Start, Next and Stop never move; the rest stands beside them. */
import { Ban, Flag, Hourglass, Keyboard, type LucideIcon, Mic, MicOff, Play, Settings2, SkipForward, Square, UserCheck, UserPlus, Users, Video, VideoOff } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { befriend, friends } from '../../app/friends';
import { sayTrouble } from '../../app/notices';
import { give, toggle } from '../../app/random';
import { type Key, t } from '../../i18n';
import * as devices from '../../media/devices';
import { canGoOn, isActive, type Met, meant, type State } from '../../state/chat';
import { type Tie, tie } from '../../state/friends';
import { Action, IconButton, Switch } from '../button';
import { CaptionsToggle } from '../captions';
import type { Ask } from './dialogs';

export function Controls({ state, ask }: { state: State; ask: (what: Ask) => void }) {
  const active = isActive(state);
  const nobody = meant(state) === null;
  const startName = t(state.phase === 'other-tab' ? 'useHere' : 'start');
  return (
    <div class="controls" data-rest>
      <div class="group main-buttons">
        <Action icon={Play} name={startName} primary={!active} off={active} press={() => give({ is: 'start' })} />
        <Action icon={SkipForward} name={t('next')} primary={active} off={!canGoOn(state)} press={() => give({ is: 'next' })} />
        <Action icon={Square} name={t('stop')} off={!active} press={() => give({ is: 'stop' })} />
      </div>
      <div class="group">
        <Switch on={devices.isOn('audio')} icons={[Mic, MicOff]} name={t('microphone')} press={() => toggle('audio')} />
        <Switch on={devices.isOn('video')} icons={[Video, VideoOff]} name={t('camera')} press={() => toggle('video')} />
        <CaptionsToggle />
        <IconButton icon={Settings2} name={t('devicesLink')} press={() => ask('devices')} />
      </div>
      <div class="group about-them">
        <Action icon={Flag} name={t('report')} off={nobody} press={() => ask('report')} />
        <Action icon={Ban} name={t('block')} off={nobody} press={() => ask('block')} />
        <AddFriend who={meant(state)} />
        <IconButton icon={Keyboard} name={t('help')} press={() => ask('help')} class="keys-button" />
      </div>
    </div>
  );
}

/** How things stand between the two, and what can be done about it. */
const TIES: Record<Tie, { icon: LucideIcon; name: Key }> = {
  none: { icon: UserPlus, name: 'addFriend' },
  asks: { icon: UserCheck, name: 'accept' },
  asked: { icon: Hourglass, name: 'askedShort' },
  friend: { icon: Users, name: 'friendsShort' },
};

/** Whoever has asked already, or is a friend, needn't ask (again). What came of it is said over the page. */
function AddFriend({ who }: { who: Met | null }) {
  const [busy, setBusy] = useState(false);
  const is = who ? tie(friends.value, who.peer.userId) : 'none';
  const { icon: Icon, name } = TIES[is];
  // Whoever has just pressed it hears what it is now, and keeps the focus.
  const still = busy || is === 'asked' || is === 'friend';
  const whole = who && is === 'asks' ? t('acceptWho', { name: who.peer.displayName }) : t(name);
  const ask = async ({ peer: { userId, displayName } }: Met): Promise<void> => {
    setBusy(true);
    await befriend(userId, displayName).catch((error: unknown) => sayTrouble(error));
    setBusy(false);
  };
  return (
    <button
      type="button"
      class={`add-friend ${is === 'asks' ? 'primary' : ''}`}
      disabled={!who}
      aria-disabled={still}
      aria-label={whole}
      title={whole}
      onClick={() => who && !still && void ask(who)}
    >
      <Icon aria-hidden="true" />
      <span>{t(name)}</span>
    </button>
  );
}
