/** How the place is doing: figures of days, never of a person. */
import '../../style/figures.css';

import { useEffect, useState } from 'preact/hooks';

import { api } from '../../app/account';
import { t } from '../../i18n';
import { count, dayWords, p, percent, type PlaceKey, span } from '../../i18n/place';
import { type Day, Figures as Source, type Percentiles, type RuleFigures, type Summary } from '../../protocol/figures';
import { endOfNumbers, endOfShares, endOfTimes, share } from '../../state/charts';
import { Alert } from '../trouble';
import { Chart } from './chart';

const source = new Source(api);
const RANGES = [7, 30, 90] as const;

export function Figures() {
  const [range, setRange] = useState<(typeof RANGES)[number]>(30);
  const [found, setFound] = useState<{ summary: Summary; days: Day[] } | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    // Whoever has chosen other days meanwhile sees those.
    let asked = true;
    Promise.all([source.summary(range), source.series(range)]).then(
      ([summary, days]) => {
        if (!asked) return;
        setFound({ summary, days });
        setError(null);
      },
      (problem: unknown) => asked && setError(problem),
    );
    return () => {
      asked = false;
    };
  }, [range]);
  return (
    <section class="figures" aria-label={p('range')}>
      <header class="row">
        <div class="row tabs" role="group" aria-label={p('range')}>
          {RANGES.map((one) => (
            <button key={one} type="button" class="plain" aria-pressed={range === one} onClick={() => setRange(one)}>
              {p(`range_${one}`)}
            </button>
          ))}
        </div>
        {found && (
          <p class="quiet" role="status">
            {p('span', { from: dayWords(found.summary.from), to: dayWords(found.summary.to) })} {p('few')}
          </p>
        )}
      </header>
      <Alert error={error} />
      {!found && !error && <p class="quiet">{t('loading')}</p>}
      {found && <Charts {...found} />}
    </section>
  );
}

const callsOf = ({ calls }: Pick<Day, 'calls'>): number => calls.random + calls.friends;

/** Half of them, and nearly all of them. */
const two = ({ p50, p95, count: n }: Percentiles): string =>
  p50 === undefined || p95 === undefined ? p('values', { n }) : `${p('p50')} ${span(p50)} · ${p('p95')} ${span(p95)}`;

function Charts({ summary, days: all }: { summary: Summary; days: Day[] }) {
  const days = all.map(({ day }) => day);
  const times = (title: PlaceKey, unit: PlaceKey, of: (one: Pick<Day, keyof Summary & keyof Day>) => Percentiles) => (
    <Chart
      title={p(title)}
      unit={p(unit)}
      sum={two(of(summary))}
      days={days}
      lines={(['p50', 'p95'] as const).map((which) => ({ name: p(which), values: all.map((one) => of(one)[which] ?? null) }))}
      kind="lines"
      end={endOfTimes}
      words={span}
    />
  );
  const { average, count: rated } = summary.ratings;
  return (
    <>
      <div class="charts">
        <Chart
          title={p('calls')}
          unit={p('callsUnit')}
          sum={count(callsOf(summary))}
          days={days}
          lines={(['random', 'friends'] as const).map((which) => ({ name: p(which), values: all.map(({ calls }) => calls[which]) }))}
          kind="bars"
          end={endOfNumbers}
          words={count}
        />
        {times('duration', 'durationUnit', ({ durationMs }) => durationMs)}
        <Chart
          title={p('abrupt')}
          unit={p('abruptUnit')}
          sum={p('abruptOf', { n: count(summary.abrupt), all: count(callsOf(summary)), share: percent(share(summary.abrupt, callsOf(summary)) ?? 0) })}
          days={days}
          lines={[{ name: p('abrupt'), values: all.map((one) => share(one.abrupt, callsOf(one))) }]}
          kind="bars"
          end={endOfShares}
          words={percent}
        />
        <Chart
          title={p('reports')}
          unit={p('reportsUnit')}
          sum={summary.reportsPerThousandCalls === undefined ? p('none') : count(summary.reportsPerThousandCalls)}
          days={days}
          lines={[{ name: p('reports'), values: all.map((one) => one.reportsPerThousandCalls ?? null) }]}
          kind="bars"
          end={endOfNumbers}
          words={count}
        />
        {times('wait', 'waitUnit', ({ matchWaitMs }) => matchWaitMs)}
        {times('byRules', 'byRulesUnit', ({ actionMs }) => actionMs.rules)}
        {times('byPeople', 'byPeopleUnit', ({ actionMs }) => actionMs.people)}
        <Overturned rules={summary.rules} />
      </div>
      <ul class="card also">
        <li>{p('groupStays', { n: count(summary.groupStays), abrupt: count(summary.abruptGroupStays) })}</li>
        <li>{p('reportsOf', { n: count(summary.reports), calls: count(summary.reportsOfCalls) })}</li>
        <li>{average === undefined ? p('starsFew', { n: rated }) : p('stars', { average: count(average), n: count(rated) })}</li>
      </ul>
    </>
  );
}

/** How often each rule was wrong, as far as that is known. */
function Overturned({ rules }: { rules: RuleFigures[] }) {
  const shareOf = ({ takenBack, decisions }: RuleFigures): number => share(takenBack, decisions) ?? 0;
  return (
    <section class="card chart" aria-labelledby="overturned">
      <header>
        <h2 id="overturned">{p('overturned')}</h2>
        <p class="quiet">{p('overturnedUnit')}</p>
      </header>
      {rules.length === 0 && <p class="quiet">{p('noRules')}</p>}
      <ul class="rules">
        {rules.map((one) => (
          <li key={one.rule}>
            <span>{one.rule}</span>
            <span class="quiet">
              {p('takenBackOf', { n: count(one.takenBack), all: count(one.decisions), share: percent(shareOf(one)) })}
            </span>
            <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              <rect class="all" width="100" height="4" />
              <rect class="of-0" width={shareOf(one)} height="4" />
            </svg>
          </li>
        ))}
      </ul>
    </section>
  );
}
