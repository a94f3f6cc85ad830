/** This device: language, camera and microphone, signing out. */
import { LogOut } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { signOut } from '../../app/account';
import { language, type Language, LANGUAGES, setLanguage, t } from '../../i18n';
import { Action } from '../button';
import { follow } from '../route';
import { Alert } from '../trouble';

export function Account() {
  const [error, setError] = useState<unknown>(null);
  return (
    <section class="card">
      <h2>{t('thisDevice')}</h2>
      <label for="language">{t('language')}</label>
      <select
        id="language"
        class="short"
        value={language.value}
        onChange={(event) => setLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
      <p>
        <a href="/check" onClick={follow}>
          {t('devicesLink')}
        </a>
      </p>
      <Alert error={error} />
      <Action icon={LogOut} name={t('signOut')} press={() => void signOut().catch(setError)} />
    </section>
  );
}
