// What somebody new stumbles over: where typing goes, what a button is about, whether the camera is off, whether something
// was copied, a server that stays away, a window of middling width.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { newestMail } from '../../tests/node/lib/mail.mjs';
import { newAddress, signIn } from '../../tests/node/lib/person.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { DESKTOP, LONG, PHONE, Visitor } from './lib/browser.mjs';
import { together } from './lib/room.mjs';

/** A laptop's window beside another one. */
const MIDDLING = { width: 1100, height: 720 };

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

async function visitor(test, name, options = {}) {
  const one = await Visitor.start(options.server ?? server, { name, test, ...options });
  await one.signIn();
  return one.passCheck();
}

const shows = (one, words) => one.page.getByText(words).filter({ visible: true }).first().waitFor();

/** Cameras and microphones that this page has ever opened and that are still on. */
const WATCH_CAMERAS = () => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const tracks = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await real(wanted);
    tracks.push(...stream.getTracks());
    return stream;
  };
  window.devicesOn = () => tracks.filter(({ readyState }) => readyState === 'live').length;
};

describe('somebody new', () => {
  test('reads the rules of the place before anything is asked of them', async (t) => {
    const una = await Visitor.start(server, { name: 'una', viewport: PHONE, test: t });
    const { page } = una;
    assert.equal((await page.goto('/rules#hostile-text')).status(), 200);
    await until(() => page.locator('#hostile-text').evaluate((it) => it === document.activeElement), LONG, 'at the rule that a link names');
    await page.getByText('terms-minor').waitFor();
    await accessible(una, 'the rules');
    await una.picture('rules-phone');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
    await page.getByRole('button', { name: 'Deutsch' }).click();
    await page.getByText('Niemand unter 18.').waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await una.signIn();
    await page.getByRole('link', { name: 'The rules here, in plain words' }).waitFor();
    una.assertNoProblems();
  });

  test('types the code after a look at the mails, wherever the focus is, and the browser has nothing to complain of', async (t) => {
    const anna = await Visitor.start(server, { name: 'anna', test: t });
    const { page } = anna;
    const said = [];
    page.on('console', (message) => {
      if (!/Failed to load resource/.test(message.text())) said.push(message.text());
    });
    const email = newAddress('anna');
    await page.goto('/');
    await page.getByLabel('Email', { exact: true }).fill(email);
    await page.keyboard.press('Enter');
    const boxes = page.getByLabel(/^Code, digit/);
    await boxes.first().waitFor();
    await until(() => boxes.first().evaluate((box) => box === document.activeElement), LONG, 'the boxes have the focus');
    // Another tab: there the link stays what has the focus.
    await page.evaluate(() => {
      const link = document.querySelector('main').appendChild(document.createElement('a'));
      link.href = '#mails';
      link.id = 'mails';
      link.textContent = 'mails';
      link.focus();
      window.dispatchEvent(new Event('focus'));
    });
    assert.ok(await boxes.first().evaluate((box) => box === document.activeElement), 'back from the mails the boxes have the focus');
    const { code } = await newestMail(server, email);
    await page.locator('#mails').focus();
    await page.keyboard.type(code.slice(0, 2));
    await anna.button('Use another address').focus();
    await page.keyboard.type(code.slice(2));
    await page.waitForURL('**/check');
    assert.deepEqual(said, []);
  });

  test('is asked about nobody when nobody is meant, and has the camera off after Stop', { timeout: 120_000 }, async (t) => {
    const ben = await Visitor.start(server, { name: 'ben', test: t });
    await ben.page.addInitScript(WATCH_CAMERAS);
    await ben.signIn();
    await ben.passCheck();
    const on = () => ben.page.evaluate(() => window.devicesOn());
    const about = (enabled, why) =>
      until(async () => {
        const all = await Promise.all(['Report', 'Block'].map((name) => ben.button(name).isEnabled()));
        return all.every((one) => one === enabled);
      }, LONG, why);
    await about(false, 'idle');
    await ben.search();
    await ben.reaches('searching');
    await about(false, 'searching');
    assert.ok((await on()) > 0, 'the camera is on');
    await ben.button('Stop').click();
    await ben.reaches('idle');
    await until(async () => (await on()) === 0, LONG, 'the light is off');

    const cleo = await visitor(t, 'cleo');
    await Promise.all([ben, cleo].map((one) => one.search()));
    await Promise.all([ben, cleo].map((one) => one.reaches('live')));
    assert.ok((await on()) > 0, 'on again');
    await about(true, 'in the call');
    await ben.button('Stop').click();
    await shows(ben, /You have left the call with/);
    await about(true, 'the person just met is still spoken of');
    await until(async () => (await on()) === 0, LONG, 'the light is off');
    await ben.picture('desktop-stopped');
    await accessible(ben, 'stopped');
    await ben.search();
    await ben.reaches('searching');
    await about(false, 'searching again');
    ben.assertNoProblems();
  });

  test('is told that the server stays away, and can try at once', { timeout: 120_000 }, async (t) => {
    const own = await startServer({ test: t });
    const fixed = { 'private.listen': new URL(own.privateUrl).host, 'media.listen': `127.0.0.1:${own.mediaPort}` };
    const dan = await visitor(t, 'dan', { server: own });
    await dan.search();
    await dan.reaches('searching');
    await own.stop();
    await shows(dan, 'The server can’t be reached. Trying again by itself…');
    await dan.picture('desktop-server-away');
    await accessible(dan, 'server away');
    await dan.page.setViewportSize(PHONE);
    await dan.picture('phone-server-away');
    const away = dan.page.getByText('The server can’t be reached. Trying again by itself…').first();
    await dan.button('Try now').click();
    assert.ok(await away.isVisible(), 'one try more while it is away changes nothing');
    await startServer({ test: t, data: own.data, listen: `127.0.0.1:${own.port}`, settings: fixed });
    // It tries by itself, too: then there is no button any more to press.
    const back = away.waitFor({ state: 'detached' });
    await Promise.race([dan.button('Try now').click(), back]);
    await back;
    await dan.reaches('searching');
  });

  test('is told that the page is open too often, and goes on as soon as others are closed', { timeout: 120_000 }, async (t) => {
    const gus = await visitor(t, 'gus');
    await gus.page.goto('about:blank');
    const elsewhere = await signIn(server, { email: gus.email, adult: false, test: t });
    // Those the browser has left are counted for a minute still: as many as there is room for.
    await until(() => elsewhere.open().then(() => false, (error) => /rate-limited/.test(error.message)), LONG, 'there is no room for one more');
    await gus.page.goto('/chat');
    const told = gus.page.getByText(/^This page is open in too many tabs/);
    await told.waitFor();
    await gus.button('Start').click();
    await gus.picture('desktop-too-many-tabs');
    await accessible(gus, 'too many tabs');
    await gus.page.setViewportSize(PHONE);
    await gus.picture('phone-too-many-tabs');
    assert.equal(await gus.page.getByText(/can’t be reached|Connection lost/).filter({ visible: true }).count(), 0, 'the server is there');
    assert.equal((await elsewhere.ask('POST', '/api/auth/logout', { cookie: elsewhere.cookie })).status, 204);
    await told.waitFor({ state: 'detached' });
    await gus.reaches('searching');
    gus.assertNoProblems();
  });

  test('who is alone in a room again reads other words, and sees that the link was copied', { timeout: 180_000 }, async (t) => {
    const { guests: [eve, finn] } = await together(t, server, 2);
    assert.equal(await eve.page.getByText(/Nobody else is here yet/).count(), 0);
    await eve.picture('room-two');
    const bars = await eve.page.locator('figure.tile .quality').first().evaluate((badge) => ({
      shown: badge.checkVisibility(),
      full: badge.querySelectorAll('rect:not(.lacking)').length,
      words: badge.textContent,
    }));
    assert.deepEqual(bars, { shown: true, full: 3, words: 'Good connection' });
    await finn.button('Leave').click();
    await shows(eve, /Everybody else has left/);
    assert.equal(await eve.page.getByText(/Nobody else is here yet/).count(), 0);
    await eve.button('Copy link').first().click();
    await eve.page.getByRole('status').filter({ hasText: 'Copied.' }).filter({ visible: true }).first().waitFor();
    await eve.picture('room-alone-again');
    await accessible(eve, 'alone again');
    await eve.button('Chat').click();
    const field = eve.page.getByLabel('Message', { exact: true });
    await field.press('Control+V');
    assert.match(await field.inputValue(), /\/room\/rm_/);
  });

  for (const language of ['en', 'de']) {
    test(`has everything in one row and pictures like a camera's in a window of any width: ${language}`, { timeout: 120_000 }, async (t) => {
      const gil = await visitor(t, `gil-${language}`);
      const { page } = gil;
      await page.evaluate((to) => localStorage.setItem('visavis-language', to), language);
      await page.reload();
      await page.locator('.controls').waitFor();
      for (const viewport of [{ width: 860, height: 900 }, { width: 1000, height: 700 }, MIDDLING, DESKTOP, { width: 1440, height: 900 }, { width: 1920, height: 1080 }]) {
        await page.setViewportSize(viewport);
        const seen = await page.evaluate(() => ({
          rows: [...new Set([...document.querySelectorAll('.controls button')].filter((one) => one.checkVisibility()).map((one) => Math.round(one.getBoundingClientRect().y / 8)))].length,
          wide: document.documentElement.scrollWidth - window.innerWidth,
          outside: [...document.querySelectorAll('.controls button')].filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent),
          shapes: [...document.querySelectorAll('.stage .tile')].map((one) => one.clientWidth / one.clientHeight),
        }));
        const where = `${viewport.width}: ${JSON.stringify(seen)}`;
        assert.equal(seen.rows, 1, where);
        assert.ok(seen.wide <= 0 && seen.outside.length === 0, where);
        for (const shape of seen.shapes) assert.ok(shape > 1.3 && shape < 1.8, where);
        await gil.picture(`chat-${viewport.width}-${language}`);
      }
    });
  }
});
