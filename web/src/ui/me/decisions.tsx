/** What was decided about me: what, by which rule, what it rests on, for how long. */
import { useEffect, useRef } from 'preact/hooks';

import { api } from '../../app/account';
import { type Key, t } from '../../i18n';
import type { Decision } from '../../protocol/types';
import { when } from '../safety';
import { Alert } from '../trouble';
import { useLoaded } from './loaded';

export function Decisions() {
  const { value, error } = useLoaded(() => api.decisions());
  const heading = useRef<HTMLHeadingElement>(null);
  // Led here by the word that something was decided: what is above is longer now than when the page was opened.
  useEffect(() => {
    if (value && location.hash === '#decisions') heading.current?.focus();
  }, [value]);
  return (
    <section class="card" id="decisions">
      <h2 ref={heading} tabIndex={-1}>{t('decisions')}</h2>
      <p class="quiet">{t('decisionsHint')}</p>
      <Alert error={error} />
      {value?.length === 0 && <p class="quiet">{t('noDecisions')}</p>}
      <ul class="decisions">
        {value?.map((one) => <One key={one.id} decision={one} />)}
      </ul>
    </section>
  );
}

function One({ decision }: { decision: Decision }) {
  const { action, concern, automated, facts, rule, version, at, until, overturnedAt } = decision;
  return (
    <li>
      <h3>
        {t(`decided_${action}` as Key, { when: until ? when(until) : '' })} <time dateTime={at}>{when(at)}</time>
      </h3>
      {overturnedAt && <p class="good">{t('overturned', { when: when(overturnedAt) })}</p>}
      <p>
        {t('decidedWhy', { concern: t(`concern_${concern}` as Key) })} {t(automated ? 'decidedAutomated' : 'decidedByPerson')}
      </p>
      <ul class="quiet">
        {facts.map((fact) => (
          <li key={fact.at + fact.modality}>
            {t('fact', { how: t(`modality_${fact.modality}` as Key), when: when(fact.at), score: Math.round(fact.score / 10) })}
          </li>
        ))}
      </ul>
      <p class="quiet">{t('decidedRule', { rule, version })}</p>
    </li>
  );
}
