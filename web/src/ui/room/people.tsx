/** Who is here, in the order they came; the host's decisions about the room. */
import { Crown, DoorClosed, EllipsisVertical, Hand, Mic, MicOff, MonitorUp, Video, VideoOff } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { moderate } from '../../app/room';
import { t } from '../../i18n';
import * as devices from '../../media/devices';
import type { HostAction, Participant } from '../../protocol/types';
import { me, type State } from '../../state/room';
import { IconButton } from '../button';
import { CopyLink } from '../copy';
import { Alert } from '../trouble';
import { CallIn } from './call-in';
import type { Ask } from './dialogs';

export function People({ state, ask }: { state: State; ask: (what: Ask) => void }) {
  return (
    <section class="people-list" aria-labelledby="people">
      <h2 id="people">{t('people')}</h2>
      <ul>
        {state.people.map((person) => (
          <Person key={person.id} person={person} state={state} ask={ask} />
        ))}
      </ul>
      {me(state)?.host && <HostSettings state={state} ask={ask} />}
      {state.call ? (
        <CallIn state={state} call={state.call} />
      ) : (
        <>
          <h3>{t('invite')}</h3>
          <CopyLink link={state.joinUrl} />
        </>
      )}
    </section>
  );
}

function Person({ person, state, ask }: { person: Participant; state: State; ask: (what: Ask) => void }) {
  const self = person.id === state.self;
  const hand = state.hands.indexOf(person.id) + 1;
  // What I send I know best; not every room tells me.
  const { audio, video, screen } = self ? { ...person.media, audio: devices.isOn('audio'), video: devices.isOn('video') } : person.media;
  return (
    <li>
      <span class="who">
        <b>{person.displayName}</b>
        <small>
          {[
            self && t('you'),
            person.host && t('host'),
            person.state === 'reconnecting' && t('away'),
          ].filter(Boolean).join(' · ')}
        </small>
      </span>
      <span class="signs">
        {hand > 0 && <Sign icon={Hand} name={t('handOf', { n: hand })} text={String(hand)} />}
        {person.host && <Sign icon={Crown} name={t('host')} />}
        {screen && <Sign icon={MonitorUp} name={t('shares')} />}
        <Sign icon={audio ? Mic : MicOff} name={t(audio ? 'microphoneOn' : person.muted ? 'mutedTheirs' : 'partnerMuted')} bad={!audio} />
        <Sign icon={video ? Video : VideoOff} name={t(video ? 'cameraOn' : 'cameraOff')} bad={!video} />
      </span>
      <IconButton icon={EllipsisVertical} name={t('aboutWho', { name: person.displayName })} press={() => ask({ ask: 'person', id: person.id })} />
    </li>
  );
}

interface SignProps {
  icon: typeof Hand;
  name: string;
  text?: string;
  bad?: boolean;
}

function Sign({ icon: Icon, name, text, bad = false }: SignProps) {
  return (
    <span class={bad ? 'sign is-bad' : 'sign'} title={name}>
      <Icon aria-hidden="true" />
      {text && <span aria-hidden="true">{text}</span>}
      <span class="sr-only">{name}</span>
    </span>
  );
}

function HostSettings({ state, ask }: { state: State; ask: (what: Ask) => void }) {
  const [error, setError] = useState<unknown>(null);
  const tick = (on: boolean, [yes, no]: [HostAction, HostAction]): void => {
    setError(null);
    moderate(on ? yes : no).catch(setError);
  };
  return (
    <fieldset class="host">
      <legend>{t('hostSettings')}</legend>
      <label class="tick">
        <input type="checkbox" checked={state.locked} onChange={(event) => tick(event.currentTarget.checked, ['lock', 'unlock'])} />
        {t('lockRoom')}
      </label>
      <label class="tick">
        <input
          type="checkbox"
          checked={state.screensForbidden}
          onChange={(event) => tick(event.currentTarget.checked, ['forbid-screen', 'allow-screen'])}
        />
        {t('forbidScreens')}
      </label>
      <Alert error={error} />
      {state.owned && (
        <button type="button" onClick={() => ask({ ask: 'end' })}>
          <DoorClosed aria-hidden="true" />
          {t('endRoom')}
        </button>
      )}
    </fieldset>
  );
}
