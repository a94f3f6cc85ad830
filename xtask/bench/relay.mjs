// Two people at two signalling processes, for `cargo xtask bench relay`: reads `lines N` and `lead N`, answers `done …`.
// The first argument is the shape: `split`, or `one` process as the reference.

import { createInterface } from 'node:readline';

process.env.VISAVIS_SHAPE = process.argv[2];
const { meet, people } = await import('../../tests/node/lib/person.mjs');
const { Place } = await import('../../tests/node/lib/place.mjs');
const { startServer } = await import('../../tests/node/lib/server.mjs');
const { quantile } = await import('../../tests/node/lib/wait.mjs');

const apart = process.argv[2] === 'split';
/** Many lines and pages of few people. */
const settings = { 'signalling.chats_per_min': 1_000_000, 'signalling.events_per_s': 100_000, 'signalling.event_burst': 100_000 };
/** Pages that are opened until two are at different processes. */
const TRIES = 8;

const ends = [];
const test = { after: (end) => ends.push(end) };
const place = apart ? await Place.open(test, { settings }) : null;
const server = place?.server ?? (await startServer({ test, settings }));

async function two() {
  const [one, other] = await people(server, 2, { test });
  const first = await one.open();
  const where = (page) => (place ? place.signallingOf(page) : 'here');
  for (let n = 0; n < TRIES; n += 1) {
    const second = await other.open();
    if (!apart || (await where(first)) !== (await where(second))) return [first, second];
    second.close();
  }
  throw new Error('all pages are at one process');
}

const [a, b] = await two();
const { roomId } = await meet(a, b);
let said = 0;

/** One line after the other: from its sending to its acknowledgement, and to the other page. */
async function lines(count) {
  const [acked, heard] = [[], []];
  for (let n = 0; n < count; n += 1) {
    const text = `line ${(said += 1)}`;
    const from = performance.now();
    const coming = new Promise((resolve) => b.socket.once('chat-message', (line) => resolve([line.text, performance.now() - from])));
    await a.do('chat-message', { roomId, text, nonce: text });
    acked.push(performance.now() - from);
    const [what, ms] = await coming;
    if (what !== text) throw new Error(`${what} for ${text}`);
    heard.push(ms);
  }
  return `ack_p50=${quantile(acked, 0.5)} ack_p95=${quantile(acked, 0.95)} heard_p50=${quantile(heard, 0.5)} heard_p95=${quantile(heard, 0.95)}`;
}

/** The leading matchmaker is killed: until another one has the lease. */
async function lead(count) {
  const took = [];
  for (let n = 0; n < count; n += 1) {
    const { lease, name } = await place.leader();
    const from = performance.now();
    server.process(name).signal('SIGKILL');
    took.push(await place.takenOver(lease, from));
    await server.start(name);
    await server.ready();
  }
  return `takeover_p50=${quantile(took, 0.5)} takeover_most=${Math.max(...took)}`;
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [what, count] = line.split(' ');
  try {
    console.log(`done ${await (what === 'lines' ? lines : lead)(Number(count))}`);
  } catch (error) {
    console.log(`failed ${String(error.message).split('\n')[0]}`);
  }
}
for (const end of ends) await end();
process.exit();
