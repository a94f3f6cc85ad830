// What takes its time: seats and tickets kept for 15 seconds, joins waited for 10. Each test has a server of its own
// and all run at once, so that the file takes as long as the longest.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { meet, pairUp, people } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';
import { pause, SOON } from './lib/wait.mjs';

const GRACE = 15_000;
const JOIN_WITHIN = 10_000;
/** How much later than its time something may happen on a busy machine. */
const LATE = 5_000;

async function place(t, number) {
  const server = await startServer({ test: t });
  const all = await people(server, number, { test: t });
  const pages = await Promise.all(all.map((person) => person.open()));
  return { server, people: all, pages };
}

/** Runs what took place, and checks how long it took. */
async function lasts(from, to, what, action) {
  const start = performance.now();
  const value = await action();
  const took = performance.now() - start;
  assert.ok(took >= from && took <= to, `${what} after ${Math.round(took)} ms, expected ${from} to ${to}`);
  return value;
}

describe('grace', { concurrency: 8 }, () => {
  test('a dropped socket’s ticket is parked: not matched, and matched again after the return', async (t) => {
    const { pages: [a, b] } = await place(t, 2);
    const { ticketId } = await a.do('find-match', {});
    a.cut();
    await a.event('disconnect');
    // The server hears of a cut wire at once (the connection is reset); `b` searches when it has.
    await pause(300);
    await b.do('find-match', {});
    await b.event('match-waiting');
    assert.deepEqual(b.all('match'), [], 'a parked ticket isn’t matched');
    a.socket.connect();
    assert.equal((await a.welcomed()).resumed, true);
    const [one, two] = await Promise.all([a.event('match'), b.event('match')]);
    assert.equal(one.roomId, two.roomId);
    assert.ok(ticketId);
  });

  test('a ticket whose socket doesn’t return within 15 s is gone, and a late return searches anew', async (t) => {
    const { pages: [a, b] } = await place(t, 2);
    const { ticketId } = await a.do('find-match', {});
    a.cut();
    await a.event('disconnect');
    await pause(GRACE + 1_500);
    a.socket.connect();
    await a.welcomed();
    await b.do('find-match', {});
    await b.event('match-waiting');
    assert.deepEqual([...a.all('match'), ...b.all('match')], []);
    const anew = await a.do('find-match', {});
    assert.notEqual(anew.ticketId, ticketId);
    await Promise.all([a.event('match'), b.event('match')]);
  });

  test('a dropped socket’s seat is kept: the partner is told reconnecting, and connected at the return', async (t) => {
    const { pages: [a, b] } = await place(t, 2);
    const { roomId, matches } = await meet(a, b);
    a.cut();
    const away = await b.event('participant-state');
    assert.deepEqual([away.participant.id, away.participant.state], [matches[0].self, 'reconnecting']);
    await b.do('chat-message', { roomId, text: 'come back', nonce: '1' });
    await pause(GRACE / 2);
    assert.deepEqual(b.all('participant-left'), []);
    a.socket.connect();
    assert.equal((await a.welcomed()).resumed, true);
    assert.equal((await b.event('participant-state')).participant.state, 'connected');
    assert.equal((await a.event('chat-message')).text, 'come back');
    await a.do('chat-message', { roomId, text: 'here I am', nonce: '1' });
    await b.event('chat-message');
  });

  test('who doesn’t return within 15 s is lost, and the partner can search on', async (t) => {
    const { pages: [a, b] } = await place(t, 2);
    const { roomId, matches } = await meet(a, b);
    a.cut();
    await b.event('participant-state');
    const left = await lasts(GRACE - 500, GRACE + LATE, 'lost', () => b.event('participant-left', undefined, GRACE + LATE));
    assert.deepEqual([left.roomId, left.participant.id, left.reason], [roomId, matches[0].self, 'lost']);
    await b.do('find-match', {});
    a.socket.connect();
    await a.welcomed();
    const ack = await a.call('join-room', { roomId });
    assert.ok(['not-in-room', 'peer-gone', 'not-found'].includes(ack.error?.code), JSON.stringify(ack));
  });

  test('a page that is closed for good (not resumed) leaves its partner after the grace, not at once', async (t) => {
    const { pages: [a, b] } = await place(t, 2);
    await meet(a, b);
    a.close();
    assert.equal((await b.event('participant-state')).participant.state, 'reconnecting');
    const left = await b.event('participant-left', undefined, GRACE + LATE);
    assert.equal(left.reason, 'lost');
  });

  test('a fresh page without resume can join the call again within the grace', async (t) => {
    const { people: [person], pages: [a, b] } = await place(t, 2);
    const { roomId, matches } = await meet(a, b);
    a.close();
    await b.event('participant-state', ({ participant }) => participant.state === 'reconnecting');
    const fresh = await person.open();
    const ack = await fresh.do('join-room', { roomId });
    assert.equal(ack.self, matches[0].self);
    await b.event('participant-state', ({ participant }) => participant.state === 'connected');
    await pause(GRACE + 1_000);
    assert.deepEqual(b.all('participant-left'), [], 'the old grace has no effect');
    await fresh.do('chat-message', { roomId, text: 'reloaded', nonce: '1' });
  });

  test('a peer who never joins is lost after 10 s, and the other searches on with the old waiting time', async (t) => {
    const { pages: [a, b, c] } = await place(t, 3);
    await a.do('find-match', {});
    const first = await a.event('match-waiting');
    await b.do('find-match', {});
    const [match] = await Promise.all([a.event('match'), b.event('match')]);
    await a.do('join-room', { roomId: match.roomId });
    const left = await lasts(JOIN_WITHIN - 1_500, JOIN_WITHIN + LATE, 'lost', () =>
      a.event('participant-left', undefined, JOIN_WITHIN + LATE),
    );
    assert.deepEqual([left.roomId, left.participant.id, left.reason], [match.roomId, match.peerId, 'lost']);
    const waiting = await a.event('match-waiting', ({ ticketId }) => ticketId !== first.ticketId);
    assert.ok(waiting.waitedMs >= JOIN_WITHIN - 2_000, `the old waiting time counts: ${waiting.waitedMs}`);
    assert.equal((await b.call('join-room', { roomId: match.roomId })).ok, false);
    await c.do('find-match', {});
    const again = await a.event('match', (m) => m.roomId !== match.roomId);
    assert.equal(again.peer.userId, c.person.id);
  });

  test('when neither joins, both are free again', async (t) => {
    const { pages: [a, b] } = await place(t, 2);
    const [{ roomId }] = await pairUp(a, b);
    await pause(JOIN_WITHIN + 1_500);
    for (const page of [a, b]) {
      assert.equal((await page.call('join-room', { roomId })).ok, false);
      assert.equal((await page.call('find-match', {}, SOON)).ok, true);
    }
  });
});
