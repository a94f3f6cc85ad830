/**
 * What is special about a call among friends: nobody has a link to it, it rings first, two talk directly, and it moves to the
 * server when it has to or when a third person comes. The rest is a room like any other; see `room.ts`.
 */
import type { CallEnd, Joined } from '../protocol/types';
import type { Effect, Phase, State, Step } from './room';

/** A direct way that isn't there within this time is told to have failed, again and again until the server moves the call. */
export const DIRECT_MS = 5_000;

export interface Call {
  /** Who is called, or has called: their name and their account, for words and for calling again. */
  name: string;
  userId: string;
  /** It rings at theirs. */
  ringing: boolean;
  /** I make the offer. */
  caller: boolean;
  /** The way that is shown. */
  way: 'p2p' | 'sfu';
  /** The way through the server is being opened beside the direct one. */
  moving: boolean;
  /** Accounts of those who are called in. */
  called: string[];
  /** What became of it before I was in it. */
  end: Phase | null;
}

export const begun = (name: string, userId: string): Call => ({
  name, userId, ringing: false, caller: false, way: 'sfu', moving: false, called: [], end: null,
});

/** Two people and nobody else: no hands, no views, no host. */
export const isOfTwo = ({ call, limit }: State): boolean => call !== null && limit <= 2;

/** The one I talk to directly. */
export const partner = (state: State): string | null =>
  (state.call?.way === 'p2p' && state.people.find(({ id }) => id !== state.self)?.id) || null;

/** What the answer to a join says about the call. */
export function placed(call: Call, me: string | undefined, { room, transport = 'sfu', participants }: Joined): Call {
  const alone = participants.length < 2;
  return { ...call, caller: room.caller !== undefined && room.caller === me, way: transport, moving: false, ringing: alone && room.ringingUntil !== undefined, end: null };
}

/** Somebody who was called has answered. */
export const answered = (call: Call, userId: string | undefined): Call => ({
  ...call,
  ringing: false,
  called: call.called.filter((one) => one !== userId),
});

/** Somebody who was called into the call doesn't come. */
export const refusedBy = (call: Call, userId: string | undefined): Call => ({ ...call, called: call.called.filter((one) => one !== userId) });

const ENDS: Record<CallEnd, Phase> = { cancelled: 'over', timeout: 'unanswered', busy: 'declined', 'hung-up': 'over', elsewhere: 'over' };

export const phaseOf = (reason: CallEnd): Phase => ENDS[reason];

/** How a call ended that nobody came into, as whoever called hears it: `userId` is who was called. */
export type Ended = { userId: string | undefined } | { reason: CallEnd };

/** One who was called into a call that runs, and doesn't come, hasn't ended it. */
export function endOf(call: Call, how: Ended): Phase | null {
  if ('reason' in how) return phaseOf(how.reason);
  return how.userId === undefined || how.userId === call.userId ? 'declined' : null;
}

/** It may be over before I am in it. */
export function endedBefore(state: State, how: Ended): State {
  const { call } = state;
  return call ? { ...state, call: { ...call, end: endOf(call, how) ?? call.end } } : state;
}

/** What opens the way: the direct one begins when both are there. */
export function opening({ call, people }: State): Effect[] {
  if (call?.way !== 'p2p') return [{ do: 'open-link' }];
  return people.length > 1 ? [{ do: 'open-peer' }, ...(call.caller ? [{ do: 'offer' } as const] : [])] : [{ do: 'open-peer' }];
}

/** The direct way is to be given up: the server moves the call, and says so. */
export const direct = (state: State, now: number): Step => [{ ...state, mendAt: now + DIRECT_MS }, [{ do: 'say-failed' }]];

export function move(state: State): Step {
  const { call } = state;
  if (call?.way !== 'p2p' || call.moving) return [state, []];
  return [{ ...state, call: { ...call, moving: true }, mendAt: null }, [{ do: 'open-link' }, { do: 'say-media' }]];
}

export function moved(state: State): Step {
  const { call } = state;
  if (!call || call.way === 'sfu') return [state, []];
  return [{ ...state, call: { ...call, way: 'sfu', moving: false }, link: 'connected', brokenAt: null, mendAt: null, mends: 0 }, [{ do: 'close-peer' }]];
}

/** News of the direct way. */
export function peerLinked(state: State, now: number, link: 'connecting' | 'connected' | 'failed'): Step {
  if (state.call?.way !== 'p2p') return [state, []];
  if (link === 'connected') return [{ ...state, link, brokenAt: null, mendAt: null, mends: 0 }, []];
  if (link === 'connecting') return [{ ...state, mendAt: state.call.moving ? null : now + DIRECT_MS }, []];
  const next: State = { ...state, link: 'broken', brokenAt: state.brokenAt ?? now };
  return state.call.moving ? [next, []] : direct(next, now);
}

/** Somebody has come into a call that rang. */
export function came(state: State, now: number): Step {
  const { call } = state;
  if (!call) return [state, []];
  const next: State = { ...state, call: { ...call, ringing: false } };
  if (call.way !== 'p2p' || state.people.length !== 2) return [next, []];
  return [{ ...next, link: 'connecting', mendAt: now + DIRECT_MS }, call.caller ? [{ do: 'offer' }] : []];
}
