import { describe, expect, test } from 'vitest';

import type { PastCall } from '../protocol/types';
import { freshOf, missedOf } from './missed';

const card = (id: string) => ({ id, displayName: id, avatarUrl: null, band: 'new' as const });
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const call = (minute: number, who: string[], more: Partial<PastCall> = {}): PastCall => ({
  roomId: `rm_${minute}`, kind: 'friends', at: at(minute), durationMs: 0, incoming: true, missed: true, people: who.map(card), ...more,
});
const told = (calls: PastCall[], seenAt: string | null = null): string[] => missedOf(calls, seenAt).map(({ who, times, fresh, at: when }) => `${who.id} ${times} ${fresh} ${when}`);

describe('missed calls', () => {
  test('are told by person, the newest first', () => {
    const calls = [call(5, ['ann']), call(4, ['ben']), call(3, ['ann'])];
    expect(told(calls)).toEqual([`ann 2 2 ${at(5)}`, `ben 1 1 ${at(4)}`]);
    expect(freshOf(missedOf(calls, null))).toBe(3);
  });

  test('are new only until they were seen', () => {
    const calls = [call(5, ['ann']), call(4, ['ben']), call(3, ['ann'])];
    expect(told(calls, at(4))).toEqual([`ann 2 1 ${at(5)}`, `ben 1 0 ${at(4)}`]);
    expect(freshOf(missedOf(calls, at(5)))).toBe(0);
  });

  test('are forgotten when the two have talked since, or I have called', () => {
    const back = { incoming: false, missed: false };
    expect(told([call(5, ['ann'], back), call(4, ['ann']), call(3, ['ben'], { missed: false, durationMs: 9_000 }), call(2, ['ben'])])).toEqual([]);
    expect(told([call(5, ['ann']), call(4, ['ann'], back), call(3, ['ann'])])).toEqual([`ann 1 1 ${at(5)}`]);
  });

  test('have somebody to call back', () => {
    expect(told([call(5, []), call(4, ['ann', 'ben'])])).toEqual([]);
  });
});
