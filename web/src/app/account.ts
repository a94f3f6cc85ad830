/** Who is signed in on this page, and what this place is. */
import { signal } from '@preact/signals';

import type { Key } from '../i18n';
import { Api } from '../protocol/api';
import { type Info, type Me, troubleOf } from '../protocol/types';

/** A server that can't be reached at the start is asked again after this. */
const RETRY_MS = 3_000;
/** Kept for the next visit, so that the first paint needn't wait for the answer; gone in all tabs after a sign-out. */
const WAS_SIGNED_IN = 'visavis-signed-in';

export const me = signal<Me | null>(null);
/** Whether it is known yet if somebody is signed in. */
export const ready = signal(false);
/** Why it isn't known yet. */
export const unreachable = signal<unknown>(null);
export const info = signal<Info | null>(null);
/** Words for the start page about what just happened. */
export const notice = signal<Key | null>(null);
export const wasSignedIn = localStorage.getItem(WAS_SIGNED_IN) !== null;

const farewells: (() => void)[] = [];

/** Whatever belongs to a person ends with their login. */
export function onSignedOut(act: () => void): void {
  farewells.push(act);
}

export const api = new Api((signedIn) => {
  // Somebody else signed in beside: what is open here, the socket among it, is of the one before.
  if (signedIn && me.value && signedIn.user.id !== me.value.id) farewells.forEach((act) => act());
  if (signedIn) {
    localStorage.setItem(WAS_SIGNED_IN, '1');
    notice.value = null;
  } else {
    localStorage.removeItem(WAS_SIGNED_IN);
    if (me.value) {
      notice.value = 'signedOutNotice';
      farewells.forEach((act) => act());
    }
  }
  me.value = signedIn?.user ?? null;
});

export async function signOut(): Promise<void> {
  await api.logout();
  notice.value = null;
}

window.addEventListener('storage', ({ key, newValue }) => {
  if (key === WAS_SIGNED_IN && newValue === null && me.value) api.session.accept(null);
});

/** What was said of a place holds for so long. */
const FRESH_MS = 30_000;
let looked = -FRESH_MS;

async function look(): Promise<void> {
  looked = performance.now();
  const found = await api.info().catch(() => null);
  if (found) info.value = found;
}

/** The models of a place come up after it, and may go away: what is said of it has to be so. */
export function lookAgain(): void {
  const known = info.peek();
  if (known?.watched && known.sampled && performance.now() - looked < FRESH_MS) return;
  void look();
}

let again: ReturnType<typeof setTimeout> | undefined;

export async function boot(): Promise<void> {
  clearTimeout(again);
  void look();
  try {
    await api.session.token();
  } catch (error) {
    // Not to be told from being signed out if it were ignored.
    if (troubleOf(error).code !== 'unauthorized') {
      unreachable.value = error;
      again = setTimeout(() => void boot(), RETRY_MS);
      return;
    }
  }
  unreachable.value = null;
  ready.value = true;
}
