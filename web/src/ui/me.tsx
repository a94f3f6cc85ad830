/** My profile and everything that belongs to it. */
import { me } from '../app';
import { t } from '../i18n';
import { Blocks } from './me/blocks';
import { Profile } from './me/profile';
import { PrivateId, Reputation } from './me/standing';
import { Sessions } from './me/sessions';
import { follow } from './route';

export function Me() {
  if (!me.value) return null;
  return (
    <div class="stack">
      <h1>{t('me')}</h1>
      <Profile me={me.value} />
      <PrivateId id={me.value.privateId} />
      <Reputation />
      <Sessions />
      <Blocks />
      <p>
        <a href="/check" onClick={follow}>
          {t('devicesLink')}
        </a>
      </p>
    </div>
  );
}
