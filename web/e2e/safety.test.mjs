// What is noticed of a call, and what follows: the slot for nudity holds a harmless model that finds the colour red.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { command } from '../../tests/node/lib/moderators.mjs';
import { people } from '../../tests/node/lib/person.mjs';
import { looks, redModels } from '../../tests/node/lib/red.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { DESKTOP, LONG, TALL_PHONE, Visitor } from './lib/browser.mjs';
import { CONNECTIONS, ways } from './lib/connections.mjs';
import { fakes, RED, say } from './lib/fake.mjs';
import { guest, join, makeRoom, toLobby } from './lib/room.mjs';

const BLUE = 0;
/** From a picture to what follows (the bound is 6 s; five times that holds on a machine with browsers). */
const ACTS_WITHIN = 30_000;

let models;
let server;
before(async () => {
  models = await redModels();
  server = await startServer({ settings: { 'watch.on': true, 'watch.models': models, 'strangers.transport': 'sfu' } });
  await looks(server);
});
after(async () => {
  await server.end();
  await rm(models, { recursive: true, force: true });
});

/** How much the points of the partner's picture differ, as it is shown. */
async function variance(visitor) {
  const png = await visitor.page.getByTestId('partner-video').screenshot();
  return visitor.page.evaluate(async (bytes) => {
    const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, picture.width, picture.height);
    // Between neighbours: what a blur takes away.
    let sum = 0;
    // Not where the words are.
    for (let y = Math.ceil(height * 0.35); y < height * 0.65; y += 1) {
      for (let x = 40; x < width - 40; x += 1) {
        const at = (y * width + x) * 4;
        // Of green: in red everything is as bright as can be.
        sum += (data[at + 1] - data[at + 5]) ** 2;
      }
    }
    return sum / (width * height);
  }, [...png]);
}

describe('a call over the server', () => {
  test('is looked at: a warning and a blur, then out, and each is explained', { timeout: 240_000 }, async (t) => {
    const files = await fakes(2, () => false, (i) => (i === 0 ? RED : BLUE));
    t.after(() => rm(files[0].folder, { recursive: true, force: true }));
    const [rita, bob] = await Promise.all([
      Visitor.start(server, { name: 'rita', fake: files[0], viewport: TALL_PHONE, test: t }),
      Visitor.start(server, { name: 'bob', fake: files[1], viewport: DESKTOP, test: t }),
    ]);
    for (const one of [rita, bob]) await (await one.signIn()).passCheck();
    await Promise.all([rita.search(), bob.search()]);
    await Promise.all([rita.reaches('live'), bob.reaches('live')]);
    const live = Date.now();
    await bob.page.locator('.tile.partner.blurred').waitFor({ timeout: ACTS_WITHIN });
    t.diagnostic(`blurred ${Date.now() - live} ms after the call was live`);
    await bob.page.getByText('Blurred for safety').waitFor();
    await rita.page.getByRole('alert').getByText('Others see your pictures blurred').waitFor();
    await rita.page.getByText('Others see you blurred').waitFor();
    assert.equal(await bob.page.getByTestId('partner-video').evaluate((video) => video.disablePictureInPicture), true, 'nor in a window of its own');
    await rita.picture('safety-blurred-mine-phone');
    await bob.picture('safety-blurred-theirs');
    const soft = await variance(bob);
    const as = (blurred) => bob.page.locator('.tile.partner').evaluate((tile, on) => void tile.classList.toggle('blurred', on), blurred);
    await as(false);
    const sharp = await variance(bob);
    await as(true);
    t.diagnostic(`differences between neighbours: ${sharp.toFixed(1)} before, ${soft.toFixed(1)} blurred`);
    assert.ok(soft < sharp / 4, `${soft} is blurred, ${sharp} was sharp`);
    await accessible(rita, 'whose picture is blurred');

    await rita.reaches('ended-safety');
    const metrics = await (await fetch(`${server.privateUrl}/metrics`)).text();
    for (const act of ['warn', 'blur', 'remove']) {
      const of = (what) => Number(new RegExp(`^visavis_watch_action_seconds_${what}{act="${act}"} (\\S+)$`, 'm').exec(metrics)?.[1]);
      assert.ok(of('count') >= 1, `time from a picture to ${act} is measured:\n${metrics}`);
      t.diagnostic(`from the picture to ${act}: ${(of('sum') / of('count')).toFixed(2)} s`);
    }
    t.diagnostic(`out ${Date.now() - live} ms after the call was live`);
    await rita.page.getByRole('alert').getByText('You were taken out of this call').waitFor();
    await rita.picture('safety-out-phone');
    await bob.reaches('ended-safety');
    assert.equal(await bob.page.locator('.safety').innerText(), '', 'nobody else is told of it');

    await rita.page.getByRole('link', { name: 'Why, and what I can do' }).click();
    const list = rita.page.locator('#decisions');
    for (const text of ['You were taken out of a call', 'Your pictures were blurred', 'A warning']) {
      await list.getByText(text).first().waitFor();
    }
    for (const summary of await list.getByText('The whole statement').all()) await summary.click();
    await list.getByText(/rule "nudity-picture"/).first().waitFor();
    assert.equal(await list.getByRole('link', { name: 'The rules here, in plain words' }).first().getAttribute('href'), '/rules#nudity-picture');
    const facts = await list.getByText(/noticed in a picture of your camera or screen/).count();
    assert.ok(facts >= 4, `${facts} facts: one for each of the first two, two for the last`);
    await rita.picture('safety-decisions-phone');
    await accessible(rita, 'decisions about me');
    await until(async () => (await rita.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)), LONG, 'nothing is wider than a phone');

    const score = async () => Number(/\d+/.exec(await rita.page.locator('.score').first().innerText())[0]);
    assert.equal(await score(), 65, 'trust: 70 at the start, 5 less');
    const out = list.locator('li', { hasText: 'You were taken out of a call' });
    await out.getByRole('button', { name: 'Appeal' }).click();
    await rita.page.keyboard.type('It was a red curtain.');
    await rita.picture('safety-appeal-phone');
    await out.getByRole('button', { name: 'Appeal' }).click();
    await out.getByText(/^You appealed on /).waitFor();

    const mia = await Visitor.start(server, { name: 'mia', viewport: DESKTOP, test: t });
    await mia.signIn();
    await mia.page.waitForURL('**/check');
    await command(server, 'admin', 'grant', mia.email, 'moderator');
    await mia.page.reload();
    await mia.page.getByRole('link', { name: 'Moderation' }).click();
    await mia.page.getByRole('button', { name: 'Appeals' }).click();
    const appeal = mia.page.locator('article', { hasText: 'It was a red curtain.' });
    await appeal.getByRole('button', { name: 'Look at the case' }).click();
    const show = mia.page.getByRole('button', { name: /^Show picture \d+ of/ }).first();
    await show.waitFor();
    assert.ok(await show.isDisabled(), 'a look needs a reason');
    await mia.page.getByLabel('Why do you look?').fill('To judge an appeal');
    await show.click();
    const kept = mia.page.locator('.kept-picture').first();
    await until(() => kept.locator('img').evaluate((img) => img.naturalWidth > 0), LONG, 'the picture is there');
    assert.match(await kept.locator('img').evaluate((img) => getComputedStyle(img).filter), /blur/);
    const hold = kept.getByRole('button', { name: 'Hold to see it sharper' });
    await hold.focus();
    await mia.page.keyboard.down('Space');
    assert.doesNotMatch(await kept.locator('img').evaluate((img) => getComputedStyle(img).filter), /blur/);
    await mia.picture('console-evidence');
    await mia.page.keyboard.up('Space');
    assert.match(await kept.locator('img').evaluate((img) => getComputedStyle(img).filter), /blur/);
    await mia.page.locator('.timeline').getByText(/A rule decided: taken out of the call \(nudity-picture/).waitFor();
    await accessible(mia, 'a case with evidence');
    await mia.page.getByRole('button', { name: 'Appeals' }).click();
    await mia.page.getByText(/[1-9]\d* of 120 minutes with pictures today/).waitFor();
    await appeal.getByLabel('Your answer').fill('It was a curtain indeed.');
    await mia.picture('console-appeal');
    await accessible(mia, 'appeals');
    await appeal.getByRole('button', { name: 'Take the decision back' }).click();
    await mia.page.getByRole('dialog').getByRole('button', { name: 'Take the decision back' }).click();
    await mia.page.getByText('Judged. They are told.').waitFor();

    await rita.page.reload();
    await out.getByText(/^Your appeal was right/).waitFor();
    await out.getByText('It was a curtain indeed.').waitFor();
    assert.equal(await score(), 70, 'trust is as it was');
    for (const one of [rita, bob, mia]) one.assertNoProblems();
  });

  test('shows nobody who is blurred in a small window', { timeout: 240_000 }, async (t) => {
    const files = await fakes(2, () => false, (i) => (i === 0 ? RED : BLUE));
    t.after(() => rm(files[0].folder, { recursive: true, force: true }));
    const [rosa, ben] = [await guest(t, server, 'rosa', { fake: files[0] }), await guest(t, server, 'ben', { fake: files[1] })];
    await ben.page.addInitScript(() => {
      const real = HTMLVideoElement.prototype.requestPictureInPicture;
      window.takenOut = 0;
      HTMLVideoElement.prototype.requestPictureInPicture = function take() {
        window.takenOut += 1;
        return real.call(this);
      };
    });
    await toLobby(rosa, await makeRoom(ben));
    await join(ben);
    await join(rosa);
    await ben.page.locator('.tile.other.blurred').waitFor({ timeout: ACTS_WITHIN });
    await ben.button('More').click();
    await ben.button('Small window').click();
    await rosa.page.getByText('You were taken out of this call').first().waitFor({ timeout: ACTS_WITHIN });
    assert.deepEqual(await ben.page.evaluate(() => [window.takenOut, document.pictureInPictureElement]), [0, null]);
    for (const one of [rosa, ben]) one.assertNoProblems();
  });

  test('is listened to: a threat brings a warning that says what was heard', { timeout: 240_000 }, async (t) => {
    const files = await fakes(2, () => false, () => BLUE);
    t.after(() => rm(files[0].folder, { recursive: true, force: true }));
    await say(files[0].voice, 'I hate you. I will kill you. You are a stupid idiot.');
    const [tom, una] = await Promise.all([
      Visitor.start(server, { name: 'tom', fake: files[0], test: t }),
      Visitor.start(server, { name: 'una', fake: files[1], test: t }),
    ]);
    for (const one of [tom, una]) await (await one.signIn()).passCheck();
    await Promise.all([tom.search(), una.search()]);
    await Promise.all([tom.reaches('live'), una.reaches('live')]);
    const live = Date.now();
    // What is kept is said where it is written, and where it is reported.
    const words = 'may be kept for 7 to 15 days';
    await una.page.locator('.messages').getByText(words).waitFor();
    await una.button('Report').click();
    const dialog = una.page.getByRole('dialog');
    await dialog.getByText(words).waitFor();
    await dialog.getByText('They aren’t told who reports; they may read that somebody did.').waitFor();
    await una.picture('safety-report');
    await una.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    const place = () => tom.page.locator('.stage').boundingBox();
    const before = await place();
    await una.button('Captions').click();
    await tom.page.getByRole('alert').getByText('Something of yours seems to break the rules').waitFor({ timeout: ACTS_WITHIN });
    t.diagnostic(`warned ${Date.now() - live} ms after the call was live`);
    assert.deepEqual(await place(), before, 'a warning moves no picture');
    await tom.picture('safety-warned');
    assert.equal(await una.page.locator('.safety').innerText(), '', 'who only listens did nothing');
    await una.page.locator('.captions').getByText(/hate|kill|stupid|idiot/i).first().waitFor({ timeout: ACTS_WITHIN });
    assert.equal(await tom.page.locator('.captions').count(), 0, 'who didn’t ask has none');
    await una.picture('captions-chat');
    await una.page.setViewportSize(TALL_PHONE);
    await una.page.locator('.captions').getByText(/hate|kill|stupid|idiot/i).first().waitFor({ timeout: ACTS_WITHIN });
    await una.picture('captions-chat-phone');
    await tom.page.goto('/me#decisions');
    const list = tom.page.locator('#decisions');
    await list.getByText('A warning').first().waitFor();
    await list.getByText('The whole statement').first().click();
    for (const text of [/insults, threats or hate/, /rule "hostile-speech"/, /noticed in what was said/]) await list.getByText(text).first().waitFor();
    for (const one of [tom, una]) one.assertNoProblems();
  });

  test('has captions for whoever asks, and for nobody else', { timeout: 240_000 }, async (t) => {
    const files = await fakes(2, () => false, () => BLUE);
    t.after(() => rm(files[0].folder, { recursive: true, force: true }));
    await say(files[1].voice, 'The old clock at the railway station is always late on Sunday morning.');
    const [anna, ben] = [await guest(t, server, 'anna', { fake: files[0] }), await guest(t, server, 'ben', { fake: files[1] })];
    const link = await makeRoom(anna);
    await join(anna);
    await toLobby(ben, link);
    await join(ben);

    const roomId = link.split('/').at(-1);
    const [ada, bob, eve, zoe] = await people(server, 4, { test: t });
    const [a, b, e, z] = await Promise.all([ada, bob, eve, zoe].map((one) => one.open({ reconnect: true })));
    const { participants } = await a.do('join-room', { roomId });
    const speaker = participants.find(({ displayName, host }) => !host && displayName !== ada.user.displayName);
    assert.equal((await eve.ask('PUT', `/api/blocks/${speaker.userId}`)).status, 204);
    await b.do('join-room', { roomId });
    await e.do('join-room', { roomId });
    await a.do('captions', { roomId, on: true });
    await e.do('captions', { roomId, on: true });
    assert.equal((await z.call('captions', { roomId, on: true })).error?.code, 'not-in-room');

    await anna.page.keyboard.press('t');
    assert.equal(await anna.button('Captions').getAttribute('aria-pressed'), 'true');
    await anna.page.getByText('Captions are made by a program').waitFor();
    const line = anna.page.locator('.captions p', { hasText: /clock|station|late|sunday|morning/i }).first();
    await line.waitFor({ timeout: ACTS_WITHIN });
    assert.equal(await line.locator('b').innerText(), speaker.displayName);
    assert.equal(await anna.page.locator('.captions').getAttribute('aria-live'), 'off');
    await anna.picture('captions-room');
    await accessible(anna, 'a room with captions');

    const said = () => a.all('caption');
    await until(() => said().length >= 2, ACTS_WITHIN, () => `captions for who asked; heard: ${a.summary()}`);
    t.diagnostic(said().map(({ text }) => text).join(' | '));
    const late = a.heard.filter(({ name }) => name === 'caption').map(({ data, at }) => (performance.timeOrigin + at - Date.parse(data.at)) / 1_000);
    t.diagnostic(`seconds from the first word to the caption: ${late.map((one) => one.toFixed(1)).join(', ')}`);
    assert.match(said().map(({ text }) => text).join(' '), /clock|station|late|sunday|morning/i);
    for (const one of said()) {
      assert.deepEqual([one.roomId, one.participantId, 'seq' in one], [roomId, speaker.id, false]);
      assert.ok(Date.now() - Date.parse(one.at) < ACTS_WITHIN && one.text.length <= 500, JSON.stringify(one));
    }
    assert.deepEqual([b, e, z].map((page) => page.all('caption').length), [0, 0, 0], 'not who didn’t ask, not across a block, not from outside');

    a.cut();
    assert.equal((await a.event('welcome', ({ resumed }) => resumed)).session, a.session);
    const resumed = said().length;
    await until(() => said().length > resumed, ACTS_WITHIN, 'a session that goes on still has them');

    await a.do('captions', { roomId, on: false });
    const before = said().length;
    await b.do('captions', { roomId, on: true });
    await b.event('caption', () => true, ACTS_WITHIN);
    assert.equal(said().length, before, 'nothing more for who has had enough');

    assert.equal((await bob.ask('PUT', `/api/blocks/${speaker.userId}`)).status, 204);
    await b.event('participant-left', ({ participant }) => participant.id === speaker.id);
    const read = b.all('caption').length;
    await a.do('captions', { roomId, on: true });
    await until(() => said().length > before, ACTS_WITHIN, 'others go on reading');
    assert.deepEqual([b.all('caption').length, e.all('caption').length], [read, 0], 'nothing from a block on, nor across one from before');
    await anna.page.setViewportSize(TALL_PHONE);
    await line.waitFor({ timeout: ACTS_WITHIN });
    const inside = () => [...document.querySelectorAll('.tile')].every((tile) => tile.getBoundingClientRect().right <= innerWidth);
    await anna.page.waitForFunction(inside);
    await anna.picture('captions-room-phone');
    await anna.button('More').click();
    await anna.button('Captions').click();
    assert.equal(await anna.page.locator('.captions').count(), 0);

    // Wanted for this call, not for the next one.
    await anna.page.setViewportSize(DESKTOP);
    await anna.button('Captions').click();
    await line.waitFor({ timeout: ACTS_WITHIN });
    await anna.button('Leave').click();
    await anna.reaches('left');
    await anna.button('Join again').click();
    await anna.reaches('in');
    await anna.button('Captions').waitFor();
    assert.equal(await anna.button('Captions').getAttribute('aria-pressed'), 'false');
    for (const one of [anna, ben]) one.assertNoProblems();
  });
});

describe('a direct call between strangers', () => {
  let direct;
  before(async () => {
    const settings = { 'watch.on': true, 'watch.models': models, 'strangers.transport': 'auto', 'strangers.trustFloor': 0, 'strangers.provenCalls': 0 };
    direct = await startServer({ settings });
    await looks(direct);
  });
  after(() => direct.end());

  const metrics = async () => (await fetch(`${direct.privateUrl}/metrics`)).text();
  const counted = async (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics())?.[1] ?? 0);
  /** Runs before the page's own scripts: what is sent, and how long the page was held up. */
  const WATCHED = () => {
    window.samples = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
      if (typeof data === 'string' && data.includes('"sample"')) window.samples.push({ at: performance.now() });
      else if (typeof data !== 'string' && window.samples.length) window.samples.at(-1).bytes = data.byteLength ?? data.size;
      return send.call(this, data);
    };
    window.heldUp = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => (window.heldUp = Math.max(window.heldUp, duration)))).observe({ type: 'longtask' });
  };
  const visitors = (t, named, files, prepare = async () => {}) =>
    Promise.all(
      named.map(async (name, i) => {
        const visitor = await Visitor.start(direct, { name, fake: files[i], viewport: i ? DESKTOP : TALL_PHONE, test: t });
        await visitor.page.addInitScript(CONNECTIONS);
        await visitor.page.addInitScript(WATCHED);
        await prepare(visitor);
        await visitor.signIn();
        return visitor.passCheck();
      }),
    );

  test('sends in what is shown, small and now and then, and goes on directly while nothing is seen', { timeout: 240_000 }, async (t) => {
    const files = await fakes(2, () => false, () => BLUE);
    t.after(() => rm(files[0].folder, { recursive: true, force: true }));
    // The pages were opened while the models were still on their way.
    let loaded = false;
    const two = await visitors(t, ['carl', 'dora'], files, ({ page }) =>
      page.route('**/api/info', async (route) => {
        const response = await route.fetch();
        const info = await response.json();
        await route.fulfill({ response, json: { ...info, sampled: loaded && info.sampled } });
      }),
    );
    loaded = true;
    const [carl, dora] = two;
    await Promise.all(two.map((one) => one.search()));
    await Promise.all(two.map((one) => one.reaches('live')));
    for (const one of two) await one.page.evaluate(() => (window.heldUp = 0));
    const sent = (one) => one.page.evaluate(() => window.samples);
    await until(async () => (await sent(carl)).length >= 3 && (await sent(dora)).length >= 3, ACTS_WITHIN, 'both send in what they show');
    for (const one of two) {
      const samples = await sent(one);
      const apart = samples.slice(1).map(({ at }, i) => at - samples[i].at);
      t.diagnostic(`${one.name}: ${samples.map(({ bytes }) => bytes).join(', ')} bytes; ${apart.map((ms) => (ms / 1_000).toFixed(1)).join(', ')} s apart; held up ${await one.page.evaluate(() => window.heldUp)} ms at most`);
      assert.ok(samples.every(({ bytes }) => bytes > 500 && bytes <= 65_536), JSON.stringify(samples));
      assert.ok(apart.every((ms) => ms >= 4_900), `${apart}: never more often than the server takes`);
      assert.deepEqual(await ways(one), ['direct']);
    }
    await until(async () => (await counted('visavis_watch_hints_total{end="nothing"}')) >= 4, ACTS_WITHIN, 'they are looked at');
    assert.equal(await counted('visavis_samples_total{consumer="moderation",kind="key-frame"}'), 0, 'the server has no picture of its own');

    // A camera that is off, or a page that nobody looks at, has nothing to send.
    await dora.button('Camera').click();
    await carl.page.locator('.tile.partner').getByText('Camera is off').first().waitFor();
    const before = (await sent(carl)).length;
    const theirs = (await sent(dora)).length;
    await until(async () => (await sent(dora)).length >= theirs + 2, ACTS_WITHIN, 'the other goes on');
    assert.ok((await sent(carl)).length <= before + 1, 'one may have been on its way');
    for (const one of two) one.assertNoProblems();
  });

  test('moves to the server when a page shows what is flagged, and what follows rests on the server’s own pictures', { timeout: 240_000 }, async (t) => {
    const files = await fakes(2, () => false, (i) => (i === 0 ? RED : BLUE));
    t.after(() => rm(files[0].folder, { recursive: true, force: true }));
    const two = await visitors(t, ['rosa', 'theo'], files);
    const [rosa, theo] = two;
    await Promise.all(two.map((one) => one.search()));
    await Promise.all(two.map((one) => one.reaches('live')));
    const live = Date.now();
    for (const one of two) assert.deepEqual(await ways(one), ['direct'], one.name);
    await Promise.all(two.map((one) => until(async () => (await ways(one)).join() === 'server', ACTS_WITHIN, `${one.name} talks over the server`)));
    t.diagnostic(`over the server ${Date.now() - live} ms after the call was live`);
    assert.equal(await theo.state(), 'live');
    await theo.page.locator('.tile.partner.blurred').waitFor({ timeout: ACTS_WITHIN });
    t.diagnostic(`blurred ${Date.now() - live} ms after the call was live`);
    await rosa.page.getByRole('alert').getByText('Others see your pictures blurred').waitFor();
    assert.ok((await counted('visavis_watch_looked_total{kind="key-frame"}')) >= 1, 'the server has looked for itself');
    assert.equal(await counted('visavis_watch_hints_total{end="moves"}'), 1, 'once');
    await until(async () => (await counted('visavis_watch_hints_returned_total')) === 1, ACTS_WITHIN, 'whoever was right is heard again');
    const sent = await theo.page.evaluate(() => window.samples.length);
    await rosa.reaches('ended-safety');
    assert.equal(await theo.page.evaluate(() => window.samples.length), sent, 'nothing more is sent in');
    assert.equal(await theo.page.locator('.safety').innerText(), '', 'nobody else is told of it');
    await rosa.page.getByRole('link', { name: 'Why, and what I can do' }).click();
    const list = rosa.page.locator('#decisions');
    await list.getByText('You were taken out of a call').first().waitFor();
    for (const summary of await list.getByText('The whole statement').all()) await summary.click();
    const facts = list.getByText(/noticed in a picture of your camera or screen/);
    await facts.first().waitFor();
    for (const one of two) one.assertNoProblems();
  });
});
