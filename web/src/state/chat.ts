/**
 * The random chat as a pure machine: inputs in, a new state and effects out. It knows no page, no socket and no clock, so
 * every race can be written down as a test. Events of an earlier room are ignored by their room id.
 */
import type { Match, Participant, Peer, ServerEvents, Widened } from '../protocol/types';

/** An attempt that can't connect within this time is given up, and the search goes on. */
export const CONNECT_MS = 5_000;
/** After a call that neither of the two has ended, and when there was no room, the next search starts by itself. */
export const NEXT_MS = 3_000;
/** Whoever was talked to can be reported, rated or asked in peace; a camera that nobody needs for so long goes off. */
export const STAY_MS = 120_000;
/** A link that broke in the call gets this long to be mended. */
export const MEND_MS = 8_000;
/** A direct way that failed: the server says within this time whether the call moves to it. */
export const MOVE_MS = 1_500;
/** A search that the server hasn't taken is asked for again after this. */
export const AGAIN_MS = 1_000;
/** Words about somebody who isn't the present partner stand so long. */
export const NOTE_MS = 6_000;

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
  | 'youLeft'
  | 'theyLeft'
  | 'theyWereLost'
  | 'youWereLost'
  | 'noConnection'
  | 'neverCame'
  | 'thanks'
  | 'blocked'
  | 'slowDown'
  | 'refused'
  | 'serverClosed'
  | 'serverRestarted';

export interface Room {
  id: string;
  self: string;
  peerId: string;
  initiator: boolean;
  peer: Peer;
  /** The partner has come in. */
  peerIn: boolean;
  /** Directly, or through the server. */
  transport: 'p2p' | 'sfu';
  /** A direct call can move to the server. */
  movable: boolean;
  /** It is about to: both ways are open until the server says that it is done. */
  moving: boolean;
  /** The way through the server stands, whether the partner has come or not. */
  linked: boolean;
}

/** The last partner: can be reported and blocked after the call too, since whoever deserves it is often gone first. See [`meant`]. */
export interface Met {
  roomId: string;
  peer: Peer;
}

type Ask = 'find-match' | 'next';

export interface State {
  phase: Phase;
  online: boolean;
  /** Offline since. */
  downAt: number | null;
  /** The server has said that it goes down for a moment. */
  restarting: boolean;
  room: Room | null;
  met: Met | null;
  note: Note | null;
  /** When words that would stay in the way of a call go by themselves. */
  noteUntil: number | null;
  /** Searching since. */
  since: number | null;
  widened: Widened[];
  /** When an attempt to connect is given up. */
  connectBy: number | null;
  /** When the next search starts by itself. */
  nextAt: number | null;
  /** After a call: nothing starts by itself, and until then camera and microphone stay ready for the next one. */
  stayUntil: number | null;
  /** No search starts by itself now: the person is busy with a dialog, or not looking. */
  held: boolean;
  /** When a partner whose socket dropped is given up. */
  awayUntil: number | null;
  /** When a link that broke in the call is given up. */
  mendBy: number | null;
  /** Until when the server may say that a call whose direct way failed moves to it. */
  moveBy: number | null;
  /** A search that the server hasn't taken yet. */
  again: { ask: Ask; at: number } | null;
  /** The room that a `next` on its way leaves; if that is refused, it has to be left in so many words. */
  leaving: string | null;
  /** What was decided while the server was out of reach; it is told when it's back. */
  owed: Effect[];
  /** Another page of this person holds the call: the next start takes it over by ending that. */
  takeOver: boolean;
}

export const START: State = {
  phase: 'idle',
  online: false,
  downAt: null,
  restarting: false,
  room: null,
  met: null,
  note: null,
  noteUntil: null,
  since: null,
  widened: [],
  connectBy: null,
  nextAt: null,
  stayUntil: null,
  held: false,
  awayUntil: null,
  mendBy: null,
  moveBy: null,
  again: null,
  leaving: null,
  owed: [],
  takeOver: false,
};

export type Input =
  | { is: 'start' | 'stop' | 'next' | 'devices-ready' | 'devices-failed' | 'tick' | 'socket-down' | 'draining' }
  | { is: 'after-report' | 'after-block'; roomId: string }
  | { is: 'hold'; on: boolean }
  | { is: 'socket-up'; resumed: boolean }
  | { is: 'match'; match: Match; movable?: boolean }
  | { is: 'joined'; roomId: string; participants: { id: string }[] }
  | { is: 'rejoined'; roomId: string; participants: Participant[] }
  | { is: 'join-failed' | 'rejoin-failed'; code: string; roomId: string }
  | { is: 'search-failed'; ask: Ask; code: string }
  | { is: 'link'; roomId: string; path: 'p2p' | 'sfu'; state: 'connecting' | 'connected' | 'failed' }
  | { is: 'move' | 'moved'; roomId: string }
  | { is: 'waiting'; widened: Widened[] }
  | { is: 'joined-in'; data: ServerEvents['participant-joined'] }
  | { is: 'state'; data: ServerEvents['participant-state']; graceMs: number }
  | { is: 'left'; data: ServerEvents['participant-left'] }
  | { is: 'closed'; data: ServerEvents['room-closed'] }
  | { is: 'seat-taken' | 'seat-free' };

export type Effect =
  | { do: 'get-devices' | 'close-devices' | 'find-match' | 'next' | 'cancel-match' | 'close-peer' }
  | { do: 'join' | 'rejoin' | 'leave' | 'offer' | 'mend' | 'say-failed' | 'open-sfu' | 'mend-sfu' | 'close-p2p'; roomId: string };

export type Step = [State, Effect[]];

/** Busy: *Start* makes no sense, *Stop* does. */
export const isActive = (state: State): boolean =>
  !['idle', 'device-problem', 'ended-safety', 'suspended', 'other-tab'].includes(state.phase);

const inCall = (state: State): boolean => ['connecting', 'live', 'reconnecting'].includes(state.phase);

const quiet = { room: null, connectBy: null, nextAt: null, stayUntil: null, awayUntil: null, mendBy: null, moveBy: null, again: null, leaving: null };

/** Words that name the last partner. */
const ABOUT_THEM: (Note | null)[] = ['youLeft', 'theyLeft', 'theyWereLost'];

/** Whom *Report* and *Block* are about: whoever is there, or was as long as the page speaks of them. Nobody else can be meant. */
export function meant(state: State): Met | null {
  const spokenOf = ['left', 'ended-safety'].includes(state.phase) || ABOUT_THEM.includes(state.note);
  return inCall(state) || spokenOf ? state.met : null;
}

/** What whoever goes to another page now would end without a word; null when nothing is lost by it. */
export function wouldEnd(state: State): 'call' | 'search' | null {
  if (inCall(state)) return 'call';
  return state.phase === 'searching' ? 'search' : null;
}

/** Whether *Next* makes sense. */
export const canGoOn = (state: State): boolean => inCall(state) || state.phase === 'left';

function idle(state: State, phase: Phase, note: Note | null): State {
  return { ...state, ...quiet, phase, note, noteUntil: null, since: null, widened: [] };
}

/** Nothing is about to happen: camera and microphone aren't needed. */
const resting = (state: State, phase: Phase, note: Note | null, effects: Effect[]): Step => [
  idle(state, phase, note),
  [...effects, { do: 'close-devices' }],
];

function searching(state: State, now: number, note: Note | null): State {
  const since = state.phase === 'searching' ? state.since : now;
  return { ...idle(state, 'searching', note), since };
}

/** The call is over for a reason that isn't ours: words. Whoever was left has time for them; otherwise the next search comes by itself. */
function over(state: State, now: number, note: Note): Step {
  const left = state.phase !== 'connecting' && (note === 'theyLeft' || note === 'theyWereLost');
  const next = idle(state, 'left', note);
  return [left ? { ...next, stayUntil: now + STAY_MS } : { ...next, nextAt: now + NEXT_MS }, [{ do: 'close-peer' }]];
}

function goOn(state: State, now: number, note: Note | null): Step {
  const effects: Effect[] = inCall(state) ? [{ do: 'close-peer' }] : [];
  return [{ ...searching(state, now, note), leaving: state.room?.id ?? null }, [...effects, { do: 'next' }]];
}

/** Another page of this person has the call: camera and microphone are needed there. */
function elsewhere(state: State): Step {
  const effects: Effect[] = inCall(state) ? [{ do: 'close-peer' }] : [];
  return [{ ...idle(state, 'other-tab', null), takeOver: true }, [...effects, { do: 'close-devices' }]];
}

/** The direct way failed: in some calls the server takes it over. */
function direct(state: State, now: number): Step {
  if (!state.room?.movable || state.room.transport === 'sfu') return giveUp(state, now);
  if (state.room.moving || state.moveBy !== null) return [state, []];
  return [{ ...state, moveBy: now + MOVE_MS, connectBy: null }, [{ do: 'say-failed', roomId: state.room.id }]];
}

/** The two couldn't connect: say so to the server and go on. */
function giveUp(state: State, now: number): Step {
  if (!state.room) return [state, []];
  const [next, effects] = goOn(state, now, state.phase === 'connecting' ? 'noConnection' : 'theyWereLost');
  const told = state.room.transport === 'sfu' || state.moveBy !== null || state.room.moving;
  return [next, told ? effects : [{ do: 'say-failed', roomId: state.room.id }, ...effects]];
}

function peerCame(state: State, now: number): Step {
  if (!state.room || state.room.peerIn) return [state, []];
  const room = { ...state.room, peerIn: true };
  if (room.linked) return [{ ...state, room, phase: 'live', connectBy: null }, []];
  const effects: Effect[] = room.initiator && room.transport === 'p2p' ? [{ do: 'offer', roomId: room.id }] : [];
  return [{ ...state, room, connectBy: now + CONNECT_MS }, effects];
}

/** What the server has to hear when this person stops. */
function goodbye(state: State): Effect[] {
  const room = inCall(state) ? state.room?.id : state.leaving;
  const effects: Effect[] = room ? [{ do: 'leave', roomId: room }] : [];
  return state.phase === 'searching' ? [...effects, { do: 'cancel-match' }] : effects;
}

function stop(state: State): Step {
  const close: Effect[] = inCall(state) ? [{ do: 'close-peer' }] : [];
  const bye = goodbye(state);
  // Whoever stops because of somebody may want to report them: the words about them stay.
  const note = inCall(state) ? 'youLeft' : meant(state) && state.note;
  const [next, effects] = resting(state, 'idle', note, close);
  if (state.online) return [next, [...effects, ...bye]];
  return [{ ...next, owed: [...state.owed, ...bye] }, effects];
}

/** A call is live when the partner's socket and the link are both there. */
function judged(state: State): State {
  if (state.phase !== 'live' && state.phase !== 'reconnecting') return state;
  const whole = state.awayUntil === null && state.mendBy === null;
  return { ...state, phase: whole ? 'live' : 'reconnecting' };
}

/**
 * What mends a broken link: a new offer, from the side that made the first one; through the server each mends their own.
 * A direct call that can move to the server does so meanwhile.
 */
function mend(state: State, now: number): Step {
  const { room } = state;
  if (!room) return [state, []];
  const next = judged({ ...state, mendBy: now + MEND_MS });
  if (!state.online) return [next, []];
  if (room.transport === 'sfu') return [next, [{ do: 'mend-sfu', roomId: room.id }]];
  const effects: Effect[] = room.initiator ? [{ do: 'mend', roomId: room.id }] : [];
  return [next, room.movable && !room.moving ? [...effects, { do: 'say-failed', roomId: room.id }] : effects];
}

/** The server takes the call over: its way is opened beside the direct one. */
function move(state: State, now: number): Step {
  const { room } = state;
  if (!room || room.transport === 'sfu' || room.moving) return [state, []];
  const connecting = state.phase === 'connecting';
  const next: State = {
    ...state,
    room: { ...room, moving: true, movable: true },
    moveBy: null,
    connectBy: connecting ? now + CONNECT_MS : null,
    mendBy: state.mendBy === null ? null : now + MEND_MS,
  };
  return [next, [{ do: 'open-sfu', roomId: room.id }]];
}

/** Both are seen through the server: the direct way can go. */
function moved(state: State): Step {
  const { room } = state;
  if (!room) return [state, []];
  const next: State = { ...state, room: { ...room, transport: 'sfu', moving: false, linked: true }, moveBy: null, mendBy: null, connectBy: null };
  const effects: Effect[] = [{ do: 'close-p2p', roomId: room.id }];
  return [state.phase === 'connecting' ? { ...next, phase: 'live' } : judged(next), effects];
}

function linked(state: State, now: number, path: 'p2p' | 'sfu', link: 'connecting' | 'connected' | 'failed'): Step {
  const { room } = state;
  // While a call moves, it is the server that says when the other way counts.
  if (!room || path !== room.transport) return [state, []];
  if (link === 'failed') {
    if (state.phase === 'connecting') return room.peerIn || path === 'p2p' ? direct(state, now) : [state, []];
    return state.mendBy === null ? mend(state, now) : [state, []];
  }
  if (link !== 'connected') return [state, []];
  const whole: State = { ...state, room: { ...room, linked: path === 'sfu' }, moveBy: null };
  if (state.phase !== 'connecting') return [judged({ ...whole, mendBy: null }), []];
  return room.peerIn || path === 'p2p' ? [{ ...whole, phase: 'live', connectBy: null }, []] : [whole, []];
}

function searchFailed(state: State, ask: Ask, code: string, now: number): Step {
  if (state.phase !== 'searching') return [state, []];
  // The server may not even have heard it. Asking once more is harmless: it changes the same ticket.
  if (['network', 'timeout', 'conflict'].includes(code)) return [{ ...state, again: { ask, at: now + AGAIN_MS } }, []];
  // A refused `next` has left nothing.
  const effects: Effect[] = state.leaving ? [{ do: 'leave', roomId: state.leaving }] : [];
  switch (code) {
    case 'rate-limited':
      return resting(state, 'idle', 'slowDown', effects);
    case 'already-in-room':
      return elsewhere(state);
    case 'suspended':
      return resting(state, 'suspended', null, effects);
    case 'unavailable':
    case 'internal':
      return [{ ...idle(state, 'server-full', null), nextAt: now + NEXT_MS }, effects];
    default:
      return resting(state, 'idle', 'refused', effects);
  }
}

function closed(state: State, now: number, reason: string): Step {
  switch (reason) {
    case 'left':
    case 'removed':
      return over(state, now, 'theyLeft');
    case 'lost':
      return over(state, now, 'theyWereLost');
    case 'safety':
      return resting(state, 'ended-safety', null, [{ do: 'close-peer' }]);
    case 'shutdown':
      return over(state, now, 'serverRestarted');
    default:
      return over(state, now, 'serverClosed');
  }
}

/** Somebody was reported or blocked: if it was the present partner, the next one comes. */
function afterParting(state: State, now: number, roomId: string, note: Note): Step {
  const about = state.met?.roomId === roomId;
  const known = about ? { ...state, met: null } : state;
  if (about && canGoOn(state)) return goOn(known, now, note);
  return [{ ...known, note, noteUntil: now + NOTE_MS }, []];
}

function backOnline(state: State, resumed: boolean, now: number): Step {
  const up: State = { ...state, online: true, downAt: null, restarting: false, owed: [] };
  if (resumed) {
    const effects = state.owed;
    if (up.phase === 'searching' && up.again) return [{ ...up, again: null }, [...effects, { do: up.again.ask }]];
    if (up.mendBy === null) return [up, effects];
    const [next, mending] = mend(up, now);
    return [next, [...effects, ...mending]];
  }
  // A new session: nothing of the old one goes on by itself. Media goes on without the server, so a call that has
  // begun takes its place again if its room is still there.
  if (up.phase === 'searching') return [{ ...up, again: null, leaving: null }, [{ do: 'find-match' }]];
  if (!up.room || !inCall(up)) return [up, []];
  if (up.phase === 'connecting') return over(up, now, state.restarting ? 'serverRestarted' : 'youWereLost');
  return [{ ...up, restarting: state.restarting }, [{ do: 'rejoin', roomId: up.room.id }]];
}

function tick(state: State, now: number): Step {
  if (state.noteUntil !== null && now >= state.noteUntil) return [{ ...state, note: null, noteUntil: null }, []];
  if (state.stayUntil !== null && now >= state.stayUntil) return stop(state);
  if (state.connectBy !== null && now >= state.connectBy && state.phase === 'connecting') return state.room?.moving ? giveUp(state, now) : direct(state, now);
  if (state.moveBy !== null && now >= state.moveBy) return giveUp(state, now);
  if (!state.online) return [state, []];
  // While offline nobody is given up: neither side could be told of the other.
  if (state.mendBy !== null && now >= state.mendBy) return giveUp(state, now);
  if (state.again && now >= state.again.at) return [{ ...state, again: null }, [{ do: state.again.ask }]];
  if (state.nextAt !== null && now >= state.nextAt && !state.held) {
    if (state.phase === 'left') return goOn(state, now, null);
    if (state.phase === 'server-full') return [searching(state, now, null), [{ do: 'find-match' }]];
  }
  return [state, []];
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

    case 'stop':
      return stop(state);

    case 'next':
      return canGoOn(state) ? goOn(state, now, null) : [state, []];

    case 'after-report':
      return afterParting(state, now, input.roomId, 'thanks');

    case 'after-block':
      return afterParting(state, now, input.roomId, 'blocked');

    case 'hold':
      return [{ ...state, held: input.on, nextAt: state.nextAt === null || input.on ? state.nextAt : now + NEXT_MS }, []];

    case 'match': {
      const { roomId: id, self, peerId, initiator, peer, transport } = input.match;
      // Stopped while the match was on its way: the partner shouldn't wait for us.
      if (state.phase !== 'searching') return [state, [{ do: 'leave', roomId: id }]];
      const movable = input.movable ?? false;
      const room: Room = { id, self, peerId, initiator, peer, transport, movable, peerIn: false, moving: false, linked: false };
      return [{ ...idle(state, 'connecting', null), room, met: { roomId: id, peer } }, [{ do: 'join', roomId: id }]];
    }

    case 'joined': {
      if (!mine(input.roomId)) return [state, []];
      const here = input.participants.some(({ id }) => id === state.room?.peerId);
      const [next, effects] = here ? peerCame(state, now) : [state, []];
      return [next, state.room?.transport === 'sfu' ? [...effects, { do: 'open-sfu', roomId: input.roomId }] : effects];
    }

    case 'joined-in':
      return mine(input.data.roomId) ? peerCame(state, now) : [state, []];

    case 'join-failed':
      if (!mine(input.roomId)) return [state, []];
      if (input.code === 'already-in-room') return elsewhere(state);
      // Whoever was matched with us is gone, or we don't know: leaving and asking again is harmless in either case.
      return goOn(state, now, 'neverCame');

    case 'rejoin-failed':
      if (!mine(input.roomId)) return [state, []];
      return over({ ...state, restarting: false }, now, state.restarting ? 'serverRestarted' : 'youWereLost');

    case 'rejoined': {
      if (!mine(input.roomId)) return [state, []];
      const partner = input.participants.find(({ id }) => id === state.room?.peerId);
      if (!partner) return over(state, now, 'theyWereLost');
      const back = judged({ ...state, restarting: false, awayUntil: partner.state === 'connected' ? null : state.awayUntil });
      return back.mendBy === null ? [back, []] : mend(back, now);
    }

    case 'search-failed':
      return searchFailed(state, input.ask, input.code, now);

    case 'link':
      return mine(input.roomId) ? linked(state, now, input.path, input.state) : [state, []];

    case 'move':
      return mine(input.roomId) ? move(state, now) : [state, []];

    case 'moved':
      return mine(input.roomId) ? moved(state) : [state, []];

    case 'waiting':
      return state.phase === 'searching' ? [{ ...state, widened: input.widened }, []] : [state, []];

    case 'state': {
      if (!mine(input.data.roomId) || input.data.participant.id !== state.room?.peerId) return [state, []];
      if (state.phase === 'connecting') return [state, []];
      const away = input.data.participant.state === 'reconnecting';
      return [judged({ ...state, awayUntil: away ? (state.awayUntil ?? now + input.graceMs) : null }), []];
    }

    case 'left':
      if (!mine(input.data.roomId) || input.data.participant.id !== state.room?.peerId) return [state, []];
      // Somebody who never came in: the server searches on for us.
      if (!state.room.peerIn) return [searching(state, now, 'neverCame'), [{ do: 'close-peer' }]];
      return closed(state, now, input.data.reason);

    case 'closed':
      return mine(input.data.roomId) ? closed(state, now, input.data.reason) : [state, []];

    case 'seat-taken':
      return isActive(state) ? elsewhere(state) : [state, []];

    case 'seat-free':
      return state.phase === 'other-tab' ? [{ ...idle(state, 'idle', null), takeOver: false }, []] : [state, []];

    case 'draining':
      return [{ ...state, restarting: true }, []];

    case 'socket-down':
      return [{ ...state, online: false, downAt: state.downAt ?? now }, []];

    case 'socket-up':
      return backOnline(state, input.resumed, now);

    case 'tick':
      return tick(state, now);
  }
}
