import { expect, test } from 'vitest';

import { count, dayWords, percent, PLACE, type PlaceKey, span } from './place';

test('every language has words for each, with the same blanks to fill', () => {
  const blanks = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([blank]) => blank).sort();
  for (const key of Object.keys(PLACE.en) as PlaceKey[]) {
    expect(PLACE.de[key].trim(), key).not.toBe('');
    expect(blanks(PLACE.de[key]), key).toEqual(blanks(PLACE.en[key]));
  }
});

test('a time is a small number of something, and a day is that day wherever one is', () => {
  expect([450, 3_100, 45_000, 725_000, 5.4 * 3_600_000, 3 * 86_400_000].map(span)).toEqual(['0.5 sec', '3.1 sec', '45 sec', '12 min', '5.4 hr', '3 days']);
  expect([count(1234.56), percent(12.34), dayWords('2026-11-29')]).toEqual(['1,234.6', '12.3%', 'Nov 29']);
});
