/**
 * The random chat as a pure machine: inputs in, a new state and effects out. It knows no page, no socket and no clock, so
 * every race can be written down as a test. Events of an earlier room are ignored by their room id.
 */
import type { Match, Peer, ServerEvents, Widened } from '../protocol/types';

/** An attempt that can't connect within this time is given up, and the search goes on. */
export const CONNECT_MS = 5_000;
/** After somebody left, the next search starts by itself. */
export const NEXT_MS = 3_000;

export type Phase =
  | 'idle'
  | 'permission'
  | 'device-problem'
  | 'searching'
  | 'connecting'
  | 'live'
  | 'reconnecting'
  | 'left'
  | 'ended-safety'
  | 'suspended'
  | 'server-full'
  | 'other-tab';

/** Words for what just happened; a key of the messages. */
export type Note =
  | 'theyLeft'
  | 'theyWereLost'
  | 'youWereLost'
  | 'noConnection'
  | 'neverCame'
  | 'thanks'
  | 'blocked'
  | 'slowDown'
  | 'serverClosed';

export interface Room {
  id: string;
  self: string;
  peerId: string;
  initiator: boolean;
  peer: Peer;
  /** The partner has come in. */
  peerIn: boolean;
}

export interface State {
  phase: Phase;
  online: boolean;
  room: Room | null;
  note: Note | null;
  /** Searching since. */
  since: number | null;
  widened: Widened[];
  /** When an attempt to connect is given up. */
  connectBy: number | null;
  /** When the next search starts by itself. */
  nextAt: number | null;
  /** When a partner who is away is given up. */
  awayUntil: number | null;
  /** Another page of this person holds the call: the next start takes it over by ending that. */
  takeOver: boolean;
}

export const START: State = {
  phase: 'idle',
  online: false,
  room: null,
  note: null,
  since: null,
  widened: [],
  connectBy: null,
  nextAt: null,
  awayUntil: null,
  takeOver: false,
};

export type Input =
  | { is: 'start' | 'stop' | 'next' | 'devices-ready' | 'devices-failed' | 'tick' | 'socket-down' }
  | { is: 'after-report' | 'after-block' }
  | { is: 'socket-up'; resumed: boolean }
  | { is: 'match'; match: Match }
  | { is: 'joined'; roomId: string; participants: { id: string }[] }
  | { is: 'join-failed' | 'rejoin-failed' | 'search-failed'; code: string; roomId?: string }
  | { is: 'link'; roomId: string; state: 'connecting' | 'connected' | 'failed' }
  | { is: 'waiting'; widened: Widened[] }
  | { is: 'joined-in'; data: ServerEvents['participant-joined'] }
  | { is: 'state'; data: ServerEvents['participant-state']; graceMs: number }
  | { is: 'left'; data: ServerEvents['participant-left'] }
  | { is: 'closed'; data: ServerEvents['room-closed'] }
  | { is: 'seat-taken' };

export type Effect =
  | { do: 'get-devices' | 'find-match' | 'next' | 'cancel-match' | 'close-peer' }
  | { do: 'join' | 'rejoin' | 'leave' | 'offer' | 'say-failed'; roomId: string };

export type Step = [State, Effect[]];

/** Busy: *Start* makes no sense, *Stop* does. */
export const isActive = (state: State): boolean =>
  !['idle', 'device-problem', 'ended-safety', 'suspended', 'other-tab'].includes(state.phase);

const inCall = (state: State): boolean => ['connecting', 'live', 'reconnecting'].includes(state.phase);

const quiet = { room: null, connectBy: null, nextAt: null, awayUntil: null };

function idle(state: State, phase: Phase, note: Note | null): State {
  return { ...state, ...quiet, phase, note, since: null, widened: [] };
}

function searching(state: State, now: number, note: Note | null): State {
  const since = state.phase === 'searching' ? state.since : now;
  return { ...state, ...quiet, phase: 'searching', note, since, widened: [] };
}

/** The call is over for a reason that isn't ours: words, and the next search by itself. */
function over(state: State, now: number, note: Note): Step {
  const next = { ...state, ...quiet, phase: 'left' as const, note, since: null, widened: [], nextAt: now + NEXT_MS };
  return [next, [{ do: 'close-peer' }]];
}

function goOn(state: State, now: number, note: Note | null): Step {
  const effects: Effect[] = inCall(state) ? [{ do: 'close-peer' }] : [];
  return [searching(state, now, note), [...effects, { do: 'next' }]];
}

/** The two couldn't connect: say so to the server and go on. */
function giveUp(state: State, now: number): Step {
  if (!state.room) return [state, []];
  const [next, effects] = goOn(state, now, state.phase === 'connecting' ? 'noConnection' : 'theyWereLost');
  return [next, [{ do: 'say-failed', roomId: state.room.id }, ...effects]];
}

function peerCame(state: State, now: number): Step {
  if (!state.room || state.room.peerIn) return [state, []];
  const room = { ...state.room, peerIn: true };
  const effects: Effect[] = room.initiator ? [{ do: 'offer', roomId: room.id }] : [];
  return [{ ...state, room, connectBy: now + CONNECT_MS }, effects];
}

export function handle(state: State, input: Input, now: number): Step {
  const mine = (roomId: string | undefined): boolean => state.room !== null && state.room.id === roomId && inCall(state);
  switch (input.is) {
    case 'start':
      return isActive(state) ? [state, []] : [idle(state, 'permission', null), [{ do: 'get-devices' }]];

    case 'devices-ready':
      if (state.phase !== 'permission' && state.phase !== 'device-problem') return [state, []];
      return [{ ...searching(state, now, null), takeOver: false }, [{ do: state.takeOver ? 'next' : 'find-match' }]];

    case 'devices-failed':
      return state.phase === 'permission' ? [idle(state, 'device-problem', null), []] : [state, []];

    case 'stop': {
      const effects: Effect[] = [];
      if (state.phase === 'searching') effects.push({ do: 'cancel-match' });
      if (state.room && inCall(state)) effects.push({ do: 'close-peer' }, { do: 'leave', roomId: state.room.id });
      return [idle(state, 'idle', null), effects];
    }

    case 'next':
      return inCall(state) || state.phase === 'left' ? goOn(state, now, null) : [state, []];

    case 'after-report':
      return isActive(state) ? goOn(state, now, 'thanks') : [{ ...state, note: 'thanks' }, []];

    case 'after-block':
      return isActive(state) ? goOn(state, now, 'blocked') : [{ ...state, note: 'blocked' }, []];

    case 'match': {
      const { roomId: id, self, peerId, initiator, peer } = input.match;
      // Stopped while the match was on its way: the partner shouldn't wait for us.
      if (state.phase !== 'searching') return [state, [{ do: 'leave', roomId: id }]];
      const room: Room = { id, self, peerId, initiator, peer, peerIn: false };
      const next = { ...state, ...quiet, phase: 'connecting' as const, room, note: null, since: null, widened: [] };
      return [next, [{ do: 'join', roomId: id }]];
    }

    case 'joined':
      if (!mine(input.roomId)) return [state, []];
      return input.participants.some(({ id }) => id === state.room?.peerId) ? peerCame(state, now) : [state, []];

    case 'joined-in':
      return mine(input.data.roomId) ? peerCame(state, now) : [state, []];

    case 'join-failed':
      // Whoever was matched with us is gone; asking again is harmless if the server searches already.
      if (!mine(input.roomId)) return [state, []];
      return [searching(state, now, 'neverCame'), [{ do: 'close-peer' }, { do: 'find-match' }]];

    case 'rejoin-failed':
      return mine(input.roomId) ? over(state, now, 'youWereLost') : [state, []];

    case 'search-failed': {
      if (state.phase !== 'searching') return [state, []];
      if (input.code === 'rate-limited') return [idle(state, 'idle', 'slowDown'), []];
      if (input.code === 'already-in-room') return [{ ...idle(state, 'other-tab', null), takeOver: true }, []];
      if (input.code === 'suspended') return [idle(state, 'suspended', null), []];
      if (['network', 'timeout', 'conflict'].includes(input.code)) return [state, []];
      return [{ ...idle(state, 'server-full', null), nextAt: now + NEXT_MS }, []];
    }

    case 'link':
      if (!mine(input.roomId)) return [state, []];
      if (input.state === 'failed') return giveUp(state, now);
      if (input.state === 'connected' && state.phase === 'connecting') {
        return [{ ...state, phase: 'live', connectBy: null }, []];
      }
      return [state, []];

    case 'waiting':
      return state.phase === 'searching' ? [{ ...state, widened: input.widened }, []] : [state, []];

    case 'state': {
      if (!mine(input.data.roomId) || input.data.participant.id !== state.room?.peerId) return [state, []];
      const away = input.data.participant.state === 'reconnecting';
      if (away && state.phase === 'live') {
        return [{ ...state, phase: 'reconnecting', awayUntil: now + input.graceMs }, []];
      }
      if (!away && state.phase === 'reconnecting') return [{ ...state, phase: 'live', awayUntil: null }, []];
      return [state, []];
    }

    case 'left': {
      if (!mine(input.data.roomId) || input.data.participant.id !== state.room?.peerId) return [state, []];
      // Somebody who never came in: the server searches on for us.
      if (!state.room.peerIn) return [searching(state, now, 'neverCame'), [{ do: 'close-peer' }]];
      if (input.data.reason === 'safety') return [idle(state, 'ended-safety', null), [{ do: 'close-peer' }]];
      return over(state, now, input.data.reason === 'left' ? 'theyLeft' : 'theyWereLost');
    }

    case 'closed':
      if (!mine(input.data.roomId)) return [state, []];
      return over(state, now, input.data.reason === 'left' ? 'theyLeft' : 'serverClosed');

    case 'seat-taken':
      if (!isActive(state)) return [state, []];
      return [idle(state, 'other-tab', null), inCall(state) ? [{ do: 'close-peer' }] : []];

    case 'socket-down':
      return [{ ...state, online: false }, []];

    case 'socket-up': {
      const up = { ...state, online: true };
      if (input.resumed) return [up, []];
      // A new session: nothing of the old one goes on by itself. Media goes on without the server, so a call that has
      // begun takes its place again if its room is still there.
      if (state.phase === 'searching') return [up, [{ do: 'find-match' }]];
      if (!state.room || !inCall(state)) return [up, []];
      if (state.phase === 'connecting') return over(up, now, 'youWereLost');
      return [up, [{ do: 'rejoin', roomId: state.room.id }]];
    }

    case 'tick':
      if (state.connectBy !== null && now >= state.connectBy && state.phase === 'connecting') return giveUp(state, now);
      if (state.nextAt !== null && now >= state.nextAt && state.online) {
        if (state.phase === 'left') return goOn(state, now, null);
        if (state.phase === 'server-full') return [searching(state, now, null), [{ do: 'find-match' }]];
      }
      return [state, []];
  }
}
