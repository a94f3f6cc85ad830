/** The bar: Start, Next and Stop never move; the rest stands beside them. */
import { Ban, Flag, type LucideIcon, Mic, MicOff, Play, SkipForward, Square, Video, VideoOff } from 'lucide-preact';

import { chat, give, toggle } from '../../app';
import { t } from '../../i18n';
import * as devices from '../../media/devices';
import { isActive, type State } from '../../state/chat';
import type { Open } from './dialogs';

export function Controls({ state, open }: { state: State; open: (what: Open) => void }) {
  const active = isActive(state);
  const inCall = state.room !== null;
  const canGoOn = inCall || state.phase === 'left';
  return (
    <div class="controls">
      <div class="group main-buttons">
        <Action icon={Play} name={t(state.phase === 'other-tab' ? 'useHere' : 'start')} primary={!active} off={active} press={() => give({ is: 'start' })} />
        <Action icon={SkipForward} name={t('next')} primary={active} off={!canGoOn} press={() => give({ is: 'next' })} />
        <Action icon={Square} name={t('stop')} off={!active} press={() => give({ is: 'stop' })} />
      </div>
      <div class="group">
        <Switch on={devices.microphoneOn.value} icons={[Mic, MicOff]} name={t('microphone')} press={() => toggle('audio')} />
        <Switch on={devices.cameraOn.value} icons={[Video, VideoOff]} name={t('camera')} press={() => toggle('video')} />
      </div>
      <div class="group">
        <Action icon={Flag} name={t('report')} off={!inCall} press={() => open('report')} />
        <Action icon={Ban} name={t('block')} off={!inCall} press={() => open('block')} />
        <button type="button" class="plain help" aria-label={t('help')} onClick={() => open('help')}>
          ?
        </button>
      </div>
      {state.phase === 'device-problem' && (
        <button
          type="button"
          class="without"
          onClick={() => {
            devices.goWithout();
            if (chat.value.phase === 'device-problem') give({ is: 'devices-ready' });
          }}
        >
          {t('without')}
        </button>
      )}
    </div>
  );
}

interface ActionProps {
  icon: LucideIcon;
  name: string;
  primary?: boolean;
  off: boolean;
  press: () => void;
}

function Action({ icon: Icon, name, primary = false, off, press }: ActionProps) {
  return (
    <button type="button" class={primary && !off ? 'primary' : ''} disabled={off} onClick={press}>
      <Icon aria-hidden="true" />
      {name}
    </button>
  );
}

interface SwitchProps {
  on: boolean;
  icons: [LucideIcon, LucideIcon];
  name: string;
  press: () => void;
}

function Switch({ on, icons: [On, Off], name, press }: SwitchProps) {
  const Icon = on ? On : Off;
  return (
    <button type="button" class={on ? 'switch' : 'switch is-off'} aria-pressed={on} onClick={press}>
      <Icon aria-hidden="true" />
      <span class="on-wide">{name}</span>
    </button>
  );
}
