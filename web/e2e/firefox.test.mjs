// Firefox and Chromium together: in a room over the server, and directly in a random chat.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { DESKTOP, LONG, Visitor } from './lib/browser.mjs';
import { Fox } from './lib/firefox.mjs';
import { figures, guest, join, makeRoom, sees } from './lib/room.mjs';

/** Sound of a second, from somebody. */
const SOUND = 50;
/** Lines of the finest layer, and a window that has no room for it. */
const FINE = 720;
const SMALL = { width: 640, height: 480 };

async function hears(one) {
  const sum = async () => Object.values(await figures(one)).filter(({ kind }) => kind === 'audio').reduce((all, { packets }) => all + (packets ?? 0), 0);
  const before = await sum();
  await until(async () => (await sum()) >= before + SOUND, LONG, `${one.name} hears somebody`);
}

/** Lines of the picture that comes. */
const height = (one) =>
  one.page.evaluate(async () => {
    const all = [...(await window.__visavisPc.getStats()).values()].filter(({ type, kind, framesDecoded }) => type === 'inbound-rtp' && kind === 'video' && framesDecoded);
    return Math.max(0, ...all.map(({ frameHeight }) => frameHeight ?? 0));
  });

describe('Firefox and Chromium', () => {
  test('see and hear each other in a room, in the layer that each shows', { timeout: 240_000 }, async (t) => {
    // Firefox sends from the machine's own address, and nothing from there to the loopback one.
    const server = await startServer({ test: t, settings: { 'media.listen': '[::]:0' } });
    const cara = await guest(t, server, 'cara');
    const link = await makeRoom(cara);
    await join(cara);
    const fay = await Fox.start(server, { name: 'fay', test: t });
    await fay.goto(link);
    await fay.signIn();
    await fay.reaches('lobby');
    // Firefox gives a camera to nobody for good: it is asked for each time.
    await fay.press('Test camera and microphone');
    await fay.page.waitForSelector('.preview video');
    await fay.press('Join');
    await fay.reaches('in');
    await fay.page.waitForSelector('[data-link="connected"]');
    await Promise.all([sees(cara, 1), sees(fay, 1), hears(cara), hears(fay)]);
    // Several seconds, not a first picture only.
    for (let i = 0; i < 3; i += 1) await Promise.all([sees(cara, 1), sees(fay, 1)]);

    // In a small window a coarse layer is enough; on the stage of a large one it is the finest.
    await cara.page.setViewportSize(SMALL);
    const coarse = (lines) => lines > 0 && lines < FINE && lines;
    const side = await until(async () => coarse(await height(cara)), LONG, 'a coarse picture in a small window');
    await cara.page.setViewportSize(DESKTOP);
    await cara.page.keyboard.press('1');
    let seen;
    await until(async () => (seen = await height(cara)) > side, LONG, () => `a finer picture than ${side} lines, not ${seen}`);
    const layers = await fay.sends();
    assert.ok(Object.keys(layers).length >= 2, `Firefox sends several layers: ${JSON.stringify(layers)}`);
    console.log(`Firefox sent ${JSON.stringify(layers)}, Chromium saw ${side} lines and then ${seen}`);

    await fay.press('Leave');
    await fay.reaches('left');
    await until(async () => (await cara.page.locator('figure.tile').count()) === 1, LONG, 'cara is alone');
    for (const one of [cara, fay]) one.assertNoProblems();
  });

  test('see and hear each other directly in a random chat', { timeout: 240_000 }, async (t) => {
    const server = await startServer({ test: t });
    const cara = await Visitor.start(server, { name: 'cara', test: t });
    await cara.signIn();
    await cara.passCheck();
    const fay = await Fox.start(server, { name: 'fay', test: t });
    await fay.goto('/');
    await fay.signIn();
    await fay.passCheck();
    await cara.search();
    await fay.press('Start');
    const two = [cara, fay];
    await Promise.all(two.map((one) => one.reaches('live')));
    for (let i = 0; i < 3; i += 1) {
      const before = await Promise.all(two.map((one) => one.stats()));
      let now;
      await until(async () => {
        now = await Promise.all(two.map((one) => one.stats()));
        return now.every((is, n) => is.framesDecoded >= before[n].framesDecoded + 20 && is.audioPackets >= before[n].audioPackets + SOUND);
      }, LONG, () => `${JSON.stringify(before)}, then ${JSON.stringify(now)}`);
    }
    await fay.press('Next');
    await cara.reaches('left', 'searching');
    for (const one of two) one.assertNoProblems();
  });
});
