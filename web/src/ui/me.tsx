/** My profile and everything that belongs to it. */
import { me } from '../app/account';
import { t } from '../i18n';
import { Account } from './me/account';
import { Blocks } from './me/blocks';
import { Profile } from './me/profile';
import { Sessions } from './me/sessions';
import { PrivateId, Reputation } from './me/standing';

export function Me() {
  if (!me.value) return null;
  return (
    <div class="stack">
      <h1>{t('me')}</h1>
      <Profile me={me.value} />
      <PrivateId id={me.value.privateId} />
      <Reputation />
      <Blocks />
      <Sessions />
      <Account />
    </div>
  );
}
