/** Out of the account on this device: in the line at the top, and on a phone at the head of the profile. */
import { LogOut } from 'lucide-preact';

import { signOut } from '../app/account';
import { sayTrouble } from '../app/notices';
import { t } from '../i18n';
import { leaving } from './route';

export function SignOut() {
  return (
    <button type="button" class="plain sign-out" onClick={() => leaving(() => void signOut().catch(sayTrouble))}>
      <LogOut aria-hidden="true" />
      <span>{t('signOut')}</span>
    </button>
  );
}
