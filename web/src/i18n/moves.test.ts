import { afterEach, expect, test } from 'vitest';

import { language } from '.';
import { whyMoved } from './moves';

afterEach(() => void (language.value = 'en'));

const KINDS = ['clean-call', 'reported', 'recovered', 'faded', 'decided', 'overturned'];
const told = (kind?: string) => whyMoved({ ...(kind ? { kind } : {}), reason: 'As the server says.' });

test('whatever moves a reputation is said in the language of the page', () => {
  for (const kind of KINDS) {
    language.value = 'en';
    const english = told(kind);
    language.value = 'de';
    const german = told(kind);
    expect([english.lang, german.lang], kind).toEqual(['en', 'de']);
    expect(new Set([english.words, german.words, 'As the server says.']).size, kind).toBe(3);
  }
});

test('what the page doesn’t know is said as the server says it, in its language', () => {
  language.value = 'de';
  for (const kind of [undefined, 'something-new']) expect(told(kind)).toEqual({ words: 'As the server says.', lang: 'en' });
});
