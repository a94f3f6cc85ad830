// Two strangers whose media goes through the server: from the start, or because the two can't reach each other directly.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { LONG, Visitor } from './lib/browser.mjs';

/** So long may it take from the match until both see each other, when the direct way doesn't work. */
const MOVED_WITHIN = 20_000;

async function pair(t, server, script) {
  const two = await Promise.all(
    ['anna', 'ben'].map(async (name) => {
      const visitor = await Visitor.start(server, { name, test: t });
      if (script) await visitor.page.addInitScript(script);
      await visitor.signIn();
      return visitor.passCheck();
    }),
  );
  await Promise.all(two.map((one) => one.search()));
  return two;
}

/** Pictures and sound keep coming. */
async function flows(visitor, ms = LONG) {
  const before = (await visitor.stats()) ?? { framesDecoded: 0, audioPackets: 0 };
  let now;
  await until(async () => {
    now = await visitor.stats();
    return now && now.framesDecoded >= before.framesDecoded + 20 && now.audioPackets >= before.audioPackets + 50;
  }, ms, () => `${visitor.name}: ${JSON.stringify(before)}, then ${JSON.stringify(now)}`);
}

const plays = (visitor) =>
  until(() => visitor.page.getByTestId('partner-video').evaluate((video) => video.videoWidth > 0 && !video.paused && video.currentTime > 0), LONG, `${visitor.name}: the picture plays`);

describe('strangers through the server', () => {
  test('see and hear each other, go on, and learn no address', { timeout: 180_000 }, async (t) => {
    const server = await startServer({ settings: { 'strangers.transport': 'sfu' }, test: t });
    const two = await pair(t, server);
    await Promise.all(two.map((one) => one.reaches('live')));
    await Promise.all(two.map((one) => flows(one)));
    await Promise.all(two.map(plays));
    const [anna, ben] = two;
    await anna.say('through the server');
    await ben.reads('through the server');
    await anna.button('Next').click();
    await ben.reaches('left', 'searching');
    for (const one of two) one.assertNoProblems();
  });

  test('who can’t reach each other directly are moved there, and go on talking', { timeout: 180_000 }, async (t) => {
    const settings = { 'strangers.transport': 'auto', 'strangers.trustFloor': 0, 'strangers.provenCalls': 0 };
    const server = await startServer({ settings, test: t });
    // Neither learns where the other is, so that no direct way can be found.
    const two = await pair(t, server, () => {
      RTCPeerConnection.prototype.addIceCandidate = () => Promise.resolve();
    });
    const began = performance.now();
    await Promise.all(two.map((one) => one.reaches('live')));
    await Promise.all(two.map((one) => flows(one)));
    await Promise.all(two.map(plays));
    assert.ok(performance.now() - began < MOVED_WITHIN + LONG);
    for (const one of two) {
      assert.match((await one.stats()).state, /connected/);
      one.assertNoProblems();
    }
  });
});
