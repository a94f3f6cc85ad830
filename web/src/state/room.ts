/**
 * A call in a room as a pure machine, of a group or among friends (`call.ts`): inputs in, a new state and effects out, like the random chat's. It knows no page, no
 * socket, no connection and no clock. Events of another room are ignored by their room id.
 */
import type { Card, Code, HostAction, Joined, Participant, RoomRecord, ServerEvents, SlotLine } from '../protocol/types';
import * as calls from './call';
import type { Layout } from './layout';

/** A join that the server hasn't taken is tried again after this, until the second. */
export const AGAIN_MS = 1_000;
export const TRY_MS = 20_000;
/** After a first try to mend the connection the next ones come so much later; the third begins with a new one. */
export const MEND_MS = 4_000;
const MENDS = 2;
/** A connection that doesn't come up within this time is tried anew. */
export const CONNECT_MS = 10_000;
/** Shorter absences of others aren't worth a word. */
export const AWAY_MS = 3_000;
/** Words about what happened stand so long. */
export const NOTE_MS = 5_000;
/** At most so many at a time. */
const NOTES = 3;

export type Phase =
  | 'looking'
  | 'lobby'
  | 'joining'
  | 'in'
  | 'left'
  | 'full'
  | 'locked'
  | 'removed'
  | 'blocked'
  | 'deleted'
  | 'safety'
  | 'gone'
  | 'busy'
  | 'other-tab'
  | 'failed'
  | 'declined'
  | 'unanswered'
  | 'cancelled'
  | 'over';

/** What happened; with whom, by name. */
export interface Note {
  id: number;
  is:
    | 'joined'
    | 'left'
    | 'lost'
    | 'removed'
    | 'hand'
    | 'mutedByHost'
    | 'youMayTalk'
    | 'screenForbidden'
    | 'screensTaken'
    | 'locked'
    | 'unlocked'
    | 'screensForbidden'
    | 'screensAllowed'
    | 'youHost'
    | 'notHost'
    | 'steppedDown'
    | 'steppedUp'
    | 'reported'
    | 'blocked'
    | 'notComing';
  name: string;
  until: number;
}

export interface State {
  phase: Phase;
  roomId: string;
  /** Why it failed. */
  code: Code | 'timeout' | 'network' | null;
  online: boolean;
  /** Offline since. */
  downAt: number | null;
  /** The server has said that it goes down for a moment, or has lost the room: everybody comes in again. */
  restarting: boolean;
  name: string;
  joinUrl: string;
  limit: number;
  /** Among friends; null in a group's room. */
  call: calls.Call | null;
  /** I made it. */
  owned: boolean;
  locked: boolean;
  screensForbidden: boolean;
  self: string;
  /** Everybody, me too, in the order they came. */
  people: Participant[];
  /** Somebody else has been here. */
  hadCompany: boolean;
  /** Since when somebody is away. */
  away: Record<string, number>;
  /** In the order they were raised. */
  hands: string[];
  slots: SlotLine[];
  floor: string | null;
  /** Who speaks, me too. */
  speaking: string | null;
  pins: string[];
  layout: Layout;
  notes: Note[];
  /** A join is tried (again) then; it is given up at the second. */
  joinAt: number | null;
  joinBy: number | null;
  /** The connection for sound and pictures. */
  link: 'none' | 'connecting' | 'connected' | 'broken';
  /** Broken since. */
  brokenAt: number | null;
  /** When the next try to mend it comes, and how many there were. */
  mendAt: number | null;
  mends: number;
}

export const START: State = {
  phase: 'looking',
  roomId: '',
  code: null,
  online: false,
  downAt: null,
  restarting: false,
  name: '',
  joinUrl: '',
  limit: 10,
  call: null,
  owned: false,
  locked: false,
  screensForbidden: false,
  self: '',
  people: [],
  hadCompany: false,
  away: {},
  hands: [],
  slots: [],
  floor: null,
  speaking: null,
  pins: [],
  layout: 'grid',
  notes: [],
  joinAt: null,
  joinBy: null,
  link: 'none',
  brokenAt: null,
  mendAt: null,
  mends: 0,
};

type Fault = State['code'];

export type Input =
  | { is: 'open-call'; roomId: string; with: Pick<Card, 'id' | 'displayName'>; ended?: calls.Ended | undefined }
  | { is: 'call-accepted'; data: ServerEvents['call-accepted'] }
  | { is: 'call-declined'; data: ServerEvents['call-declined']; name: string }
  | { is: 'call-ended'; data: ServerEvents['call-ended'] }
  | { is: 'calling-in'; userId: string }
  | { is: 'peer-link'; state: 'connecting' | 'connected' | 'failed' }
  | { is: 'move' | 'moved'; roomId: string }
  | { is: 'open'; roomId: string }
  | { is: 'looked'; record: RoomRecord }
  | { is: 'look-failed' | 'join-failed'; roomId: string; code: NonNullable<Fault> }
  | { is: 'joined'; roomId: string; joined: Joined; me?: string | undefined }
  | { is: 'join' | 'leave' | 'tick' | 'socket-down' | 'draining' | 'network' | 'not-in-room' }
  | { is: 'socket-up'; resumed: boolean }
  | { is: 'link'; state: 'connected' | 'broken' }
  | { is: 'joined-in'; data: ServerEvents['participant-joined'] }
  | { is: 'state'; data: ServerEvents['participant-state'] }
  | { is: 'gone'; data: ServerEvents['participant-left'] }
  | { is: 'closed'; data: ServerEvents['room-closed'] }
  | { is: 'changed'; data: ServerEvents['room-changed'] }
  | { is: 'slots'; data: ServerEvents['slots'] }
  | { is: 'speaker'; data: ServerEvents['active-speaker'] }
  | { is: 'hand'; data: ServerEvents['hand'] }
  | { is: 'moderated'; action: HostAction }
  | { is: 'seat-taken'; roomId: string | undefined }
  | { is: 'seat-free' }
  | { is: 'note'; note: Note['is'] }
  | { is: 'pin'; key: string }
  | { is: 'parted'; how: 'reported' | 'blocked'; userId: string; name: string }
  | { is: 'layout' };

export type Effect =
  | { do: 'look' | 'join' | 'leave' | 'open-link' | 'mend' | 'close-link' | 'say-media' | 'mute' | 'stop-screen' | 'close-devices' }
  | { do: 'open-peer' | 'offer' | 'close-peer' | 'say-failed' | 'cancel' }
  | { do: 'grow'; by: number };

export type Step = [State, Effect[]];

/** In the call, as seen by the person: also while it is being come back to. */
export const isIn = (state: State): boolean => state.phase === 'in';

export const me = (state: State): Participant | undefined => state.people.find(({ id }) => id === state.self);

export const nameOf = (state: State, id: string): string => state.people.find((one) => one.id === id)?.displayName ?? '';

/** Whom the server has told me of: it keeps those apart who share a block. */
export const isKnown = (state: State, id: string): boolean => state.people.some((one) => one.id === id);

/** Whether somebody has been away for long enough to say so. */
export const isAway = (state: State, id: string, now: number): boolean => {
  const since = state.away[id];
  return since !== undefined && now - since >= AWAY_MS;
};

function noted(state: State, now: number, is: Note['is'], name = ''): State {
  const id = (state.notes.at(-1)?.id ?? 0) + 1;
  return { ...state, notes: [...state.notes, { id, is, name, until: now + NOTE_MS }].slice(-NOTES) };
}

/** Out of the call, whatever the reason: what is about people and the connection is forgotten. */
function out(state: State, phase: Phase, code: Fault = null): State {
  const { roomId, online, downAt, name, joinUrl, limit, call, owned, locked, layout } = state;
  return { ...START, roomId, online, downAt, name, joinUrl, limit, call, owned, locked, layout, phase, code };
}

const ending = (state: State): Effect[] => {
  const direct: Effect[] = state.call?.way === 'p2p' ? [{ do: 'close-peer' }] : [];
  return state.link === 'none' && !state.call?.moving ? direct : [...direct, { do: 'close-link' }];
};

function refused(state: State, now: number, code: NonNullable<Fault>): Step {
  const stop = (phase: Phase): Step => [out(state, phase, code), [...ending(state), { do: 'close-devices' }]];
  switch (code) {
    case 'room-full':
      return stop('full');
    case 'room-locked':
      return stop('locked');
    case 'removed':
    case 'blocked':
      return stop(code);
    case 'already-in-room':
      return stop('busy');
    case 'not-found':
    case 'not-in-room':
    case 'peer-gone':
    case 'wrong-state':
      return stop(state.call ? (state.call.end ?? 'over') : 'gone');
    case 'network':
    case 'timeout':
    case 'unavailable':
    case 'internal':
    case 'conflict':
      // The server may be coming up, or may have heard it: joining twice is joining once.
      if (state.joinBy !== null && now < state.joinBy) return [{ ...state, joinAt: now + AGAIN_MS }, []];
      return stop('failed');
    default:
      return stop('failed');
  }
}

/** A place in the room was given, the first time or again. */
function takePlace(state: State, now: number, joined: Joined, mine: string | undefined): Step {
  const { room, self, participants } = joined;
  // Whoever comes back as the same participant still has the connection to the server.
  const same = isIn(state) && self === state.self && state.link !== 'none' && !state.restarting;
  const away = Object.fromEntries(participants.filter((one) => one.state !== 'connected').map(({ id }) => [id, state.away[id] ?? now]));
  const raised = participants.filter(({ handRaised }) => handRaised).map(({ id }) => id);
  const next: State = {
    ...state,
    phase: 'in',
    code: null,
    restarting: false,
    name: room.name ?? state.name,
    limit: room.maxParticipants,
    call: state.call && (same ? state.call : calls.placed(state.call, mine, joined)),
    locked: room.locked,
    screensForbidden: room.screensForbidden ?? false,
    self,
    people: participants,
    hadCompany: state.hadCompany || participants.length > 1,
    away,
    hands: [...state.hands.filter((id) => raised.includes(id)), ...raised.filter((id) => !state.hands.includes(id))],
    joinAt: null,
    joinBy: null,
  };
  if (same) return state.link === 'broken' ? mend(next, now, [{ do: 'say-media' }]) : [next, [{ do: 'say-media' }]];
  const waits = next.call?.way === 'p2p' && participants.length < 2;
  const begun = waits ? next : fresh(next, now);
  return [next.call?.way === 'p2p' && !waits ? { ...begun, mendAt: now + calls.DIRECT_MS } : begun, [...ending(state), ...calls.opening(next), { do: 'say-media' }]];
}

const fresh = (state: State, now: number): State => ({
  ...state, slots: [], link: 'connecting', brokenAt: state.link === 'none' ? null : (state.brokenAt ?? now), mendAt: now + CONNECT_MS, mends: 0,
});

/** Looks for a new way to the server; if that doesn't help, begins with a new connection. */
function mend(state: State, now: number, effects: Effect[] = []): Step {
  if (state.call?.way === 'p2p') {
    const [next, saying] = calls.direct(state, now);
    return [next, [...effects, ...saying]];
  }
  if (state.mends >= MENDS) return [fresh(state, now), [...effects, { do: 'close-link' }, { do: 'open-link' }, { do: 'say-media' }]];
  return [{ ...state, mendAt: now + MEND_MS, mends: state.mends + 1 }, [...effects, { do: 'mend' }]];
}

/** The room has lost its media or its server, not its people: everybody comes in again by themselves. */
function again(state: State, now: number): Step {
  const next: State = { ...state, restarting: true, link: 'none', slots: [], brokenAt: now, mendAt: null, joinBy: now + TRY_MS, joinAt: now + AGAIN_MS };
  return [next, ending(state)];
}

function closed(state: State, now: number, reason: string): Step {
  const over = (phase: Phase): Step => [out(state, phase), [...ending(state), { do: 'close-devices' }]];
  switch (reason) {
    case 'removed':
      return over('removed');
    case 'left':
      // Of a room, while others stay: its host and I share a block.
      return over(state.call ? 'over' : 'blocked');
    case 'deleted':
      return over('deleted');
    case 'safety':
      return over(state.call ? 'over' : 'safety');
    case 'media-failed':
    case 'server-lost':
      return state.call && calls.isOfTwo(state) ? over('over') : again(state, now);
    default:
      return state.call ? over('over') : again(state, now);
  }
}

function changedState(state: State, now: number, participant: Participant): Step {
  const before = state.people.find(({ id }) => id === participant.id);
  if (!before) return [{ ...state, people: [...state.people, participant] }, []];
  const people = state.people.map((one) => (one.id === participant.id ? participant : one));
  const { [participant.id]: since, ...away } = state.away;
  const next: State = {
    ...state,
    people,
    away: participant.state === 'connected' ? away : { ...away, [participant.id]: since ?? now },
    hands: hands(state.hands, participant.id, participant.handRaised),
    pins: participant.media.screen ? state.pins : state.pins.filter((key) => key !== `${participant.id}/screen`),
  };
  return participant.id === state.self ? aboutMe(next, now, before, participant) : [next, []];
}

function aboutMe(state: State, now: number, before: Participant, mine: Participant): Step {
  if (mine.host && !before.host) return [noted(state, now, 'youHost'), []];
  if (!mine.host && before.host) return [noted(state, now, 'notHost'), []];
  if (mine.muted && !before.muted) return [noted(state, now, 'mutedByHost'), [{ do: 'mute' }]];
  if (!mine.muted && before.muted) return [noted(state, now, 'youMayTalk'), []];
  return [state, []];
}

const hands = (raised: string[], id: string, up: boolean): string[] =>
  up ? (raised.includes(id) ? raised : [...raised, id]) : raised.filter((one) => one !== id);

function left(state: State, now: number, { participant, reason }: ServerEvents['participant-left']): State {
  const next = without(state, participant);
  return noted(next, now, reason === 'lost' ? 'lost' : reason === 'removed' ? 'removed' : 'left', participant.displayName);
}

function without(state: State, participant: Participant): State {
  const { [participant.id]: _, ...away } = state.away;
  return {
    ...state,
    people: state.people.filter(({ id }) => id !== participant.id),
    away,
    hands: hands(state.hands, participant.id, false),
    pins: state.pins.filter((key) => !key.startsWith(`${participant.id}/`)),
    floor: state.floor === participant.id ? null : state.floor,
    speaking: state.speaking === participant.id ? null : state.speaking,
  };
}

function settings(state: State, now: number, { maxParticipants, ...more }: Omit<ServerEvents['room-changed'], 'roomId'>): Step {
  const { locked = state.locked, screensForbidden = state.screensForbidden } = more;
  let next: State = { ...state, limit: maxParticipants, locked, screensForbidden };
  if (locked !== state.locked) next = noted(next, now, locked ? 'locked' : 'unlocked');
  if (screensForbidden !== state.screensForbidden) next = noted(next, now, screensForbidden ? 'screensForbidden' : 'screensAllowed');
  const effects: Effect[] = maxParticipants > state.limit ? [{ do: 'grow', by: maxParticipants - state.limit }] : [];
  if (screensForbidden && !state.screensForbidden && !me(state)?.host) effects.push({ do: 'stop-screen' });
  return [next, effects];
}

function moderated(state: State, now: number, action: HostAction): Step {
  const limit = { maxParticipants: state.limit };
  switch (action) {
    case 'lock':
    case 'unlock':
      return settings(state, now, { ...limit, locked: action === 'lock' });
    case 'forbid-screen':
    case 'allow-screen':
      return settings(state, now, { ...limit, screensForbidden: action === 'forbid-screen' });
    default:
      return [state, []];
  }
}

function backOnline(state: State, resumed: boolean, now: number): Step {
  const up: State = { ...state, online: true, downAt: null };
  if (up.phase === 'joining') return [{ ...up, joinAt: null }, [{ do: 'join' }]];
  if (!isIn(up)) return [up, []];
  // A new session: the place in the room has to be taken again.
  if (!resumed || up.restarting) return [{ ...up, joinAt: null, joinBy: now + TRY_MS }, [{ do: 'join' }]];
  return up.link === 'broken' ? mend(up, now) : [up, []];
}

function linked(state: State, now: number, link: 'connected' | 'broken'): Step {
  if (!isIn(state) || state.link === 'none' || state.link === link) return [state, []];
  if (link === 'connected') return [{ ...state, link, brokenAt: null, mendAt: null, mends: 0 }, []];
  const next: State = { ...state, link, brokenAt: state.brokenAt ?? now };
  return next.online ? mend(next, now) : [{ ...next, mendAt: now }, []];
}

function tick(state: State, now: number): Step {
  const notes = state.notes.filter(({ until }) => now < until);
  const next = notes.length === state.notes.length ? state : { ...state, notes };
  if (!next.online) {
    const late = next.phase === 'joining' && next.joinBy !== null && now >= next.joinBy;
    return late ? [out(next, 'failed', 'network'), []] : [next, []];
  }
  if (next.joinAt !== null && now >= next.joinAt) return [{ ...next, joinAt: null }, [{ do: 'join' }]];
  if (next.mendAt !== null && now >= next.mendAt && isIn(next)) return mend({ ...next, link: 'broken', brokenAt: next.brokenAt ?? now }, now);
  return [next, []];
}

export function handle(state: State, input: Input, now: number): Step {
  const here = (roomId: string | undefined): boolean => isIn(state) && state.roomId === roomId;
  /** On the way into it: the answer to the join says whether there is still something to come into. */
  const coming = (roomId: string): boolean => state.phase === 'joining' && state.roomId === roomId;
  const stop = (phase: Phase): Step => [out(state, phase), [...ending(state), { do: 'close-devices' }]];
  switch (input.is) {
    case 'open':
      return [{ ...START, online: state.online, downAt: state.downAt, layout: state.layout, roomId: input.roomId }, [{ do: 'look' }]];

    case 'open-call': {
      const call = calls.begun(input.with.displayName, input.with.id);
      const next: State = { ...START, online: state.online, downAt: state.downAt, roomId: input.roomId, call, limit: 2, phase: 'joining', joinBy: now + TRY_MS };
      const end = input.ended && calls.endOf(call, input.ended);
      if (end) return [out(next, end), []];
      return [next, next.online ? [{ do: 'join' }] : []];
    }

    case 'looked': {
      const { room, joinUrl } = input.record;
      if (state.phase !== 'looking' || state.roomId !== room.id) return [state, []];
      const { name = '', maxParticipants: limit, owned, locked } = room;
      return [{ ...state, phase: 'lobby', name, limit, owned, locked, joinUrl }, []];
    }

    case 'look-failed':
      if (state.phase !== 'looking' || state.roomId !== input.roomId) return [state, []];
      return [out(state, ['not-found', 'bad-request'].includes(input.code) ? 'gone' : 'failed', input.code), []];

    case 'join':
      if (isIn(state) || state.phase === 'joining' || state.phase === 'looking') return [state, []];
      return [{ ...out(state, 'joining'), joinBy: now + TRY_MS }, state.online ? [{ do: 'join' }] : []];

    case 'joined':
      if (state.roomId !== input.roomId) return [state, []];
      // Left while the answer was on its way: nobody should see an empty place.
      if (state.phase !== 'joining' && !isIn(state)) return [state, [{ do: 'leave' }]];
      // The two have crossed: nobody else was in it, and nobody comes.
      if (state.call?.end && input.joined.participants.length < 2) return stop(state.call.end);
      return takePlace(state, now, input.joined, input.me);

    case 'join-failed':
      if (state.roomId !== input.roomId || (state.phase !== 'joining' && !isIn(state))) return [state, []];
      return refused(state, now, input.code);

    case 'leave':
      if (state.phase === 'joining') return [out(state, state.call ? 'left' : 'lobby'), [{ do: 'leave' }]];
      if (isIn(state) && state.call?.ringing) return [out(state, 'cancelled'), [{ do: 'cancel' }, ...ending(state), { do: 'close-devices' }]];
      return isIn(state) ? [out(state, 'left'), [{ do: 'leave' }, ...ending(state), { do: 'close-devices' }]] : [state, []];

    case 'joined-in': {
      if (!here(input.data.roomId)) return [state, []];
      const { participant } = input.data;
      const known = state.people.some(({ id }) => id === participant.id);
      if (known) return changedState(state, now, participant);
      const next: State = { ...state, people: [...state.people, participant], hadCompany: true };
      return calls.came(noted(next, now, 'joined', participant.displayName), now);
    }

    case 'state':
      return here(input.data.roomId) ? changedState(state, now, input.data.participant) : [state, []];

    case 'gone':
      // Whom I have just blocked is gone already.
      return here(input.data.roomId) && isKnown(state, input.data.participant.id) ? [left(state, now, input.data), []] : [state, []];

    case 'closed':
      return here(input.data.roomId) ? closed(state, now, input.data.reason) : [state, []];

    case 'changed':
      return here(input.data.roomId) ? settings(state, now, input.data) : [state, []];

    case 'slots':
      return here(input.data.roomId) ? [{ ...state, slots: input.data.slots }, []] : [state, []];

    case 'speaker': {
      if (!here(input.data.roomId)) return [state, []];
      const { participantId } = input.data;
      const floor = participantId && participantId !== state.self && isKnown(state, participantId) ? participantId : state.floor;
      return [{ ...state, speaking: participantId, floor }, []];
    }

    case 'hand': {
      if (!here(input.data.roomId)) return [state, []];
      const { from, raised } = input.data;
      const next = { ...state, hands: hands(state.hands, from, raised) };
      return [raised && from !== state.self && isKnown(state, from) ? noted(next, now, 'hand', nameOf(state, from)) : next, []];
    }

    case 'moderated':
      return isIn(state) ? moderated(state, now, input.action) : [state, []];

    case 'note':
      return isIn(state) ? [noted(state, now, input.note), []] : [state, []];

    case 'pin': {
      const pinned = state.pins.includes(input.key);
      return [{ ...state, pins: pinned ? state.pins.filter((key) => key !== input.key) : [...state.pins, input.key] }, []];
    }

    case 'parted': {
      if (!isIn(state)) return [state, []];
      const next = state.people.filter(({ userId }) => userId === input.userId).reduce(without, state);
      return [noted(next, now, input.how, input.name), []];
    }

    case 'layout':
      return [{ ...state, layout: state.layout === 'grid' ? 'speaker' : 'grid', pins: [] }, []];

    case 'link':
      // Beside a direct way the one through the server counts when the server says so.
      if (state.call?.way === 'p2p') return [state, state.call.moving && input.state === 'broken' ? [{ do: 'mend' }] : []];
      return linked(state, now, input.state);

    case 'peer-link':
      return isIn(state) ? calls.peerLinked(state, now, input.state) : [state, []];

    case 'move':
      return here(input.roomId) ? calls.move(state) : [state, []];

    case 'moved':
      return here(input.roomId) ? calls.moved(state) : [state, []];

    case 'call-accepted':
      return here(input.data.roomId) && state.call ? [{ ...state, call: calls.answered(state.call, input.data.userId) }, []] : [state, []];

    case 'calling-in':
      return isIn(state) && state.call ? [{ ...state, call: { ...state.call, called: [...state.call.called, input.userId] } }, []] : [state, []];

    case 'call-declined':
      if (coming(input.data.roomId)) return [calls.endedBefore(state, { userId: input.data.userId }), []];
      if (!here(input.data.roomId) || !state.call) return [state, []];
      if (state.call.ringing) return stop('declined');
      return [noted({ ...state, call: calls.refusedBy(state.call, input.data.userId) }, now, 'notComing', input.name), []];

    case 'call-ended':
      if (coming(input.data.roomId)) return [calls.endedBefore(state, { reason: input.data.reason }), []];
      return here(input.data.roomId) && state.call ? stop(calls.phaseOf(input.data.reason)) : [state, []];

    case 'network':
      // Another network: the old way may be dead before anybody has noticed.
      return isIn(state) && state.online && state.link !== 'none' ? mend({ ...state, link: 'broken', brokenAt: now, mends: 0 }, now) : [state, []];

    case 'not-in-room':
      return isIn(state) && state.joinAt === null ? again(state, now) : [state, []];

    case 'seat-taken': {
      const mine = input.roomId === undefined || here(input.roomId);
      if (!mine || (!isIn(state) && state.phase !== 'joining')) return [state, []];
      return [out(state, 'other-tab'), [...ending(state), { do: 'close-devices' }]];
    }

    case 'seat-free':
      return state.phase === 'other-tab' ? [out(state, 'left'), []] : [state, []];

    case 'draining':
      return isIn(state) ? [{ ...state, restarting: true }, []] : [state, []];

    case 'socket-down':
      return [{ ...state, online: false, downAt: state.downAt ?? now }, []];

    case 'socket-up':
      return backOnline(state, input.resumed, now);

    case 'tick':
      return tick(state, now);
  }
}
