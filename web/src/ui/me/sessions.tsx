/** The devices I am signed in on. */
import { api } from '../../app/account';
import { language, t } from '../../i18n';
import { Alert } from '../trouble';
import { nameOf } from './agent';
import { useLoaded } from './loaded';

export function Sessions() {
  const { value, error, change } = useLoaded(() => api.sessions());
  const when = (at: string): string =>
    new Date(at).toLocaleString(language.value, { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <section class="card">
      <h2>{t('sessions')}</h2>
      <Alert error={error} />
      <ul class="people">
        {(value ?? []).map((session) => {
          const name = nameOf(session.userAgent) || t('unknownDevice');
          return (
            <li key={session.id}>
              <span>
                {name}
                <small>{session.current ? t('thisDevice') : t('lastUsed', { when: when(session.lastUsedAt) })}</small>
              </span>
              {!session.current && (
                <button type="button" aria-label={t('end', { what: name })} onClick={() => void change(() => api.endSession(session.id))}>
                  {t('signOut')}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
