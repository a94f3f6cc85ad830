// A thin line: whoever has it sees less finely, and finely again when it is wide. The person who is seen is a load client, so
// that the machine has but one browser to carry.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Process } from '../../tests/node/lib/process.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { LONG } from './lib/browser.mjs';
import { Narrow } from './lib/narrow.mjs';
import { guest, join, makeRoom, sees } from './lib/room.mjs';

/** Less than the finest layer, more than the coarsest. */
const THIN_KBIT = 300;
/** The goal is a second for the way down and eight for the way up (P7, in virtual time); real browsers have five times that. */
const DOWN_MS = 5_000;
const UP_MS = 40_000;

/** The picture that comes: its lines, frames so far, and how long it stood still. */
const picture = (visitor) =>
  visitor.page.evaluate(async () => {
    const all = [...(await window.__visavisPc.getStats()).values()].filter(({ type, kind, framesDecoded }) => type === 'inbound-rtp' && kind === 'video' && framesDecoded);
    const [one] = all.toSorted((a, b) => b.framesDecoded - a.framesDecoded);
    return one && { height: one.frameHeight, frames: one.framesDecoded, freezes: one.freezeCount, frozenS: one.totalFreezesDuration };
  });

describe('a thin line', () => {
  test('shows a coarser picture that goes on moving, and the fine one when it is wide again', { timeout: 240_000 }, async (t) => {
    const server = await startServer({ test: t });
    const narrow = await Narrow.start(server.mediaPort, { test: t });
    const anna = await guest(t, server, 'anna');
    await narrow.lead(anna);
    const link = await makeRoom(anna);
    await join(anna);
    const line = ['load-test', 'room', '--publishers', '1', '--room', link.split('/').at(-1), '--others', '1', '--duration', '600'];
    const crowd = new Process([...line, '--url', server.url, '--private', server.privateUrl], {}, server.data);
    t.after(() => crowd.kill());
    await until(async () => (await anna.page.locator('figure.tile').count()) === 2, LONG, () => `somebody to see\n${crowd.output}`);
    await anna.page.keyboard.press('1');
    let seen;
    const lines = (wanted, ms, why) => until(async () => wanted((seen = await picture(anna))?.height ?? 0), ms, () => `${why}: ${JSON.stringify(seen)}, ${narrow.dropped} dropped`);
    await lines((height) => height === 720, LONG, 'the finest picture');

    narrow.limit(THIN_KBIT);
    const thin = performance.now();
    await lines((height) => height < 720, DOWN_MS, 'a coarser picture on the thin line');
    const down = performance.now() - thin;
    // It goes on, and fits the line: nothing is dropped any more.
    await sees(anna, 1);
    const dropped = narrow.dropped;
    await sees(anna, 1);
    await sees(anna, 1);
    const more = narrow.dropped - dropped;
    assert.ok(seen.height < 720 && more < 50, `${JSON.stringify(seen)}, ${more} more dropped`);
    await anna.picture('room-thin');

    narrow.limit();
    const wide = performance.now();
    await lines((height) => height === 720, UP_MS, 'the fine picture again');
    const up = performance.now() - wide;
    const { freezes, frozenS } = seen;
    console.log(`down after ${down.toFixed(0)} ms, up after ${up.toFixed(0)} ms, ${freezes} freezes of ${frozenS} s, ${narrow.dropped} packets dropped`);
    anna.assertNoProblems();
  });
});
