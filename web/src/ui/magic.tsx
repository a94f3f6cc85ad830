/** Where the link of a mail leads. Opening it does nothing: mail scanners open links too. Only the button signs in. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

import { api } from '../app/account';
import { t } from '../i18n';
import { goNext } from './next';
import { follow } from './route';
import { Alert } from './trouble';

/** Taken out of the address at once, so that it stays in no history and is shown to nobody. */
function takeToken(): string | null {
  const found = new URLSearchParams(location.hash.slice(1)).get('token');
  if (found) history.replaceState(history.state, '', location.pathname);
  return found;
}

const token = signal(takeToken());
// A second link opened in the same tab changes only what is behind the #.
window.addEventListener('hashchange', () => (token.value = takeToken() ?? token.value));

export function Magic() {
  const [email, setEmail] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const known = token.value;
  useEffect(() => {
    setEmail(null);
    setError(null);
    if (known) api.peek(known).then((found) => setEmail(found.email), setError);
  }, [known]);

  const signIn = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await api.magic(known ?? '');
      await goNext('replace');
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };

  return (
    <section class="card narrow">
      <h1>{t('magicTitle')}</h1>
      {!known && <p>{t('magicNone')}</p>}
      {known && !email && !error && <p class="quiet">{t('loading')}</p>}
      {email && (
        <button type="button" class="primary large" disabled={busy} onClick={() => void signIn()}>
          {t('magicButton', { email })}
        </button>
      )}
      <Alert error={error} />
      <p>
        <a href="/" onClick={follow}>
          {t('toStart')}
        </a>
      </p>
    </section>
  );
}
