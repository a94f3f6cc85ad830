// A person is in one call at a time, on however many pages and whatever they do at once; and when they go they are gone
// everywhere.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { befriend } from './lib/friends.mjs';
import { ask } from './lib/http.mjs';
import { people, signIn } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';
import { SOON, pause, until } from './lib/wait.mjs';

/** How long a seat is kept for a page that has gone. */
const GRACE_S = 2;
/** Each race is run so often. */
const ROUNDS = 4;

let server;
before(async () => {
  server = await startServer({ settings: { 'rooms.seat_grace_s': GRACE_S, 'friends.requests_per_hour': 1000 } });
});
after(() => server.end());

/** Rooms of groups, each with its maker in it. */
async function groups(t, number) {
  const hosts = await people(server, number, { test: t });
  return Promise.all(
    hosts.map(async (host) => {
      const page = await host.open();
      const { body } = await host.ask('POST', '/api/rooms', { json: {} });
      const roomId = body.room.id;
      await page.do('join-room', { roomId });
      return { page, roomId };
    }),
  );
}

/** How many others somebody sees. */
const seen = (page) => page.all('participant-joined').length - page.all('participant-left').length;

const pagesOf = (person, number) => Promise.all(Array.from({ length: number }, () => person.open()));

/** One page for each room, all at once. Gives the pages and how each fared. */
async function rush(person, rooms) {
  const pages = await pagesOf(person, rooms.length);
  const acks = await Promise.all(pages.map((page, i) => page.call('join-room', { roomId: rooms[i].roomId })));
  return { pages, codes: acks.map((ack) => (ack.ok ? 'ok' : ack.error.code)) };
}

function assertOne(codes, what) {
  const expected = [...codes.slice(1).map(() => 'already-in-room'), 'ok'];
  assert.deepEqual([...codes].sort(), expected, what);
}

/** As many see somebody as there are rooms they are in. */
const inside = (rooms) => rooms.filter(({ page }) => seen(page) === 1).length;

async function assertGone(rooms) {
  await until(() => inside(rooms) === 0, (GRACE_S + 5) * 1_000, 'whoever has gone is gone everywhere');
}

describe('one seat for each person', () => {
  test('of eight pages that join eight rooms at once one does', async (t) => {
    const rooms = await groups(t, 8);
    for (let round = 0; round < ROUNDS; round += 1) {
      const person = await signIn(server, { test: t });
      const { pages, codes } = await rush(person, rooms);
      assertOne(codes, `round ${round}`);
      await until(() => inside(rooms) === 1, SOON, 'they are seen in the one room');
      for (const page of pages) page.close();
      await assertGone(rooms);
    }
  });

  test('whoever comes in on two pages at once is seen once, and the last page has the seat', async (t) => {
    const [room] = await groups(t, 1);
    for (let round = 0; round < ROUNDS; round += 1) {
      const person = await signIn(server, { test: t });
      const { pages, codes } = await rush(person, [room, room]);
      assert.deepEqual(codes, ['ok', 'ok']);
      const { roomId } = room;
      const said = await Promise.all(pages.map((page, i) => page.call('chat-message', { roomId, text: `${i}`, nonce: `${i}` })));
      assert.equal(said.filter((ack) => ack.ok).length, 1, JSON.stringify(said));
      const holder = pages[said.findIndex((ack) => ack.ok)];
      const other = pages.find((page) => page !== holder);
      await other.event('seat-taken');
      assert.equal(seen(room.page), 1);
      other.close();
      await holder.do('leave-room', { roomId });
      await until(() => seen(room.page) === 0, SOON, 'they have left');
      holder.close();
    }
  });

  test('who answers a call on one page and joins a group on another is in one of the two', async (t) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [caller, callee] = await people(server, 2, { test: t });
      await befriend(caller, callee);
      const [group] = await groups(t, 1);
      const [calling, first, second] = [await caller.open(), ...(await pagesOf(callee, 2))];
      const { roomId } = await calling.do('call-user', { userId: callee.id });
      await first.event('incoming-call');
      const [answer, join] = await Promise.all([first.call('call-accept', { roomId }), second.call('join-room', { roomId: group.roomId })]);
      assert.equal(Number(answer.ok) + Number(join.ok), 1, JSON.stringify([answer, join]));
      if (answer.ok) await first.do('join-room', { roomId });
      else assert.equal(answer.error.code, 'already-in-room');
      for (const page of [first, second]) page.close();
      await assertGone([group]);
      calling.close();
    }
  });

  test('who calls on one page and joins a group on another is in one of the two', async (t) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [caller, callee] = await people(server, 2, { test: t });
      await befriend(caller, callee);
      const [group] = await groups(t, 1);
      const [called, first, second] = [await callee.open(), ...(await pagesOf(caller, 2))];
      const [call, join] = await Promise.all([first.call('call-user', { userId: callee.id }), second.call('join-room', { roomId: group.roomId })]);
      assert.equal(Number(call.ok) + Number(join.ok), 1, JSON.stringify([call, join]));
      if (call.ok) {
        await called.event('incoming-call');
        await called.do('call-accept', { roomId: call.roomId });
        await called.do('join-room', { roomId: call.roomId });
      } else {
        assert.equal(call.error.code, 'already-in-room');
        assert.deepEqual(called.all('incoming-call'), [], 'nobody is disturbed for nothing');
      }
      for (const page of [first, second]) page.close();
      await assertGone([group]);
      called.close();
    }
  });

  test('who isn’t let in keeps what they had: a search, or the room they are in', async (t) => {
    const [full, open] = await groups(t, 2);
    await full.page.do('moderate-room', { roomId: full.roomId, action: 'lock' });
    const [a, b] = await people(server, 2, { test: t });
    const [first, second] = await pagesOf(a, 2);
    await first.do('find-match', {});
    assert.equal((await second.call('join-room', { roomId: full.roomId })).error.code, 'room-locked');
    const other = await b.open();
    await other.do('find-match', {});
    assert.equal((await first.event('match')).peer.userId, b.id);
    await first.do('next', {});
    await first.do('cancel-match', {});
    await first.do('join-room', { roomId: open.roomId });
    assert.equal((await second.call('join-room', { roomId: full.roomId })).error.code, 'already-in-room');
    await first.do('chat-message', { roomId: open.roomId, text: 'still here', nonce: '1' });
    assert.deepEqual(first.all('seat-taken'), []);
  });
});

describe('whoever goes is gone everywhere', () => {
  const ways = {
    'closes every page': (person, pages) => pages.forEach((page) => page.close()),
    'loses every connection': (person, pages) => pages.forEach((page) => page.cut()),
    'signs out': async (person) => {
      const { status } = await ask(server, 'POST', '/api/auth/logout', { cookie: person.cookie });
      assert.equal(status, 204);
    },
    'is erased': async (person) => {
      const { status } = await person.ask('DELETE', '/api/users/me');
      assert.equal(status, 200);
    },
  };
  for (const [how, go] of Object.entries(ways)) {
    test(`who ${how}, even while they come in`, async (t) => {
      const rooms = await groups(t, 3);
      for (let round = 0; round < ROUNDS; round += 1) {
        const person = await signIn(server, { test: t });
        const pages = await pagesOf(person, rooms.length);
        for (const [i, page] of pages.entries()) page.socket.emit('join-room', { roomId: rooms[i].roomId }, () => {});
        await pause(round * 3);
        await go(person, pages);
        // Whoever came in late is seen for a moment; after the grace nobody is.
        await pause(500);
        await assertGone(rooms);
        person.close();
      }
      assert.ok(rooms.every(({ page }) => page.all('participant-joined').length === page.all('participant-left').length));
    });
  }
});
