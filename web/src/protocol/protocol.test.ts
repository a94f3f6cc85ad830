import { describe, expect, test, vi } from 'vitest';

import { Order } from './order';
import { Session } from './session';
import { type SignedIn, Trouble } from './types';

describe('the order of events', () => {
  test('each number is taken once, and one without a number always', () => {
    const order = new Order();
    order.welcome('sck_1', 0, false);
    expect([1, 2, 2, 1, 3].map((seq) => order.take(seq))).toEqual([true, true, false, false, true]);
    expect(order.take(undefined)).toBe(true);
    expect(order.resume).toEqual({ session: 'sck_1', seq: 3 });
  });

  test('a gap in the numbers is taken: what is missing comes no more', () => {
    const order = new Order();
    order.welcome('sck_1', 0, false);
    expect([1, 4, 2].map((seq) => order.take(seq))).toEqual([true, true, false]);
    expect(order.resume?.seq).toBe(4);
  });

  test('a resumed session goes on from what was seen here, a new one from its own start', () => {
    const order = new Order();
    expect(order.resume).toBeUndefined();
    order.welcome('sck_1', 0, false);
    order.take(5);
    order.welcome('sck_1', 2, true);
    expect([order.take(4), order.take(6)]).toEqual([false, true]);
    order.welcome('sck_2', 0, false);
    expect(order.take(1)).toBe(true);
  });
});

const signedIn = (token: string, ends: number): SignedIn => ({
  accessToken: token, expiresAt: new Date(ends).toISOString(), newUser: false, user: {} as SignedIn['user'],
});

describe('the login of this device', () => {
  const locked = <T>(task: () => Promise<T>): Promise<T> => task();

  test('many who ask at once make one refresh, and a fresh token is kept', async () => {
    let now = 0;
    const refresh = vi.fn(() => Promise.resolve(signedIn(`t${refresh.mock.calls.length}`, now + 900_000)));
    const session = new Session(refresh, () => undefined, () => now, locked);
    expect(await Promise.all([session.token(), session.token(), session.token()])).toEqual(['t1', 't1', 't1']);
    now += 800_000;
    expect(await session.token()).toBe('t1');
    now += 50_000;
    expect(await session.token()).toBe('t2');
    expect(refresh).toHaveBeenCalledTimes(2);
  });

  test('nobody signed in is told as that, and tells the page', async () => {
    const changed = vi.fn();
    const session = new Session(() => Promise.resolve(null), changed, () => 0, locked);
    await expect(session.token()).rejects.toMatchObject({ code: 'unauthorized' });
    expect(changed).toHaveBeenCalledWith(null);
  });

  test('a sign-out while a refresh is on its way holds', async () => {
    let answer: (signedIn: SignedIn) => void = () => undefined;
    const changed = vi.fn();
    const session = new Session(() => new Promise((done) => (answer = done)), changed, () => 0, locked);
    const asked = session.token();
    session.accept(null);
    answer(signedIn('old', 900_000));
    await expect(asked).rejects.toMatchObject({ code: 'unauthorized' });
    expect(changed.mock.calls).toEqual([[null]]);
  });

  test('a sign-in while a refresh finds nobody holds too', async () => {
    let answer: (signedIn: SignedIn | null) => void = () => undefined;
    const session = new Session(() => new Promise((done) => (answer = done)), () => undefined, () => 0, locked);
    const asked = session.token();
    session.accept(signedIn('new', 900_000));
    answer(null);
    expect(await asked).toBe('new');
  });

  test('a refresh that failed for the network is tried again the next time', async () => {
    const refresh = vi.fn<() => Promise<SignedIn | null>>().mockRejectedValueOnce(new Trouble('network', '')).mockResolvedValue(signedIn('t', 900_000));
    const session = new Session(refresh, () => undefined, () => 0, locked);
    await expect(session.token()).rejects.toMatchObject({ code: 'network' });
    expect(await session.token()).toBe('t');
  });
});
