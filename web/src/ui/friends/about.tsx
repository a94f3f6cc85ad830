/** What can be done about a friend: both are asked for twice. */
import { Ban, UserMinus } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { api } from '../../app/account';
import { change } from '../../app/friends';
import { t } from '../../i18n';
import type { Friend } from '../../protocol/types';
import { Dialog } from '../dialog';
import { Block } from '../report';
import { Alert } from '../trouble';

export function About({ friend: { user }, close }: { friend: Friend; close: () => void }) {
  const [ask, setAsk] = useState<'menu' | 'remove' | 'block'>('menu');
  const [error, setError] = useState<unknown>(null);
  const name = user.displayName;
  if (ask === 'block') {
    return <Block name={name} intro="blockIntroFriend" act={() => change(() => api.block(user.id))} close={close} />;
  }
  if (ask === 'remove') {
    return (
      <Dialog title={t('unfriendTitle', { name })} onClose={close}>
        <p>{t('unfriendHint')}</p>
        <Alert error={error} />
        <div class="row end-row">
          <button type="button" class="plain" onClick={close}>
            {t('cancel')}
          </button>
          <button type="button" class="danger" onClick={() => void change(() => api.removeFriend(user.id)).then(close, setError)}>
            {t('remove')}
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={name} onClose={close}>
      <div class="menu">
        <button type="button" class="choice" onClick={() => setAsk('remove')}>
          <UserMinus aria-hidden="true" />
          {t('unfriend')}
        </button>
        <button type="button" class="choice" onClick={() => setAsk('block')}>
          <Ban aria-hidden="true" />
          {t('block')}
        </button>
      </div>
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('close')}
        </button>
      </div>
    </Dialog>
  );
}
