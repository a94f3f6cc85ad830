/**
 * Captions: whether I want them, what the server was told of that, and the last lines. The wish holds for one call, also while
 * it is interrupted; the server forgets it with each session, so that it is told again. Pure.
 */
/** A line is read for so long. */
export const SHOWN_MS = 8_000;
/** Lines at a time. */
export const LINES = 2;
/** What went wrong for the moment is tried again after this. */
const AGAIN_MS = 2_000;

export interface Line {
  key: number;
  name: string;
  text: string;
  until: number;
}

export interface State {
  /** I want them. */
  on: boolean;
  /** The call I am in, if it is one that can have them. */
  place: string | null;
  /** The last one that could: the wish is about it. */
  last: string | null;
  /** The call of which the server knows that I want them. */
  told: string | null;
  asking: boolean;
  againAt: number;
  lines: Line[];
  /** Until when it is said what they are worth. */
  hintUntil: number;
}

export type Input =
  | { is: 'toggle' }
  | { is: 'place'; roomId: string | null }
  /** The page of the call has gone. */
  | { is: 'over' }
  /** The server knows nothing of this page any more. */
  | { is: 'forgotten' }
  | { is: 'answered'; roomId: string; on: boolean; code?: string }
  | { is: 'caption'; roomId: string; name: string; text: string }
  | { is: 'tick' };

/** To be told to the server. */
export interface Tell {
  roomId: string;
  on: boolean;
}

export const START: State = { on: false, place: null, last: null, told: null, asking: false, againAt: 0, lines: [], hintUntil: 0 };

let keys = 0;

export function handle(state: State, input: Input, now: number): [State, Tell | null] {
  switch (input.is) {
    case 'toggle':
      return synced({ ...state, on: !state.on, lines: [], againAt: 0, hintUntil: state.on ? 0 : now + SHOWN_MS }, now);
    case 'place':
      if (input.roomId === state.place) return [state, null];
      return synced(moved(state, input.roomId), now);
    case 'over':
      return [{ ...START, asking: state.asking }, null];
    case 'forgotten':
      return synced({ ...state, told: null }, now);
    case 'answered':
      return synced(answered({ ...state, asking: false }, input, now), now);
    case 'caption': {
      if (!state.on || input.roomId !== state.place || !input.name) return [state, null];
      const line = { key: (keys += 1), name: input.name, text: input.text, until: now + SHOWN_MS };
      return [{ ...state, lines: [...state.lines, line].slice(-LINES) }, null];
    }
    case 'tick': {
      const lines = state.lines.filter(({ until }) => now < until);
      const hintUntil = now < state.hintUntil ? state.hintUntil : 0;
      const same = lines.length === state.lines.length && hintUntil === state.hintUntil;
      return synced(same ? state : { ...state, lines, hintUntil }, now);
    }
  }
}

function moved(state: State, place: string | null): State {
  const next: State = { ...state, place, told: null, lines: [], againAt: 0 };
  return place === null || place === state.last ? next : { ...next, last: place, on: false, hintUntil: 0 };
}

function answered(state: State, { roomId, on, code }: Extract<Input, { is: 'answered' }>, now: number): State {
  if (!code) return roomId === state.place ? { ...state, told: on ? roomId : null } : state;
  // Nothing is listened to, after all.
  if (code === 'wrong-state') return { ...state, told: null, on: on ? false : state.on, hintUntil: on ? 0 : state.hintUntil };
  return { ...state, againAt: now + AGAIN_MS };
}

/** One question at a time, until the server knows what I want. */
function synced(state: State, now: number): [State, Tell | null] {
  const { on, place, told, asking, againAt } = state;
  if (place === null || asking || now < againAt || (told === place) === on) return [state, null];
  return [{ ...state, asking: true }, { roomId: place, on }];
}
