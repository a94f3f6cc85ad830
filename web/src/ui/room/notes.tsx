/** What happened, in words: over the pictures for a moment, and for those who listen. */
import { clock, secondsSince } from '../../app/clock';
import { reactions, unread } from '../../app/room';
import { type Key, t } from '../../i18n';
import { nameOf, type Note, type State } from '../../state/room';
import { isSaidAbove } from '../away';

/** A shorter gap in the connection isn't worth a word. */
const GAP_S = 2;

const words = ({ is, name }: Note): string => t(`room_${is}` as Key, { name });

/** What is wrong with my own connection. */
function outage(state: State): string {
  if (isSaidAbove() && state.link !== 'connected') return '';
  if (state.restarting && !isSaidAbove()) return t('phase_restarting');
  if (state.link === 'broken' && secondsSince(state.brokenAt) >= GAP_S) return t('linkBroken');
  if (!state.online && secondsSince(state.downAt) >= GAP_S) return t(state.link === 'connected' ? 'offlineInRoom' : 'phase_offline');
  return state.link === 'connecting' ? t('linkConnecting') : '';
}

export function Notes({ state }: { state: State }) {
  // Looked at again with the clock, since some words come only after a while.
  const wrong = clock.value && outage(state);
  return (
    <div class="badges" aria-hidden="true">
      {wrong && <p class="warn">{wrong}</p>}
      {state.notes.map((note) => (
        <p key={note.id}>{words(note)}</p>
      ))}
    </div>
  );
}

/** Read aloud, once each. */
export function Announcement({ state }: { state: State }) {
  const wrong = clock.value && outage(state);
  const reacted = Object.entries(reactions.value).filter(([id]) => id !== state.self);
  const all = [
    wrong,
    ...state.notes.map(words),
    unread.value > 0 && t('chatUnread', { n: unread.value }),
    ...reacted.map(([id, { kind }]) => t('reacts', { name: nameOf(state, id), what: t(`react_${kind}` as Key) })),
  ];
  return (
    <p class="sr-only" role="status" aria-live="polite">
      {all.filter(Boolean).join(' ')}
    </p>
  );
}
