/** All of a case: what happened, what shows it, what was before, and the decision. */
import { ArrowLeft } from 'lucide-preact';
import { useEffect, useRef } from 'preact/hooks';

import { clock } from '../../app/clock';
import { putAway } from '../../app/console';
import { t } from '../../i18n';
import { actWords, c } from '../../i18n/console';
import type { CaseView, DecisionRow } from '../../protocol/desk';
import { apart, type Happened, of100, timeline } from '../../state/casework';
import { when } from '../safety';
import { Decision } from './decision';
import { Evidence } from './evidence';
import { exact } from './exact';
import { Id } from './id';
import { Badges, short } from './queue';

export function Case({ view, toAppeal }: { view: CaseView; toAppeal: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const { case: row, earlier } = view;
  const { rest, little } = apart(timeline(view));
  return (
    <article class="case" aria-labelledby="case">
      <header class="card">
        <button type="button" class="plain back" onClick={putAway}>
          <ArrowLeft aria-hidden="true" />
          {c('back')}
        </button>
        <h2 id="case" ref={heading} tabIndex={-1} title={row.userId}>
          {c('person', { id: short(row.userId) })}
        </h2>
        <p class="row">
          <Badges row={row} />
          <span class="quiet">
            {c('opened', { when: when(row.openedAt) })}
            {row.state === 'open' && <Mine until={row.mineUntil} />}
          </span>
        </p>
        <dl class="ids">
          <Id of={row.id} label="caseId" />
          <Id of={row.userId} label="personId" />
        </dl>
        {view.brigade && <p class="notice">{c('brigade')}</p>}
        {view.baiting && <p class="notice">{c('baiting')}</p>}
      </header>
      <Evidence view={view} />
      <section class="card">
        <h3>{c('timeline')}</h3>
        <Line of={rest} />
        {little.length > 0 && (
          <details class="little">
            <summary>{c(little.length === 1 ? 'little_1' : 'little', { n: little.length })}</summary>
            <Line of={little} />
          </details>
        )}
      </section>
      <section class="card">
        <h3>{c('earlier')}</h3>
        {earlier.length === 0 && <p class="quiet">{c('noEarlier')}</p>}
        <ul>
          {earlier.map((one) => (
            <li key={one.id}>
              <time dateTime={one.at}>{when(one.at)}</time> <DecisionLine decision={one} />
            </li>
          ))}
        </ul>
      </section>
      <Decision view={view} toAppeal={toAppeal} />
      <details class="card">
        <summary>{c('policy')}</summary>
        <ul class="policy">
          {([1, 2, 3, 4, 5] as const).map((n) => (
            <li key={n}>{c(`policy_${n}`)}</li>
          ))}
        </ul>
      </details>
    </article>
  );
}

/** Only as long as it holds, and as nobody else was found to have it. */
function Mine({ until }: { until: string | undefined }) {
  const holds = until !== undefined && Date.parse(until) > clock.value;
  return <> · {holds ? c('mine', { when: when(until) }) : c('notMine')}</>;
}

function idOf(one: Happened): string {
  switch (one.is) {
    case 'signal':
      return one.signal.id;
    case 'decision':
      return one.decision.id;
    case 'report':
      return one.report.id;
    case 'appeal':
      return one.appeal.appeal.id;
  }
}

function Line({ of }: { of: Happened[] }) {
  return (
    <ol class="timeline">
      {of.map((one) => (
        <li key={one.at + one.is + idOf(one)}>
          <time dateTime={one.at}>{exact(one.at)}</time>
          <Entry one={one} />
        </li>
      ))}
    </ol>
  );
}

function Entry({ one }: { one: Happened }) {
  switch (one.is) {
    case 'decision':
      return <DecisionLine decision={one.decision} />;
    case 'appeal':
      return <p>{c('appealed', { text: one.appeal.text })}</p>;
    case 'signal': {
      const { concern, modality, score, scores, server } = one.signal;
      return (
        <div>
          <p>{c('signal', { how: c(`how_${modality}`), concern: c(`concern_${concern}`), score: of100(score) })}</p>
          <p class="quiet">
            {scores.map(([model, each]) => `${model} ${of100(each)}`).join(' · ')}
            {!server && ` ${c('viewerHint')}`}
          </p>
        </div>
      );
    }
    case 'report': {
      const { reason, note, credibility, founded, unfounded, provoked } = one.report;
      return (
        <div>
          <p>
            {c('reported', { reason: t(`reason_${reason}`) })}
            {note && ` – ${c('quoted', { text: note })}`}
          </p>
          <p class="quiet">
            {c('reporterRecord', { credibility, founded, unfounded })}
            {provoked && ` · ${c('provoked')}`}
          </p>
        </div>
      );
    }
  }
}

function DecisionLine({ decision }: { decision: DecisionRow }) {
  const { action, automated, mine, rule, version, dryRun, until, note, overturnedAt } = decision;
  const by = automated ? 'rule' : mine ? 'me' : 'person';
  const more = [
    until && c('until', { when: when(until) }),
    dryRun && c('dryRun'),
    overturnedAt && c('takenBack', { when: when(overturnedAt) }),
    note && c('quoted', { text: note }),
  ].filter(Boolean);
  return (
    <span class={overturnedAt ? 'over' : ''}>
      {c(`decisionBy_${by}`, { action: actWords(action), rule, version })}
      {more.length > 0 && ` · ${more.join(' · ')}`}
    </span>
  );
}
