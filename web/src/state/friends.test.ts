import { describe, expect, test } from 'vitest';

import type { Friend, FriendRequest, Presence } from '../protocol/types';
import { accepted, asked, canBeCalled, loaded, START, type State, tie, told } from './friends';

const card = (id: string) => ({ id, displayName: id, avatarUrl: null, band: 'new' as const });
const friend = (id: string, presence: Presence = 'offline'): Friend => ({ user: card(id), since: '2026-01-01T00:00:00.000Z', presence });
const request = (id: string): FriendRequest => ({ id: `req_${id}`, user: card(id), createdAt: '', expiresAt: '' });
const none = { incoming: [], outgoing: [] };
const at = (second: number): string => `2026-01-01T00:00:0${second}.000Z`;
const where = (state: State): string => (state.friends ?? []).map(({ user, presence }) => `${user.id} ${presence}`).join(', ');

describe('where friends are', () => {
  test('is what the list says, then what is told', () => {
    const state = loaded(asked(START), [friend('ann'), friend('ben', 'online')], none);
    expect(where(state)).toBe('ann offline, ben online');
    expect(where(told(state, { userId: 'ann', presence: 'online', at: at(1) }))).toBe('ann online, ben online');
  });

  test('is never what is older than what was heard', () => {
    const state = told(loaded(asked(START), [friend('ann')], none), { userId: 'ann', presence: 'in-call', at: at(3) });
    expect(where(told(state, { userId: 'ann', presence: 'online', at: at(2) }))).toBe('ann in-call');
    expect(where(told(state, { userId: 'ann', presence: 'offline', at: at(4) }))).toBe('ann offline');
  });

  test('survives a list that was asked for before it was told', () => {
    const state = told(asked(START), { userId: 'ann', presence: 'online', at: at(1) });
    expect(where(loaded(state, [friend('ann')], none))).toBe('ann online');
    expect(where(loaded(asked(state), [friend('ann')], none)), 'a list asked for afterwards knows better').toBe('ann offline');
  });

  test('matters for whether it would ring', () => {
    expect((['online', 'away', 'in-call', 'offline'] as Presence[]).map(canBeCalled)).toEqual([true, true, false, false]);
  });
});

test('whoever has said yes to me is told of once', () => {
  const before = loaded(START, [friend('ann')], { incoming: [request('cleo')], outgoing: [request('ben'), request('dan')] });
  // Ben has accepted mine, I have accepted Cleo's; Dan has not answered.
  const after = loaded(before, [friend('ann'), friend('ben'), friend('cleo')], { incoming: [], outgoing: [request('dan')] });
  expect(accepted(before, after).map(({ user }) => user.id)).toEqual(['ben']);
  expect(accepted(after, after)).toEqual([]);
  expect(accepted(START, after), 'nobody is told of old friends').toEqual([]);
});

test('what somebody is to me', () => {
  const state = loaded(START, [friend('ann')], { incoming: [request('ben')], outgoing: [request('cleo')] });
  expect(['ann', 'ben', 'cleo', 'dan'].map((id) => tie(state, id))).toEqual(['friend', 'asks', 'asked', 'none']);
  expect(tie(START, 'ann')).toBe('none');
});
