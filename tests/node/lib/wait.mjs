// Waiting with a bound. Nothing here sleeps and hopes: a condition is waited for, and when its time is over the
// error says what was missing.

/** The bound for what should take a moment, on a machine that is busy with other things, in milliseconds. */
export const SOON = 8_000;

/** Between two looks at a condition that nobody announces (a file, another process), in milliseconds. */
const LOOK_EVERY = 20;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The promise's value, or an error that names `what` after `ms`. */
export function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${typeof what === 'function' ? what() : what}`)), ms);
    // The loser of a race must not keep the process alive; a running server does, for everybody who still waits.
    timer.unref();
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Looks until `condition` gives something truthy, and gives that. */
export async function until(condition, ms, what) {
  const end = performance.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${typeof what === 'function' ? what() : what}`);
    await pause(LOOK_EVERY);
  }
}

/** The value below which `share` (0..1) of the numbers lie. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
