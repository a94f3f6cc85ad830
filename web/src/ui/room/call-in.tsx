/** In a call: who else could come. */
import { PhoneOutgoing } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { refusal } from '../../app/calls';
import { friends } from '../../app/friends';
import { callIn } from '../../app/room';
import { t } from '../../i18n';
import type { Call } from '../../state/call';
import { canBeCalled } from '../../state/friends';
import type { State } from '../../state/room';
import { Avatar } from '../avatar';
import { watchedWords } from '../kept';
import { Alert } from '../trouble';

export function CallIn({ state, call }: { state: State; call: Call }) {
  const [error, setError] = useState<{ problem: unknown; name: string } | null>(null);
  const here = state.people.map(({ userId }) => userId);
  const others = (friends.value.friends ?? []).filter(({ user }) => !here.includes(user.id));
  const could = others.filter(({ user, presence }) => canBeCalled(presence) || call.called.includes(user.id));
  return (
    <>
      <h3>{t('callIn')}</h3>
      {could.length === 0 && <p class="quiet">{t('nobodyToCallIn')}</p>}
      <ul>
        {could.map(({ user }) => {
          const rings = call.called.includes(user.id);
          return (
            <li key={user.id}>
              <Avatar of={user} />
              <span class="who">
                <b>{user.displayName}</b>
                <small>{rings ? t('ringsThere') : ''}</small>
              </span>
              <button
                type="button"
                aria-label={t('callInWho', { name: user.displayName })}
                disabled={rings || call.ringing}
                onClick={() => {
                  setError(null);
                  callIn(user.id).catch((problem: unknown) => setError({ problem, name: user.displayName }));
                }}
              >
                <PhoneOutgoing aria-hidden="true" />
                {t('add')}
              </button>
            </li>
          );
        })}
      </ul>
      <Alert error={error?.problem} words={error ? t(refusal(error.problem), { name: error.name }) : undefined} />
      <p class="quiet">{state.call?.way === 'p2p' ? t('directHint') : watchedWords() || t('throughHint')}</p>
    </>
  );
}
