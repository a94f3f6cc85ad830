/** My profile and everything that belongs to it. */
import '../style/me.css';

import { me } from '../app/account';
import { t } from '../i18n';
import { Account } from './me/account';
import { MyPicture } from './me/avatar';
import { Calls } from './me/calls';
import { MyData } from './me/data';
import { Decisions } from './me/decisions';
import { Disturb } from './me/disturb';
import { PrivateId } from './me/private-id';
import { Profile } from './me/profile';
import { Sessions } from './me/sessions';
import { Reputation } from './me/standing';
import { SignOut } from './sign-out';

export function Me() {
  if (!me.value) return null;
  return (
    <div class="stack">
      <div class="row head">
        <h1>{t('me')}</h1>
        <SignOut />
      </div>
      <MyPicture me={me.value} />
      <Profile me={me.value} />
      <Disturb me={me.value} />
      <PrivateId id={me.value.privateId} />
      <Calls />
      <Reputation />
      <Decisions />
      <Sessions />
      <Account />
      <MyData />
    </div>
  );
}
