/** The line at the top of every page: home, the own profile, the language. */
import { UserRound } from 'lucide-preact';

import { me } from '../app';
import { language, setLanguage, t } from '../i18n';
import { follow } from './route';

export function Logo() {
  return (
    <a class="logo" href="/" onClick={follow} aria-label={t('home')}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <circle cx="11.5" cy="16" r="6" class="logo-me" />
        <circle cx="20.5" cy="16" r="5" class="logo-you" />
      </svg>
      <span>Visavis</span>
    </a>
  );
}

export function Header() {
  const other = language.value === 'en' ? 'de' : 'en';
  return (
    <header class="top">
      <Logo />
      <nav>
        <button type="button" class="plain" lang={other} onClick={() => setLanguage(other)}>
          {other === 'de' ? 'Deutsch' : 'English'}
        </button>
        {me.value && (
          <a class="plain" href="/me" onClick={follow}>
            <UserRound aria-hidden="true" />
            {t('me')}
          </a>
        )}
      </nav>
    </header>
  );
}
