// Work is asked for line by line: `connect 200` → `done ms=12`, or `failed WHY`. xtask/src/bench/peer.rs asks.
import { createInterface } from 'node:readline';

export async function obey(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...args] = line.trim().split(/\s+/);
    try {
      if (!commands[name]) throw new Error(`no command ${name}`);
      const told = (await commands[name](...args.map(Number))) ?? {};
      console.log(['done', ...Object.entries(told).map(([key, value]) => `${key}=${value}`)].join(' '));
    } catch (err) {
      console.log(`failed ${String(err?.message ?? err).replaceAll('\n', ' ')}`);
    }
  }
  process.exit(0);
}

/** Waits until the condition holds, at most so long. */
export async function until(holds, what, ms = 30_000) {
  const end = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not in ${ms} ms: ${typeof what === 'function' ? what() : what}`);
    await new Promise((done) => setTimeout(done, 2));
  }
}

/** Open loop: does `one(i)` for i below `count`, `rate` a second, whether or not earlier ones were answered. */
export async function openLoop(count, rate, one) {
  const start = performance.now();
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.ceil(((performance.now() - start) / 1000) * rate));
    for (; sent < due; sent++) one(sent);
    await new Promise((done) => setTimeout(done, 2));
  }
}
