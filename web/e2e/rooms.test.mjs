// Rooms of several people over the server's media, with real browsers and no page: what any client of the protocol sees.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { LONG } from './lib/browser.mjs';
import { Guest } from './lib/media.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

/** A room that the first of them has made, all of them in. */
async function together(t, number, { limit = 10 } = {}) {
  const names = ['anna', 'ben', 'cleo', 'dan'].slice(0, number);
  const guests = await Promise.all(names.map((name) => Guest.start(server, { name, test: t })));
  const made = await guests[0].person.ask('POST', '/api/rooms', { json: { name: 'Lunch', maxParticipants: limit } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const roomId = made.body.room.id;
  assert.equal(made.body.joinUrl, `${server.url}/room/${roomId}`);
  for (const guest of guests) await guest.join(roomId, { limit });
  return { guests, roomId };
}

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
});
