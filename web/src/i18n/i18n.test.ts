import { expect, test } from 'vitest';

import { CODES } from '../protocol/types';
import { de } from './de';
import { en, type Key } from './en';

const keys = Object.keys(en) as Key[];

test('every language has the very same keys, and words for each', () => {
  expect(Object.keys(de).sort()).toEqual(Object.keys(en).sort());
  for (const key of keys) expect(de[key].trim(), key).not.toBe('');
});

test('every translation has the same blanks to fill', () => {
  const blanks = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([blank]) => blank).sort();
  for (const key of keys) expect(blanks(de[key]), key).toEqual(blanks(en[key]));
});

test('every code of the protocol has words, and no words show a code', () => {
  for (const code of CODES) expect(keys, code).toContain(`code_${code}`);
  for (const key of keys) expect(en[key], key).not.toMatch(/\b[45]\d\d\b|[a-z]+-[a-z]+-[a-z]+ error/);
});
