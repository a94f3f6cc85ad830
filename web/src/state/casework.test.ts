import { expect, test } from 'vitest';

import type { CaseView, DecisionRow, ReportRow, SignalRow } from '../protocol/desk';
import { apart, concernOf, few, follow, hoursOf, nextOf, pieces, sourceOf, timeline, usualHours, verdictOf } from './casework';

const signal = { id: 'sig_1', at: '2026-01-01T10:00:01Z', concern: 'nudity', modality: 'picture', score: 990, scores: [], server: true } as SignalRow;
const report = { id: 'rep_1', at: '2026-01-01T10:00:00.500Z', reason: 'spam' } as ReportRow;
const decision = { id: 'dec_1', at: '2026-01-01T10:00:02Z', concern: 'violence', action: 'warn' } as DecisionRow;
const none: Pick<CaseView, 'signals' | 'decisions' | 'reports' | 'appeals'> = { signals: [], decisions: [], reports: [], appeals: [] };

test('a case is told in the order in which it happened', () => {
  const all = timeline({ ...none, signals: [signal], reports: [report], decisions: [decision] });
  expect(all.map(({ is }) => is)).toEqual(['report', 'signal', 'decision']);
});

test('what every model says little about is apart, people’s words never are', () => {
  const scored = (id: string, score: number, ...models: number[]) => ({ ...signal, id, score, scores: models.map((each) => ['m', each]) }) as SignalRow;
  const all = timeline({ ...none, reports: [report], decisions: [decision], signals: [scored('no', 0, 0), scored('94', 94, 94), scored('95', 95, 95), scored('torn', 20, 20, 600)] });
  const ids = (of: typeof all) => of.map((one) => (one.is === 'signal' ? one.signal.id : one.is));
  expect(ids(apart(all).little)).toEqual(['no', '94']);
  expect(ids(apart(all).rest)).toEqual(['report', '95', 'torn', 'decision']);
});

test('evidence belongs to the decision or the report that it was kept for', () => {
  const view = { decisions: [decision], reports: [report] };
  expect(sourceOf({ source: 'dec_1' }, view)).toEqual({ is: 'decision', at: decision.at, decision });
  expect(sourceOf({ source: 'rep_1' }, view)).toEqual({ is: 'report', at: report.at, report });
  expect(sourceOf({ source: 'dec_2' }, view)).toBeNull();
});

test('it is about what was decided, else reported, else noticed', () => {
  expect(concernOf({ ...none, signals: [signal], reports: [report], decisions: [decision] })).toBe('violence');
  expect(concernOf({ ...none, signals: [signal], reports: [report] })).toBe('spam');
  expect(concernOf({ ...none, signals: [signal] })).toBe('nudity');
  expect(concernOf(none)).toBe('other');
});

test('only what belongs to a measure is sent', () => {
  expect(verdictOf('suspend', 'spam', 24, ' no ')).toEqual({ action: 'suspend', reason: 'spam', hours: 24, note: 'no' });
  expect(verdictOf('warn', 'spam', 24, '  ')).toEqual({ action: 'warn', reason: 'spam' });
  expect(verdictOf('none', 'spam', 24, 'words that nobody reads')).toEqual({ action: 'none', reason: 'spam' });
});

test('hours are whole ones of a year, and a field that is empty is none', () => {
  expect(['48', ' 1 ', '8760'].map(hoursOf)).toEqual([48, 1, 8_760]);
  expect(['', ' ', '0', '-3', '1.5', '8761', 'x'].map(hoursOf)).toEqual([null, null, null, null, null, null, null]);
});

test('a long look is counted whole, a short one as a second', () => {
  expect(pieces(0)).toEqual([]);
  expect(pieces(10)).toEqual([1]);
  expect(pieces(60_000)).toEqual([60]);
  expect(pieces(125_400)).toEqual([60, 60, 6]);
});

test('the next case is the first that had no turn yet', () => {
  const queue = ['a', 'b', 'c'].map((id) => ({ id }));
  expect(nextOf(queue, new Set())).toBe('a');
  expect(nextOf(queue, new Set(['a', 'b']))).toBe('c');
  expect(nextOf(queue, new Set(['a', 'b', 'c']))).toBeUndefined();
});

test('pages on which nothing is mine are passed over, up to a measure', async () => {
  const asked: (string | undefined)[] = [];
  const pages = (full: number) => async (cursor?: string) => {
    asked.push(cursor);
    const n = Number(cursor ?? 0);
    return { found: n === full ? ['one'] : [], ...(n < 5 ? { cursor: String(n + 1) } : {}) };
  };
  expect(await follow(pages(2), undefined, 10)).toEqual({ found: ['one'], cursor: '3' });
  expect(asked).toEqual([undefined, '1', '2']);
  expect(await follow(pages(9), undefined, 3)).toEqual({ found: [], cursor: '3' });
  expect(await follow(pages(9), '4', 10)).toEqual({ found: [] });
});

test('of somebody who seems too young the longest is suggested, of others the next step', () => {
  expect(usualHours('minor', 24)).toBe(8_760);
  expect(usualHours('spam', 72)).toBe(72);
});

test('how many wait is told as far as one page tells', () => {
  expect([few(0, false), few(0, true), few(3, false), few(9, false), few(3, true), few(10, false), few(50, true)]).toEqual(['', '', '3', '9', '3+', '9+', '9+']);
});
