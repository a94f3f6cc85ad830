/** What is going on, in words: where the partner's picture is or will be, and for those who listen. */
import { RotateCw } from 'lucide-preact';

import { clock, secondsSince, secondsUntil } from '../../app/clock';
import { give, partnerName } from '../../app/random';
import { type Key, list, t } from '../../i18n';
import * as devices from '../../media/devices';
import { meant, type State } from '../../state/chat';
import { isSaidAbove } from '../away';
import { Action } from '../button';
import { DeviceProblem } from '../devices';
import { Mark } from '../mark';
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

const phrase = (state: State, s: number | ''): string =>
  state.stayUntil === null ? t(`phase_${state.phase}`, { name: partnerName.value, s }) : t('phase_stay');

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

/** Read aloud when the state changes: without the seconds, which change all the time. */
export function Announcement({ state, armed }: { state: State; armed: boolean }) {
  const words = [noteOf(state), outage(state), phrase(state, ''), armed ? t('escAgain') : ''];
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
