// Two strangers whose media goes through the server: from the start, because the two can't reach each other directly, or
// because somebody has reported one of them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { signIn } from '../../tests/node/lib/person.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { LONG, Visitor } from './lib/browser.mjs';
import { carrier, CONNECTIONS, ways } from './lib/connections.mjs';

/** As in the field: one address, that of the STUN server too. */
const ONE_ADDRESS = { 'media.listen': '127.0.0.1:0' };

/** So long may it take from the match until both see each other, when the direct way doesn't work. */
const MOVED_WITHIN = 20_000;

/** No longer may the picture stand still when the call moves; a bound five times wider holds here. */
const GAP_MS = 500;

/** Runs in the page, before its own scripts: how long the partner's picture stood still. */
const WATCH = () => {
  window.watchGaps = () => {
    let [last, seen] = [performance.now(), null];
    window.longestGap = 0;
    const look = () => {
      const video = document.querySelector('[data-testid="partner-video"]');
      if (video && video !== seen) {
        seen = video;
        const onFrame = () => {
          last = performance.now();
          if (video === seen) video.requestVideoFrameCallback(onFrame);
        };
        video.requestVideoFrameCallback(onFrame);
      }
      window.longestGap = Math.max(window.longestGap, performance.now() - last);
      setTimeout(look, 10);
    };
    look();
  };
};

/** Somebody at the chat page, watched. */
async function ready(t, server, name) {
  const visitor = await Visitor.start(server, { name, test: t });
  await visitor.page.addInitScript(CONNECTIONS);
  await visitor.page.addInitScript(WATCH);
  await visitor.signIn();
  return visitor.passCheck();
}

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
    const server = await startServer({ settings: { 'strangers.transport': 'sfu', ...ONE_ADDRESS }, test: t });
    const two = await pair(t, server);
    await Promise.all(two.map((one) => one.reaches('live')));
    await Promise.all(two.map((one) => flows(one)));
    await Promise.all(two.map(plays));
    for (const one of two) assert.equal(await carrier(one), 'udp', one.name);
    const [anna, ben] = two;
    await anna.say('through the server');
    await ben.reads('through the server');
    await anna.button('Next').click();
    await ben.reaches('left', 'searching');
    for (const one of two) one.assertNoProblems();
  });

  test('who can’t reach each other directly are moved there, and go on talking', { timeout: 180_000 }, async (t) => {
    const settings = { 'strangers.transport': 'auto', 'strangers.trustFloor': 0, 'strangers.provenCalls': 0, ...ONE_ADDRESS };
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
      assert.equal(await carrier(one), 'udp', one.name);
      one.assertNoProblems();
    }
  });

  test('of whom one is reported by somebody else are moved there, with no gap in what they see', { timeout: 240_000 }, async (t) => {
    const settings = { 'strangers.transport': 'auto', 'strangers.trustFloor': 0, 'strangers.provenCalls': 0, 'rooms.watch_within_s': 3 };
    const server = await startServer({ settings, test: t });
    const ben = await ready(t, server, 'ben');
    // Ben meets somebody who goes on, and reports him only later.
    const earlier = await signIn(server, { test: t });
    const page = await earlier.open();
    await ben.search();
    await page.do('find-match', {});
    const { roomId, peer } = await page.event('match', () => true, LONG);
    const { participants } = await page.do('join-room', { roomId });
    if (participants.length < 2) await page.event('participant-joined', () => true, LONG);
    await page.do('leave-room', { roomId });
    const anna = await ready(t, server, 'anna');
    await anna.search();
    const two = [anna, ben];
    await Promise.all(two.map((one) => one.reaches('live')));
    await Promise.all(two.map((one) => flows(one)));
    for (const one of two) assert.deepEqual(await ways(one), ['direct'], one.name);
    await Promise.all(two.map((one) => one.page.evaluate(() => window.watchGaps())));

    const answer = await earlier.ask('POST', '/api/reports', { json: { roomId, userId: peer.userId, reason: 'spam' } });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    await Promise.all(two.map((one) => until(async () => (await ways(one)).join() === 'server', LONG, `${one.name} talks over the server`)));
    await Promise.all(two.map((one) => flows(one)));
    for (const one of two) {
      assert.equal(await one.state(), 'live');
      const gap = await one.page.evaluate(() => window.longestGap);
      console.log(`${one.name}: ${gap.toFixed(0)} ms at most between two pictures`);
      assert.ok(gap < 5 * GAP_MS, `${one.name}: ${gap} ms without a picture`);
      one.assertNoProblems();
    }
  });
});
