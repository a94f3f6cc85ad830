import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { CONCERNS } from '../state/casework';
import { PROGRAMS, r, TERMS, VERSION } from './rules';

const source = (path: string): string => readFileSync(new URL(`../../../crates/domain/src/${path}`, import.meta.url), 'utf8');

test('every rule that a person can cite can be read up', () => {
  expect(TERMS.map(({ id }) => id).sort()).toEqual(CONCERNS.map((one) => `terms-${one}`).sort());
});

test('the version is the one that decisions name', () => {
  expect(source('cases/measure.rs')).toContain(`TERMS: &str = "${VERSION}"`);
  expect(r('peopleHint')).toContain(VERSION);
});

test('so can every rule that comes along', () => {
  const ids = [...source('strikes/default.toml').matchAll(/^id = "([\w-]+)"/gm)].map(([, id]) => id);
  expect(ids.length).toBeGreaterThan(3);
  for (const id of [...ids, 'evasion-device', 'evasion-network']) expect(PROGRAMS.map((one) => one.id)).toContain(id);
});

test('each in both languages', () => {
  for (const { id, words } of [...TERMS, ...PROGRAMS]) {
    for (const one of [words.en, words.de]) expect(one.trim(), id).not.toBe('');
    expect(words.en, id).not.toBe(words.de);
  }
});
