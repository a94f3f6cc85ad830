/** The line at the top of every page: home, friends, the own profile, the language. */
import { Scale, UserRound, Users } from 'lucide-preact';

import { me } from '../app/account';
import { requestsToMe } from '../app/friends';
import { language, setLanguage, t } from '../i18n';
import { Mark } from './mark';
import { follow } from './route';

export function Header() {
  const other = language.value === 'en' ? 'de' : 'en';
  return (
    <header class="top">
      <a class="logo" href="/" onClick={follow} aria-label={t('home')}>
        <Mark />
        <span>Visavis</span>
      </a>
      <nav aria-label={t('nav')}>
        <button type="button" class="plain" lang={other} onClick={() => setLanguage(other)}>
          {other === 'de' ? 'Deutsch' : 'English'}
        </button>
        {me.value && (
          <>
            <a class="plain to-friends" href="/friends" onClick={follow} data-count={requestsToMe.value || undefined}>
              <Users aria-hidden="true" />
              <span>{t('friends')}</span>
              {requestsToMe.value > 0 && <span class="sr-only">({t('requestsWait', { n: requestsToMe.value })})</span>}
            </a>
            {me.value.role !== 'user' && (
              <a class="plain" href="/console" onClick={follow}>
                <Scale aria-hidden="true" />
                <span>{t('console')}</span>
              </a>
            )}
            <a class="plain" href="/me" onClick={follow}>
              <UserRound aria-hidden="true" />
              <span>{t('me')}</span>
            </a>
          </>
        )}
      </nav>
    </header>
  );
}
