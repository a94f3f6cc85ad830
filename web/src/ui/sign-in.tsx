/** Signing in without a password: an address, then the six digits that were mailed to it. */
import { useState } from 'preact/hooks';

import { api, info } from '../app/account';
import { secondsUntil } from '../app/clock';
import { t } from '../i18n';
import { type Challenge, troubleOf } from '../protocol/types';
import { CodeBoxes } from './code';
import { Alert } from './trouble';

interface Props {
  done: () => void;
  /** Somebody who has an account shows that it is theirs. */
  again?: boolean;
}

export function SignIn({ done, again = false }: Props) {
  const [challenge, setChallenge] = useState<Challenge | null>(null);
  const [email, setEmail] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const ask = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      setChallenge(await api.login(email.trim()));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };

  if (challenge) {
    return <EnterCode email={email.trim()} first={challenge} done={done} back={() => setChallenge(null)} />;
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
        {t(again ? 'emailAgain' : 'emailHint')}
      </p>
      <Alert error={error} words={troubleOf(error).code === 'bad-request' ? t('emailWrong') : undefined} />
      <Outbox />
    </form>
  );
}

interface EnterCodeProps {
  email: string;
  first: Challenge;
  done: () => void;
  back: () => void;
}

function EnterCode({ email, first, done, back }: EnterCodeProps) {
  const [challenge, setChallenge] = useState(first);
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const [busy, setBusy] = useState(false);
  const [sentAgain, setSentAgain] = useState(false);
  const wait = secondsUntil(Date.parse(challenge.resendAt));

  const enter = async (code: string): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setError(null);
    setSentAgain(false);
    try {
      await api.verify(challenge.challengeId, code);
      done();
    } catch (problem) {
      setError(problem);
      setTries(tries + 1);
      setBusy(false);
    }
  };

  const resend = async (): Promise<void> => {
    setError(null);
    try {
      setChallenge(await api.login(email));
      setSentAgain(true);
    } catch (problem) {
      setError(problem);
    }
  };

  return (
    <div class="card sign-in">
      <p>{t('codeSent', { email })}</p>
      {/* A new key empties the boxes after a wrong code. */}
      <CodeBoxes key={tries} onFull={(code) => void enter(code)} busy={busy} wrong={error !== null} />
      <Alert error={error} />
      <p class="quiet" role="status">
        {sentAgain ? t('resent') : ''}
      </p>
      <div class="row">
        <button type="button" class="plain" disabled={wait > 0} onClick={() => void resend()}>
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
