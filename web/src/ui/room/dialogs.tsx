/** What can be asked for in a dialog: about somebody, or what is rarely needed. */
import { Ban, Captions, Crown, Flag, Keyboard, LayoutGrid, type LucideIcon, Mic, MicOff, PictureInPicture2, Pin, ScreenShare, Settings2, UserX } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { canCaption, captions, toggleCaptions } from '../../app/captions';
import { block, endRoom, give, moderate, report, toggleScreen } from '../../app/room';
import { type Key, t } from '../../i18n';
import { canShare } from '../../media/screen';
import type { HostAction, Participant } from '../../protocol/types';
import { isOfTwo } from '../../state/call';
import { keyOf } from '../../state/layout';
import { me, type State } from '../../state/room';
import { CopyLink } from '../copy';
import { Dialog } from '../dialog';
import { Block, Report } from '../report';
import { Help, type KeyWords, MyDevices } from '../settings';
import { Alert } from '../trouble';
import { canFloat, toggleFloat } from './float';
import { Reactions } from './reactions';

export type Ask = { ask: 'more' | 'devices' | 'help' | 'react' | 'end' } | { ask: 'person' | 'remove'; id: string } | { ask: 'report' | 'block'; about: Participant };
export type Open = Ask | null;

const KEYS: KeyWords[] = [
  ['M', 'keysM'], ['V', 'keysV'], ['D', 'keysD'], ['C', 'keysC'], ['P', 'keysP'], ['R', 'keysHand'], ['T', 'keysT'], ['W', 'keysW'], ['1–9', 'keysPin'],
  ['Space', 'keysSpace'], ['Enter', 'keysEnter'], ['?', 'keysHelp'],
];

interface Props {
  state: State;
  open: Open;
  ask: (what: Ask) => void;
  close: () => void;
}

export function Dialogs({ state, open, ask, close }: Props) {
  switch (open?.ask) {
    case 'devices':
      return <MyDevices close={close} />;
    case 'help':
      return <Help keys={KEYS} words={t} close={close} />;
    case 'react':
      return (
        <Dialog title={t('react')} onClose={close}>
          <Reactions done={close} />
        </Dialog>
      );
    case 'more':
      return <More state={state} ask={ask} close={close} />;
    case 'end':
      return <Sure title={t('endTitle')} hint="endHint" yes="endRoom" act={endRoom} close={close} />;
    // About whoever was there when it was opened: they may go meanwhile.
    case 'report': {
      const { about } = open;
      return <Report name={about.displayName} intro="reportIntroRoom" act={(reason, note) => report(about, reason, note)} close={close} />;
    }
    case 'block': {
      const { about } = open;
      return <Block name={about.displayName} intro="blockIntroRoom" act={() => block(about)} close={close} />;
    }
    case 'person':
    case 'remove': {
      const person = state.people.find(({ id }) => id === open.id);
      if (!person) return null;
      if (open.ask === 'remove') {
        return <Sure title={t('removeTitle', { name: person.displayName })} hint="removeHint" yes="remove" act={() => moderate('remove', person.id)} close={close} />;
      }
      return <About key={person.id} person={person} state={state} ask={ask} close={close} />;
    }
    case undefined:
      return null;
  }
}

function Choice({ icon: Icon, name, press, class: more = '', on }: { icon: LucideIcon; name: string; press: () => void; class?: string; on?: boolean }) {
  return (
    <button type="button" class={`choice ${more}`} aria-pressed={on} onClick={press}>
      <Icon aria-hidden="true" />
      {name}
    </button>
  );
}

function More({ state, ask, close }: Omit<Props, 'open'>) {
  const then = (act: () => void) => () => {
    close();
    act();
  };
  return (
    <Dialog title={t('more')} onClose={close}>
      {!isOfTwo(state) && (
        <div class="only-phone">
          <Reactions done={close} />
        </div>
      )}
      <div class="menu">
        {canShare() && <Choice class="only-phone" icon={ScreenShare} name={t('shareScreen')} press={then(() => void toggleScreen())} />}
        <Choice
          class="only-phone"
          icon={LayoutGrid}
          name={t(state.layout === 'speaker' ? 'gridView' : 'speakerView')}
          press={then(() => give({ is: 'layout' }))}
        />
        {canCaption.value && <Choice class="only-phone" icon={Captions} name={t('captions')} on={captions.value.on} press={then(toggleCaptions)} />}
        <Choice icon={Settings2} name={t('devicesLink')} press={() => ask({ ask: 'devices' })} />
        {canFloat() && <Choice icon={PictureInPicture2} name={t('float')} press={then(() => void toggleFloat())} />}
        <Choice icon={Keyboard} name={t('help')} press={() => ask({ ask: 'help' })} />
      </div>
      {!state.call && <CopyLink link={state.joinUrl} />}
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('close')}
        </button>
      </div>
    </Dialog>
  );
}

function About({ person, state, ask, close }: Omit<Props, 'open'> & { person: Participant }) {
  const [error, setError] = useState<unknown>(null);
  const key = keyOf({ id: person.id, source: 'camera' });
  const hosting = me(state)?.host && person.id !== state.self;
  const decide = (action: HostAction) => () => {
    setError(null);
    moderate(action, person.id).then(close, setError);
  };
  return (
    <Dialog title={person.displayName} onClose={close}>
      <div class="menu">
        <Choice
          icon={Pin}
          name={t(state.pins.includes(key) ? 'unpinShort' : 'pinShort')}
          press={() => {
            give({ is: 'pin', key });
            close();
          }}
        />
        {hosting && (
          <>
            {person.muted ? (
              <Choice icon={Mic} name={t('allowMic')} press={decide('allow-mic')} />
            ) : (
              <Choice icon={MicOff} name={t('mute')} press={decide('mute')} />
            )}
            <Choice icon={Crown} name={t('makeHost')} press={decide('make-host')} />
            <Choice icon={UserX} name={t('remove')} press={() => ask({ ask: 'remove', id: person.id })} />
          </>
        )}
        {person.id !== state.self && (
          <>
            <Choice icon={Flag} name={t('report')} press={() => ask({ ask: 'report', about: person })} />
            <Choice icon={Ban} name={t('block')} press={() => ask({ ask: 'block', about: person })} />
          </>
        )}
      </div>
      <Alert error={error} />
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('close')}
        </button>
      </div>
    </Dialog>
  );
}

interface SureProps {
  title: string;
  hint: Key;
  yes: Key;
  act: () => Promise<void>;
  close: () => void;
}

/** What can't be taken back is asked for twice. */
function Sure({ title, hint, yes, act, close }: SureProps) {
  const [error, setError] = useState<unknown>(null);
  return (
    <Dialog title={title} onClose={close}>
      <p>{t(hint)}</p>
      <Alert error={error} />
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="danger" onClick={() => void act().then(close, setError)}>
          {t(yes)}
        </button>
      </div>
    </Dialog>
  );
}
