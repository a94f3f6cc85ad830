/** Keeps the screen on during a call, where the browser can; it lets go by itself when the page is hidden. */
let wanted = false;
let lock: Promise<WakeLockSentinel | null> | null = null;

export function keepAwake(on: boolean): void {
  if (on === wanted) return;
  wanted = on;
  if (on) take();
  else void lock?.then((held) => held?.release());
}

function take(): void {
  lock = navigator.wakeLock?.request('screen').catch(() => null) ?? null;
}

document.addEventListener('visibilitychange', () => {
  if (wanted && document.visibilityState === 'visible') take();
});
