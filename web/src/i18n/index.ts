/** The page's words in the person's language. */
import { signal } from '@preact/signals';

import { troubleOf } from '../protocol/types';
import { de } from './de';
import { en, type Key } from './en';

export type Language = 'en' | 'de';
export type { Key };

/** Each by its own name, so that whoever needs it can read it. */
export const LANGUAGES: Record<Language, string> = { en: 'English', de: 'Deutsch' };

const MESSAGES: Record<Language, Record<Key, string>> = { en, de };
const STORED = 'visavis-language';

function preferred(): Language {
  const stored = globalThis.localStorage?.getItem(STORED);
  if (stored === 'en' || stored === 'de') return stored;
  return globalThis.navigator?.language?.toLowerCase().startsWith('de') ? 'de' : 'en';
}

export const language = signal<Language>(preferred());

export function setLanguage(to: Language): void {
  language.value = to;
  localStorage.setItem(STORED, to);
  document.documentElement.lang = to;
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return MESSAGES[language.value][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** What went wrong, in words a person would use. */
export function wordsFor(error: unknown): string {
  const key = `code_${troubleOf(error).code}` as Key;
  return t(key in en ? key : 'code_internal');
}

export const list = (words: string[]): string =>
  new Intl.ListFormat(language.value, { type: 'conjunction' }).format(words);
