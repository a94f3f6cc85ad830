import { describe, expect, test } from 'vitest';

import type { Joined, Participant } from '../protocol/types';
import { DIRECT_MS, isOfTwo, partner } from './call';
import { type Effect, handle, type Input, START, type State } from './room';

const person = (id: string): Participant => ({
  id, userId: `usr_${id}`, displayName: id, avatarUrl: null, band: 'new', state: 'connected',
  media: { audio: true, video: true, screen: false }, host: false, handRaised: false,
});
const answer = (others: string[] = [], more: Partial<Joined> = {}, caller = 'usr_me'): Joined => ({
  room: { id: 'rm_1', maxParticipants: 2, locked: false, caller, ...(others.length ? {} : { ringingUntil: '2026-01-01T00:00:45.000Z' }) },
  self: 'me', participants: [...others.map(person), person('me')], iceServers: [], transport: 'p2p', ...more,
});
const ann = { id: 'usr_ann', displayName: 'Ann' };
const came = (id = 'ann'): Input => ({ is: 'joined-in', data: { roomId: 'rm_1', participant: person(id) } });
const peer = (state: 'connecting' | 'connected' | 'failed'): Input => ({ is: 'peer-link', state });

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

  get done(): string[] {
    return this.did.splice(0).map(({ do: what }) => what);
  }

  calls(joined = answer()): this {
    this.give({ is: 'socket-up', resumed: false }, { is: 'open-call', roomId: 'rm_1', with: ann }, { is: 'joined', roomId: 'rm_1', joined, me: 'usr_me' });
    this.did = [];
    return this;
  }

  talks(): this {
    this.calls().give(came(), peer('connected'));
    this.did = [];
    return this;
  }
}

describe('a call to a friend', () => {
  test('rings, and is direct from the moment the other comes', () => {
    const scene = new Scene().give({ is: 'socket-up', resumed: false }, { is: 'open-call', roomId: 'rm_1', with: ann });
    expect([scene.state.phase, scene.done]).toEqual(['joining', ['join']]);
    scene.give({ is: 'joined', roomId: 'rm_1', joined: answer(), me: 'usr_me' });
    expect([scene.state.phase, scene.state.call?.ringing, scene.state.link, scene.done]).toEqual(['in', true, 'none', ['open-peer', 'say-media']]);
    scene.give({ is: 'call-accepted', data: { roomId: 'rm_1', elsewhere: false, userId: 'usr_ann' } });
    expect(scene.state.call?.ringing).toBe(false);
    scene.give(came());
    expect([scene.state.link, partner(scene.state), scene.done]).toEqual(['connecting', 'ann', ['offer']]);
    scene.give(peer('connected'));
    expect([scene.state.link, isOfTwo(scene.state)]).toEqual(['connected', true]);
  });

  test('that is declined, or that nobody takes, before I am in it says so, and not just that it is over', () => {
    const declined = (userId: string): Input => ({ is: 'call-declined', data: { roomId: 'rm_1', userId }, name: '' });
    const late: Input = { is: 'call-ended', data: { roomId: 'rm_1', reason: 'timeout' } };
    const gone: Input = { is: 'join-failed', roomId: 'rm_1', code: 'not-found' };
    const coming = (): Scene => new Scene().give({ is: 'socket-up', resumed: false }, { is: 'open-call', roomId: 'rm_1', with: ann });
    expect(coming().give(declined('usr_ann'), gone).state.phase).toBe('declined');
    expect(coming().give(late, gone).state.phase).toBe('unanswered');
    expect(coming().give(gone).state.phase).toBe('over');
    // The word of it was faster than the answer to the join.
    const crossed = coming().give(declined('usr_ann'), { is: 'joined', roomId: 'rm_1', joined: answer(), me: 'usr_me' });
    expect([crossed.state.phase, crossed.done]).toEqual(['declined', ['join', 'close-devices']]);
    // Somebody else was called into the call I come back to.
    const back = coming().give(declined('usr_cleo'), { is: 'joined', roomId: 'rm_1', joined: answer(['ann']), me: 'usr_me' });
    expect([back.state.phase, back.state.call?.end]).toEqual(['in', null]);
    // It was over before the page that shows it was there.
    const known = new Scene().give({ is: 'socket-up', resumed: false }, { is: 'open-call', roomId: 'rm_1', with: ann, ended: { userId: 'usr_ann' } });
    expect([known.state.phase, known.done]).toEqual(['declined', []]);
  });

  test('is answered by somebody who waits for the offer', () => {
    const scene = new Scene().give({ is: 'socket-up', resumed: false }, { is: 'open-call', roomId: 'rm_1', with: ann });
    scene.did = [];
    scene.give({ is: 'joined', roomId: 'rm_1', joined: answer(['ann'], {}, 'usr_ann'), me: 'usr_me' });
    expect([scene.state.call?.caller, scene.state.call?.ringing, scene.done]).toEqual([false, false, ['open-peer', 'say-media']]);
  });

  test('that is declined, not answered or hung up says so and puts the camera away', () => {
    const declined = new Scene().calls().give({ is: 'call-declined', data: { roomId: 'rm_1', userId: 'usr_ann' }, name: 'Ann' });
    expect([declined.state.phase, declined.state.call?.name, declined.done]).toEqual(['declined', 'Ann', ['close-peer', 'close-devices']]);
    const late = new Scene().calls().give({ is: 'call-ended', data: { roomId: 'rm_1', reason: 'timeout' } });
    expect(late.state.phase).toBe('unanswered');
    const over = new Scene().talks().give({ is: 'call-ended', data: { roomId: 'rm_1', reason: 'hung-up' } });
    expect([over.state.phase, over.done]).toEqual(['over', ['close-peer', 'close-link', 'close-devices']]);
    expect(new Scene().talks().give({ is: 'call-ended', data: { roomId: 'rm_9', reason: 'hung-up' } }).state.phase).toBe('in');
  });

  test('is called off while it rings, and left afterwards', () => {
    const off = new Scene().calls().give({ is: 'leave' });
    expect([off.state.phase, off.done]).toEqual(['cancelled', ['cancel', 'close-peer', 'close-devices']]);
    expect(new Scene().talks().give({ is: 'leave' }).done).toEqual(['leave', 'close-peer', 'close-link', 'close-devices']);
  });

  test('that was over before one came in says so', () => {
    const scene = new Scene().give({ is: 'socket-up', resumed: false }, { is: 'open-call', roomId: 'rm_1', with: ann });
    expect(scene.give({ is: 'join-failed', roomId: 'rm_1', code: 'peer-gone' }).state.phase).toBe('over');
  });
});

describe('the way', () => {
  test('that can’t be direct is told to have failed, and moves: both ways are open until the server says so', () => {
    const scene = new Scene().calls().give(came());
    scene.did = [];
    expect(scene.after(DIRECT_MS).done).toEqual(['say-failed']);
    scene.give({ is: 'move', roomId: 'rm_1' });
    expect([scene.state.call?.moving, scene.done]).toEqual([true, ['open-link', 'say-media']]);
    scene.give({ is: 'move', roomId: 'rm_1' }, { is: 'link', state: 'connected' });
    expect([scene.state.call?.way, scene.state.link, scene.done]).toEqual(['p2p', 'broken', []]);
    scene.give({ is: 'moved', roomId: 'rm_1' });
    expect([scene.state.call?.way, scene.state.link, partner(scene.state), scene.done]).toEqual(['sfu', 'connected', null, ['close-peer']]);
  });

  test('that breaks in the call moves too; a network that changes doesn’t hang up', () => {
    expect(new Scene().talks().give(peer('failed')).done).toEqual(['say-failed']);
    expect(new Scene().talks().give({ is: 'network' }).done).toEqual(['say-failed']);
  });

  test('is the server from the beginning when somebody hides their address', () => {
    const scene = new Scene().give({ is: 'socket-up', resumed: false }, { is: 'open-call', roomId: 'rm_1', with: ann });
    scene.did = [];
    scene.give({ is: 'joined', roomId: 'rm_1', joined: answer([], { transport: 'sfu' }), me: 'usr_me' });
    expect(scene.done).toEqual(['open-link', 'say-media']);
    scene.give(came(), { is: 'link', state: 'connected' });
    expect([scene.state.link, scene.done]).toEqual(['connected', []]);
  });

  test('becomes a group’s when a third person comes, and nobody leaves meanwhile', () => {
    const scene = new Scene().talks().give({ is: 'calling-in', userId: 'usr_cy' });
    expect(scene.state.call?.called).toEqual(['usr_cy']);
    scene.give(
      { is: 'call-accepted', data: { roomId: 'rm_1', elsewhere: false, userId: 'usr_cy' } },
      { is: 'changed', data: { roomId: 'rm_1', maxParticipants: 10 } },
      { is: 'move', roomId: 'rm_1' },
      came('cy'),
    );
    expect([scene.state.call?.called, isOfTwo(scene.state), scene.state.people.length, scene.done]).toEqual([[], false, 3, ['grow', 'open-link', 'say-media']]);
    expect(partner(scene.state)).toBe('ann');
    scene.give({ is: 'moved', roomId: 'rm_1' });
    expect([scene.state.phase, scene.state.call?.way]).toEqual(['in', 'sfu']);
  });

  test('goes on when somebody who was called in doesn’t come', () => {
    const scene = new Scene().talks().give({ is: 'calling-in', userId: 'usr_cy' }, { is: 'call-declined', data: { roomId: 'rm_1', userId: 'usr_cy' }, name: 'Cy' });
    expect([scene.state.phase, scene.state.call?.called, scene.state.notes.at(-1)]).toMatchObject(['in', [], { is: 'notComing', name: 'Cy' }]);
  });
});
