import { describe, expect, test } from 'vitest';

import type { CallEnd } from '../protocol/types';
import { type Effect, handle, type Input, START, type State } from './ring';

const card = (name: string) => ({ id: `usr_${name}`, displayName: name, avatarUrl: null, band: 'good' as const });
const rings = (name = 'Ann', roomId = 'rm_1'): Input => ({ is: 'rings', data: { roomId, from: card(name), expiresAt: new Date(45_000).toISOString() } });
const ended = (reason: CallEnd): Input => ({ is: 'ended', data: { roomId: 'rm_1', reason } });

/** A page with a clock that is turned by hand. */
class Scene {
  state: State = START;
  now = 0;
  did: Effect[] = [];

  give(...inputs: Input[]): this {
    for (const input of inputs) {
      const [state, effects] = handle(this.state, input, this.now);
      this.state = state;
      this.did.push(...effects);
    }
    return this;
  }

  get done(): string[] {
    return this.did.splice(0).map((one) => (one.do === 'say' ? `${one.what} ${one.name}` : one.do));
  }
}

describe('a call that rings', () => {
  test('is answered once, and then rings no more', () => {
    const scene = new Scene().give(rings(), { is: 'answer', roomId: 'rm_1' }, { is: 'answer', roomId: 'rm_1' });
    expect([scene.state[0]?.answering, scene.done]).toEqual([true, ['accept']]);
    scene.give({ is: 'answered', roomId: 'rm_1' });
    expect([scene.state, scene.done]).toEqual([[], []]);
  });

  test('is of two unless the server says that it runs already', () => {
    const running: Input = { is: 'rings', data: { roomId: 'rm_2', from: card('Ann'), expiresAt: new Date(45_000).toISOString(), people: 3 } };
    expect(new Scene().give(rings(), running).state.map(({ people }) => people)).toEqual([1, 3]);
  });

  test('is declined', () => {
    expect(new Scene().give(rings(), { is: 'decline', roomId: 'rm_1' }, { is: 'decline', roomId: 'rm_1' }).done).toEqual(['decline']);
  });

  test('stops with words when it was taken elsewhere, once', () => {
    const scene = new Scene().give(rings(), { is: 'accepted', data: { roomId: 'rm_1', elsewhere: true, userId: 'usr_me' } }, ended('elsewhere'));
    expect([scene.state, scene.done]).toEqual([[], ['answeredElsewhere Ann']]);
    expect(new Scene().give(rings(), ended('elsewhere')).done).toEqual(['declinedElsewhere Ann']);
  });

  test('was missed when whoever called gives up, or nobody answers', () => {
    for (const reason of ['cancelled', 'timeout', 'hung-up'] as CallEnd[]) expect(new Scene().give(rings(), ended(reason)).done).toEqual(['missedCall Ann']);
  });

  test('ends by itself when its time is over and no word comes', () => {
    const scene = new Scene().give(rings());
    scene.now = 45_000;
    expect(scene.give({ is: 'tick' }).state).toHaveLength(1);
    scene.now = 48_000;
    expect([scene.give({ is: 'tick' }).state, scene.done]).toEqual([[], ['missedCall Ann']]);
  });

  test('that was faster answered, or given up, says so; other trouble can be tried again', () => {
    const failed = (code: string): Scene => new Scene().give(rings(), { is: 'answer', roomId: 'rm_1' }, { is: 'answer-failed', roomId: 'rm_1', code });
    expect(failed('conflict').done).toEqual(['accept', 'answeredElsewhere Ann']);
    expect(failed('peer-gone').done).toEqual(['accept', 'callIsOver Ann']);
    const again = failed('network');
    expect(again.state).toMatchObject([{ answering: false, trouble: 'network' }]);
    expect(again.give({ is: 'answer', roomId: 'rm_1' }).done).toEqual(['accept', 'accept']);
  });

  test('is told anew to a new session, and only once to an old one', () => {
    const scene = new Scene().give(rings(), rings());
    expect(scene.state).toHaveLength(1);
    expect(scene.give({ is: 'new-session' }).state).toEqual([]);
  });

  test('isn’t the only one', () => {
    const scene = new Scene().give(rings(), rings('Ben', 'rm_2'), { is: 'decline', roomId: 'rm_1' });
    expect(scene.state.map(({ from }) => from.displayName)).toEqual(['Ben']);
  });
});
