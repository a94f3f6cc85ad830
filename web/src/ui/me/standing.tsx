/** How I stand with the others. */
import { api } from '../../app/account';
import { type Key, language, t } from '../../i18n';
import { whyMoved } from '../../i18n/moves';
import type { Move } from '../../protocol/types';
import { Alert } from '../trouble';
import { useLoaded } from './loaded';

const day = (at: string): string => new Date(at).toLocaleDateString(language.value, { dateStyle: 'medium' });

export function Reputation() {
  const { value, error } = useLoaded(() => api.reputation());
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
            {/* Several may be told of one and the same moment. */}
            {value.entries.map((entry, i) => (
              <Entry key={i} entry={entry} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Entry({ entry: { at, delta, recoverBy, ...why } }: { entry: Move }) {
  const { words, lang } = whyMoved(why);
  return (
    <li>
      <b>{delta > 0 ? `+${delta}` : delta}</b>
      <span>
        <span lang={lang}>{words}</span>
        {recoverBy && <small> ({t('recoverBy', { when: day(recoverBy) })})</small>}
      </span>
      <time dateTime={at}>{day(at)}</time>
    </li>
  );
}
