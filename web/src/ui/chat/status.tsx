/** What is going on, in words. What changes every second isn't read aloud every second. */
import { clock, partnerName } from '../../app';
import { type Key, list, t } from '../../i18n';
import type { State } from '../../state/chat';

/** After so long a search the words say that it may take a while. */
const LONG_MS = 20_000;

const secondsTo = (at: number | null): number => Math.max(0, Math.ceil(((at ?? 0) - clock.value) / 1_000));

export function StatusLine({ state, armed }: { state: State; armed: boolean }) {
  const name = partnerName.value;
  const note = state.note ? t(`note_${state.note}` as Key, { name }) : '';
  const offline = !state.online && state.phase !== 'idle';
  return (
    <div class="status">
      {/* Read aloud when the state changes: without the seconds. */}
      <p class="sr-only" role="status" aria-live="polite">
        {note} {phrase(state, name, '')}
      </p>
      <div aria-hidden="true">
        {offline && <p class="warn">{t(state.phase === 'live' ? 'offlineInCall' : 'phase_offline')}</p>}
        {note && <p class="note">{note}</p>}
        {state.phase !== 'live' && <p class="phase">{phrase(state, name, seconds(state))}</p>}
        {state.phase === 'searching' && state.widened.length > 0 && (
          <p class="note">{t('widened', { list: list(state.widened.map((what) => t(`widened_${what}` as Key))) })}</p>
        )}
        {state.phase === 'searching' && clock.value - (state.since ?? clock.value) > LONG_MS && (
          <p class="note">{t('waitedLong')}</p>
        )}
        {armed && <p class="warn">{t('escAgain')}</p>}
      </div>
    </div>
  );
}

function seconds(state: State): number | '' {
  switch (state.phase) {
    case 'searching':
      return Math.max(0, Math.floor((clock.value - (state.since ?? clock.value)) / 1_000));
    case 'reconnecting':
      return secondsTo(state.awayUntil);
    case 'left':
      return secondsTo(state.nextAt);
    default:
      return '';
  }
}

const phrase = (state: State, name: string, s: number | ''): string => t(`phase_${state.phase}`, { name, s });
