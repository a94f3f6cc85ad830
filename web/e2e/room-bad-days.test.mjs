// A group's room when something goes wrong: wires, restarts, second tabs, small windows.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { LONG, PHONE } from './lib/browser.mjs';
import { fits, names, places, plays, sees, tile, together } from './lib/room.mjs';

describe('a room on bad days', () => {
  test('whoever’s wire is pulled is shown so, in their place, and comes back to it', { timeout: 180_000 }, async (t) => {
    const server = await startServer({ test: t });
    const { guests } = await together(t, server, 2, { cable: true });
    const [anna, ben] = guests;
    const [, benName] = await names(anna);
    await Promise.all(guests.map((one) => sees(one, 1)));
    await ben.pull();
    await tile(anna, benName).getByText('Reconnecting…').waitFor();
    await ben.page.getByText('Connection to the server lost. You still see and hear the others').first().waitFor();
    await anna.picture('room-away');
    await ben.picture('room-offline');
    assert.deepEqual((await places(anna)).map(({ name }) => name), ['You', benName]);
    // Sound and picture don't need the wire of the page.
    await sees(ben, 1);
    ben.plug();
    await until(async () => (await tile(anna, benName).getByText('Reconnecting…').count()) === 0, LONG, 'ben is back');
    await Promise.all(guests.map((one) => sees(one, 1)));
    assert.deepEqual((await places(anna)).map(({ name }) => name), ['You', benName]);
    for (const one of guests) assert.equal(await one.page.evaluate(() => window.descriptions), 1, one.name);
  });

  test('a restart of the server is come through by itself', { timeout: 240_000 }, async (t) => {
    const server = await startServer({ test: t });
    const { guests } = await together(t, server, 2);
    await Promise.all(guests.map((one) => sees(one, 1)));
    const fixed = { 'private.listen': new URL(server.privateUrl).host, 'media.listen': `127.0.0.1:${server.mediaPort}` };
    await server.stop();
    for (const one of guests) await one.page.getByText(/server restarts|Connection to the server lost|Connection lost|interrupted/).first().waitFor();
    await startServer({ test: t, data: server.data, listen: `127.0.0.1:${server.port}`, settings: fixed });
    await Promise.all(guests.map((one) => plays(one, 'picture', 1)));
    await Promise.all(guests.map((one) => sees(one, 1)));
    for (const one of guests) assert.equal((await places(one)).length, 2);
  });

  test('a camera that the device takes for something else is off for the others, and comes back by itself', { timeout: 180_000 }, async (t) => {
    const server = await startServer({ test: t });
    const { guests } = await together(t, server, 2);
    const [anna, ben] = guests;
    const [, benName] = await names(anna);
    await sees(anna, 1);
    const take = (muted) =>
      ben.page.evaluate((muted) => {
        const [, { track }] = window.__visavisPc.getSenders();
        window.taken ??= track;
        Object.defineProperty(window.taken, 'muted', { value: muted, configurable: true });
        window.taken.dispatchEvent(new Event(muted ? 'mute' : 'unmute'));
      }, muted);
    await take(true);
    await tile(anna, benName).locator('video').waitFor({ state: 'detached' });
    assert.equal(await ben.button('Camera').getAttribute('aria-pressed'), 'false');
    await ben.picture('room-camera-taken');
    await take(false);
    await tile(anna, benName).locator('video').waitFor();
    assert.equal(await ben.button('Camera').getAttribute('aria-pressed'), 'true');
    await sees(anna, 1);
    for (const one of guests) one.assertNoProblems();
  });

  test('in a second tab takes the call over, and the first one can have it back', { timeout: 180_000 }, async (t) => {
    const server = await startServer({ test: t });
    const { guests, link } = await together(t, server, 2);
    const [anna, ben] = guests;
    const before = (await places(anna)).map(({ name }) => name);
    const second = await ben.context.newPage();
    await second.goto(link);
    await second.getByRole('button', { name: 'Join', exact: true }).click();
    await second.locator('[data-link="connected"]').waitFor();
    await ben.reaches('other-tab');
    await ben.picture('room-other-tab');
    await sees(anna, 1);
    assert.deepEqual((await places(anna)).map(({ name }) => name), before);
    await ben.button('Use here').click();
    await ben.reaches('in');
    await second.locator('[data-state="other-tab"]').waitFor();
    await Promise.all(guests.map((one) => sees(one, 1)));
  });

  test('fits a small phone and speaks German', { timeout: 180_000 }, async (t) => {
    const server = await startServer({ test: t });
    const { guests } = await together(t, server, 1, { viewports: [PHONE] });
    const [anna] = guests;
    await fits(anna);
    await anna.button('Leave').click();
    await anna.reaches('left');
    await anna.page.evaluate(() => localStorage.setItem('visavis-language', 'de'));
    await anna.page.reload();
    await anna.reaches('lobby');
    await accessible(anna, 'the lobby in German');
    await anna.picture('room-lobby-de');
    await anna.button('Beitreten').click();
    await anna.reaches('in');
    await accessible(anna, 'a room in German');
    const wide = await anna.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${wide} px too wide`);
    await anna.picture('room-1-de');
    await anna.button('Mehr').click();
    await anna.picture('room-more-phone-de');
    await accessible(anna, 'more in German');
    anna.assertNoProblems();
  });
});
