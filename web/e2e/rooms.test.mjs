// Rooms of several people over the server's media, with real browsers and mostly no page: what any client of the protocol sees.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { Process } from '../../tests/node/lib/process.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { DESKTOP, LONG, TALL_PHONE } from './lib/browser.mjs';
import { pairUp } from '../../tests/node/lib/person.mjs';
import { fakes } from './lib/fake.mjs';
import { Guest } from './lib/media.mjs';
import { fits, guest, join, makeRoom, plays, sees } from './lib/room.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

/** A room that the first of them has made, all of them in. */
async function together(t, number, { limit = 10 } = {}) {
  const names = ['anna', 'ben', 'cleo', 'dan'].slice(0, number);
  const guests = await Guest.all(server, names, { test: t });
  const made = await guests[0].person.ask('POST', '/api/rooms', { json: { name: 'Lunch', maxParticipants: limit } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const roomId = made.body.room.id;
  assert.equal(made.body.joinUrl, `${server.url}/room/${roomId}`);
  for (const guest of guests) await guest.join(roomId, { limit });
  return { guests, roomId };
}

/** How often, and for how long, each picture stood still so far. */
const frozen = (visitor) =>
  visitor.page.evaluate(async () =>
    [...(await window.__visavisPc.getStats()).values()]
      .filter(({ type, kind, framesDecoded }) => type === 'inbound-rtp' && kind === 'video' && framesDecoded)
      .map(({ frameHeight: lines, framesDecoded: frames, freezeCount: freezes, totalFreezesDuration: frozenS }) => ({ lines, frames, freezes, frozenS })),
  );

const pairs = (guests) => guests.flatMap((a) => guests.filter((b) => b !== a).map((b) => [a, b]));

describe('a room', () => {
  test('four browsers all see and hear each other; people come and go without another description', { timeout: 240_000 }, async (t) => {
    const { guests, roomId } = await together(t, 4);
    for (const [viewer, other] of pairs(guests)) {
      await viewer.sees(other);
      await viewer.hears(other);
    }
    const [anna, ben, cleo, dan] = guests;

    // Somebody leaves: their line is free, the others go on.
    await dan.socket.do('leave-room', { roomId });
    const left = await anna.socket.event('participant-left');
    assert.equal(left.participant.id, dan.self);
    assert.equal(left.reason, 'left');
    await until(() => !anna.line(dan), LONG, () => 'the line is free');
    await anna.sees(ben);

    // A screen comes on a line of its own and goes again.
    await ben.page.evaluate(() => window.__call.share());
    await ben.socket.do('media-state', { roomId, audio: true, video: true, screen: true });
    await Promise.all([anna.sees(ben, { source: 'screen' }), cleo.sees(ben, { source: 'screen' })]);
    await ben.socket.do('media-state', { roomId, audio: true, video: true, screen: false });
    await ben.page.evaluate(() => window.__call.unshare());
    await until(() => !anna.line(ben, 'screen'), LONG, () => 'the screen is gone');

    // The network of one of them changes: ICE is restarted by the same offer again.
    await cleo.offer(await cleo.page.evaluate(() => window.__call.restart()));
    await Promise.all([cleo.sees(anna), anna.sees(cleo)]);

    for (const guest of [anna, ben]) assert.equal((await guest.stats()).answers, 1, `${guest.name}: one answer for the whole call`);
    for (const [viewer, other] of pairs([anna, ben, cleo])) {
      const addresses = await viewer.page.evaluate(() => window.__call.candidates());
      assert.ok(addresses.length > 0);
      const own = new Set(viewer.answered.match(/a=candidate:\S+ \d+ \w+ \d+ (\S+)/g).map((line) => line.split(' ').at(-1)));
      for (const { address } of addresses) assert.ok(own.has(address), `${viewer.name} knows ${address}, which isn't the server's (${other.name}?)`);
    }
  });

  test('whoever has no UDP talks over TCP', { timeout: 120_000 }, async (t) => {
    const [anna, ben] = await Guest.all(server, ['anna', 'ben'], { test: t });
    const { body } = await anna.person.ask('POST', '/api/rooms', { json: { maxParticipants: 2 } });
    await anna.join(body.room.id, { limit: 2, tcpOnly: true });
    assert.match(anna.answered, /a=candidate:\S+ \d+ tcp .*tcptype passive/);
    assert.doesNotMatch(anna.answered, /a=candidate:\S+ \d+ udp/);
    await ben.join(body.room.id, { limit: 2 });
    await Promise.all([anna.sees(ben), ben.sees(anna), anna.hears(ben), ben.hears(anna)]);
    const used = await anna.page.evaluate(() => window.__call.candidates());
    assert.deepEqual([...new Set(used.map(({ protocol }) => protocol))], ['tcp']);
  });

  test('ten people: one browser sees the nine others move, and the nine miss nothing', { timeout: 300_000 }, async (t) => {
    const seconds = Number(process.env.VISAVIS_TEN_SECONDS ?? 20);
    const [fake] = await fakes(1);
    t.after(() => rm(fake.folder, { recursive: true, force: true }));
    const anna = await guest(t, server, 'anna', { fake });
    const link = await makeRoom(anna);
    await join(anna);
    // They stay until they are told that it is enough; a slow machine takes its time.
    const line = ['load-test', 'room', '--publishers', '9', '--others', '1', '--room', link.split('/').at(-1), '--duration', String(seconds + 240)];
    const crowd = new Process([...line, '--url', server.url, '--private', server.privateUrl, '--pid', String(server.pid)], {}, server.data);
    const explained = (error) => assert.fail(`${error.message}\n${crowd.output}`);
    await until(async () => (await anna.page.getByTestId('picture').count()) === 9, 2 * LONG, () => `nine others\n${crowd.output}`);
    const end = performance.now() + seconds * 1_000;
    await plays(anna, 'picture', 9).catch(explained);
    await anna.picture('room-10');
    await fits(anna);
    await anna.page.setViewportSize(TALL_PHONE);
    // The tiles move once the window has told its new size.
    await until(() => fits(anna).then(() => true, () => false), LONG, 'ten tiles fit a phone');
    await plays(anna, 'picture', 9).catch(explained);
    await anna.picture('room-10-phone');
    await anna.page.setViewportSize(DESKTOP);
    await anna.button('Speaker view').click();
    await plays(anna, 'picture', 9).catch(explained);
    await anna.picture('room-10-speaker');
    await anna.button('Speaker view').click();
    let rounds = 0;
    for (; rounds < seconds / 10 || performance.now() < end; rounds += 1) await sees(anna, 9).catch(explained);
    const stood = await frozen(anna);
    crowd.signal('SIGINT');
    const { code } = await crowd.gone(60_000);
    console.log(`${crowd.output}\n  browser        ${rounds} times all nine with new frames\n${stood.map((one) => `    ${JSON.stringify(one)}`).join('\n')}`);
    assert.equal(code, 0, crowd.output);
    anna.assertNoProblems();
  });
});

describe('two strangers', () => {
  /** Both in the room that the match has made; the media is still to come. */
  async function matched(t, settings) {
    const place = await startServer({ settings, test: t });
    const pair = await Guest.all(place, ['eve', 'finn'], { test: t });
    const matches = await pairUp(pair[0].socket, pair[1].socket);
    const { roomId } = matches[0];
    for (const guest of pair) {
      guest.roomId = roomId;
      guest.joined = await guest.socket.do('join-room', { roomId });
      guest.self = guest.joined.self;
    }
    return { pair, matches, roomId };
  }

  const offers = (pair) =>
    Promise.all(pair.map(async (guest) => guest.offer(await guest.page.evaluate((options) => window.__call.offer(options), { limit: 2, width: 640, height: 360, camera: true }))));

  test('who are not proven yet meet over the server from the beginning', { timeout: 120_000 }, async (t) => {
    const { pair, matches, roomId } = await matched(t, { 'strangers.transport': 'auto' });
    for (const match of matches) assert.equal(match.transport, 'sfu');
    for (const guest of pair) assert.equal(guest.joined.transport, 'sfu');
    await offers(pair);
    const [eve, finn] = pair;
    await Promise.all([eve.sees(finn), finn.sees(eve), eve.hears(finn), finn.hears(eve)]);
    await eve.socket.do('leave-room', { roomId });
    assert.equal((await finn.socket.event('participant-left')).reason, 'left');
  });

  test('whose direct connection fails go on over the server as the same participants', { timeout: 120_000 }, async (t) => {
    const settings = { 'strangers.transport': 'auto', 'strangers.trust_floor': 0, 'strangers.proven_calls': 0 };
    const { pair, matches, roomId } = await matched(t, settings);
    const [eve, finn] = pair;
    for (const match of matches) assert.equal(match.transport, 'p2p');
    const selves = pair.map(({ self }) => self);
    await eve.socket.do('link-state', { roomId, path: 'p2p', state: 'failed' });
    for (const guest of pair) assert.equal((await guest.socket.event('move-to-sfu')).reason, 'link-failed');
    await offers(pair);
    await Promise.all([eve.sees(finn), finn.sees(eve)]);
    await eve.socket.do('link-state', { roomId, path: 'sfu', state: 'connected' });
    assert.deepEqual(finn.socket.all('moved'), [], 'not before both have a picture');
    await finn.socket.do('link-state', { roomId, path: 'sfu', state: 'connected' });
    for (const guest of pair) await guest.socket.event('moved');
    assert.deepEqual([(await eve.socket.do('join-room', { roomId })).self, (await finn.socket.do('join-room', { roomId })).self], selves);
    assert.equal((await eve.socket.do('join-room', { roomId })).transport, 'sfu');
  });
});
