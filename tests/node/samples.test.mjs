// What pages send in of direct calls between strangers: who may, what of it is taken, and that nothing more ever follows from it
// than that the call goes on over the server.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { befriended } from './lib/friends.mjs';
import { withRole } from './lib/moderators.mjs';
import { meet, people } from './lib/person.mjs';
import { BLUE, jpegHead, looks, RED, redModels, webp } from './lib/red.mjs';
import { startServer } from './lib/server.mjs';
import { pause, until } from './lib/wait.mjs';

/** Everybody is trusted to talk directly at once. */
const DIRECT = { 'strangers.transport': 'auto', 'strangers.trustFloor': 0, 'strangers.provenCalls': 0 };
/** A model sees a picture, beside everything else that this machine does. */
const LOOKED_MS = 60_000;
/** As `welcome` says, less what is forgiven. */
const BETWEEN_MS = 4_000;
const YES = { ok: true };
/** Fifteen seconds for the way to the server, and some for the machine. */
const ENDS_MS = 25_000;
/** After a report a direct call moves within so many seconds. */
const WATCH_WITHIN_S = 3;

/** Two strangers in a direct call; gives also who is who there. */
async function direct(t, server, pages) {
  const [a, b] = pages ?? (await Promise.all((await people(server, 2, { test: t })).map((one) => one.open())));
  const { roomId, matches, acks } = await meet(a, b);
  assert.equal(acks[1].transport, 'p2p');
  for (const page of [a, b]) await page.do('link-state', { roomId, path: 'p2p', state: 'connected' });
  return { a, b, roomId, ada: matches[0].self, bob: matches[1].self };
}

const code = async (answer) => (await answer).error?.code;

describe('a sample', () => {
  let server;
  before(async () => {
    server = await startServer({ settings: { ...DIRECT, 'friends.requests_per_hour': 10_000, 'rooms.watch_within_s': WATCH_WITHIN_S } });
  });
  after(() => server.end());

  test('is taken as bytes or as text, from each of the two of the other, where nobody looks, too', async (t) => {
    const { a, b, roomId, ada, bob } = await direct(t, server);
    assert.deepEqual(await a.call('sample', { roomId, of: bob, image: webp(RED) }), YES);
    assert.deepEqual(await b.call('sample', { roomId, of: ada, image: webp(RED).toString('base64') }), YES);
    assert.equal((await (await fetch(`${server.url}/api/info`)).json()).sampled, false);
    assert.deepEqual([...a.all('move-to-sfu'), ...b.all('move-to-sfu')], []);
  });

  test('isn’t all that moves a direct call: a report of before does, some seconds later', async (t) => {
    const moved = await direct(t, server);
    const { person: reported } = moved.a;
    const { person: reporter } = moved.b;
    await moved.a.do('leave-room', { roomId: moved.roomId });
    const third = await (await people(server, 1, { test: t }))[0].open();
    const { a, b, roomId } = await direct(t, server, [moved.a, third]);
    const json = { roomId: moved.roomId, userId: reported.id, reason: 'spam' };
    assert.equal((await reporter.ask('POST', '/api/reports', { json })).status, 201);
    for (const page of [a, b]) {
      const { reason, roomId: which } = await page.event('move-to-sfu', () => true, (WATCH_WITHIN_S + 5) * 1_000);
      assert.deepEqual([which, reason], [roomId, 'safety']);
    }
    // The same told again moves nothing: else one report would be a way to follow somebody for a day.
    const fourth = await (await people(server, 1, { test: t }))[0].open();
    await a.do('leave-room', { roomId });
    const later = await direct(t, server, [a, fourth]);
    assert.equal((await reporter.ask('POST', '/api/reports', { json })).status, 201);
    await pause((WATCH_WITHIN_S + 1) * 1_000);
    assert.deepEqual(later.b.all('move-to-sfu'), []);
  });

  test('is no way to stay unseen: a call that must go over the server ends when one of the two stays away', { timeout: 120_000 }, async (t) => {
    const met = await direct(t, server);
    await met.a.do('leave-room', { roomId: met.roomId });
    const third = await (await people(server, 1, { test: t }))[0].open();
    const { a, b, roomId } = await direct(t, server, [met.a, third]);
    const json = { roomId: met.roomId, userId: a.person.id, reason: 'nudity' };
    assert.equal((await met.b.person.ask('POST', '/api/reports', { json })).status, 201);
    for (const page of [a, b]) await page.event('move-to-sfu', () => true, (WATCH_WITHIN_S + 5) * 1_000);
    await b.do('link-state', { roomId, path: 'sfu', state: 'connected' });
    const { reason } = await b.event('participant-left', () => true, ENDS_MS);
    assert.equal(reason, 'lost');
    assert.equal((await a.event('room-closed')).reason, 'lost');
    assert.equal(await code(a.call('media-state', { roomId, audio: true, video: true, screen: false })), 'not-in-room');
    assert.deepEqual([...a.all('moved'), ...b.all('moved')], []);
    await b.do('find-match', {});
    await b.do('cancel-match', {});
  });

  test('is of the other one in a call where one is', async (t) => {
    const { a, b, roomId, ada, bob } = await direct(t, server);
    const other = await direct(t, server);
    const image = webp(BLUE);
    const sent = (page, room, of) => code(page.call('sample', { roomId: room, of, image }));
    assert.equal(await sent(a, roomId, ada), 'bad-request', 'of oneself');
    assert.equal(await sent(a, roomId, other.bob), 'peer-gone', 'of a third');
    assert.equal(await sent(a, other.roomId, other.bob), 'not-in-room');
    assert.equal(await sent(a, 'rm_00000000000000000000000000', bob), 'not-in-room');
    assert.equal(await sent(a, roomId, b.person.id), 'bad-request', 'that is no participant');
    const second = await a.person.open();
    assert.equal(await sent(second, roomId, bob), 'not-in-room', 'the page that hasn’t the seat');
    await a.do('leave-room', { roomId });
    assert.equal(await sent(a, roomId, bob), 'not-in-room');
    assert.equal(await sent(b, roomId, ada), 'peer-gone');
  });

  test('is one in five seconds for each of the two', async (t) => {
    const { a, b, roomId, ada, bob } = await direct(t, server);
    const began = performance.now();
    await a.do('sample', { roomId, of: bob, image: webp(BLUE) });
    const refused = await a.call('sample', { roomId, of: bob, image: webp(BLUE) });
    assert.equal(refused.error?.code, 'rate-limited');
    const { retryAfterMs } = refused.error;
    assert.ok(retryAfterMs > 0 && retryAfterMs <= BETWEEN_MS, `${retryAfterMs}`);
    await b.do('sample', { roomId, of: ada, image: webp(BLUE) });
    await pause(retryAfterMs);
    await a.do('sample', { roomId, of: bob, image: webp(BLUE) });
    assert.ok(performance.now() - began >= BETWEEN_MS);
  });

  test('is a JPEG or WebP of 64 KiB at most, whatever it is called', async (t) => {
    const { a, b, roomId, bob } = await direct(t, server);
    const sent = (image) => code(a.call('sample', { roomId, of: bob, image }));
    const sized = (length) => Buffer.concat([jpegHead(320, 180), Buffer.alloc(length)]).subarray(0, length);
    for (const wrong of [
      Buffer.alloc(0), Buffer.from('GIF89a'), Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from('RIFF\x04\0\0\0WAVE', 'latin1'),
      Buffer.from('<svg onload="x"/>'), '', '§', 'data:image/webp;base64,UklGRg==', null, 5, [255, 216, 255], { _placeholder: true, num: 0 },
    ]) assert.equal(await sent(wrong), 'bad-request', JSON.stringify(wrong));
    const two = { roomId, of: bob, image: webp(RED), more: webp(RED) };
    assert.ok(['bad-request', undefined].includes((await Promise.race([a.call('sample', two), a.event('disconnect')])).error?.code), 'two attachments');
    if (!a.socket.connected) {
      a.socket.connect();
      await a.welcomed();
    }
    for (const length of [65_537, 100_000]) {
      assert.equal(await sent(sized(length)), 'payload-too-large');
      assert.equal(await sent(sized(length).toString('base64')), 'payload-too-large');
    }
    assert.equal(await sent(sized(65_536)), undefined);
    await b.do('chat-message', { roomId, text: 'still here', nonce: 'n' });
    assert.deepEqual(a.all('move-to-sfu'), []);
  });

  test('is not taken of friends, of groups, nor over the server', { timeout: 60_000 }, async (t) => {
    const image = webp(BLUE);
    const { all, pages } = await befriended(t, server);
    const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
    const mine = await pages[0].do('join-room', { roomId });
    await pages[1].do('call-accept', { roomId });
    const theirs = await pages[1].do('join-room', { roomId });
    assert.equal(await code(pages[0].call('sample', { roomId, of: theirs.self, image })), 'wrong-state');
    for (const page of pages) await page.do('leave-room', { roomId });

    const group = (await all[0].ask('POST', '/api/rooms', { json: {} })).body.room.id;
    assert.equal(await code(pages[0].call('sample', { roomId: group, of: mine.self, image })), 'not-in-room');
    const [one, two] = [await pages[0].do('join-room', { roomId: group }), await pages[1].do('join-room', { roomId: group })];
    assert.equal(await code(pages[0].call('sample', { roomId: group, of: two.self, image })), 'wrong-state');
    assert.equal(await code(pages[1].call('sample', { roomId: group, of: one.self, image })), 'wrong-state');

    const call = await direct(t, server);
    assert.equal((await call.a.person.ask('POST', '/api/reports', { json: { roomId: call.roomId, userId: call.b.person.id, reason: 'spam' } })).status, 201);
    const sfu = await startServer({ settings: { 'strangers.transport': 'sfu' }, test: t });
    const [a, b] = await Promise.all((await people(sfu, 2, { test: t })).map((person) => person.open()));
    const met = await meet(a, b);
    assert.equal(await code(a.call('sample', { roomId: met.roomId, of: met.matches[1].self, image })), 'wrong-state');
  });
});

describe('a sample that programs look at', () => {
  let server;
  let models;
  before(async () => {
    models = await redModels();
    server = await startServer({ settings: { ...DIRECT, 'watch.on': true, 'watch.models': models, 'signalling.searches_per_min': 1_000 } });
    await looks(server);
    // Each process of this place asks for itself whether somebody does.
    const all = await people(server, 2);
    const { a, roomId, bob } = await direct(null, server, await Promise.all(all.map((one) => one.open())));
    const looked = async () => {
      await a.call('sample', { roomId, of: bob, image: webp(BLUE) });
      return (await ended('nothing')) > 0 || void (await pause(500));
    };
    await until(looked, LOOKED_MS, 'they look at what pages send in');
    for (const one of all) one.close();
  });
  after(async () => {
    await server.end();
    await rm(models, { recursive: true, force: true });
  });

  /** How often something was counted, over all its labels that match, wherever it is counted. */
  async function counted(name) {
    const text = await (await fetch(`${server.privateUrl}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(name));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  const ended = (end) => counted(`visavis_watch_hints_total{end="${end}"}`);

  /** Sends one in, and waits until that has come of it; again, as pages do, when those who look were too busy for it. */
  async function comes(end, page, sample) {
    const before = await ended(end);
    assert.deepEqual(await page.call('sample', sample), YES, 'the same words whatever is in it');
    const again = setInterval(() => void page.call('sample', sample).catch(() => {}), BETWEEN_MS + 2_000);
    try {
      await until(async () => (await ended(end)) > before, LOOKED_MS, end);
    } finally {
      clearInterval(again);
    }
  }

  test('and that shows nothing changes nothing; one that is flagged moves the call, and is no strike, case or evidence', { timeout: 240_000 }, async (t) => {
    const { a, b, roomId, ada, bob } = await direct(t, server);
    await comes('nothing', a, { roomId, of: bob, image: webp(BLUE) });
    assert.deepEqual(a.all('move-to-sfu'), []);
    await comes('moves', b, { roomId, of: ada, image: webp(RED) });
    for (const page of [a, b]) {
      const { reason, roomId: which } = await page.event('move-to-sfu');
      assert.deepEqual([which, reason], [roomId, 'safety']);
    }
    await pause(BETWEEN_MS);
    const looked = await counted('visavis_watch_looked_total{kind="hint"');
    await a.do('sample', { roomId, of: bob, image: webp(RED) });
    for (const page of [a, b]) await page.do('link-state', { roomId, path: 'sfu', state: 'connected' });
    for (const page of [a, b]) await page.event('moved');
    await pause(BETWEEN_MS);
    assert.equal(await code(b.call('sample', { roomId, of: ada, image: webp(RED) })), 'wrong-state');
    assert.equal(await counted('visavis_watch_looked_total{kind="hint"'), looked, 'on its way nothing more is looked at');
    assert.equal(a.all('move-to-sfu').length, 1, 'once');

    const moderator = await withRole(server, t, 'moderator');
    const cases = (await moderator.ask('GET', '/api/moderation/cases?state=open')).body.cases;
    for (const page of [a, b]) {
      const { person } = page;
      assert.deepEqual(cases.filter((one) => one.userId === person.id), []);
      assert.deepEqual((await person.ask('GET', '/api/users/me/decisions')).body.decisions, []);
      const { entries } = (await person.ask('GET', '/api/users/me/reputation')).body;
      assert.deepEqual(entries.map(({ delta }) => delta), [70], 'as everybody begins');
      const held = JSON.stringify((await person.ask('GET', '/api/users/me/export')).body);
      assert.ok(!/hint|sample|UklGR/i.test(held), held);
      assert.deepEqual(page.all('safety-notice'), []);
    }
  });

  test('and that is none is lost without harm: cut off, empty, or of 16 000 by 16 000 points', { timeout: 240_000 }, async (t) => {
    const { a, b, roomId, ada, bob } = await direct(t, server);
    const failed = () => counted('visavis_watch_failed_total{kind="hint"');
    const red = webp(RED);
    const wrong = [
      red.subarray(0, 14), red.subarray(0, 24), webp(RED, 16_384, 16_384), jpegHead(16_000, 16_000), jpegHead(65_535, 65_535),
      jpegHead(320, 180).subarray(0, 8), Buffer.from([0xff, 0xd8, 0xff]),
    ];
    for (const [n, image] of wrong.entries()) {
      const before = await failed();
      const [page, of] = n % 2 ? [a, bob] : [b, ada];
      const sent = async () => {
        const answer = await page.call('sample', { roomId, of, image });
        if (answer.error?.code !== 'rate-limited') return answer;
        await pause(answer.error.retryAfterMs);
        return null;
      };
      assert.deepEqual(await until(sent, LOOKED_MS, 'it is its turn'), YES);
      await until(async () => (await failed()) > before, LOOKED_MS, `picture ${n} was no picture`);
    }
    assert.deepEqual(a.all('move-to-sfu'), []);
    await pause(BETWEEN_MS);
    await comes('moves', a, { roomId, of: bob, image: webp(RED, 1_280, 720) });
  });

  test('and that is forged moves three calls of whoever forges it, and from then on none', { timeout: 240_000 }, async (t) => {
    const [eve, ...others] = await people(server, 6, { test: t });
    const page = await eve.open();
    const moved = [];
    for (const [n, other] of others.entries()) {
      const victim = await other.open();
      const { roomId, bob } = await direct(t, server, [page, victim]);
      await comes(n < 3 ? 'moves' : 'unheard', page, { roomId, of: bob, image: webp(RED) });
      if (n < 3) await victim.event('move-to-sfu', (data) => data.roomId === roomId);
      moved.push(victim.all('move-to-sfu').length);
      await page.do('leave-room', { roomId });
      assert.equal((await other.ask('GET', '/api/users/me')).body.reputation, 70);
      assert.deepEqual((await other.ask('GET', '/api/users/me/decisions')).body.decisions, []);
      victim.close();
    }
    assert.deepEqual(moved, [1, 1, 1, 0, 0]);
    // What others say is heard all the same.
    const { a, roomId, bob } = await direct(t, server);
    await comes('moves', a, { roomId, of: bob, image: webp(RED) });
  });
});
