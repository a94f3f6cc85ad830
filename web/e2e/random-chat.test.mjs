// The random chat as people use it: separate browsers, the page that the binary carries, codes from the outbox.
// Nothing is known here of the page's code but its accessible names, four test ids and `window.__visavisPc`.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { newestMail } from '../../tests/node/lib/mail.mjs';
import { newAddress } from '../../tests/node/lib/person.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { pause, until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { LONG, PHONE, Visitor } from './lib/browser.mjs';

/** How long frames must go on being decoded, in milliseconds, and at least how many a second. */
const LIVE_MS = 10_000;
const LEAST_FRAMES_PER_S = 5;
/** How long two who must not meet again are watched, in milliseconds. */
const WATCH_MS = 4_000;

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

/** People with browsers who stand at the chat page, signed in and checked. */
const visitors = (test, number, options = {}) =>
  Promise.all(
    Array.from({ length: number }, async (_, i) => {
      const visitor = await Visitor.start(server, { name: `visitor${i + 1}`, test, ...options });
      await visitor.signIn();
      return visitor.passCheck();
    }),
  );

/** Both press Start and see each other. */
async function call(...pair) {
  await Promise.all(pair.map((visitor) => visitor.search()));
  await Promise.all(pair.map((visitor) => visitor.reaches('live')));
}

/** That the partner's picture is live: the number of decoded frames grows, second by second, and audio comes in. */
async function isLive(visitor, ms) {
  const samples = [];
  const end = performance.now() + ms;
  do {
    samples.push(await visitor.stats());
    await pause(1_000);
  } while (performance.now() < end);
  samples.push(await visitor.stats());
  const frames = samples.map((sample) => sample?.framesDecoded);
  for (let i = 1; i < frames.length; i += 1) assert.ok(frames[i] > frames[i - 1], `${visitor.name}: frames decoded ${frames.join(' ')}`);
  const grown = frames.at(-1) - frames[0];
  assert.ok(grown >= (LEAST_FRAMES_PER_S * ms) / 1_000, `${visitor.name}: ${grown} frames in ${ms} ms`);
  const audio = samples.at(-1).audioPackets - samples[0].audioPackets;
  assert.ok(audio >= ms / 100, `${visitor.name}: ${audio} audio packets in ${ms} ms`);
  return { frames: grown, audio };
}

/** What the picture element shows: playing, with a size. */
const shown = (visitor, id) =>
  visitor.page.getByTestId(id).evaluate((video) => ({ width: video.videoWidth, paused: video.paused, at: video.currentTime }));

describe('two strangers', () => {
  test('sign in, see and hear each other live, chat, and go on without meeting again', async (t) => {
    const [anna, ben] = await Promise.all([
      Visitor.start(server, { name: 'anna', test: t }),
      Visitor.start(server, { name: 'ben', viewport: PHONE, test: t }),
    ]);
    await Promise.all([
      anna.signIn({ pictures: 'desktop' }).then(() => anna.passCheck({ pictures: 'desktop' })),
      ben.signIn({ pictures: 'phone' }).then(() => ben.passCheck({ pictures: 'phone' })),
    ]);
    assert.equal(await anna.reaches('idle'), 'idle');
    await anna.picture('desktop-idle');
    await ben.picture('phone-idle');
    await accessible(anna, 'idle');

    await anna.search();
    await anna.reaches('searching');
    assert.equal(await anna.page.locator('.chat > [role=status]').innerText(), 'Looking for somebody…', 'no unit without its number');
    await anna.picture('desktop-searching');
    await ben.search();
    await Promise.all([anna.reaches('live'), ben.reaches('live')]);

    const [one, two] = await Promise.all([isLive(anna, LIVE_MS), isLive(ben, LIVE_MS)]);
    t.diagnostic(`in ${LIVE_MS / 1_000} s: ${one.frames} and ${two.frames} frames decoded, ${one.audio} and ${two.audio} audio packets`);
    for (const visitor of [anna, ben]) {
      for (const id of ['partner-video', 'self-video']) {
        const video = await shown(visitor, id);
        assert.ok(video.width > 0 && !video.paused && video.at > 0, `${visitor.name} ${id}: ${JSON.stringify(video)}`);
      }
    }

    await anna.say('Hello from the desk');
    await ben.reads('Hello from the desk');
    await ben.say('Hello from the phone — <b>really</b>');
    await anna.reads('Hello from the phone — <b>really</b>');
    await anna.reads('Hello from the desk');
    // What leads away from here goes covered, if its writer wants it to; whoever reads it decides.
    await anna.say('I write at example.com');
    await anna.button('Send it covered').click();
    await ben.reads('Covered: a link');
    assert.equal(await ben.page.getByText('I write at example.com').count(), 0);
    await ben.picture('phone-covered');
    await ben.button('Show anyway').click();
    await ben.reads('I write at example.com');
    await anna.picture('desktop-live');
    await ben.picture('phone-live');
    await Promise.all([accessible(anna, 'live, desktop'), accessible(ben, 'live, phone')]);
    await fits(anna);
    await fits(ben);

    await anna.button('Next').click();
    await ben.reaches('left', 'partner-left', 'searching', 'idle');
    await ben.picture('phone-partner-left');
    if ((await ben.state()) !== 'searching') await (await oneOf(ben, 'Next', 'Start')).click();
    await Promise.all([anna.reaches('searching'), ben.reaches('searching')]);
    const end = performance.now() + WATCH_MS;
    while (performance.now() < end) {
      assert.deepEqual(await Promise.all([anna.state(), ben.state()]), ['searching', 'searching'], 'not with each other again');
      await pause(200);
    }
    await anna.button('Stop').click();
    await anna.reaches('idle');
    anna.assertNoProblems();
    ben.assertNoProblems();
  });

  test('leave nothing to whoever signs in next in the same tab, when a login ends from outside', { timeout: 180_000 }, async (t) => {
    const [anna, ben] = await visitors(t, 2);
    await call(anna, ben);
    await ben.say('only for Anna');
    await anna.reads('only for Anna');
    const other = await anna.context.newPage();
    await other.goto('/me');
    await other.getByRole('button', { name: 'Sign out', exact: true }).first().click();
    const email = anna.page.getByLabel('Email', { exact: true });
    const start = anna.button('Start');
    await email.or(start).first().waitFor();
    await other.close();
    // Without a reload, which would forget everything by itself.
    if (!(await email.isVisible())) await start.click();
    anna.email = newAddress('cleo');
    await email.fill(anna.email);
    await anna.button('Sign in').click();
    await anna.enterCode((await newestMail(server, anna.email)).code);
    await anna.passCheck();
    await anna.reaches('idle');
    assert.equal(await anna.page.getByText('only for Anna').count(), 0);
  });

  test('with four browsers everyone is matched again after Next', async (t) => {
    const four = await visitors(t, 4);
    await Promise.all(four.map((visitor) => visitor.search()));
    const first = await partners(four, 1);
    await Promise.all(four.map((visitor) => visitor.button('Next').click()));
    const second = await partners(four, 2, first);
    for (const [visitor, partner] of second) assert.notEqual(partner, first.get(visitor), `${visitor.name} met ${partner} twice`);
    await Promise.all(four.map((visitor) => isLive(visitor, 2_000)));
    four.forEach((visitor) => visitor.assertNoProblems());
  });

  test('a report thanks, goes on, and never brings that person again; a block neither', async (t) => {
    const [carla, dan] = await visitors(t, 2);
    await call(carla, dan);
    await carla.button('Report').click();
    const dialog = carla.page.getByRole('dialog');
    await dialog.waitFor();
    await carla.picture('desktop-report');
    await accessible(carla, 'report');
    await dialog.getByRole('radio').first().check();
    await dialog.getByRole('button', { name: 'Report' }).click();
    await carla.page.getByText(/thank/i).first().waitFor();
    await carla.picture('desktop-report-thanks');
    await dan.reaches('left', 'partner-left', 'searching', 'idle');
    assert.equal(await dan.page.getByText(/report|block/i).filter({ visible: true }).locator('xpath=self::*[not(ancestor-or-self::button)]').count(), 0, 'the other one isn’t told why');

    const [erik] = await visitors(t, 1);
    if ((await carla.state()) !== 'searching') await (await oneOf(carla, 'Next', 'Start')).click();
    await erik.search();
    await Promise.all([carla.reaches('live'), erik.reaches('live')]);
    await carla.button('Block').click();
    await carla.page.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
    await erik.reaches('left', 'partner-left', 'searching', 'idle');
    await carla.picture('desktop-blocked');
    carla.assertNoProblems();
  });
});

describe('by keyboard', () => {
  test('Escape arms Next and twice goes on; single keys work only outside text fields', async (t) => {
    const [fred, gina] = await visitors(t, 2, { reducedMotion: true });
    await call(fred, gina);
    const { page } = fred;
    const microphone = page.getByRole('button', { name: /microphone/i }).first();
    const pressed = () => microphone.getAttribute('aria-pressed');
    const before = await pressed();
    assert.ok(['true', 'false'].includes(before), `a pressed state: ${before}`);
    await page.locator('body').click({ position: { x: 2, y: 2 } });
    await page.keyboard.press('m');
    await until(async () => (await pressed()) !== before, LONG, 'M switches the microphone');
    await page.keyboard.press('m');
    await until(async () => (await pressed()) === before, LONG, 'M switches it back');

    const field = page.getByLabel('Message', { exact: true });
    await field.focus();
    await page.keyboard.type('my vase');
    assert.equal(await field.inputValue(), 'my vase');
    assert.equal(await pressed(), before, 'typing is typing');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    assert.equal(await fred.state(), 'live', 'Escape in a text field goes nowhere');
    await field.fill('');
    await field.blur();

    await page.keyboard.press('Escape');
    await page.getByText('Press Esc again').first().waitFor();
    await fred.picture('desktop-escape-armed');
    assert.equal(await fred.state(), 'live');
    await page.keyboard.press('Escape');
    await fred.reaches('searching');
    await gina.reaches('left', 'partner-left', 'searching', 'idle');
  });

  test('a person without a mouse gets from the address to the search, always seeing the focus', async (t) => {
    const hana = await Visitor.start(server, { name: 'hana', test: t, reducedMotion: true });
    await hana.signIn();
    const { page } = hana;
    const adult = page.getByRole('checkbox', { name: 'I am 18 or older' });
    await adult.waitFor();
    const focus = async (locator) => {
      for (let i = 0; i < 40; i += 1) {
        if (await locator.evaluate((element) => element === document.activeElement)) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`Tab never reaches ${locator}`);
    };
    await focus(adult);
    await page.keyboard.press('Space');
    await focus(hana.button('Continue'));
    const outline = await hana.button('Continue').evaluate((element) => {
      const style = getComputedStyle(element);
      return { width: parseFloat(style.outlineWidth), kind: style.outlineStyle, shadow: style.boxShadow };
    });
    assert.ok((outline.kind !== 'none' && outline.width >= 1) || outline.shadow !== 'none', `a visible focus: ${JSON.stringify(outline)}`);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/chat');
    await focus(hana.button('Start'));
    await page.keyboard.press('Enter');
    await hana.reaches('searching');
    // Under reduced motion nothing moves longer than a blink.
    const moving = await page.evaluate(() =>
      document.getAnimations().filter((animation) => {
        const { duration, iterations } = animation.effect.getComputedTiming();
        return Number(duration) * iterations > 150;
      }).map((animation) => animation.animationName ?? animation.transitionProperty ?? 'unnamed'),
    );
    assert.deepEqual(moving, []);
  });
});

describe('what goes wrong', () => {
  test('somebody without permission for the camera is told how to allow it', async (t) => {
    const ivan = await Visitor.start(server, { name: 'ivan', devices: false, test: t });
    await ivan.signIn();
    // What happens with the picture is said first; only then the camera is asked for, by a button.
    await ivan.button('Test camera and microphone').click();
    await ivan.page.getByRole('alert').filter({ hasText: /blocked/ }).waitFor();
    await ivan.picture('desktop-camera-blocked');
    await accessible(ivan, 'camera blocked');
  });

  test('a wrong code says so in words, and the right one still works', async (t) => {
    const jane = await Visitor.start(server, { name: 'jane', test: t });
    const { page } = jane;
    const { newAddress } = await import('../../tests/node/lib/person.mjs');
    const { newestMail } = await import('../../tests/node/lib/mail.mjs');
    const email = newAddress('jane');
    await page.goto('/');
    await page.getByLabel('Email', { exact: true }).fill(email);
    await jane.button('Sign in').click();
    const { code, link } = await newestMail(server, email);
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
    await jane.enterCode(wrong);
    const alert = page.getByRole('alert').filter({ hasText: /\w/ }).first();
    await alert.waitFor();
    assert.ok(!/invalid-code|\b4\d\d\b|undefined|null/.test(await alert.innerText()), await alert.innerText());
    await jane.picture('desktop-wrong-code');
    await accessible(jane, 'wrong code');
    // The link of the same mail opens a page with a button; only the button signs in.
    await page.goto(link);
    const button = page.getByRole('button', { name: /Sign in as j…@example\.test/ });
    await button.waitFor();
    await jane.picture('desktop-magic');
    assert.ok(!page.url().includes(link.split('token=')[1]), 'the token is no longer in the address bar');
    await button.click();
    await page.getByRole('checkbox', { name: 'I am 18 or older' }).waitFor();
    jane.assertNoProblems();
  });

  test('a partner whose network drops is shown as reconnecting, and comes back', async (t) => {
    const [karl, lena] = await visitors(t, 2, { cable: true });
    await call(karl, lena);
    await lena.pull();
    await karl.reaches('reconnecting');
    await karl.picture('desktop-partner-reconnecting');
    lena.plug();
    await Promise.all([karl.reaches('live'), lena.reaches('live')]);
    await karl.say('you are back');
    await lena.reads('you are back');
    await isLive(karl, 2_000);
  });
});

/** The first of these buttons that can be pressed. */
async function oneOf(visitor, ...names) {
  return until(
    async () => {
      for (const name of names) {
        const button = visitor.button(name);
        if ((await button.isVisible()) && (await button.isEnabled())) return button;
      }
      return null;
    },
    LONG,
    `${visitor.name}: one of ${names.join(', ')}`,
  );
}

/** Nothing sticks out to the side, and the buttons that matter are within reach. */
async function fits(visitor) {
  const { wide, high } = await visitor.page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - window.innerWidth,
    high: document.documentElement.scrollHeight - window.innerHeight,
  }));
  assert.ok(wide <= 0, `${visitor.name}: ${wide} px too wide`);
  assert.ok(high <= 0, `${visitor.name}: the stage scrolls by ${high} px`);
  const size = visitor.page.viewportSize();
  for (const name of ['Next', 'Stop', 'Report', 'Block']) {
    const box = await visitor.button(name).boundingBox();
    assert.ok(box && box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height, `${visitor.name}: ${name} at ${JSON.stringify(box)}`);
    assert.ok(box.width >= 24 && box.height >= 24, `${name} is large enough to hit: ${JSON.stringify(box)}`);
  }
}

/** Who is with whom, told by the chat: everybody says their name until everybody has read one. */
async function partners(all, round, not = new Map()) {
  const met = new Map();
  await Promise.all(
    all.map(async (visitor) => {
      let said = false;
      await until(
        async () => {
          if ((await visitor.state()) !== 'live') {
            said = false;
            return false;
          }
          if (!said) {
            said = true;
            await visitor.say(`round ${round}: I am ${visitor.name}`);
          }
          const messages = await visitor.page.getByTestId('message').allInnerTexts();
          const names = messages.map((text) => new RegExp(`round ${round}: I am (\\w+)`).exec(text)?.[1]).filter(Boolean);
          const partner = names.find((name) => name !== visitor.name);
          if (partner) met.set(visitor, partner);
          return partner;
        },
        LONG,
        () => `${visitor.name} in round ${round} (${not.get(visitor) ?? 'nobody'} before)`,
      );
    }),
  );
  for (const [visitor, partner] of met) {
    const other = all.find(({ name }) => name === partner);
    assert.equal(met.get(other), visitor.name, `${visitor.name} and ${partner} see each other`);
  }
  return met;
}
