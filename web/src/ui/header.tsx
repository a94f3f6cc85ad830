/** The line at the top of every page: home, friends, the own profile, the language. */
import { Scale, UserRound, Users } from 'lucide-preact';

import { me } from '../app/account';
import { requestsToMe } from '../app/friends';
import { freshMissed } from '../app/missed';
import { language, setLanguage, t } from '../i18n';
import { Mark } from './mark';
import { follow, path } from './route';
import { SignOut } from './sign-out';

/** Tells those who listen which of the pages this is, and shows it to the others. */
const current = (of: string): 'page' | undefined => (path.value === of ? 'page' : undefined);

export function Header() {
  const [asks, calls] = [requestsToMe.value, freshMissed.value];
  const wait = [asks > 0 && t('requestsWait', { n: asks }), calls > 0 && t('missedWait', { n: calls })].filter(Boolean);
  const other = language.value === 'en' ? 'de' : 'en';
  return (
    <header class="top">
      <a class="logo" href="/" onClick={follow} aria-label={t('home')} aria-current={current('/')}>
        <Mark />
        <span>Visavis</span>
      </a>
      <nav aria-label={t('nav')}>
        <button type="button" class="plain" lang={other} onClick={() => setLanguage(other)}>
          {other === 'de' ? 'Deutsch' : 'English'}
        </button>
        {me.value && (
          <>
            <a class="plain to-friends" href="/friends" onClick={follow} aria-current={current('/friends')} data-count={asks + calls || undefined}>
              <Users aria-hidden="true" />
              <span>{t('friends')}</span>
              {wait.length > 0 && <span class="sr-only">({wait.join(', ')})</span>}
            </a>
            {me.value.role !== 'user' && (
              <a class="plain" href="/console" onClick={follow} aria-current={current('/console')}>
                <Scale aria-hidden="true" />
                <span>{t('console')}</span>
              </a>
            )}
            <a class="plain" href="/me" onClick={follow} aria-current={current('/me')}>
              <UserRound aria-hidden="true" />
              <span>{t('me')}</span>
            </a>
            <SignOut />
          </>
        )}
      </nav>
    </header>
  );
}
