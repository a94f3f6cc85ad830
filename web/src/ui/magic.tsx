/** Where the link of a mail leads. Opening it does nothing: mail scanners open links too. Only the button signs in. */
import { useEffect, useState } from 'preact/hooks';

import { api } from '../app';
import { t } from '../i18n';
import { follow, go } from './route';
import { nextPage } from './start';
import { Alert } from './trouble';

/** Taken out of the address at once, so that it stays in no history and is shown to nobody. */
const token = new URLSearchParams(location.hash.slice(1)).get('token');
if (token) history.replaceState(null, '', location.pathname);

export function Magic() {
  const [email, setEmail] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (token) api.peek(token).then((found) => setEmail(found.email), setError);
  }, []);

  const signIn = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await api.magic(token ?? '');
      go(nextPage());
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };

  return (
    <section class="card narrow">
      <h1>{t('magicTitle')}</h1>
      {!token && <p>{t('magicNone')}</p>}
      {token && !email && !error && <p class="quiet">{t('loading')}</p>}
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
