/** What is going on, in words: where the partner's picture is or will be, and for those who listen. */
import { RotateCw } from 'lucide-preact';

import { clock, secondsSince, secondsUntil } from '../../app/clock';
import { give, partnerName } from '../../app/random';
import { suspension } from '../../app/suspension';
import { type Key, list, t } from '../../i18n';
import * as devices from '../../media/devices';
import { meant, type State } from '../../state/chat';
import { isSaidAbove } from '../away';
import { Action } from '../button';
import { DeviceProblem } from '../devices';
import { Mark } from '../mark';
import { follow } from '../route';
import { when } from '../safety';
import { Rate } from './rate';

/** After so long a search the words say that it may take a while. */
const LONG_S = 20;
/** A shorter gap in the connection isn't worth a word. */
const GAP_S = 1;

const noteOf = (state: State): string =>
  state.note ? t(`note_${state.note}` as Key, { name: partnerName.value }) : '';

function outage(state: State): string {
  if (state.online || state.phase === 'idle' || (isSaidAbove() && state.phase !== 'live')) return '';
  if (state.restarting && !isSaidAbove()) return t('phase_restarting');
  if (secondsSince(state.downAt) < GAP_S) return '';
  return t(state.phase === 'live' ? 'offlineInCall' : 'phase_offline');
}

/** Nothing goes on: there is room for why nothing can. */
const isBarred = ({ phase }: State): boolean => phase === 'suspended' || (phase === 'idle' && suspension.value !== null);

function barred(): string {
  const by = suspension.value;
  return by?.until ? t('suspendedUntil', { when: when(by.until), rule: by.rule }) : t('phase_suspended');
}

function phrase(state: State, s: number | ''): string {
  if (isBarred(state)) return barred();
  return state.stayUntil === null ? t(`phase_${state.phase}`, { name: partnerName.value, s }) : t('phase_stay');
}

/** The same to those who listen, without seconds that change all the time. */
function said(state: State): string {
  const { phase, stayUntil } = state;
  const counts = phase === 'searching' || phase === 'reconnecting' || (phase === 'left' && stayUntil === null);
  return counts ? t(`said_${phase}`, { name: partnerName.value }) : phrase(state, '');
}

function seconds(state: State): number | '' {
  switch (state.phase) {
    case 'searching':
      return secondsSince(state.since);
    case 'reconnecting':
      return secondsUntil(Math.min(state.awayUntil ?? Infinity, state.mendBy ?? Infinity));
    case 'left':
      return secondsUntil(state.nextAt);
    default:
      return '';
  }
}

/** Read aloud when the state changes. */
export function Announcement({ state, armed }: { state: State; armed: boolean }) {
  const words = [noteOf(state), outage(state), said(state), armed ? t('escAgain') : ''];
  return (
    <p class="sr-only" role="status" aria-live="polite">
      {words.filter(Boolean).join(' ')}
    </p>
  );
}

/** A call that was one, and is still spoken of. */
const canRate = ({ phase, stayUntil }: State): boolean => phase === 'idle' || stayUntil !== null;

/** In the middle of the partner's tile, as long as there is no living picture. */
export function Words({ state }: { state: State }) {
  if (state.phase === 'live') return null;
  const rated = canRate(state) ? meant(state) : null;
  return (
    <div class="words">
      <Mark class={beat(state)} />
      <div aria-hidden="true">
        {noteOf(state) && <p class="note">{noteOf(state)}</p>}
        <p class="phase">{phrase(state, seconds(state))}</p>
        {state.phase === 'searching' && <Search state={state} />}
      </div>
      {isBarred(state) && (
        <p>
          <a href="/me#decisions" onClick={follow}>
            {t('safetyWhy')}
          </a>
        </p>
      )}
      {rated && <Rate key={rated.roomId} roomId={rated.roomId} />}
      {state.phase === 'device-problem' && <Devices />}
    </div>
  );
}

/** The sign breathes with the seconds of a search. */
function beat(state: State): string {
  if (state.phase !== 'searching' && state.phase !== 'connecting') return 'still';
  return Math.floor(clock.value / 1_000) % 2 ? 'out' : '';
}

function Search({ state }: { state: State }) {
  const widened = state.widened.map((what) => t(`widened_${what}` as Key));
  return (
    <>
      {widened.length > 0 && <p class="quiet">{t('widened', { list: list(widened) })}</p>}
      {secondsSince(state.since) > LONG_S && <p class="quiet">{t('waitedLong')}</p>}
    </>
  );
}

function Devices() {
  return (
    <>
      <DeviceProblem />
      <div class="row">
        <Action icon={RotateCw} name={t('tryAgain')} primary press={() => give({ is: 'start' })} />
        <button
          type="button"
          onClick={() => {
            devices.goWithout();
            give({ is: 'devices-ready' });
          }}
        >
          {t('without')}
        </button>
      </div>
    </>
  );
}

/** Over the picture, short and for a moment. */
export function Badges({ state, armed }: { state: State; armed: boolean }) {
  return (
    <div class="badges" aria-hidden="true">
      {outage(state) && <p class="warn">{outage(state)}</p>}
      {state.phase === 'live' && noteOf(state) && <p>{noteOf(state)}</p>}
      {armed && <p class="warn">{t('escAgain')}</p>}
    </div>
  );
}
