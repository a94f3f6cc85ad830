/** The bar: what I send, what I see, and the way out. */
import {
  Ellipsis, Hand, LayoutGrid, LogOut, MessageSquareText, Mic, MicOff, PhoneOff, ScreenShare, SmilePlus, SquareUserRound, Users, Video, VideoOff,
} from 'lucide-preact';

import { give, raiseHand, screen, toggle, toggleScreen, unread } from '../../app/room';
import { t } from '../../i18n';
import * as devices from '../../media/devices';
import { canShare } from '../../media/screen';
import { isOfTwo } from '../../state/call';
import { me, type State } from '../../state/room';
import { IconButton, Switch, Toggle } from '../button';
import { CaptionsToggle } from '../captions';
import type { Panel } from './call';
import type { Ask } from './dialogs';

interface Props {
  state: State;
  panel: Panel;
  turn: (to: Panel) => void;
  ask: (what: Ask) => void;
}

export function Bar({ state, panel, turn, ask }: Props) {
  const mine = me(state);
  const forbidden = state.screensForbidden && !mine?.host;
  // Two have no need to put up their hands.
  const two = isOfTwo(state);
  // One way out: the same button calls off what nobody has answered, so that the keyboard stays where it is.
  const ringing = state.call?.ringing ?? false;
  const waiting = panel === 'chat' ? 0 : unread.value;
  return (
    <div class="controls room-bar" role="group" aria-label={t('bar')}>
      <div class="group">
        <Switch on={devices.isOn('audio')} icons={[Mic, MicOff]} name={t('microphone')} press={() => toggle('audio')} />
        <Switch on={devices.isOn('video')} icons={[Video, VideoOff]} name={t('camera')} press={() => toggle('video')} />
        {canShare() && (
          <Toggle class="on-desk" on={screen.value !== null} icon={ScreenShare} name={t('shareScreen')} off={forbidden} press={() => void toggleScreen()} />
        )}
      </div>
      <div class="group">
        {!two && <Toggle on={mine?.handRaised ?? false} icon={Hand} name={t('raiseHand')} press={raiseHand} />}
        {!two && <IconButton class="on-desk" icon={SmilePlus} name={t('react')} press={() => ask({ ask: 'react' })} />}
        <CaptionsToggle class="on-desk" />
        <Toggle on={panel === 'chat'} icon={MessageSquareText} name={t('chat')} count={waiting} press={() => turn('chat')} />
        <Toggle on={panel === 'people'} icon={Users} name={t('people')} count={state.people.length} press={() => turn('people')} />
        <Toggle
          class="on-desk"
          on={state.layout === 'speaker'}
          icon={state.layout === 'speaker' ? SquareUserRound : LayoutGrid}
          name={t('speakerView')}
          press={() => give({ is: 'layout' })}
        />
        <IconButton icon={Ellipsis} name={t('more')} press={() => ask({ ask: 'more' })} />
      </div>
      <div class="group">
        <button type="button" class="danger leave" onClick={() => give({ is: 'leave' })}>
          {ringing ? <PhoneOff aria-hidden="true" /> : <LogOut aria-hidden="true" />}
          <span>{t(ringing ? 'cancel' : 'leave')}</span>
        </button>
      </div>
    </div>
  );
}
