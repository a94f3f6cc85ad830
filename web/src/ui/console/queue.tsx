/** What waits: the gravest and then the oldest first. */
import { SkipForward } from 'lucide-preact';
import { useEffect } from 'preact/hooks';

import { further, inHand, kind, loadQueue, queue, standing, take, takeNext } from '../../app/console';
import { t } from '../../i18n';
import { c, type ConsoleKey } from '../../i18n/console';
import type { CaseKind, CaseRow, CaseStanding } from '../../protocol/desk';
import { Action } from '../button';
import { when } from '../safety';

const STANDINGS: CaseStanding[] = ['open', 'decided', 'appealed', 'final'];
const KINDS: CaseKind[] = ['reported', 'noticed', 'minor'];

export function Queue() {
  const [state, only] = [standing.value, kind.value];
  useEffect(() => void loadQueue(), [state, only]);
  return (
    <section class="card queue" aria-labelledby="queue">
      <h2 id="queue" class="sr-only">
        {c('cases')}
      </h2>
      <Action icon={SkipForward} name={c('next')} primary press={() => void takeNext()} />
      <div class="row filters">
        <label>
          {c('state')}
          <select value={state} onChange={(event) => (standing.value = event.currentTarget.value as CaseStanding)}>
            {STANDINGS.map((one) => (
              <option key={one} value={one}>
                {c(`state_${one}`)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {c('kind')}
          <select value={only ?? ''} onChange={(event) => (kind.value = (event.currentTarget.value || null) as CaseKind | null)}>
            <option value="">{c('kind_all')}</option>
            {KINDS.map((one) => (
              <option key={one} value={one}>
                {c(`kind_${one}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {queue.value === null && <p class="quiet">{t('loading')}</p>}
      {queue.value?.length === 0 && <p class="quiet">{c('noCases')}</p>}
      <ul>
        {queue.value?.map((row) => (
          <li key={row.id}>
            <button type="button" class="case-row" aria-current={inHand.value?.case.id === row.id} onClick={() => void take(row.id)}>
              <strong>{c('person', { id: short(row.userId) })}</strong>
              <Badges row={row} />
              <span class="quiet">{c('opened', { when: when(row.openedAt) })}</span>
            </button>
          </li>
        ))}
      </ul>
      {further.value && (
        <button type="button" onClick={() => void loadQueue(true)}>
          {c('more')}
        </button>
      )}
    </section>
  );
}

export function Badges({ row }: { row: CaseRow }) {
  const badges: ConsoleKey[] = [];
  if (row.minor) badges.push('kind_minor');
  if (row.reported) badges.push('kind_reported');
  if (row.noticed) badges.push('kind_noticed');
  if (row.held) badges.push('held');
  return (
    <span class="tags">
      {badges.map((badge) => (
        <span key={badge} class={badge === 'kind_minor' ? 'tag grave' : 'tag'}>
          {c(badge)}
        </span>
      ))}
    </span>
  );
}

/** Enough to tell people apart; who they are isn't needed to decide. */
export const short = (id: string): string => id.slice(-6);
