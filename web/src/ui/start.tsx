/** The first page: what this is, and signing in right there. */
import { Play } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { api, clock, info, me } from '../app';
import { t } from '../i18n';
import type { Challenge } from '../protocol/types';
import { CodeBoxes } from './code';
import { follow, go } from './route';
import { Alert } from './trouble';

/** Where somebody who has just signed in goes on. */
export const nextPage = (): string => (me.value?.ageDeclared ? '/chat' : '/check');

export function Start() {
  return (
    <section class="hero">
      <h1>{t('tagline')}</h1>
      <p class="lead">{t('pitch')}</p>
      {me.value ? <SignedIn name={me.value.displayName} /> : <SignIn />}
    </section>
  );
}

function SignedIn({ name }: { name: string }) {
  return (
    <>
      <a class="button primary large" role="button" href={nextPage()} onClick={follow}>
        <Play aria-hidden="true" />
        {t('start')}
      </a>
      <p class="quiet">{t('startHint', { name })}</p>
    </>
  );
}

function SignIn() {
  const [challenge, setChallenge] = useState<Challenge | null>(null);
  const [email, setEmail] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const ask = async (): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      setChallenge(await api.login(email.trim()));
      return true;
    } catch (problem) {
      setError(problem);
      return false;
    } finally {
      setBusy(false);
    }
  };

  if (challenge) {
    return <EnterCode email={email} challenge={challenge} again={ask} back={() => setChallenge(null)} />;
  }
  return (
    <form
      class="card sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        void ask();
      }}
    >
      <label for="email">{t('email')}</label>
      <input
        id="email"
        type="email"
        required
        maxLength={254}
        autocomplete="email"
        inputMode="email"
        aria-describedby="email-hint"
        value={email}
        onInput={(event) => setEmail(event.currentTarget.value)}
      />
      <button class="primary" disabled={busy}>
        {t('signIn')}
      </button>
      <p id="email-hint" class="quiet">
        {t('emailHint')}
      </p>
      <Alert error={error} />
      <Outbox />
    </form>
  );
}

interface EnterCodeProps {
  email: string;
  challenge: Challenge;
  again: () => Promise<boolean>;
  back: () => void;
}

function EnterCode({ email, challenge, again, back }: EnterCodeProps) {
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const [busy, setBusy] = useState(false);
  const [sentAgain, setSentAgain] = useState(false);
  const wait = Math.ceil((Date.parse(challenge.resendAt) - clock.value) / 1_000);

  const enter = async (code: string): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await api.verify(challenge.challengeId, code);
      go(nextPage());
    } catch (problem) {
      setError(problem);
      setTries(tries + 1);
      setBusy(false);
    }
  };

  return (
    <div class="card sign-in">
      <p>{t('codeSent', { email })}</p>
      {/* A new key empties the boxes after a wrong code. */}
      <CodeBoxes key={tries} onFull={(code) => void enter(code)} busy={busy} />
      <Alert error={error} />
      <p class="quiet" role="status">
        {sentAgain ? t('resent') : ''}
      </p>
      <div class="row">
        <button type="button" class="plain" disabled={wait > 0} onClick={() => void again().then(setSentAgain)}>
          {wait > 0 ? t('resendIn', { s: wait }) : t('resend')}
        </button>
        <button type="button" class="plain" onClick={back}>
          {t('otherEmail')}
        </button>
      </div>
      <Outbox />
    </div>
  );
}

/** Only on a developer's machine: where the mails are. */
function Outbox() {
  if (!info.value?.devOutbox) return null;
  return (
    <p class="dev">
      {t('devNote')}{' '}
      <a href={info.value.devOutbox} target="_blank" rel="noreferrer">
        {t('outbox')}
      </a>
    </p>
  );
}
