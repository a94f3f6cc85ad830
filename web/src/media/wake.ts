/** Keeps the screen on during a call, where the browser can; it lets go by itself when the page is hidden. */
const wanted = new Set<string>();
let lock: Promise<WakeLockSentinel | null> | null = null;

/** `why` names the call: while any of them wants it, the screen stays on. */
export function keepAwake(why: string, on: boolean): void {
  if (on === wanted.has(why)) return;
  const before = wanted.size;
  if (on) wanted.add(why);
  else wanted.delete(why);
  if (!before && wanted.size) take();
  else if (before && !wanted.size) void lock?.then((held) => held?.release());
}

function take(): void {
  lock = navigator.wakeLock?.request('screen').catch(() => null) ?? null;
}

document.addEventListener('visibilitychange', () => {
  if (wanted.size && document.visibilityState === 'visible') take();
});
