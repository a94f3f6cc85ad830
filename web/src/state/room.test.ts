import { describe, expect, test } from 'vitest';

import type { Joined, Participant, ServerEvents } from '../protocol/types';
import { AGAIN_MS, AWAY_MS, CONNECT_MS, type Effect, handle, type Input, isAway, MEND_MS, me, NOTE_MS, START, type State, TRY_MS } from './room';

const person = (id: string, more: Partial<Participant> = {}): Participant => ({
  id, userId: `usr_${id}`, displayName: id, avatarUrl: null, band: 'new', state: 'connected',
  media: { audio: true, video: true, screen: false }, host: false, handRaised: false, ...more,
});
const answer = (self = 'me', others: Participant[] = [person('ann', { host: true })]): Joined => ({
  room: { id: 'rm_1', maxParticipants: 10, locked: false }, self, participants: [...others, person(self)], iceServers: [],
});
const record = (locked = false, owned = false) => ({
  room: { id: 'rm_1', name: 'Lunch', maxParticipants: 10, locked, owned }, joinUrl: 'https://example.test/room/rm_1',
});
const event = <N extends keyof ServerEvents>(data: Omit<ServerEvents[N], 'roomId'>): ServerEvents[N] => ({ roomId: 'rm_1', ...data }) as ServerEvents[N];

/** A page with a clock that is turned by hand. */
class Scene {
  state: State = START;
  now = 1_000;
  did: Effect[] = [];

  give(...inputs: Input[]): this {
    for (const input of inputs) {
      const [state, effects] = handle(this.state, input, this.now);
      this.state = state;
      this.did.push(...effects);
    }
    return this;
  }

  after(ms: number): this {
    this.now += ms;
    return this.give({ is: 'tick' });
  }

  /** What was done since the last question. */
  get done(): string[] {
    return this.did.splice(0).map(({ do: what }) => what);
  }

  get notes(): string[] {
    return this.state.notes.map(({ is, name }) => (name ? `${is} ${name}` : is));
  }

  get ids(): string[] {
    return this.state.people.map(({ id }) => id);
  }

  lobby(): this {
    return this.give({ is: 'socket-up', resumed: false }, { is: 'open', roomId: 'rm_1' }, { is: 'looked', record: record() });
  }

  inside(joined = answer()): this {
    this.lobby().give({ is: 'join' }, { is: 'joined', roomId: 'rm_1', joined }, { is: 'link', state: 'connected' });
    this.did = [];
    return this;
  }

  changes(who: Participant): this {
    return this.give({ is: 'state', data: event<'participant-state'>({ participant: who }) });
  }
}

describe('company', () => {
  test('is remembered when the others have gone', () => {
    const alone = new Scene().inside(answer('me', []));
    expect(alone.state.hadCompany).toBe(false);
    alone.give({ is: 'joined-in', data: event<'participant-joined'>({ participant: person('ann') }) });
    alone.give({ is: 'gone', data: event<'participant-left'>({ participant: person('ann'), reason: 'left' }) });
    expect([alone.ids, alone.state.hadCompany]).toEqual([['me'], true]);
    expect(new Scene().inside().state.hadCompany).toBe(true);
  });
});

describe('the way in', () => {
  test('a link is looked up, the lobby waits, Join joins and opens one connection', () => {
    const scene = new Scene().give({ is: 'socket-up', resumed: false }, { is: 'open', roomId: 'rm_1' });
    expect([scene.state.phase, scene.done]).toEqual(['looking', ['look']]);
    scene.give({ is: 'looked', record: record() });
    expect([scene.state.phase, scene.state.name, scene.done]).toEqual(['lobby', 'Lunch', []]);
    scene.give({ is: 'join' });
    expect([scene.state.phase, scene.done]).toEqual(['joining', ['join']]);
    scene.give({ is: 'joined', roomId: 'rm_1', joined: answer() });
    expect([scene.state.phase, scene.state.link, scene.done]).toEqual(['in', 'connecting', ['open-link', 'say-media']]);
    scene.give({ is: 'link', state: 'connected' });
    expect([scene.state.link, scene.ids, me(scene.state)?.id]).toEqual(['connected', ['ann', 'me'], 'me']);
  });

  test('a link that leads nowhere says so; whether the room is locked, and mine, is known before', () => {
    const gone = new Scene().give({ is: 'open', roomId: 'rm_1' }, { is: 'look-failed', roomId: 'rm_1', code: 'not-found' });
    expect(gone.state.phase).toBe('gone');
    const { locked, owned } = new Scene().give({ is: 'open', roomId: 'rm_1' }, { is: 'looked', record: record(true, true) }).state;
    expect([locked, owned]).toEqual([true, true]);
  });

  test.each([
    ['room-full', 'full'], ['room-locked', 'locked'], ['removed', 'removed'], ['not-found', 'gone'], ['already-in-room', 'busy'], ['suspended', 'failed'],
  ] as const)('a refusal for %s has a page of its own, and lets the camera go', (code, phase) => {
    const scene = new Scene().lobby().give({ is: 'join' }, { is: 'join-failed', roomId: 'rm_1', code });
    expect([scene.state.phase, scene.state.code]).toEqual([phase, code]);
    expect(scene.done).toContain('close-devices');
    scene.give({ is: 'join' });
    expect([scene.state.phase, scene.done]).toEqual(['joining', ['join']]);
  });

  test('a server that doesn’t answer is asked again for a while, then the page says so', () => {
    const scene = new Scene().lobby().give({ is: 'join' }, { is: 'join-failed', roomId: 'rm_1', code: 'timeout' });
    scene.did = [];
    expect(scene.after(AGAIN_MS).done).toEqual(['join']);
    scene.after(TRY_MS).give({ is: 'join-failed', roomId: 'rm_1', code: 'timeout' });
    expect(scene.state.phase).toBe('failed');
  });

  test('Join while offline waits for the server', () => {
    const scene = new Scene().lobby().give({ is: 'socket-down' }, { is: 'join' });
    scene.did = [];
    expect(scene.give({ is: 'socket-up', resumed: false }).done).toEqual(['join']);
    const late = new Scene().lobby().give({ is: 'socket-down' }, { is: 'join' }).after(TRY_MS);
    expect(late.state.phase).toBe('failed');
  });

  test('whoever leaves while the join is on its way leaves no empty place', () => {
    const scene = new Scene().lobby().give({ is: 'join' }, { is: 'leave' });
    expect([scene.state.phase, scene.done]).toEqual(['lobby', ['look', 'join', 'leave']]);
    expect(scene.give({ is: 'joined', roomId: 'rm_1', joined: answer() }).done).toEqual(['leave']);
    expect(scene.state.phase).toBe('lobby');
  });

  test('an answer about another room changes nothing', () => {
    const scene = new Scene().lobby().give({ is: 'join' }, { is: 'joined', roomId: 'rm_2', joined: answer() });
    expect(scene.state.phase).toBe('joining');
  });
});

describe('people', () => {
  test('come and go, each once, with a word', () => {
    const scene = new Scene().inside().give({ is: 'joined-in', data: event<'participant-joined'>({ participant: person('ben') }) });
    scene.give({ is: 'joined-in', data: event<'participant-joined'>({ participant: person('ben') }) });
    expect([scene.ids, scene.notes]).toEqual([['ann', 'me', 'ben'], ['joined ben']]);
    scene.give({ is: 'gone', data: event<'participant-left'>({ participant: person('ben'), reason: 'lost' }) });
    expect([scene.ids, scene.notes]).toEqual([['ann', 'me'], ['joined ben', 'lost ben']]);
    expect(scene.after(NOTE_MS).notes).toEqual([]);
  });

  test('whoever is away keeps their place, is shown so after a moment, and comes back', () => {
    const scene = new Scene().inside().changes(person('ann', { state: 'reconnecting' }));
    expect(isAway(scene.state, 'ann', scene.now)).toBe(false);
    scene.after(AWAY_MS).changes(person('ann', { state: 'reconnecting' }));
    expect([isAway(scene.state, 'ann', scene.now), scene.ids]).toEqual([true, ['ann', 'me']]);
    scene.changes(person('ann'));
    expect(isAway(scene.state, 'ann', scene.now)).toBe(false);
  });

  test('hands stand in the order they were raised', () => {
    const scene = new Scene().inside(answer('me', [person('ann'), person('ben')]));
    scene.give({ is: 'hand', data: event<'hand'>({ from: 'ben', raised: true }) }).changes(person('ben', { handRaised: true }));
    scene.changes(person('me', { handRaised: true })).changes(person('ann', { handRaised: true }));
    expect([scene.state.hands, scene.notes]).toEqual([['ben', 'me', 'ann'], ['hand ben']]);
    scene.changes(person('me'));
    expect(scene.state.hands).toEqual(['ben', 'ann']);
  });

  test('whoever spoke last has the floor; I am heard, but never put before myself', () => {
    const scene = new Scene().inside().give({ is: 'speaker', data: event<'active-speaker'>({ participantId: 'ann', levels: [] }) });
    scene.give({ is: 'speaker', data: event<'active-speaker'>({ participantId: 'me', levels: [] }) });
    expect([scene.state.floor, scene.state.speaking]).toEqual(['ann', 'me']);
    scene.give({ is: 'gone', data: event<'participant-left'>({ participant: person('ann'), reason: 'left' }) });
    expect(scene.state.floor).toBe(null);
  });

  test('a pin goes with its picture', () => {
    const scene = new Scene().inside().give({ is: 'pin', key: 'ann/camera' }, { is: 'pin', key: 'ann/screen' });
    scene.changes(person('ann'));
    expect(scene.state.pins).toEqual(['ann/camera']);
    scene.give({ is: 'gone', data: event<'participant-left'>({ participant: person('ann'), reason: 'left' }) });
    expect(scene.state.pins).toEqual([]);
  });

  test('who is on which line is what the server said last', () => {
    const slots = [{ mid: '8', participantId: 'ann', source: 'camera' as const }];
    const scene = new Scene().inside().give({ is: 'slots', data: event<'slots'>({ slots }) });
    expect(scene.state.slots).toEqual(slots);
    scene.give({ is: 'slots', data: { roomId: 'rm_2', slots: [] } });
    expect([scene.state.slots, scene.done]).toEqual([slots, []]);
  });
});

describe('the host', () => {
  test('mutes me: my microphone goes off, and I am told; then I may talk again', () => {
    const scene = new Scene().inside().changes(person('me', { muted: true, media: { audio: false, video: true, screen: false } }));
    expect([scene.done, scene.notes]).toEqual([['mute'], ['mutedByHost']]);
    scene.changes(person('me'));
    expect([scene.done, scene.notes]).toEqual([[], ['mutedByHost', 'youMayTalk']]);
  });

  test('makes me host', () => {
    expect(new Scene().inside().changes(person('me', { host: true })).notes).toEqual(['youHost']);
  });

  test('forbids screens: mine is stopped, unless I am the host', () => {
    const changed: Input = { is: 'changed', data: event<'room-changed'>({ maxParticipants: 10, locked: false, screensForbidden: true }) };
    expect(new Scene().inside().give(changed).done).toEqual(['stop-screen']);
    const host = new Scene().inside().changes(person('me', { host: true })).give({ is: 'moderated', action: 'forbid-screen' });
    expect([host.state.screensForbidden, host.done]).toEqual([true, []]);
  });

  test('removes me, or ends the room: the page says which, and everything is let go', () => {
    for (const [reason, phase] of [['removed', 'removed'], ['deleted', 'deleted'], ['safety', 'safety']]) {
      const scene = new Scene().inside().give({ is: 'closed', data: event<'room-closed'>({ reason: reason ?? '' }) });
      expect([scene.state.phase, scene.done]).toEqual([phase, ['close-link', 'close-devices']]);
    }
  });

  test('lets more people in: receiving lines are added', () => {
    const scene = new Scene().inside().give({ is: 'changed', data: event<'room-changed'>({ maxParticipants: 12 }) });
    expect(scene.did).toEqual([{ do: 'grow', by: 2 }]);
  });
});

describe('bad days', () => {
  test('a broken connection is mended at once, again after a moment, and then begun anew', () => {
    const scene = new Scene().inside().give({ is: 'link', state: 'broken' });
    expect([scene.state.link, scene.state.brokenAt, scene.done]).toEqual(['broken', scene.now, ['mend']]);
    expect(scene.after(MEND_MS).done).toEqual(['mend']);
    expect(scene.after(MEND_MS).done).toEqual(['close-link', 'open-link', 'say-media']);
    scene.give({ is: 'link', state: 'connected' });
    expect([scene.state.link, scene.state.brokenAt, scene.after(CONNECT_MS).done]).toEqual(['connected', null, []]);
  });

  test('a connection that never comes up isn’t waited for', () => {
    const scene = new Scene().lobby().give({ is: 'join' }, { is: 'joined', roomId: 'rm_1', joined: answer() });
    scene.did = [];
    expect(scene.after(CONNECT_MS).done).toEqual(['mend']);
  });

  test('another network is used at once', () => {
    expect(new Scene().inside().give({ is: 'network' }).done).toEqual(['mend']);
  });

  test('while the server is out of reach nothing is tried; once it is back, at once', () => {
    const scene = new Scene().inside().give({ is: 'socket-down' }, { is: 'link', state: 'broken' }).after(MEND_MS);
    expect(scene.done).toEqual([]);
    expect(scene.give({ is: 'socket-up', resumed: true }).done).toEqual(['mend']);
  });

  test('a lost session takes the same place again, and the connection goes on', () => {
    const scene = new Scene().inside().give({ is: 'socket-down' }, { is: 'socket-up', resumed: false });
    expect(scene.done).toEqual(['join']);
    scene.give({ is: 'joined', roomId: 'rm_1', joined: answer() });
    expect([scene.state.link, scene.done]).toEqual(['connected', ['say-media']]);
  });

  test('whoever comes back as another participant needs another connection', () => {
    const scene = new Scene().inside().give({ is: 'socket-down' }, { is: 'socket-up', resumed: false });
    scene.did = [];
    scene.give({ is: 'joined', roomId: 'rm_1', joined: answer('me-2') });
    expect(scene.done).toEqual(['close-link', 'open-link', 'say-media']);
  });

  test('a room that lost its media is come into again by itself, with everybody in their place', () => {
    const scene = new Scene().inside().give({ is: 'closed', data: event<'room-closed'>({ reason: 'media-failed' }) });
    expect([scene.state.phase, scene.state.restarting, scene.ids, scene.done]).toEqual(['in', true, ['ann', 'me'], ['close-link']]);
    expect(scene.after(AGAIN_MS).done).toEqual(['join']);
    scene.give({ is: 'joined', roomId: 'rm_1', joined: answer('me-2') });
    expect([scene.state.restarting, scene.done]).toEqual([false, ['open-link', 'say-media']]);
  });

  test('a server that restarts is come back to, for as long as that can take', () => {
    const scene = new Scene().inside().give({ is: 'draining' }, { is: 'socket-down' }).after(5_000).give({ is: 'socket-up', resumed: false });
    expect(scene.done).toEqual(['join']);
    scene.give({ is: 'join-failed', roomId: 'rm_1', code: 'unavailable' });
    expect(scene.state.phase).toBe('in');
    scene.after(TRY_MS).give({ is: 'join-failed', roomId: 'rm_1', code: 'unavailable' });
    expect(scene.state.phase).toBe('failed');
  });

  test('another page of mine takes the call: this one lets everything go', () => {
    const scene = new Scene().inside().give({ is: 'seat-taken', roomId: 'rm_1' });
    expect([scene.state.phase, scene.done]).toEqual(['other-tab', ['close-link', 'close-devices']]);
    scene.give({ is: 'join' });
    expect(scene.done).toEqual(['join']);
  });

  test('and when that one has left, this one no longer speaks of it', () => {
    const scene = new Scene().inside().give({ is: 'seat-taken', roomId: 'rm_1' }, { is: 'seat-free' });
    expect(scene.state.phase).toBe('left');
    expect(new Scene().inside().give({ is: 'seat-free' }).state.phase).toBe('in');
  });
});

test('Leave leaves, closes the connection and lets the camera go', () => {
  const scene = new Scene().inside().give({ is: 'leave' });
  expect([scene.state.phase, scene.state.people, scene.done]).toEqual(['left', [], ['leave', 'close-link', 'close-devices']]);
});

test('whom I reported or blocked is gone at once, and said so once', () => {
  const scene = new Scene().inside(answer('me', [person('ann'), person('ben')]));
  scene.give({ is: 'pin', key: 'ann/camera' }, { is: 'speaker', data: event<'active-speaker'>({ participantId: 'ann', levels: [] }) });
  scene.give({ is: 'parted', how: 'reported', userId: 'usr_ann', name: 'ann' });
  expect(scene.ids).toEqual(['ben', 'me']);
  expect([scene.state.pins, scene.state.floor]).toEqual([[], null]);
  scene.give({ is: 'gone', data: event<'participant-left'>({ participant: person('ann'), reason: 'left' }) });
  expect(scene.notes).toContain('reported ann');
  expect(scene.notes).not.toContain('left ann');
});

test('a block between me and the host ends my stay and says so, in the room and at its door', () => {
  const scene = new Scene().inside().give({ is: 'closed', data: event<'room-closed'>({ reason: 'left' }) });
  expect([scene.state.phase, scene.state.people]).toEqual(['blocked', []]);
  const outside = new Scene().lobby().give({ is: 'join' }, { is: 'join-failed', roomId: 'rm_1', code: 'blocked' });
  expect(outside.state.phase).toBe('blocked');
});
