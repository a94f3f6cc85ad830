import { describe, expect, test } from 'vitest';

import type { Match, Participant } from '../protocol/types';
import { CONNECT_MS, type Effect, handle, type Input, isActive, NEXT_MS, START, type State } from './chat';

const peer = { userId: 'usr_2', displayName: 'Ben', avatarUrl: null, band: 'new' as const, commonInterests: [] };
const match = (roomId = 'rm_1', initiator = true): Match => ({
  roomId, self: 'par_1', peerId: 'par_2', initiator, peer, transport: 'p2p', iceServers: [],
});
const participant = (id: string, state: Participant['state'] = 'connected'): Participant => ({
  id, userId: 'usr_2', displayName: 'Ben', avatarUrl: null, band: 'new', state,
  media: { audio: true, video: true, screen: false },
});

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

  searching(): this {
    return this.give({ is: 'socket-up', resumed: false }, { is: 'start' }, { is: 'devices-ready' });
  }

  connecting(): this {
    return this.searching().give({ is: 'match', match: match() }, { is: 'joined', roomId: 'rm_1', participants: [{ id: 'par_1' }] });
  }

  live(): this {
    this.connecting().give(
      { is: 'joined-in', data: { roomId: 'rm_1', participant: participant('par_2') } },
      { is: 'link', roomId: 'rm_1', state: 'connected' },
    );
    this.did = [];
    return this;
  }
}

describe('from start to live', () => {
  test('Start asks for the devices, then searches, joins, offers and is live', () => {
    const scene = new Scene().give({ is: 'socket-up', resumed: false }, { is: 'start' });
    expect([scene.state.phase, scene.done]).toEqual(['permission', ['get-devices']]);
    scene.give({ is: 'devices-ready' });
    expect([scene.state.phase, scene.done]).toEqual(['searching', ['find-match']]);
    scene.give({ is: 'match', match: match() });
    expect([scene.state.phase, scene.done]).toEqual(['connecting', ['join']]);
    scene.give({ is: 'joined', roomId: 'rm_1', participants: [{ id: 'par_1' }] });
    expect(scene.done).toEqual([]);
    scene.give({ is: 'joined-in', data: { roomId: 'rm_1', participant: participant('par_2') } });
    expect(scene.done).toEqual(['offer']);
    scene.give({ is: 'link', roomId: 'rm_1', state: 'connected' });
    expect([scene.state.phase, isActive(scene.state)]).toEqual(['live', true]);
  });

  test('the partner who is in before me is offered to at once, and only once', () => {
    const scene = new Scene().searching().give({ is: 'match', match: match() });
    scene.did = [];
    const here = [{ id: 'par_1' }, { id: 'par_2' }];
    scene.give({ is: 'joined', roomId: 'rm_1', participants: here }, { is: 'joined-in', data: { roomId: 'rm_1', participant: participant('par_2') } });
    expect(scene.done).toEqual(['offer']);
  });

  test('whoever isn’t the initiator waits for the offer', () => {
    const scene = new Scene().searching().give({ is: 'match', match: match('rm_1', false) });
    scene.did = [];
    scene.give({ is: 'joined', roomId: 'rm_1', participants: [{ id: 'par_1' }, { id: 'par_2' }] });
    expect(scene.done).toEqual([]);
  });

  test('without devices the page says so, and going on without them searches', () => {
    const scene = new Scene().give({ is: 'start' }, { is: 'devices-failed' });
    expect([scene.state.phase, isActive(scene.state)]).toEqual(['device-problem', false]);
    scene.give({ is: 'devices-ready' });
    expect(scene.state.phase).toBe('searching');
  });

  test('Start while busy does nothing', () => {
    const scene = new Scene().live().give({ is: 'start' });
    expect([scene.state.phase, scene.done]).toEqual(['live', []]);
  });
});

describe('races', () => {
  test('a match that comes after Stop is left, so that the partner doesn’t wait', () => {
    const scene = new Scene().searching().give({ is: 'stop' });
    expect(scene.done).toContain('cancel-match');
    scene.give({ is: 'match', match: match() });
    expect([scene.state.phase, scene.did]).toEqual(['idle', [{ do: 'leave', roomId: 'rm_1' }]]);
  });

  test('events of an earlier room change nothing', () => {
    const scene = new Scene().live().give({ is: 'next' }, { is: 'match', match: match('rm_2') });
    scene.did = [];
    const before = scene.state;
    const old = { roomId: 'rm_1', participant: participant('par_2') };
    scene.give(
      { is: 'left', data: { ...old, reason: 'left' } },
      { is: 'closed', data: { roomId: 'rm_1', reason: 'left' } },
      { is: 'state', data: old, graceMs: 1 },
      { is: 'joined', roomId: 'rm_1', participants: [{ id: 'par_2' }] },
      { is: 'joined-in', data: old },
      { is: 'join-failed', roomId: 'rm_1', code: 'not-in-room' },
      { is: 'link', roomId: 'rm_1', state: 'failed' },
    );
    expect([scene.state, scene.done]).toEqual([before, []]);
  });

  test('both press Next at once: each searches, and the other’s going changes nothing', () => {
    const scene = new Scene().live().give({ is: 'next' });
    expect([scene.state.phase, scene.done]).toEqual(['searching', ['close-peer', 'next']]);
    scene.give({ is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'left' } });
    expect([scene.state.phase, scene.done]).toEqual(['searching', []]);
  });

  test('Next pressed over and over asks once a call', () => {
    const scene = new Scene().live().give({ is: 'next' }, { is: 'next' }, { is: 'next' });
    expect(scene.done).toEqual(['close-peer', 'next']);
  });

  test('another tab takes over: this one ends quietly and can take it back', () => {
    const scene = new Scene().live().give({ is: 'seat-taken' });
    expect([scene.state.phase, scene.done]).toEqual(['other-tab', ['close-peer']]);
    scene.give({ is: 'start' });
    expect(scene.state.phase).toBe('permission');
    expect(new Scene().give({ is: 'seat-taken' }).state.phase).toBe('idle');
  });

  test('a call in another tab is told, and *Use here* ends it there', () => {
    const scene = new Scene().searching().give({ is: 'search-failed', code: 'already-in-room' });
    expect([scene.state.phase, isActive(scene.state)]).toEqual(['other-tab', false]);
    scene.did = [];
    scene.give({ is: 'start' }, { is: 'devices-ready' });
    expect([scene.state.phase, scene.done]).toEqual(['searching', ['get-devices', 'next']]);
    scene.give({ is: 'stop' }, { is: 'start' }, { is: 'devices-ready' });
    expect(scene.done).toEqual(['cancel-match', 'get-devices', 'find-match']);
  });
});

describe('what goes wrong', () => {
  test('two who can’t connect in time say so to the server, to the person, and go on', () => {
    const scene = new Scene().connecting().give({ is: 'joined-in', data: { roomId: 'rm_1', participant: participant('par_2') } });
    scene.did = [];
    scene.after(CONNECT_MS - 1);
    expect(scene.state.phase).toBe('connecting');
    scene.after(1);
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['searching', 'noConnection', ['say-failed', 'close-peer', 'next']]);
  });

  test('a link that fails in the call is told and left', () => {
    const scene = new Scene().live().give({ is: 'link', roomId: 'rm_1', state: 'failed' });
    expect([scene.state.phase, scene.state.note]).toEqual(['searching', 'theyWereLost']);
  });

  test('a partner who never comes costs nothing: the server searches on', () => {
    const scene = new Scene().connecting();
    scene.did = [];
    scene.give({ is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'lost' } });
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['searching', 'neverCame', ['close-peer']]);
  });

  test('a partner who leaves is named, and the next search starts by itself', () => {
    const scene = new Scene().live().give({ is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'left' } });
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['left', 'theyLeft', ['close-peer']]);
    expect(scene.after(NEXT_MS).done).toEqual(['next']);
  });

  test('offline, the next search waits until the connection is back', () => {
    const scene = new Scene().live().give({ is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'lost' } });
    scene.give({ is: 'socket-down' });
    scene.did = [];
    expect(scene.after(NEXT_MS * 2).done).toEqual([]);
    expect(scene.give({ is: 'socket-up', resumed: true }).after(0).done).toEqual(['next']);
  });

  test('a partner’s lost connection is waited for, and the return is seen', () => {
    const scene = new Scene().live().give({ is: 'state', data: { roomId: 'rm_1', participant: participant('par_2', 'reconnecting') }, graceMs: 15_000 });
    expect([scene.state.phase, scene.state.awayUntil]).toEqual(['reconnecting', scene.now + 15_000]);
    scene.give({ is: 'state', data: { roomId: 'rm_1', participant: participant('par_2') }, graceMs: 15_000 });
    expect([scene.state.phase, scene.state.awayUntil]).toEqual(['live', null]);
  });

  test('a call that lives on takes its place again when the session was lost', () => {
    const scene = new Scene().live().give({ is: 'socket-down' }, { is: 'socket-up', resumed: false });
    expect([scene.state.phase, scene.did]).toEqual(['live', [{ do: 'rejoin', roomId: 'rm_1' }]]);
    scene.did = [];
    scene.give({ is: 'rejoin-failed', roomId: 'rm_1', code: 'not-in-room' });
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['left', 'youWereLost', ['close-peer']]);
  });

  test('a resumed session changes nothing, a new one searches anew', () => {
    const resumed = new Scene().searching();
    resumed.did = [];
    expect(resumed.give({ is: 'socket-down' }, { is: 'socket-up', resumed: true }).done).toEqual([]);
    expect(resumed.give({ is: 'socket-down' }, { is: 'socket-up', resumed: false }).done).toEqual(['find-match']);
  });

  test('each refusal of a search has its own end', () => {
    const after = (code: string): State => new Scene().searching().give({ is: 'search-failed', code }).state;
    expect([after('rate-limited').phase, after('rate-limited').note]).toEqual(['idle', 'slowDown']);
    expect(after('suspended').phase).toBe('suspended');
    expect(after('network').phase).toBe('searching');
    expect(after('unavailable').phase).toBe('server-full');
    const full = new Scene().searching().give({ is: 'search-failed', code: 'unavailable' });
    full.did = [];
    expect(full.after(NEXT_MS).done).toEqual(['find-match']);
  });

  test('a call ended for safety stops there', () => {
    const scene = new Scene().live().give({ is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'safety' } });
    expect([scene.state.phase, isActive(scene.state)]).toEqual(['ended-safety', false]);
  });
});

describe('report and block', () => {
  test('in a call they go on to the next person, with thanks', () => {
    const scene = new Scene().live().give({ is: 'after-report' });
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['searching', 'thanks', ['close-peer', 'next']]);
    expect(new Scene().live().give({ is: 'after-block' }).state.note).toBe('blocked');
  });

  test('after a stop they only say thanks', () => {
    const scene = new Scene().live().give({ is: 'stop' });
    scene.did = [];
    scene.give({ is: 'after-report' });
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['idle', 'thanks', []]);
  });
});
