/** Words about what happened elsewhere, over whatever page is open, for a moment. */
import { signal } from '@preact/signals';

import type { Key } from '../i18n';
import { troubleOf } from '../protocol/types';
import { clock } from './clock';

/** They stand so long. */
const STAND_MS = 7_000;
/** At most so many at a time. */
const MOST = 3;

export interface Notice {
  id: number;
  is: Key;
  values: Record<string, string>;
  until: number;
}

export const notices = signal<Notice[]>([]);
let count = 0;

export function say(is: Key, values: Record<string, string> = {}): void {
  count += 1;
  notices.value = [...notices.value, { id: count, is, values, until: Date.now() + STAND_MS }].slice(-MOST);
}

/** What went wrong, where there is no place of its own for it. */
export function sayTrouble(error: unknown): void {
  say(`code_${troubleOf(error).code}` as Key);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((one) => one.id !== id);
}

clock.subscribe((now) => {
  if (notices.peek().some(({ until }) => now >= until)) notices.value = notices.peek().filter(({ until }) => now < until);
});
