import { describe, expect, test } from 'vitest';

import type { Match, Participant } from '../protocol/types';
import { AGAIN_MS, canGoOn, CONNECT_MS, type Effect, handle, type Input, isActive, meant, MEND_MS, MOVE_MS, NEXT_MS, NOTE_MS, START, type State, STAY_MS, wouldEnd } from './chat';

const peer = { userId: 'usr_2', displayName: 'Ben', avatarUrl: null, band: 'new' as const, commonInterests: [] };
const match = (roomId = 'rm_1', initiator = true, transport: Match['transport'] = 'p2p'): Match => ({
  roomId, self: 'par_1', peerId: 'par_2', initiator, peer, transport, iceServers: [],
});
const participant = (id: string, state: Participant['state'] = 'connected'): Participant => ({
  id, userId: 'usr_2', displayName: 'Ben', avatarUrl: null, band: 'new', state, host: false, handRaised: false,
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
      { is: 'link', roomId: 'rm_1', path: 'p2p', state: 'connected' },
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
    scene.give({ is: 'link', roomId: 'rm_1', path: 'p2p', state: 'connected' });
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

  test('Stop puts camera and microphone away, in every state', () => {
    for (const scene of [new Scene().searching(), new Scene().connecting(), new Scene().live(), new Scene().give({ is: 'start' })]) {
      scene.did = [];
      scene.give({ is: 'stop' });
      expect(scene.state.phase).toBe('idle');
      expect(scene.done).toContain('close-devices');
    }
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
      { is: 'link', roomId: 'rm_1', path: 'p2p', state: 'failed' },
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
    expect([scene.state.phase, scene.done]).toEqual(['other-tab', ['close-peer', 'close-devices']]);
    scene.give({ is: 'start' }, { is: 'devices-ready' });
    expect([scene.state.phase, scene.done]).toEqual(['searching', ['get-devices', 'next']]);
    expect(new Scene().give({ is: 'seat-taken' }).state.phase).toBe('idle');
  });

  test('a call in another tab is told, and *Use here* ends it there', () => {
    const scene = new Scene().searching().give({ is: 'search-failed', ask: 'find-match', code: 'already-in-room' });
    expect([scene.state.phase, isActive(scene.state)]).toEqual(['other-tab', false]);
    scene.did = [];
    scene.give({ is: 'start' }, { is: 'devices-ready' });
    expect([scene.state.phase, scene.done]).toEqual(['searching', ['get-devices', 'next']]);
    scene.give({ is: 'stop' }, { is: 'start' }, { is: 'devices-ready' });
    expect(scene.done).toEqual(['close-devices', 'cancel-match', 'get-devices', 'find-match']);
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

  test('a link that breaks in the call is mended by whoever made the offer', () => {
    const scene = new Scene().live().give({ is: 'link', roomId: 'rm_1', path: 'p2p', state: 'failed' });
    expect([scene.state.phase, scene.done]).toEqual(['reconnecting', ['mend']]);
    scene.give({ is: 'link', roomId: 'rm_1', path: 'p2p', state: 'failed' });
    expect(scene.done).toEqual([]);
    scene.give({ is: 'link', roomId: 'rm_1', path: 'p2p', state: 'connecting' }, { is: 'link', roomId: 'rm_1', path: 'p2p', state: 'connected' });
    expect([scene.state.phase, scene.state.mendBy]).toEqual(['live', null]);

    const other = new Scene().searching().give({ is: 'match', match: match('rm_1', false) });
    other.give({ is: 'joined', roomId: 'rm_1', participants: [{ id: 'par_2' }] }, { is: 'link', roomId: 'rm_1', path: 'p2p', state: 'connected' });
    other.did = [];
    other.give({ is: 'link', roomId: 'rm_1', path: 'p2p', state: 'failed' });
    expect([other.state.phase, other.done]).toEqual(['reconnecting', []]);
  });

  test('a link that isn’t mended in time is told and left', () => {
    const scene = new Scene().live().give({ is: 'link', roomId: 'rm_1', path: 'p2p', state: 'failed' });
    scene.did = [];
    scene.after(MEND_MS);
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['searching', 'theyWereLost', ['say-failed', 'close-peer', 'next']]);
  });

  test('offline nobody is given up, and the link is mended when the socket is back', () => {
    const scene = new Scene().live().give({ is: 'socket-down' }, { is: 'link', roomId: 'rm_1', path: 'p2p', state: 'failed' });
    expect([scene.state.phase, scene.after(MEND_MS * 2).done]).toEqual(['reconnecting', []]);
    scene.give({ is: 'socket-up', resumed: true });
    expect([scene.state.phase, scene.state.mendBy, scene.done]).toEqual(['reconnecting', scene.now + MEND_MS, ['mend']]);
  });

  test('a partner who is away and a broken link must both be well again', () => {
    const away = (state: Participant['state']): Input => ({ is: 'state', data: { roomId: 'rm_1', participant: participant('par_2', state) }, graceMs: 15_000 });
    const scene = new Scene().live().give(away('reconnecting'), { is: 'link', roomId: 'rm_1', path: 'p2p', state: 'failed' }, away('connected'));
    expect(scene.state.phase).toBe('reconnecting');
    scene.give({ is: 'link', roomId: 'rm_1', path: 'p2p', state: 'connected' });
    expect(scene.state.phase).toBe('live');
  });

  test('a match that can’t be joined is left and the search goes on, whatever the reason', () => {
    for (const code of ['not-in-room', 'peer-gone', 'timeout', 'network']) {
      const scene = new Scene().searching().give({ is: 'match', match: match() });
      scene.did = [];
      scene.give({ is: 'join-failed', roomId: 'rm_1', code });
      expect([scene.state.phase, scene.state.note, scene.done], code).toEqual(['searching', 'neverCame', ['close-peer', 'next']]);
    }
    const scene = new Scene().searching().give({ is: 'match', match: match() }, { is: 'join-failed', roomId: 'rm_1', code: 'already-in-room' });
    expect([scene.state.phase, scene.state.takeOver]).toEqual(['other-tab', true]);
  });

  test('a partner who never comes costs nothing: the server searches on', () => {
    const scene = new Scene().connecting();
    scene.did = [];
    scene.give({ is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'lost' } });
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['searching', 'neverCame', ['close-peer']]);
  });

  test('a partner who leaves is named, and nothing starts by itself: there is time to report, rate or ask them', () => {
    const left: Input = { is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'left' } };
    const scene = new Scene().live().give(left);
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['left', 'theyLeft', ['close-peer']]);
    expect(scene.after(STAY_MS - 1).done).toEqual([]);
    expect(scene.give({ is: 'next' }).done).toEqual(['next']);
    const away = new Scene().live().give(left);
    away.did = [];
    expect([away.after(STAY_MS).done, away.state.phase], 'a camera that nobody needs goes off').toEqual([['close-devices'], 'idle']);
    expect(meant(away.state)?.peer.userId, 'they are still spoken of').toBe('usr_2');
  });

  test('an attempt that came to nothing goes on by itself; offline, when the connection is back', () => {
    const scene = new Scene().connecting().give({ is: 'closed', data: { roomId: 'rm_1', reason: 'lost' } });
    expect(scene.state.phase).toBe('left');
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
    scene.give({ is: 'rejoined', roomId: 'rm_1', participants: [participant('par_1'), participant('par_2')] });
    expect([scene.state.phase, scene.done]).toEqual(['live', []]);
    scene.give({ is: 'rejoin-failed', roomId: 'rm_1', code: 'not-in-room' });
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['left', 'youWereLost', ['close-peer']]);
  });

  test('whoever comes back to an empty room goes on', () => {
    const scene = new Scene().live().give({ is: 'socket-up', resumed: false }, { is: 'rejoined', roomId: 'rm_1', participants: [participant('par_1')] });
    expect([scene.state.phase, scene.state.note]).toEqual(['left', 'theyWereLost']);
  });

  test('a restart of the server is told as that', () => {
    const scene = new Scene().live().give({ is: 'draining' }, { is: 'socket-down' });
    expect([scene.state.phase, scene.state.restarting]).toEqual(['live', true]);
    scene.give({ is: 'socket-up', resumed: false }, { is: 'rejoin-failed', roomId: 'rm_1', code: 'not-in-room' });
    expect([scene.state.phase, scene.state.note, scene.state.restarting]).toEqual(['left', 'serverRestarted', false]);
    const shut = new Scene().live().give({ is: 'closed', data: { roomId: 'rm_1', reason: 'shutdown' } });
    expect(shut.state.note).toBe('serverRestarted');
    const resumed = new Scene().live().give({ is: 'draining' }, { is: 'socket-down' }, { is: 'socket-up', resumed: true });
    expect([resumed.state.phase, resumed.state.restarting]).toEqual(['live', false]);
  });

  test('in each phase a new session leaves nothing hanging', () => {
    const phases: [Scene, string, string[]][] = [
      [new Scene(), 'idle', []],
      [new Scene().give({ is: 'start' }), 'permission', []],
      [new Scene().searching(), 'searching', ['find-match']],
      [new Scene().connecting(), 'left', ['close-peer']],
      [new Scene().live().give({ is: 'closed', data: { roomId: 'rm_1', reason: 'left' } }), 'left', []],
      [new Scene().live().give({ is: 'seat-taken' }), 'other-tab', []],
    ];
    for (const [scene, phase, did] of phases) {
      scene.did = [];
      scene.give({ is: 'socket-down' }, { is: 'socket-up', resumed: false });
      expect([scene.state.phase, scene.done], phase).toEqual([phase, did]);
    }
  });

  test('a resumed session changes nothing, a new one searches anew', () => {
    const resumed = new Scene().searching();
    resumed.did = [];
    expect(resumed.give({ is: 'socket-down' }, { is: 'socket-up', resumed: true }).done).toEqual([]);
    expect(resumed.give({ is: 'socket-down' }, { is: 'socket-up', resumed: false }).done).toEqual(['find-match']);
  });

  test('a Next that the server never heard is asked for again, not waited for forever', () => {
    const offline = new Scene().live().give({ is: 'socket-down' }, { is: 'next' }, { is: 'search-failed', ask: 'next', code: 'network' });
    offline.did = [];
    expect(offline.after(AGAIN_MS * 5).done).toEqual([]);
    expect(offline.give({ is: 'socket-up', resumed: true }).done).toEqual(['next']);
    const late = new Scene().live().give({ is: 'next' }, { is: 'search-failed', ask: 'next', code: 'timeout' });
    late.did = [];
    expect(late.after(AGAIN_MS).done).toEqual(['next']);
    expect(late.after(AGAIN_MS * 9).done).toEqual([]);
  });

  test('a Stop while offline is told when the socket is back, so that nobody waits for us', () => {
    const call = new Scene().live().give({ is: 'socket-down' }, { is: 'stop' });
    expect(call.done).toEqual(['close-peer', 'close-devices']);
    call.give({ is: 'socket-up', resumed: true });
    expect(call.did).toEqual([{ do: 'leave', roomId: 'rm_1' }]);
    const search = new Scene().searching().give({ is: 'socket-down' }, { is: 'stop' });
    search.did = [];
    expect(search.give({ is: 'socket-up', resumed: true }).done).toEqual(['cancel-match']);
    expect(search.give({ is: 'socket-down' }, { is: 'socket-up', resumed: true }).done).toEqual([]);
  });

  test('each refusal of a search has its own end', () => {
    const after = (code: string): State => new Scene().searching().give({ is: 'search-failed', ask: 'find-match', code }).state;
    expect([after('rate-limited').phase, after('rate-limited').note]).toEqual(['idle', 'slowDown']);
    expect(after('suspended').phase).toBe('suspended');
    expect(after('network').phase).toBe('searching');
    expect([after('age-required').phase, after('age-required').note]).toEqual(['idle', 'refused']);
    expect(after('unavailable').phase).toBe('server-full');
    const full = new Scene().searching().give({ is: 'search-failed', ask: 'find-match', code: 'unavailable' });
    full.did = [];
    expect(full.after(NEXT_MS).done).toEqual(['find-match']);
  });

  test('a refused Next still leaves the call it wanted to leave', () => {
    const scene = new Scene().live().give({ is: 'next' });
    scene.did = [];
    scene.give({ is: 'search-failed', ask: 'next', code: 'rate-limited' });
    expect([scene.state.phase, scene.did]).toEqual(['idle', [{ do: 'leave', roomId: 'rm_1' }, { do: 'close-devices' }]]);
  });

  test('a refusal that comes after Stop changes nothing', () => {
    const scene = new Scene().live().give({ is: 'next' }, { is: 'stop' });
    expect(scene.done).toEqual(['close-peer', 'next', 'close-devices', 'leave', 'cancel-match']);
    const before = scene.state;
    expect(scene.give({ is: 'search-failed', ask: 'next', code: 'rate-limited' }).state).toEqual(before);
  });

  test('a call ended for safety stops there', () => {
    const scene = new Scene().live().give({ is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'safety' } });
    expect([scene.state.phase, isActive(scene.state)]).toEqual(['ended-safety', false]);
  });
});

describe('report and block', () => {
  const about = (roomId = 'rm_1'): Input => ({ is: 'after-report', roomId });

  test('in a call they go on to the next person, with thanks', () => {
    for (const scene of [new Scene().connecting(), new Scene().live()]) {
      scene.did = [];
      scene.give(about());
      expect([scene.state.phase, scene.state.note, scene.state.met, scene.done]).toEqual(['searching', 'thanks', null, ['close-peer', 'next']]);
    }
    expect(new Scene().live().give({ is: 'after-block', roomId: 'rm_1' }).state.note).toBe('blocked');
  });

  test('somebody who left first can still be reported, and then the next one comes', () => {
    const scene = new Scene().live().give({ is: 'left', data: { roomId: 'rm_1', participant: participant('par_2'), reason: 'left' } });
    expect(scene.state.met?.peer.userId).toBe('usr_2');
    scene.did = [];
    scene.give(about());
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['searching', 'thanks', ['next']]);
  });

  test('after a stop they only say thanks', () => {
    const scene = new Scene().live().give({ is: 'stop' });
    scene.did = [];
    scene.give(about());
    expect([scene.state.phase, scene.state.note, scene.done]).toEqual(['idle', 'thanks', []]);
  });

  test('about an earlier partner they leave the present call alone, and the thanks go by themselves', () => {
    const scene = new Scene().live().give({ is: 'next' }, { is: 'match', match: match('rm_2') });
    scene.did = [];
    scene.give(about('rm_1'));
    expect([scene.state.phase, scene.state.note, scene.state.met?.roomId, scene.done]).toEqual(['connecting', 'thanks', 'rm_2', []]);
    scene.after(NOTE_MS);
    expect(scene.state.note).toBeNull();
  });

  test('are about nobody as long as nobody is there and the page speaks of nobody', () => {
    const who = (scene: Scene): string | undefined => meant(scene.state)?.peer.userId;
    expect([who(new Scene()), who(new Scene().searching())]).toEqual([undefined, undefined]);
    expect([who(new Scene().connecting()), who(new Scene().live())]).toEqual(['usr_2', 'usr_2']);
    expect(who(new Scene().live().give({ is: 'next' })), 'the search for another one').toBeUndefined();
    const gone = new Scene().live().give({ is: 'closed', data: { roomId: 'rm_1', reason: 'left' } });
    expect(who(gone)).toBe('usr_2');
    expect(who(gone.give({ is: 'stop' })), 'their leaving is still spoken of').toBe('usr_2');
    expect(who(gone.give({ is: 'start' }))).toBeUndefined();
    const stopped = new Scene().live().give({ is: 'stop' });
    expect([stopped.state.phase, stopped.state.note, who(stopped)]).toEqual(['idle', 'youLeft', 'usr_2']);
    expect(who(stopped.give(about())), 'thanked for').toBeUndefined();
  });

  test('what another tab does is spoken of as long as it does it', () => {
    const scene = new Scene().searching().give({ is: 'seat-taken' });
    scene.did = [];
    expect([scene.give({ is: 'seat-free' }).state.phase, scene.state.takeOver, scene.done]).toEqual(['idle', false, []]);
    expect(new Scene().live().give({ is: 'seat-free' }).state.phase).toBe('live');
  });

  test('going to another page would end a call or a search, and nothing else', () => {
    const ends = [new Scene(), new Scene().give({ is: 'start' }), new Scene().searching(), new Scene().connecting(), new Scene().live()].map(({ state }) => wouldEnd(state));
    expect(ends).toEqual([null, null, 'search', 'call', 'call']);
    expect(wouldEnd(new Scene().live().give({ is: 'closed', data: { roomId: 'rm_1', reason: 'left' } }).state)).toBeNull();
  });

  test('while a dialog is open no search starts by itself', () => {
    const scene = new Scene().connecting().give({ is: 'hold', on: true }, { is: 'closed', data: { roomId: 'rm_1', reason: 'left' } });
    scene.did = [];
    expect([scene.after(NEXT_MS * 3).state.phase, canGoOn(scene.state)]).toEqual(['left', true]);
    scene.give({ is: 'hold', on: false });
    expect(scene.after(NEXT_MS - 1).done).toEqual([]);
    expect(scene.after(1).done).toEqual(['next']);
  });
});

describe('through the server', () => {
  const here: Input = { is: 'joined', roomId: 'rm_1', participants: [{ id: 'par_1' }] };
  const came = { is: 'joined-in', data: { roomId: 'rm_1', participant: participant('par_2') } } as const;
  const link = (path: 'p2p' | 'sfu', state: 'connected' | 'failed') => ({ is: 'link', roomId: 'rm_1', path, state }) as const;

  /** A direct call that may move. */
  const movable = (): Scene => {
    const scene = new Scene().searching().give({ is: 'match', match: match(), movable: true }, here, came);
    scene.did = [];
    return scene;
  };

  test('the way is opened at once, and the call is live when it stands and the partner is in, whichever is first', () => {
    for (const order of [[came, link('sfu', 'connected')], [link('sfu', 'connected'), came]]) {
      const scene = new Scene().searching().give({ is: 'match', match: match('rm_1', true, 'sfu') }, here);
      expect(scene.done.slice(-2)).toEqual(['join', 'open-sfu']);
      scene.give(order[0]!);
      expect(scene.state.phase).toBe('connecting');
      scene.give(order[1]!);
      expect([scene.state.phase, scene.done]).toEqual(['live', []]);
    }
  });

  test('a way that breaks is mended by whoever it is, and one that stays broken ends the call', () => {
    const scene = new Scene().searching().give({ is: 'match', match: match('rm_1', false, 'sfu') }, here, came, link('sfu', 'connected'));
    scene.did = [];
    scene.give(link('sfu', 'failed'));
    expect([scene.state.phase, scene.done]).toEqual(['reconnecting', ['mend-sfu']]);
    scene.after(MEND_MS);
    expect([scene.state.phase, scene.done]).toEqual(['searching', ['close-peer', 'next']]);
  });

  test('a direct way that fails is said so; the server takes the call over, and nobody is given up', () => {
    const scene = movable().give(link('p2p', 'failed'));
    expect([scene.state.phase, scene.done]).toEqual(['connecting', ['say-failed']]);
    scene.give({ is: 'move', roomId: 'rm_1' });
    expect(scene.done).toEqual(['open-sfu']);
    scene.give(link('sfu', 'connected'));
    expect(scene.state.phase).toBe('connecting');
    scene.give({ is: 'moved', roomId: 'rm_1' });
    expect([scene.state.phase, scene.done]).toEqual(['live', ['close-p2p']]);
    expect(scene.after(60_000).done).toEqual([]);
  });

  test('without a word from the server the search goes on, as when nothing can move', () => {
    const scene = movable().give(link('p2p', 'failed')).after(MOVE_MS);
    expect([scene.state.phase, scene.done]).toEqual(['searching', ['say-failed', 'close-peer', 'next']]);
  });

  test('a call that is moved while it runs stays live all the time', () => {
    const scene = new Scene().live().give({ is: 'move', roomId: 'rm_1' });
    expect([scene.state.phase, scene.done]).toEqual(['live', ['open-sfu']]);
    scene.give({ is: 'move', roomId: 'rm_1' }, link('sfu', 'connected'), { is: 'moved', roomId: 'rm_1' });
    expect([scene.state.phase, scene.done]).toEqual(['live', ['close-p2p']]);
    scene.give(link('p2p', 'failed'));
    expect([scene.state.phase, scene.done]).toEqual(['live', []]);
  });

  test('a move that comes to nothing is given up like any attempt', () => {
    const scene = movable().give({ is: 'move', roomId: 'rm_1' }).after(CONNECT_MS);
    expect([scene.state.phase, scene.state.note]).toEqual(['searching', 'noConnection']);
  });
});
