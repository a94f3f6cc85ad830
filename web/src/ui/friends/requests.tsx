/** Who asks me, and whom I have asked. */
import { Check, Undo2, X } from 'lucide-preact';
import type { ComponentChildren } from 'preact';

import { api } from '../../app/account';
import { t } from '../../i18n';
import type { FriendRequest, FriendRequests } from '../../protocol/types';
import { Avatar } from '../avatar';
import { Alert } from '../trouble';
import { useTask } from './task';

export function Requests({ all: { incoming, outgoing } }: { all: FriendRequests }) {
  const { busy, error, run } = useTask();
  if (incoming.length + outgoing.length === 0 && !error) return null;
  return (
    <section class="card" aria-labelledby="requests">
      <h2 id="requests">{t('requests')}</h2>
      <Alert error={error} />
      <ul class="persons">
        {incoming.map((request) => (
          <Line key={request.id} request={request} words={t('requestIn')}>
            <button
              type="button"
              class="primary"
              aria-label={t('acceptWho', { name: request.user.displayName })}
              disabled={busy === request.id}
              onClick={() => void run(() => api.acceptRequest(request.id), request.id)}
            >
              <Check aria-hidden="true" />
              {t('accept')}
            </button>
            <button
              type="button"
              aria-label={t('declineWho', { name: request.user.displayName })}
              disabled={busy === request.id}
              onClick={() => void run(() => api.declineRequest(request.id), request.id)}
            >
              <X aria-hidden="true" />
              {t('decline')}
            </button>
          </Line>
        ))}
        {outgoing.map((request) => (
          <Line key={request.id} request={request} words={t('requestOut')}>
            <button
              type="button"
              aria-label={t('withdrawWho', { name: request.user.displayName })}
              disabled={busy === request.id}
              onClick={() => void run(() => api.withdrawRequest(request.id), request.id)}
            >
              <Undo2 aria-hidden="true" />
              {t('withdraw')}
            </button>
          </Line>
        ))}
      </ul>
    </section>
  );
}

function Line({ request, words, children }: { request: FriendRequest; words: string; children: ComponentChildren }) {
  return (
    <li>
      <Avatar of={request.user} />
      <span class="who">
        <b>{request.user.displayName}</b>
        <small>{words}</small>
      </span>
      <span class="row">{children}</span>
    </li>
  );
}
