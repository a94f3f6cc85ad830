/**
 * Calls that ring here, as a pure machine: whoever calls, until when, and what becomes of it. Every page of a person has one;
 * the first that answers has the call.
 */
import type { Card, ServerEvents } from '../protocol/types';

/** So long after its time a ring ends here even if nobody says so: the word may have been lost. */
const LATE_MS = 3_000;

export interface Ring {
  roomId: string;
  from: Card;
  until: number;
  /** So many are in it already: one who calls, or several whom the call would bring together with me. */
  people: number;
  /** Answered here; the server hasn't said yes yet. */
  answering: boolean;
  /** Why the answer wasn't taken: a code. */
  trouble: string | null;
}

export type State = Ring[];

export const START: State = [];

/** Words about a call that rings no more; a key of the messages. */
export type Said = 'missedCall' | 'answeredElsewhere' | 'declinedElsewhere' | 'callIsOver';

export type Input =
  | { is: 'rings'; data: ServerEvents['incoming-call'] }
  | { is: 'accepted'; data: ServerEvents['call-accepted'] }
  | { is: 'ended'; data: ServerEvents['call-ended'] }
  | { is: 'answer' | 'answered' | 'decline'; roomId: string }
  | { is: 'answer-failed'; roomId: string; code: string }
  | { is: 'tick' | 'new-session' };

export type Effect = { do: 'accept' | 'decline'; roomId: string } | { do: 'say'; what: Said; name: string };

export type Step = [State, Effect[]];

const without = (state: State, roomId: string): State => state.filter((ring) => ring.roomId !== roomId);

export function handle(state: State, input: Input, now: number): Step {
  const ring = 'roomId' in input ? state.find(({ roomId }) => roomId === input.roomId) : 'data' in input ? state.find(({ roomId }) => roomId === input.data.roomId) : undefined;
  const gone = (what: Said | null): Step =>
    ring ? [without(state, ring.roomId), what ? [{ do: 'say', what, name: ring.from.displayName }] : []] : [state, []];
  switch (input.is) {
    case 'rings': {
      const { roomId, from, expiresAt, people = 1 } = input.data;
      return ring ? [state, []] : [[...state, { roomId, from, until: Date.parse(expiresAt), people, answering: false, trouble: null }], []];
    }

    case 'answer':
      if (!ring || ring.answering) return [state, []];
      return [state.map((one) => (one === ring ? { ...one, answering: true, trouble: null } : one)), [{ do: 'accept', roomId: ring.roomId }]];

    case 'answered':
      return gone(null);

    case 'answer-failed':
      // Whoever was faster, or has given up, is told of with its own words; anything else can be tried again.
      if (input.code === 'conflict') return gone('answeredElsewhere');
      if (['peer-gone', 'not-in-room', 'not-found'].includes(input.code)) return gone('callIsOver');
      return [state.map((one) => (one === ring ? { ...one, answering: false, trouble: input.code } : one)), []];

    case 'decline':
      return ring ? [without(state, ring.roomId), [{ do: 'decline', roomId: ring.roomId }]] : [state, []];

    case 'accepted':
      return input.data.elsewhere ? gone('answeredElsewhere') : [state, []];

    case 'ended':
      return gone(input.data.reason === 'elsewhere' ? 'declinedElsewhere' : 'missedCall');

    case 'tick': {
      const late = state.filter((one) => now >= one.until + LATE_MS && !one.answering);
      if (!late.length) return [state, []];
      const said = late.map((one): Effect => ({ do: 'say', what: 'missedCall', name: one.from.displayName }));
      return [state.filter((one) => !late.includes(one)), said];
    }

    case 'new-session':
      // Whatever still rings is told anew.
      return [state.filter(({ answering }) => answering), []];
  }
}
