// Friends who call one another: ringing, answering, every race between the two, and a third who comes in.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { befriend, befriended } from './lib/friends.mjs';
import { pairUp, people } from './lib/person.mjs';
import { description } from './lib/sdp.mjs';
import { startServer } from './lib/server.mjs';
import { SOON, pause, until } from './lib/wait.mjs';

const RING_S = 3;

let server;
let patient;
before(async () => {
  const settings = {
    'friends.requests_per_hour': 10_000,
    'friends.lookups_per_min': 10_000,
    'signalling.calls_per_min': 10_000,
  };
  [server, patient] = await Promise.all([
    startServer({ settings: { ...settings, 'rooms.ring_s': RING_S } }),
    startServer({ settings }),
  ]);
});
after(() => Promise.all([server.end(), patient.end()]));

const friends = (t, number = 2, at = patient) => befriended(t, at, number);

const code = async (answer) => (await answer).error?.code;

const history = async (person) => (await person.ask('GET', '/api/users/me/calls')).body.calls;

/** Ada calls Bob, Bob answers, both join. */
async function talk(ada, bob, pages) {
  const { roomId } = await pages[0].do('call-user', { userId: bob.id });
  await pages[0].do('join-room', { roomId });
  await pages[1].event('incoming-call', (call) => call.roomId === roomId);
  await pages[1].do('call-accept', { roomId });
  await pages[0].event('call-accepted', (call) => call.roomId === roomId);
  const joined = await pages[1].do('join-room', { roomId });
  await pages[0].event('participant-joined', (data) => data.participant.userId === bob.id);
  for (const page of pages) await page.do('link-state', { roomId, path: 'p2p', state: 'connected' });
  return { roomId, joined };
}

describe('a call', () => {
  test('rings on every page, is taken on one, and the others hear that it was', async (t) => {
    const { all, pages } = await friends(t);
    const [ada, bob] = all;
    const second = await bob.open();
    const { roomId } = await pages[0].do('call-user', { userId: bob.id });
    const joined = await pages[0].do('join-room', { roomId });
    assert.deepEqual([joined.room.kind, joined.room.caller, joined.transport], ['friends', ada.id, 'p2p']);
    assert.ok(joined.room.ringingUntil);
    assert.equal(joined.participants.length, 1);
    for (const page of [pages[1], second]) {
      const call = await page.event('incoming-call');
      assert.deepEqual([call.roomId, call.from.id, call.people], [roomId, ada.id, 1]);
      assert.ok(Date.parse(call.expiresAt) > Date.now());
    }
    const third = await bob.open();
    assert.equal((await third.event('incoming-call')).roomId, roomId, 'a page that comes while it rings');
    assert.equal(await code(second.call('join-room', { roomId })), 'wrong-state', 'it isn’t answered');
    assert.equal((await second.do('call-accept', { roomId })).roomId, roomId);
    for (const page of [pages[1], third]) {
      assert.equal((await page.event('call-accepted')).elsewhere, true);
      assert.equal((await page.event('call-ended')).reason, 'elsewhere');
    }
    const accepted = await pages[0].event('call-accepted');
    assert.deepEqual([accepted.elsewhere, accepted.userId], [false, bob.id]);
    assert.equal(await code(third.call('call-accept', { roomId })), 'conflict');
    assert.equal(await code(third.call('call-decline', { roomId })), 'conflict');
    await second.do('call-accept', { roomId });
    const inside = await second.do('join-room', { roomId });
    assert.deepEqual(inside.participants.map(({ userId }) => userId).sort(), [ada.id, bob.id].sort());
    await pages[0].event('participant-joined');
    // What one says reaches the other, as between strangers.
    await pages[0].do('chat-message', { roomId, text: 'hello', nonce: '1' });
    assert.equal((await second.event('chat-message')).text, 'hello');
    await second.do('leave-room', { roomId });
    await pages[0].event('participant-left');
    assert.equal((await pages[0].event('call-ended')).reason, 'hung-up');
    assert.deepEqual([...pages[1].all('call-ended'), ...second.all('call-ended')].length, 1);
    await until(async () => (await history(ada))[0]?.endedAt, SOON, 'the end is kept');
    const [[mine], [theirs]] = [await history(ada), await history(bob)];
    assert.deepEqual([mine.incoming, mine.missed, mine.kind, mine.people[0].id], [false, false, 'friends', bob.id]);
    assert.deepEqual([theirs.incoming, theirs.missed, theirs.people[0].id], [true, false, ada.id]);
  });

  test('is declined on one page, and stops on the others', async (t) => {
    const { all, pages } = await friends(t);
    const second = await all[1].open();
    const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
    for (const page of [pages[1], second]) await page.event('incoming-call');
    await second.do('call-decline', { roomId });
    assert.equal((await pages[0].event('call-declined')).roomId, roomId);
    assert.equal((await pages[1].event('call-ended')).reason, 'elsewhere');
    await second.do('call-decline', { roomId });
    assert.equal(await code(pages[1].call('call-accept', { roomId })), 'peer-gone');
    assert.equal((await history(all[1]))[0].missed, false);
    // Free again at once.
    const again = await pages[0].do('call-user', { userId: all[1].id });
    await second.event('incoming-call', (call) => call.roomId === again.roomId);
    await pages[0].do('call-cancel', { roomId: again.roomId });
  });

  test('that is cancelled stops everywhere, can’t be answered, and was missed', async (t) => {
    const { all, pages } = await friends(t);
    const [ada, bob] = all;
    const { roomId } = await pages[0].do('call-user', { userId: bob.id });
    await pages[1].event('incoming-call');
    await pages[0].do('call-cancel', { roomId });
    assert.equal((await pages[1].event('call-ended')).reason, 'cancelled');
    assert.equal(await code(pages[1].call('call-accept', { roomId })), 'peer-gone');
    assert.equal(await code(pages[1].call('join-room', { roomId })), 'peer-gone');
    const [missed] = await history(bob);
    assert.deepEqual([missed.missed, missed.incoming, missed.people[0].id, missed.durationMs], [true, true, ada.id, 0]);
    assert.equal((await history(ada))[0].missed, false);
    assert.ok((await pages[0].do('find-match', {})).ticketId, 'the seat is free');
  });

  test('that nobody answers ends by itself on both sides', async (t) => {
    const { all, pages } = await friends(t, 2, server);
    const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
    await pages[1].event('incoming-call');
    for (const page of pages) {
      const ended = await page.event('call-ended', undefined, RING_S * 5_000);
      assert.deepEqual([ended.roomId, ended.reason], [roomId, 'timeout']);
    }
    assert.equal((await history(all[1]))[0].missed, true);
  });

  test('ends when whoever called goes away for good', async (t) => {
    const { all, pages } = await friends(t);
    await pages[0].do('call-user', { userId: all[1].id });
    await pages[1].event('incoming-call');
    pages[0].cut();
    assert.equal((await pages[1].event('call-ended', undefined, 40_000)).reason, 'cancelled');
  });

  test('is refused with the reason: not a friend, not there, not to be disturbed, in another call', async (t) => {
    const { all, pages } = await friends(t, 3);
    const [ada, bob, cy] = all;
    const [eve] = await people(patient, 1, { test: t });
    assert.equal(await code(pages[0].call('call-user', { userId: eve.id })), 'forbidden');
    assert.equal(await code(pages[0].call('call-user', { userId: ada.id })), 'bad-request');
    for (const payload of [{}, { userId: 'nobody' }, { userId: [ada.id] }]) {
      assert.equal(await code(pages[0].call('call-user', payload)), 'bad-request');
    }
    await bob.ask('PATCH', '/api/users/me', { json: { doNotDisturb: true } });
    assert.equal(await code(pages[0].call('call-user', { userId: bob.id })), 'offline');
    await bob.ask('PATCH', '/api/users/me', { json: { doNotDisturb: false } });
    await talk(bob, cy, [pages[1], pages[2]]);
    assert.equal(await code(pages[0].call('call-user', { userId: bob.id })), 'busy');
    assert.equal((await pages[1].event('call-ended', ({ reason }) => reason === 'busy')).reason, 'busy', 'told at once that it was missed');
    assert.deepEqual(pages[1].all('incoming-call'), [], 'nothing has rung');
    const missed = (await history(bob)).filter((call) => call.missed);
    assert.deepEqual(missed.map(({ reason }) => reason).sort(), ['busy', 'offline']);
    assert.equal(await code(pages[1].call('call-user', { userId: ada.id })), 'already-in-room');
    // Somebody who rings for one call is busy for another.
    const dee = (await friends(t, 2)).pages;
    await befriend(ada, dee[0].person);
    await befriend(dee[1].person, ada);
    const first = await dee[0].do('call-user', { userId: ada.id });
    await pages[0].event('incoming-call');
    assert.equal(await code(dee[1].call('call-user', { userId: ada.id })), 'busy');
    assert.equal(await code(dee[0].call('call-user', { userId: ada.id })), 'already-in-room');
    await pages[0].do('call-decline', { roomId: first.roomId });
    assert.equal(await code(pages[0].call('call-cancel', { roomId: first.roomId })), 'peer-gone');
    assert.equal(await code(eve.open().then((page) => page.call('call-accept', { roomId: first.roomId }))), 'peer-gone');
  });

  test('rings on no page that comes after its person wants to be left alone', async (t) => {
    const { all, pages } = await friends(t);
    const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
    await pages[1].event('incoming-call');
    const before = await all[1].open();
    await before.event('incoming-call');
    assert.equal((await all[1].ask('PATCH', '/api/users/me', { json: { doNotDisturb: true } })).status, 200);
    const later = await all[1].open();
    await pause(500);
    assert.deepEqual(later.all('incoming-call'), []);
    // It isn't taken from those that ring.
    await before.do('call-accept', { roomId });
  });

  test('ends at once when whoever calls, or is called, is erased', async (t) => {
    for (const who of [0, 1]) {
      const { all, pages } = await friends(t);
      await pages[0].do('call-user', { userId: all[1].id });
      await pages[1].event('incoming-call');
      assert.equal((await all[who].ask('DELETE', '/api/users/me')).status, 200);
      const other = pages[1 - who];
      await until(() => other.all('call-ended').length + other.all('call-declined').length > 0, SOON, 'it rings no more');
    }
  });
});

describe('races', () => {
  test('two who call each other talk, in one room, and one of them called', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const { all, pages } = await friends(t);
      const acks = await Promise.all(pages.map((page, n) => page.do('call-user', { userId: all[1 - n].id })));
      assert.equal(acks[0].roomId, acks[1].roomId);
      const { roomId } = acks[0];
      for (const page of pages) assert.equal((await page.event('call-accepted')).elsewhere, false);
      const joined = await Promise.all(pages.map((page) => page.do('join-room', { roomId })));
      assert.equal(joined[0].room.caller, joined[1].room.caller, 'both agree who makes the offer');
      await pages[0].do('leave-room', { roomId });
    }
  });

  test('of two pages that answer at once one has it', async (t) => {
    const { all, pages } = await friends(t);
    const answering = [pages[1], await all[1].open(), await all[1].open()];
    const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
    for (const page of answering) await page.event('incoming-call');
    const answers = await Promise.all(answering.map((page) => page.call('call-accept', { roomId })));
    const codes = answers.map(({ ok, error }) => (ok ? 'ok' : error.code)).sort();
    assert.deepEqual(codes, ['conflict', 'conflict', 'ok']);
    const winner = answering[answers.findIndex(({ ok }) => ok)];
    await winner.do('join-room', { roomId });
    await pages[0].event('participant-joined');
    assert.equal(pages[0].all('call-accepted').length, 1);
  });

  test('an answer and a cancel that cross end in one way for both', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const { all, pages } = await friends(t);
      const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
      await pages[1].event('incoming-call');
      const [, answer] = await Promise.all([
        pages[0].do('call-cancel', { roomId }),
        pages[1].call('call-accept', { roomId }),
      ]);
      if (!answer.ok) assert.equal(answer.error.code, 'peer-gone');
      await pages[1].event('call-ended', ({ reason }) => reason !== 'elsewhere');
      assert.equal(await code(pages[1].call('join-room', { roomId })), 'peer-gone');
      for (const page of pages) assert.ok((await page.do('find-match', {})).ticketId, 'both are free');
      await Promise.all(pages.map((page) => page.do('cancel-match')));
      for (const page of pages) page.close();
    }
  });

  test('a block while it rings ends it at once, whoever blocks, and isn’t told', async (t) => {
    for (const blocker of [0, 1]) {
      const { all, pages } = await friends(t);
      const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
      await pages[1].event('incoming-call');
      assert.equal((await all[blocker].ask('PUT', `/api/blocks/${all[1 - blocker].id}`)).status, 204);
      assert.equal((await pages[1].event('call-ended')).reason, 'cancelled');
      if (blocker === 1) await pages[0].event('call-declined');
      else await pages[0].event('call-ended');
      assert.equal(await code(pages[1].call('call-accept', { roomId })), 'peer-gone');
      // Nor do they find it in what they remember, or are given.
      const looks = blocker === 1 ? 'declined' : 'cancelled';
      for (const [n, person] of all.entries()) {
        await until(async () => (await history(person))[0]?.endedAt, SOON, 'it is written down');
        const [past] = await history(person);
        assert.deepEqual([past.reason, past.missed, past.people], [looks, blocker === 0 && n === 1, []]);
        const { tables } = (await person.ask('GET', '/api/users/me/export')).body;
        assert.ok(!JSON.stringify(tables.calls).includes('safety'));
      }
      for (const n of [0, 1]) assert.equal(await code(pages[n].call('call-user', { userId: all[1 - n].id })), 'forbidden');
    }
  });

  test('a block in a call ends it for both', async (t) => {
    const { all, pages } = await friends(t);
    await talk(...all, pages);
    await all[1].ask('PUT', `/api/blocks/${all[0].id}`);
    await pages[0].event('participant-left');
    for (const page of pages) await page.event('call-ended');
    await pages[1].event('room-closed');
    for (const person of all) {
      await until(async () => (await history(person))[0]?.endedAt, SOON, 'it is written down');
      const [past] = await history(person);
      assert.deepEqual([past.reason, past.missed, past.people], ['left', false, []]);
    }
  });
});

describe('the way of the media', () => {
  test('moves to the server when the two can’t reach each other', async (t) => {
    const { all, pages } = await friends(t);
    const { roomId } = await talk(...all, pages);
    await pages[0].do('link-state', { roomId, path: 'p2p', state: 'failed' });
    for (const page of pages) assert.equal((await page.event('move-to-sfu')).reason, 'link-failed');
    for (const page of pages) await page.do('link-state', { roomId, path: 'sfu', state: 'connected' });
    for (const page of pages) await page.event('moved');
  });

  test('is the server from the beginning when one hides their address', async (t) => {
    const { all, pages } = await friends(t);
    await all[1].ask('PATCH', '/api/users/me', { json: { hideIp: true } });
    const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
    assert.equal((await pages[0].do('join-room', { roomId })).transport, 'sfu');
  });

  test('is the server when one hides their address while it rings, or while they come', async (t) => {
    const { all, pages } = await friends(t);
    const { roomId } = await pages[0].do('call-user', { userId: all[1].id });
    assert.equal((await pages[0].do('join-room', { roomId })).transport, 'p2p');
    await pages[1].event('incoming-call');
    await all[1].ask('PATCH', '/api/users/me', { json: { hideIp: true } });
    await pages[1].do('call-accept', { roomId });
    assert.equal((await pages[1].do('join-room', { roomId })).transport, 'sfu');
    assert.equal((await pages[0].event('move-to-sfu')).reason, 'hidden');
    await pages[0].event('moved');
    assert.equal(await code(pages[0].call('answer', { roomId, sdp: description() })), 'wrong-state', 'nothing is said directly');

    const [cy, dan] = await people(patient, 2, { test: t });
    const [one, two] = [await cy.open(), await dan.open()];
    const [match] = await pairUp(one, two);
    assert.equal(match.transport, 'p2p');
    assert.equal((await one.do('join-room', { roomId: match.roomId })).transport, 'p2p');
    await cy.ask('PATCH', '/api/users/me', { json: { hideIp: true } });
    assert.equal((await two.do('join-room', { roomId: match.roomId })).transport, 'sfu');
    await one.event('moved');
    assert.deepEqual(two.all('move-to-sfu'), []);
  });
});

describe('a third person', () => {
  test('comes into the call, which nobody leaves meanwhile', async (t) => {
    const { all, pages } = await friends(t, 4);
    const [ada, bob, cy, dee] = all;
    const { roomId, joined } = await talk(ada, bob, pages.slice(0, 2));
    await pages[0].do('add-to-call', { roomId, userId: cy.id });
    await pages[0].do('add-to-call', { roomId, userId: cy.id });
    const call = await pages[2].event('incoming-call');
    assert.deepEqual([call.roomId, call.from.id, call.people], [roomId, ada.id, 2]);
    assert.equal(await code(pages[2].call('join-room', { roomId })), 'not-in-room', 'it isn’t answered');
    await pages[2].do('call-accept', { roomId });
    assert.equal((await pages[0].event('call-accepted', ({ userId }) => userId === cy.id)).elsewhere, false);
    for (const page of pages.slice(0, 2)) {
      assert.equal((await page.event('room-changed')).maxParticipants, 10);
      assert.equal((await page.event('move-to-sfu')).reason, 'group');
    }
    const there = await pages[2].do('join-room', { roomId });
    assert.deepEqual([there.transport, there.room.kind, there.room.maxParticipants], ['sfu', 'friends', 10]);
    assert.deepEqual(there.participants.map(({ userId }) => userId).sort(), [ada.id, bob.id, cy.id].sort());
    const same = there.participants.find(({ userId }) => userId === bob.id);
    assert.equal(same.id, joined.self, 'everybody stays who they were');
    for (const page of pages.slice(0, 2)) {
      await page.event('participant-joined', ({ participant }) => participant.userId === cy.id);
      await page.do('link-state', { roomId, path: 'sfu', state: 'connected' });
    }
    for (const page of pages.slice(0, 2)) await page.event('moved');
    await pages[2].do('chat-message', { roomId, text: 'hello all', nonce: '1' });
    for (const page of pages.slice(0, 2)) assert.equal((await page.event('chat-message')).text, 'hello all');
    // A fourth declines; the call goes on. Who isn't called can't come in.
    await pages[2].do('add-to-call', { roomId, userId: dee.id });
    await pages[3].event('incoming-call');
    assert.equal(await code(pages[3].call('join-room', { roomId })), 'not-in-room');
    await pages[3].do('call-decline', { roomId });
    assert.equal((await pages[2].event('call-declined')).userId, dee.id);
    assert.equal(await code(pages[2].call('add-to-call', { roomId, userId: ada.id })), 'conflict');
    assert.equal(await code(pages[3].call('add-to-call', { roomId, userId: ada.id })), 'not-in-room');
    await pages[0].do('leave-room', { roomId });
    for (const page of pages.slice(1, 3)) await page.event('participant-left');
    for (const page of pages.slice(0, 3)) assert.deepEqual(page.all('room-closed'), []);
    const [mine] = await history(ada);
    assert.deepEqual([mine.roomId, mine.people.length, mine.missed], [roomId, 2, false]);
    assert.equal((await history(cy))[0].people.length, 2);
  });

  test('rings no more when one of the two wants to be friends no longer', async (t) => {
    const { all: [ada, bob], pages } = await friends(t);
    for (const [who, whom] of [[ada, bob], [bob, ada]]) {
      const { roomId } = await pages[0].do('call-user', { userId: bob.id });
      await pages[1].event('incoming-call', (call) => call.roomId === roomId);
      assert.equal((await who.ask('DELETE', `/api/friends/${whom.id}`)).status, 204);
      await pages[1].event('call-ended', (call) => call.roomId === roomId);
      await Promise.race(['call-ended', 'call-declined'].map((name) => pages[0].event(name, (call) => call.roomId === roomId)));
      assert.ok(['not-in-room', 'peer-gone'].includes(await code(pages[1].call('call-accept', { roomId }))));
      await befriend(ada, bob);
    }
  });

  test('rings no more when they, or whoever called them, are erased', async (t) => {
    for (const who of [0, 2]) {
      const { all, pages } = await friends(t, 3);
      const { roomId } = await talk(all[0], all[1], pages.slice(0, 2));
      await pages[0].do('add-to-call', { roomId, userId: all[2].id });
      await pages[2].event('incoming-call');
      assert.equal((await all[who].ask('DELETE', '/api/users/me')).status, 200);
      if (who === 2) await pages[0].event('call-declined', ({ userId }) => userId === all[2].id);
      else await pages[2].event('call-ended');
    }
  });

  test('who is called off, or blocked, or in another’s way, doesn’t come', async (t) => {
    const { all, pages } = await friends(t, 3);
    const [ada, bob, cy] = all;
    const { roomId } = await talk(ada, bob, pages.slice(0, 2));
    await pages[0].do('add-to-call', { roomId, userId: cy.id });
    await pages[2].event('incoming-call');
    await pages[0].do('call-cancel', { roomId, userId: cy.id });
    assert.equal((await pages[2].event('call-ended')).reason, 'cancelled');
    await pages[0].event('call-declined');
    assert.equal(await code(pages[2].call('call-accept', { roomId })), 'peer-gone');
    await until(async () => (await history(cy))[0]?.missed, SOON, 'cy finds it in the history');
    // Bob and Cy: a block while it rings.
    await pages[0].do('add-to-call', { roomId, userId: cy.id });
    await pages[2].event('incoming-call');
    await bob.ask('PUT', `/api/blocks/${cy.id}`);
    assert.equal((await pages[2].event('call-ended')).reason, 'cancelled');
    assert.equal((await pages[0].event('call-declined')).userId, cy.id);
    // Afterwards it looks as if Cy didn't answer, and Cy isn't disturbed.
    await pages[0].do('add-to-call', { roomId, userId: cy.id });
    assert.equal(await code(pages[2].call('call-accept', { roomId })), 'peer-gone');
    await pages[0].do('call-cancel', { roomId, userId: cy.id });
    assert.equal((await pages[0].event('call-declined')).userId, cy.id);
    await assert.rejects(pages[2].event('incoming-call', () => true, 500));
    assert.equal(await code(pages[1].call('add-to-call', { roomId, userId: cy.id })), 'forbidden', 'no friend any more');
    await pages[1].do('chat-message', { roomId, text: 'still here', nonce: '2' });
  });
});
