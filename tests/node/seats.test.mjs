// Delivery, resume, the one seat of a user: what a page may rely on when the network doesn't.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { meet, pairUp, people, signIn } from './lib/person.mjs';
import { description } from './lib/sdp.mjs';
import { startServer } from './lib/server.mjs';
import { SOON, until } from './lib/wait.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

/** What came in since the page was opened, without the volatile events. */
const reliable = (page) => page.heard.filter(({ data }) => Number.isInteger(data?.seq) && data.session === undefined);

describe('delivery and resume', () => {
  test('after a cut every missed event comes once and in order', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const page = await a.open();
    const other = await b.open();
    const { roomId } = await meet(page, other);
    await other.do('chat-message', { roomId, text: 'before', nonce: '0' });
    await page.event('chat-message');
    page.cut();
    await page.event('disconnect');
    await other.event('participant-state', ({ participant }) => participant.state === 'reconnecting');
    for (let i = 1; i <= 20; i += 1) await other.do('chat-message', { roomId, text: `missed ${i}`, nonce: `${i}` });
    page.socket.connect();
    const welcome = await page.welcomed();
    assert.equal(welcome.resumed, true);
    assert.equal(welcome.session, page.all('welcome')[0].session, 'the session goes on');
    await other.event('participant-state', ({ participant }) => participant.state === 'connected');
    await other.do('chat-message', { roomId, text: 'after', nonce: '99' });
    await page.event('chat-message', ({ text }) => text === 'after');
    assert.deepEqual(
      page.all('chat-message').map(({ text }) => text),
      ['before', ...Array.from({ length: 20 }, (_, i) => `missed ${i + 1}`), 'after'],
    );
    const numbers = reliable(page).map(({ data }) => data.seq);
    assert.deepEqual(numbers, numbers.map((_, i) => i + 1), 'seq counts without gap or repetition');
  });

  test('ten cuts in a row lose and double nothing, while the other one goes on writing', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const page = await a.open({ reconnect: true });
    const other = await b.open();
    const { roomId } = await meet(page, other);
    const sent = [];
    let writing = true;
    const writer = (async () => {
      while (writing) {
        const text = `line ${sent.length + 1}`;
        const ack = await other.call('chat-message', { roomId, text, nonce: text });
        if (ack.ok) sent.push(text);
        else if (ack.error.code !== 'rate-limited') throw new Error(JSON.stringify(ack));
        else break;
      }
    })();
    for (let cut = 0; cut < 10; cut += 1) {
      const seen = page.all('chat-message').length;
      await until(() => page.all('chat-message').length > seen || sent.length >= 55, SOON, 'a line of chat between two cuts');
      page.cut();
      const welcome = await page.welcomed();
      assert.equal(welcome.resumed, true);
    }
    writing = false;
    await writer;
    await page.event('chat-message', ({ text }) => text === sent.at(-1));
    assert.ok(sent.length >= 10, `only ${sent.length} lines were sent`);
    assert.deepEqual(page.all('chat-message').map(({ text }) => text), sent);
    const numbers = reliable(page).map(({ data }) => data.seq);
    assert.deepEqual(numbers, numbers.map((_, i) => i + 1));
  });

  test('a graceful close is resumed just as well, and a client that says an older seq is told again', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const page = await a.open();
    const other = await b.open();
    const { roomId } = await meet(page, other);
    await other.do('chat-message', { roomId, text: 'one', nonce: '1' });
    await other.do('chat-message', { roomId, text: 'two', nonce: '2' });
    const two = await page.event('chat-message', ({ text }) => text === 'two');
    page.socket.io.engine.close();
    await page.event('disconnect');
    const back = await a.open({ resume: { session: page.session, seq: two.seq - 1 } });
    assert.equal(back.all('welcome')[0].resumed, true);
    assert.equal((await back.event('chat-message')).text, 'two');
    assert.equal(back.all('chat-message').length, 1);
  });

  test('another user’s session, an unknown one and a seq from the future are not resumed', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const mine = await a.open();
    const other = await b.open({ resume: { session: mine.session, seq: 0 } });
    assert.equal(other.all('welcome')[0].resumed, false);
    assert.notEqual(other.session, mine.session);
    const unknown = await a.open({ resume: { session: 'sck_00000000000000000000000000', seq: 0 } });
    assert.equal(unknown.all('welcome')[0].resumed, false);
    const nonsense = await a.open({ resume: { session: 'nonsense', seq: 0 } });
    assert.equal(nonsense.all('welcome')[0].resumed, false);
    const ahead = await a.open({ resume: { session: mine.session, seq: 1_000_000 } });
    assert.equal(ahead.all('welcome')[0].resumed, false);
    assert.ok(mine.socket.connected, 'nobody took the first one’s session');
  });

  test('a second login of the same user can’t resume the first one’s session', async (t) => {
    const first = await signIn(server, { test: t });
    const page = await first.open();
    const again = await signIn(server, { email: first.email, test: t });
    const second = await again.open({ resume: { session: page.session, seq: 0 } });
    assert.equal(second.all('welcome')[0].resumed, false);
  });

  test('a page that resumes while its old connection still lives takes the session over', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const page = await a.open();
    const other = await b.open();
    const { roomId } = await meet(page, other);
    const fresh = await a.open({ resume: { session: page.session, seq: page.seq } });
    assert.equal(fresh.all('welcome')[0].resumed, true);
    await page.event('disconnect');
    await other.do('chat-message', { roomId, text: 'where are you', nonce: '1' });
    assert.equal((await fresh.event('chat-message')).text, 'where are you');
    assert.deepEqual(page.all('chat-message'), []);
    await fresh.do('chat-message', { roomId, text: 'here', nonce: '1' });
    assert.equal((await other.event('chat-message')).text, 'here');
  });
});

describe('the seat', () => {
  test('a second page that searches takes the seat, and the first is told', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const [first, second] = [await a.open(), await a.open()];
    const one = await first.do('find-match', {});
    const two = await second.do('find-match', {});
    assert.equal(two.ticketId, one.ticketId, 'one ticket per user');
    await first.event('seat-taken');
    const other = await b.open();
    await other.do('find-match', {});
    const match = await second.event('match');
    assert.equal(match.peer.userId, b.id);
    assert.deepEqual(first.all('match'), [], 'seat events go to the seat alone');
    assert.equal((await other.event('match')).peer.userId, a.id);
  });

  test('a second page that joins the room takes the call over, under the same participant', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const first = await a.open();
    const other = await b.open();
    const { roomId, matches } = await meet(first, other);
    const second = await a.open();
    const ack = await second.do('join-room', { roomId });
    assert.equal(ack.self, matches[0].self);
    const taken = await first.event('seat-taken');
    assert.equal(taken.roomId, roomId);
    const refused = await first.call('chat-message', { roomId, text: 'from the old tab', nonce: 'o' });
    assert.equal(refused.error?.code, 'not-in-room');
    await other.do('chat-message', { roomId, text: 'which tab?', nonce: '1' });
    assert.equal((await second.event('chat-message')).text, 'which tab?');
    assert.deepEqual(first.all('chat-message'), []);
    first.close();
    await other.do('chat-message', { roomId, text: 'still?', nonce: '2' });
    await second.event('chat-message', ({ text }) => text === 'still?');
    assert.ok(other.all('participant-state').every(({ participant }) => participant.state === 'connected'));
  });

  test('while seated a search is refused, on either page', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const [first, second, other] = [await a.open(), await a.open(), await b.open()];
    await meet(first, other);
    assert.equal((await first.call('find-match', {})).error?.code, 'already-in-room');
    assert.equal((await second.call('find-match', {})).error?.code, 'already-in-room');
    assert.deepEqual(first.all('seat-taken'), []);
  });

  test('a ninth socket of one user is refused, and the eight live on', async (t) => {
    const person = await signIn(server, { test: t });
    const pages = [];
    for (let i = 0; i < 8; i += 1) pages.push(await person.open());
    await assert.rejects(person.open(), /connect_error/);
    assert.ok(pages.every((page) => page.socket.connected));
    pages[0].close();
    await until(() => person.open().then(() => true, () => false), SOON, 'a free place after one has gone');
  });

  test('somebody else’s room can’t be joined, heard or left', async (t) => {
    const [a, b, c] = await people(server, 3, { test: t });
    const [one, two, stranger] = [await a.open(), await b.open(), await c.open()];
    const { roomId, matches } = await meet(one, two);
    const attempts = [
      ['join-room', { roomId }],
      ['leave-room', { roomId }],
      ['offer', { roomId, sdp: description() }],
      ['answer', { roomId, sdp: description() }],
      ['ice-candidate', { roomId, candidate: null }],
      ['chat-message', { roomId, text: 'hi', nonce: 'x' }],
      ['media-state', { roomId, audio: false, video: false, screen: false }],
      ['link-state', { roomId, path: 'p2p', state: 'failed' }],
    ];
    for (const [name, payload] of attempts) {
      const ack = await stranger.call(name, payload);
      assert.ok(['not-in-room', 'not-found'].includes(ack.error?.code), `${name}: ${JSON.stringify(ack)}`);
    }
    const misdirected = await one.call('offer', { roomId, to: 'par_00000000000000000000000000', sdp: description() });
    assert.equal(misdirected.ok, false);
    await one.do('chat-message', { roomId, text: 'still us two', nonce: '1' });
    await two.event('chat-message');
    assert.deepEqual(two.all('participant-left'), []);
    assert.deepEqual(two.all('offer'), []);
    assert.equal(matches.length, 2);
  });

  test('signals for an earlier room are not-in-room', async (t) => {
    const [a, b, c] = await people(server, 3, { test: t });
    const [one, two, three] = [await a.open(), await b.open(), await c.open()];
    const { roomId } = await meet(one, two);
    await one.do('next', {});
    await three.do('find-match', {});
    const match = await one.event('match', (m) => m.roomId !== roomId);
    await one.do('join-room', { roomId: match.roomId });
    const ack = await one.call('offer', { roomId, sdp: description() });
    assert.equal(ack.error?.code, 'not-in-room');
  });
});

describe('match to media', () => {
  test('signals for a matched peer who hasn’t joined are held, and come in order at the join', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const [one, two] = [await a.open(), await b.open()];
    const [match] = await pairUp(one, two);
    const { roomId } = match;
    await one.do('join-room', { roomId });
    await one.do('offer', { roomId, sdp: description() });
    for (let port = 50_001; port <= 50_010; port += 1) {
      const candidate = `candidate:1 1 udp 1686052607 203.0.113.9 ${port} typ srflx raddr 10.0.0.1 rport 9`;
      await one.do('ice-candidate', { roomId, candidate: { candidate, sdpMid: '0' } });
    }
    await one.do('ice-candidate', { roomId, candidate: null });
    assert.deepEqual([...two.all('offer'), ...two.all('ice-candidate')], [], 'not before the join');
    await two.do('join-room', { roomId });
    await two.event('ice-candidate', ({ candidate }) => candidate === null);
    const order = reliable(two).filter(({ name }) => ['offer', 'ice-candidate'].includes(name));
    assert.equal(order[0].name, 'offer');
    assert.deepEqual(
      order.slice(1).map(({ data }) => data.candidate && Number(data.candidate.candidate.split(' ')[5])),
      [...Array.from({ length: 10 }, (_, i) => 50_001 + i), null],
    );
  });

  test('no more than 64 signals are held', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const [one, two] = [await a.open(), await b.open()];
    const [{ roomId }] = await pairUp(one, two);
    await one.do('join-room', { roomId });
    const acks = [];
    for (let i = 0; i < 70; i += 1) {
      const candidate = `candidate:1 1 udp 1686052607 203.0.113.9 ${50_000 + i} typ srflx raddr 10.0.0.1 rport 9`;
      acks.push(await one.call('ice-candidate', { roomId, candidate: { candidate, sdpMid: '0' } }));
    }
    assert.equal(acks.filter((ack) => ack.ok).length, 64);
    await two.do('join-room', { roomId });
    await two.event('ice-candidate', ({ candidate }) => candidate.candidate.includes(' 50063 '));
    assert.equal(two.all('ice-candidate').length, 64);
  });

  test('nothing can be signalled before one’s own join', async (t) => {
    const [a, b] = await people(server, 2, { test: t });
    const [one, two] = [await a.open(), await b.open()];
    const [{ roomId }] = await pairUp(one, two);
    assert.equal((await one.call('offer', { roomId, sdp: description() })).error?.code, 'not-in-room');
    await two.do('join-room', { roomId });
    assert.deepEqual(two.all('offer'), []);
  });

  test('next instead of a join frees the other one to search on', async (t) => {
    const [a, b, c] = await people(server, 3, { test: t });
    const [one, two, three] = [await a.open(), await b.open(), await c.open()];
    const [{ roomId }] = await pairUp(one, two);
    await two.do('join-room', { roomId });
    await one.do('next', {});
    const left = await two.event('participant-left');
    assert.equal(left.roomId, roomId);
    await three.do('find-match', {});
    const met = await three.event('match');
    assert.ok([a.id, b.id].includes(met.peer.userId));
  });
});
