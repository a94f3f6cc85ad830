import { expect, test } from 'vitest';

import { handle, type Input, SHOWN_MS, START, type State, type Tell } from './captions';

/** All of them at once; what is told to the server. */
function run(inputs: [Input, number?][], from: State = START): [State, Tell[]] {
  const told: Tell[] = [];
  let state = from;
  for (const [input, now = 0] of inputs) {
    const [next, tell] = handle(state, input, now);
    state = next;
    if (tell) told.push(tell);
  }
  return [state, told];
}

const on: Input = { is: 'toggle' };
const into = (roomId: string | null): Input => ({ is: 'place', roomId });
const yes = (roomId: string, wanted = true): Input => ({ is: 'answered', roomId, on: wanted });
const no = (roomId: string, code: 'wrong-state' | 'not-in-room'): Input => ({ is: 'answered', roomId, on: true, code });
const says = (text: string, roomId = 'a'): Input => ({ is: 'caption', roomId, name: 'Una', text });
const texts = (state: State): string[] => state.lines.map(({ text }) => text);
const [wanted] = run([[into('a')], [on], [yes('a')]]);

test('the server is told once that they are wanted, and once that they aren’t', () => {
  expect(run([[into('a')], [on], [{ is: 'tick' }], [yes('a')], [{ is: 'tick' }], [on], [yes('a', false)], [{ is: 'tick' }]])[1]).toEqual([
    { roomId: 'a', on: true },
    { roomId: 'a', on: false },
  ]);
});

test('the last of many presses holds', () => {
  const [state, told] = run([[into('a')], [on], [on], [on], [on], [yes('a')], [yes('a', false)]]);
  expect(told).toEqual([{ roomId: 'a', on: true }, { roomId: 'a', on: false }]);
  expect(state.told).toBe(null);
});

test('in another session, and when the call comes back, it is told again', () => {
  const [state, told] = run([[{ is: 'forgotten' }], [yes('a')], [into(null)], [into('a')], [yes('a')]], wanted);
  expect([state.on, told]).toEqual([true, [{ roomId: 'a', on: true }, { roomId: 'a', on: true }]]);
});

test('the wish is about one call: the next begins without', () => {
  expect(run([[into(null)], [into('b')], [yes('a')], [{ is: 'tick' }]], wanted)).toMatchObject([{ on: false, told: null, hintUntil: 0 }, []]);
  expect(run([[{ is: 'over' }], [into('a')], [{ is: 'tick' }]], wanted)).toMatchObject([{ on: false, told: null }, []]);
  // An answer that is still on its way when the call ends is nobody's any more.
  const [late] = run([[into('a')], [on], [{ is: 'over' }], [into('b')], [yes('a')]]);
  expect([late.on, late.told, late.asking]).toEqual([false, null, false]);
  expect(run([[on]], late)[1]).toEqual([{ roomId: 'b', on: true }]);
});

test('what failed for the moment is tried again after a while, and what can’t be goes off', () => {
  const tries: [Input, number?][] = [[into('a')], [on], [no('a', 'not-in-room'), 1_000], [{ is: 'tick' }, 2_999], [{ is: 'tick' }, 3_000]];
  expect(run(tries)[1]).toHaveLength(2);
  const [state, told] = run([[into('a')], [on], [no('a', 'wrong-state')], [{ is: 'tick' }, 60_000]]);
  expect([state.on, told.length]).toEqual([false, 1]);
});

test('two lines are there, each for its time', () => {
  const [state] = run([[says('one'), 0], [says('two'), 1_000], [says('three'), 2_000]], wanted);
  expect(texts(state)).toEqual(['two', 'three']);
  expect(texts(run([[{ is: 'tick' }, 1_000 + SHOWN_MS]], state)[0])).toEqual(['three']);
  expect(texts(run([[{ is: 'tick' }, 2_000 + SHOWN_MS]], state)[0])).toEqual([]);
});

test('nothing is shown unasked, of another call, of nobody, or from before', () => {
  expect(texts(run([[into('a')], [says('unasked')]])[0])).toEqual([]);
  expect(texts(run([[says('elsewhere', 'b')], [{ is: 'caption', roomId: 'a', name: '', text: 'whose?' }]], wanted)[0])).toEqual([]);
  expect(texts(run([[says('before')], [into('b')]], wanted)[0])).toEqual([]);
  expect(texts(run([[says('before')], [on]], wanted)[0])).toEqual([]);
});

test('a tick that changes nothing is the same state', () => {
  const [calm] = run([[{ is: 'tick' }, SHOWN_MS]], wanted);
  expect(handle(calm, { is: 'tick' }, SHOWN_MS + 1)[0]).toBe(calm);
});
