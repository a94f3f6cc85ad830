/** Whom I know: requests, friends and where they are, how to find somebody, and whom I never want to meet again. */
import '../../style/friends.css';

import { useEffect } from 'preact/hooks';

import { me } from '../../app/account';
import { friends, friendsError, refresh } from '../../app/friends';
import { t } from '../../i18n';
import { Blocks } from '../me/blocks';
import { PrivateId } from '../me/private-id';
import { Alert } from '../trouble';
import { Add } from './add';
import { List } from './list';
import { MissedCalls } from './missed';
import { Requests } from './requests';

export function Friends() {
  useEffect(() => void refresh(), []);
  const { friends: all, requests } = friends.value;
  if (!me.value) return null;
  return (
    <div class="stack">
      <h1>{t('friends')}</h1>
      <Alert error={friendsError.value} />
      <Requests all={requests} />
      <MissedCalls />
      <List all={all} />
      <Add />
      <PrivateId id={me.value.privateId} />
      <Blocks />
    </div>
  );
}
