/** The first page: what this is, and signing in right there. */
import { Play } from 'lucide-preact';

import { me, notice } from '../app/account';
import { t } from '../i18n';
import { Action } from './button';
import { go } from './route';
import { SignIn } from './sign-in';

/** Where somebody who has just signed in goes on. */
export const nextPage = (): string => (me.value?.ageDeclared ? '/chat' : '/check');

export function Start() {
  return (
    <section class="hero">
      <h1>{t('tagline')}</h1>
      <p class="lead">{t('pitch')}</p>
      <p class="notice" role="status">
        {notice.value ? t(notice.value) : ''}
      </p>
      {me.value ? <SignedIn name={me.value.displayName} /> : <SignIn done={() => go(nextPage())} />}
    </section>
  );
}

function SignedIn({ name }: { name: string }) {
  return (
    <div class="signed-in">
      <Action icon={Play} name={t('start')} primary press={() => go(nextPage())} />
      <p class="quiet">{t('startHint', { name })}</p>
    </div>
  );
}
