/** The time as the page shows it: countdowns, and the ticks of the machines. */
import { signal } from '@preact/signals';

/** Often enough that a countdown never seems to skip a second. */
const TICK_MS = 250;

export const clock = signal(Date.now());

export function startClock(): void {
  setInterval(() => (clock.value = Date.now()), TICK_MS);
}

/** Not older than the times it is compared with, which come from between two ticks. */
const now = (): number => Math.max(clock.value, Date.now());

/** Whole seconds until a time, never below zero. */
export const secondsUntil = (at: number | null): number => Math.max(0, Math.ceil(((at ?? 0) - now()) / 1_000));

/** Whole seconds since a time, never below zero. */
export const secondsSince = (at: number | null): number =>
  at === null ? 0 : Math.max(0, Math.floor((now() - at) / 1_000));
