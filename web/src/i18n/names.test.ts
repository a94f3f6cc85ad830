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

test('each code is there once', () => {
  for (const type of ['language', 'region'] as const) {
    const codes = allOf(type, 'en').map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  }
});
