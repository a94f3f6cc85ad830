// The page when something goes wrong, and where it is used: restarts, closed tabs, second tabs, lost wires, unplugged
// cameras, a finger on a phone, another language, the smallest and the largest screen.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startServer } from '../../tests/node/lib/server.mjs';
import { pause, until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { LONG, PHONE, Visitor } from './lib/browser.mjs';

/** A seat is kept so long for somebody whose socket dropped, in milliseconds. */
const GRACE_MS = 15_000;
/** The next search starts so long after a partner left, in milliseconds. */
const NEXT_MS = 3_000;
const LARGEST = { width: 3840, height: 2160 };

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

async function call(...pair) {
  await Promise.all(pair.map((one) => one.search()));
  await Promise.all(pair.map((one) => one.reaches('live')));
}

const shows = (one, words) => one.page.getByText(words).first().waitFor();

describe('a call', () => {
  test('is left at once by whoever closes the tab', async (t) => {
    const [anna, ben] = await Promise.all([visitor(t, 'anna'), visitor(t, 'ben')]);
    await call(anna, ben);
    const closed = performance.now();
    await ben.page.close({ runBeforeUnload: false });
    await anna.reaches('left');
    const ms = performance.now() - closed;
    assert.ok(ms < GRACE_MS / 3, `after ${Math.round(ms)} ms`);
    await shows(anna, /has left/);
  });

  test('can be reported after the other one has left, and nobody new comes meanwhile', async (t) => {
    const [carla, dan] = await Promise.all([visitor(t, 'carla'), visitor(t, 'dan')]);
    await call(carla, dan);
    await dan.button('Stop').click();
    await carla.reaches('left');
    await carla.button('Report').click();
    const dialog = carla.page.getByRole('dialog');
    await dialog.waitFor();
    await pause(NEXT_MS * 1.5);
    assert.equal(await carla.state(), 'left', 'no search while the form is open');
    await dialog.getByRole('radio').first().check();
    await dialog.getByRole('button', { name: 'Report' }).click();
    await shows(carla, /thank/i);
    await carla.reaches('searching');
  });

  test('ends with a restart of the server; the pages say so and search on', async (t) => {
    const own = await startServer({ test: t });
    const fixed = { 'private.listen': new URL(own.privateUrl).host, 'media.listen': `127.0.0.1:${own.mediaPort}` };
    const [eve, finn] = await Promise.all(['eve', 'finn'].map((name) => visitor(t, name, { server: own })));
    await call(eve, finn);
    await own.stop();
    await eve.picture('desktop-server-restarts');
    const again = await startServer({ test: t, data: own.data, listen: `127.0.0.1:${own.port}`, settings: fixed });
    assert.equal(again.port, own.port);
    await Promise.all([eve, finn].map((one) => shows(one, /server was restarted/i)));
    await Promise.all([eve, finn].map((one) => one.reaches('searching')));
    const gil = await visitor(t, 'gil', { server: again });
    await gil.search();
    await gil.reaches('live');
  });

  test('goes on with the camera that is there when one is unplugged', async (t) => {
    const [hana, ivan] = await Promise.all([visitor(t, 'hana'), visitor(t, 'ivan')]);
    await call(hana, ivan);
    const camera = () => ivan.page.getByTestId('self-video').evaluate((video) => video.srcObject.getVideoTracks()[0].id);
    const before = await camera();
    // As the browser tells of an unplugged device.
    await ivan.page.getByTestId('self-video').evaluate((video) => {
      const [track] = video.srcObject.getVideoTracks();
      track.stop();
      track.dispatchEvent(new Event('ended'));
    });
    await until(async () => (await camera()) !== before, LONG, 'another camera');
    const seen = (await hana.stats()).framesDecoded;
    await until(async () => (await hana.stats()).framesDecoded > seen + 20, LONG, 'the partner sees it');
    assert.equal(await hana.state(), 'live');
  });

  test('has its devices within reach', async (t) => {
    const [jane, karl] = await Promise.all([visitor(t, 'jane'), visitor(t, 'karl')]);
    await call(jane, karl);
    await jane.button('Camera and microphone').click();
    await jane.page.getByRole('dialog').getByLabel('Camera', { exact: true }).waitFor();
    await jane.picture('desktop-devices');
    await accessible(jane, 'devices');
    await jane.page.keyboard.press('Escape');
    await jane.page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await jane.state(), 'live', 'Escape has closed the dialog, nothing else');
  });
});

describe('a search', () => {
  test('that was asked for while the wire was out begins when it is back', async (t) => {
    const [lena, mia, nora] = await Promise.all([
      visitor(t, 'lena', { cable: true }),
      visitor(t, 'mia'),
      visitor(t, 'nora'),
    ]);
    await call(lena, mia);
    await lena.pull();
    await until(async () => (await lena.page.locator('[data-online="false"]').count()) > 0, LONG, 'offline is known');
    await lena.button('Next').click();
    await lena.reaches('searching');
    lena.plug();
    await mia.reaches('left');
    await mia.button('Stop').click();
    await nora.search();
    await Promise.all([lena.reaches('live'), nora.reaches('live')]);
  });

  test('in a second tab takes the call over, and the first one says so', async (t) => {
    const [olga, paul] = await Promise.all([visitor(t, 'olga'), visitor(t, 'paul')]);
    await call(olga, paul);
    const second = await olga.context.newPage();
    await second.goto('/chat');
    await second.getByRole('button', { name: 'Start', exact: true }).click();
    await second.getByRole('button', { name: 'Use here', exact: true }).click();
    await second.locator('[data-state="searching"]').waitFor();
    await olga.reaches('other-tab');
    await paul.reaches('left');
    await olga.picture('desktop-other-tab');
  });

  test('for the next one starts with a swipe up on a phone', async (t) => {
    const [quin, rosa] = await Promise.all([visitor(t, 'quin', { viewport: PHONE }), visitor(t, 'rosa')]);
    await call(quin, rosa);
    const finger = await quin.context.newCDPSession(quin.page);
    const touch = (type, ...points) => finger.send('Input.dispatchTouchEvent', { type, touchPoints: points.map((y) => ({ x: 150, y })) });
    const swipe = async (from, to) => {
      await touch('touchStart', from);
      await touch('touchMove', (from + to) / 2);
      await touch('touchMove', to);
      await touch('touchEnd');
    };
    await swipe(250, 320);
    await swipe(320, 260);
    assert.equal(await quin.state(), 'live', 'neither down nor a little up');
    await swipe(400, 200);
    await quin.reaches('searching');
    await rosa.reaches('left');
  });
});

describe('every page', () => {
  const PAGES = ['/', '/chat', '/check', '/friends', '/me', '/login/magic', '/nowhere'];

  for (const [name, viewport] of [['phone', PHONE], ['largest', LARGEST]]) {
    for (const language of ['en', 'de']) {
      test(`fits and can be used by everybody: ${name}, ${language}`, async (t) => {
        const sina = await visitor(t, `sina-${language}`, { viewport });
        const { page } = sina;
        await page.evaluate((to) => localStorage.setItem('visavis-language', to), language);
        for (const path of PAGES) {
          const answer = await page.goto(path);
          assert.equal(answer.status(), path === '/nowhere' ? 404 : 200, path);
          await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' });
          await page.getByRole('link', { name: language === 'de' ? 'Mein Profil' : 'My profile' }).waitFor();
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          assert.ok(wide <= 0, `${path}: ${wide} px too wide`);
          await accessible(sina, path);
          await sina.picture(`${name}-${language}-${path.slice(1).replace('/', '-') || 'start'}`);
        }
        sina.assertNoProblems();
      });
    }
  }
});
