/** How I stand with the others. */
import { api } from '../../app/account';
import { type Key, language, t } from '../../i18n';
import { Alert } from '../trouble';
import { useLoaded } from './loaded';

export function Reputation() {
  const { value, error } = useLoaded(() => api.reputation());
  const day = (at: string): string =>
    new Date(at).toLocaleDateString(language.value, { dateStyle: 'medium' });
  return (
    <section class="card">
      <h2>{t('reputation')}</h2>
      <Alert error={error} />
      {value && (
        <>
          <p class="score">{t('reputationLine', { score: value.score, band: t(`band_${value.band}` as Key) })}</p>
          <h3>{t('reputationWhy')}</h3>
          {value.entries.length === 0 && <p class="quiet">{t('noEntries')}</p>}
          <ul class="ledger">
            {value.entries.map((entry) => (
              <li key={entry.at}>
                <b>{entry.delta > 0 ? `+${entry.delta}` : entry.delta}</b>
                <span lang="en">
                  {entry.reason}
                  {entry.recoverBy && <small lang={language.value}> ({t('recoverBy', { when: day(entry.recoverBy) })})</small>}
                </span>
                <time dateTime={entry.at}>{day(entry.at)}</time>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
