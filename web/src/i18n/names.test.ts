import { expect, test } from 'vitest';

import { allOf, nameOf } from './names';

test('are in the language of the page, and sorted as it sorts', () => {
  expect(nameOf('language', 'de', 'en')).toBe('German');
  expect(nameOf('language', 'de', 'de')).toBe('Deutsch');
  expect(nameOf('region', 'AT', 'de')).toBe('Österreich');
  const countries = allOf('region', 'de').map(({ name }) => name);
  expect(countries.length).toBe(249);
  expect(countries.indexOf('Österreich'), 'not behind Z').toBeLessThan(countries.indexOf('Polen'));
  expect(allOf('language', 'en').length).toBeGreaterThan(150);
});

test('whatever is kept has something to show', () => {
  expect(nameOf('language', 'xzq', 'en')).toBe('xzq');
  expect(nameOf('language', 'not a code', 'en')).toBe('not a code');
});

test('each code and each name is there once', () => {
  for (const language of ['en', 'de']) {
    for (const type of ['language', 'region'] as const) {
      const all = allOf(type, language);
      expect(new Set(all.map(({ code }) => code)).size).toBe(all.length);
      expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    }
  }
});

test('of two codes with one name the first can be chosen, and the other shows its name where it was kept', () => {
  expect(allOf('language', 'en').filter(({ name }) => name === 'Akan')).toEqual([{ code: 'ak', name: 'Akan' }]);
  expect(nameOf('language', 'tw', 'en')).toBe('Akan');
});
