/** The devices I am signed in on. */
import { LogOut } from 'lucide-preact';

import { api } from '../../app';
import { language, t } from '../../i18n';
import type { LoginSession } from '../../protocol/types';
import { Alert } from '../trouble';
import { useLoaded } from './loaded';

/** A browser's long name for itself, as a person would say it. */
export function nameOf(agent: string): string {
  const find = (names: [RegExp, string][]): string => names.find(([like]) => like.test(agent))?.[1] ?? '';
  const browser = find([[/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/Chrom(e|ium)\//, 'Chrome'], [/Safari\//, 'Safari']]);
  const system = find([
    [/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/Linux/, 'Linux'],
  ]);
  return [browser, system].filter(Boolean).join(', ') || agent.slice(0, 40) || '–';
}

export function Sessions() {
  const { value, error, again } = useLoaded(() => api.sessions());
  const end = async (session: LoginSession): Promise<void> => {
    if (session.current) return api.logout();
    await api.endSession(session.id).catch(() => undefined);
    await again();
  };
  const when = (at: string): string =>
    new Date(at).toLocaleString(language.value, { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <section class="card">
      <h2>{t('sessions')}</h2>
      <Alert error={error} />
      <ul class="people">
        {(value ?? []).map((session) => {
          const name = session.current ? t('thisDevice') : nameOf(session.userAgent);
          return (
            <li key={session.id}>
              <span>
                {name}
                <small>{t('lastUsed', { when: when(session.lastUsedAt) })}</small>
              </span>
              <button type="button" onClick={() => void end(session)}>
                <LogOut aria-hidden="true" />
                {session.current ? t('signOut') : t('end', { what: name })}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
