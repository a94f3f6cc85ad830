import { expect, test } from 'vitest';

import { bars, endOfNumbers, endOfShares, endOfTimes, line, most, mostTogether, share } from './charts';

test('a scale ends where its half is a number, too', () => {
  expect([0, 1, 2, 3, 5, 7, 11, 99, 100, 101].map(endOfNumbers)).toEqual([1, 2, 2, 4, 6, 10, 20, 100, 100, 200]);
  expect([0.2, 55, 99, 100].map(endOfShares)).toEqual([2, 60, 100, 100]);
  expect([0, 1_500, 61_000, 3_600_000, 5 * 86_400_000].map(endOfTimes)).toEqual([1_000, 2_000, 120_000, 3_600_000, 864_000_000]);
});

test('the most of days, alone and together', () => {
  const all = [[1, null, 3], [5, 2, 3]];
  expect([most(all), mostTogether(all), most([]), mostTogether([])]).toEqual([5, 6, 0, 0]);
});

test('bars stand upon one another, and nothing has none', () => {
  const [low, high] = bars([[10, 0], [10, 5]], 20);
  expect(low).toEqual([{ x: 6.25, y: 50, width: 37.5, height: 50 }]);
  expect(high).toEqual([
    { x: 6.25, y: 0, width: 37.5, height: 50 },
    { x: 56.25, y: 75, width: 37.5, height: 25 },
  ]);
});

test('a line is broken where there is no value, and a day alone is a dot', () => {
  expect(line([10, 5, null, 0], 10)).toBe('M12.5 0L37.5 50M87.5 100h0');
  expect(line([null], 10)).toBe('');
});

test('a share of nothing is none', () => {
  expect([share(1, 4), share(0, 0)]).toEqual([25, null]);
});
