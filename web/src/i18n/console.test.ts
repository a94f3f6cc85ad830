import { expect, test } from 'vitest';

import { CONSOLE, type ConsoleKey } from './console';
import { PLACE } from './place';

const blanks = (words: string): string[] => [...words.matchAll(/\{\w+\}/g)].map(([all]) => all).sort();

test('the console has the same blanks in every language', () => {
  for (const key of Object.keys(CONSOLE.en) as ConsoleKey[]) {
    expect(CONSOLE.de[key].trim(), key).not.toBe('');
    expect(blanks(CONSOLE.de[key]), key).toEqual(blanks(CONSOLE.en[key]));
  }
});

test('each language has its own marks around what somebody wrote', () => {
  for (const [key, words] of Object.entries({ ...CONSOLE.de, ...PLACE.de })) expect(words, key).not.toMatch(/“[^“]*”/);
  expect(CONSOLE.de.quoted).toBe('„{text}“');
  expect(CONSOLE.en.quoted).toBe('“{text}”');
});

test('a number stands where it may be one', () => {
  for (const words of [PLACE.en.values, PLACE.de.values, PLACE.en.reportsOf, PLACE.de.reportsOf, CONSOLE.en.reporterRecord, CONSOLE.de.reporterRecord]) {
    expect(words.replaceAll(/\{\w+\}/g, '1')).not.toMatch(/1 (values|Werte|reports|Meldungen)/);
  }
});
