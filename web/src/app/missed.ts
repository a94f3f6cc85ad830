/** Calls that were missed: how many since I last looked on this device, and whom to call back. */
import { computed, signal } from '@preact/signals';

import type { PastCall } from '../protocol/types';
import { freshOf, missedOf } from '../state/missed';
import { api, me, onSignedOut } from './account';
import { onFreeAnywhere } from './seat';
import { listen } from './socket';

/** By account: the newest call that was looked at. */
const STORED = 'visavis-calls-seen';

function remembered(): Record<string, string> {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? '{}') as Record<string, string>;
  } catch {
    return {};
  }
}

/** The word that a call is over may be faster than what is written down of it: it is looked for once more after this. */
const AGAIN_MS = 1_000;

const calls = signal<PastCall[]>([]);
const seen = signal(remembered());

export const missed = computed(() => missedOf(calls.value, (me.value && seen.value[me.value.id]) ?? null));
/** What the header tells. */
export const freshMissed = computed(() => freshOf(missed.value));

export async function refreshMissed(): Promise<void> {
  const who = me.peek()?.id;
  if (!who) return;
  // Told once more when something happens: without it the page lacks only a hint.
  const found = await api.pastCalls().catch(() => null);
  if (found && me.peek()?.id === who) calls.value = found;
}

/** Whoever has them before their eyes needn't be told of them any more. */
export function lookedAtMissed(): void {
  const [newest] = calls.peek();
  const who = me.peek()?.id;
  if (!newest || !who || seen.peek()[who] === newest.at) return;
  seen.value = { [who]: newest.at };
  localStorage.setItem(STORED, JSON.stringify(seen.value));
}

listen({
  up: () => void refreshMissed(),
  down: () => undefined,
  event({ name }) {
    if (name !== 'call-ended') return;
    void refreshMissed();
    setTimeout(() => void refreshMissed(), AGAIN_MS);
  },
});
// Whoever calls somebody who is in another call rings nowhere: it is told when that one ends, or when the page is looked at.
onFreeAnywhere(() => void refreshMissed());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refreshMissed();
});
// Seen in another tab.
window.addEventListener('storage', ({ key }) => {
  if (key === STORED) seen.value = remembered();
});
onSignedOut(() => (calls.value = []));
