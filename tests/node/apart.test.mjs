// Bad days of a place of several processes: each loses one of them and says what people see of it. Only in the shape
// `split`; in one process there is nothing to lose one by one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask } from './lib/http.mjs';
import { Page, meet, pairUp, people, requestCode, signIn } from './lib/person.mjs';
import { SHAPE, startServer } from './lib/server.mjs';
import { SOON, until } from './lib/wait.mjs';

/** The lease of a node, a look at it, and a busy machine. */
const NOTICED = 25_000;
/** R4: resumed within 2 s; with processes five times wider. */
const RESUMED = 10_000;

async function place(t, number) {
  const server = await startServer({ test: t });
  const all = await people(server, number, { test: t });
  return { server, people: all };
}

const within = (from) => Math.round(performance.now() - from);

/** The signalling process that holds this page: the one whose end its socket feels. */
async function holderOf(server, page) {
  for (const name of ['signalling-1', 'signalling-2']) {
    const text = await (await fetch(`${server.privateOf(name)}/metrics`)).text();
    const sockets = Number(/^visavis_sockets (\d+)/m.exec(text)?.[1] ?? 0);
    if (sockets > 0) return name;
  }
  throw new Error(`nobody holds ${page.session}`);
}

describe('apart', { skip: SHAPE === 'split' ? false : 'in one process nothing can be lost alone', concurrency: 2 }, () => {
  test('a signalling process is killed: its page goes on at the other, with everything it missed, once', async (t) => {
    const { server, people: [ada, bob] } = await place(t, 2);
    const a = await ada.open({ reconnect: true });
    const holder = await holderOf(server, a);
    const b = await bob.open({ reconnect: true });
    const { roomId } = await meet(a, b);
    const { session } = a;
    a.seqs.length = 0;
    const from = performance.now();
    await server.process(holder).kill();
    const said = [];
    for (let n = 0; n < 5; n += 1) {
      const text = `line ${n}`;
      // The page that speaks may itself have been there.
      await until(() => b.call('chat-message', { roomId, text, nonce: text }, 1_000).then((ack) => ack.ok, () => false), SOON, text);
      said.push(text);
    }
    const welcome = await until(() => a.all('welcome').find((w) => w.resumed), RESUMED, () => `a resume; heard: ${a.summary()}`);
    assert.equal(welcome.session, session);
    t.diagnostic(`resumed after ${within(from)} ms`);
    await until(() => a.all('chat-message').length >= said.length, SOON, () => `all lines; heard: ${a.summary()}`);
    assert.deepEqual(a.all('chat-message').map(({ text }) => text), said, 'each once, in order');
    assert.deepEqual(a.seqs, [...a.seqs].sort((x, y) => x - y), 'in order');
    assert.equal(new Set(a.seqs).size, a.seqs.length, 'nothing twice');
    await a.do('chat-message', { roomId, text: 'back', nonce: 'back' });
    await b.event('chat-message', ({ text }) => text === 'back');
    assert.deepEqual(b.all('participant-left'), [], 'nobody was seen to leave');
  });

  test('a signalling process is killed and its page doesn’t come back: the partner is told', async (t) => {
    const { server, people: [ada, bob] } = await place(t, 2);
    const a = await ada.open();
    const holder = await holderOf(server, a);
    const b = await bob.open({ reconnect: true });
    await meet(a, b);
    await server.process(holder).kill();
    a.close();
    const away = await b.event('participant-state', () => true, NOTICED);
    assert.equal(away.participant.state, 'reconnecting');
    const left = await b.event('participant-left', () => true, NOTICED);
    assert.equal(left.reason, 'lost');
  });

  test('a session that goes on at one process ends at the other', async (t) => {
    const { people: [ada] } = await place(t, 1);
    const first = await ada.open();
    const resume = { session: first.session, seq: first.seq };
    // New sockets take turns at the two: among three there is one at the other.
    for (let n = 0; n < 3; n += 1) {
      const next = new Page(ada, { resume });
      ada.pages.push(next);
      const welcome = await next.welcomed();
      assert.deepEqual([welcome.resumed, welcome.session], [true, resume.session]);
    }
    await first.event('disconnect');
    const open = ada.pages.filter((page) => page.socket.connected);
    await until(() => ada.pages.filter((page) => page.socket.connected).length === 1, SOON, () => `${open.length} are open`);
    assert.ok(ada.pages.at(-1).socket.connected, 'the last one has it');
    await ada.pages.at(-1).do('find-match');
  });

  test('a login that is revoked is cut at every process', async (t) => {
    const { people: [ada] } = await place(t, 1);
    const pages = await Promise.all(Array.from({ length: 4 }, () => ada.open()));
    const from = performance.now();
    assert.equal((await ada.ask('POST', '/api/auth/logout', { cookie: ada.cookie })).status, 204);
    await Promise.all(pages.map((page) => page.event('disconnect')));
    assert.ok(within(from) < 5_000, `${within(from)} ms`);
  });

  test('the rooms process is killed: a clear error at once, word that the call is over, and a way on', async (t) => {
    const { server, people: [ada, bob] } = await place(t, 2);
    const [a, b] = [await ada.open(), await bob.open()];
    const { roomId } = await meet(a, b);
    await server.process('rooms').kill();
    const from = performance.now();
    const refused = await a.call('chat-message', { roomId, text: 'hello?', nonce: '1' });
    assert.equal(refused.error?.code, 'unavailable', JSON.stringify(refused));
    assert.ok(within(from) < 5_000, `an error after ${within(from)} ms`);
    await server.start('rooms');
    const closed = await Promise.all([a, b].map((page) => page.event('room-closed', () => true, NOTICED)));
    assert.deepEqual(closed.map(({ reason }) => reason), ['server-lost', 'server-lost']);
    t.diagnostic(`told after ${within(from)} ms`);
    assert.equal((await a.call('chat-message', { roomId, text: 'hello?', nonce: '2' })).error?.code, 'not-in-room');
    await Promise.all([a.do('find-match'), b.do('find-match')]);
    // They have met; what matters is that they may search.
    await a.event('match-waiting');
  });

  test('sign-in is away: calls go on, new sign-ins are told, and readiness says who is missing', async (t) => {
    const { server, people: [ada, bob] } = await place(t, 2);
    const [a, b] = [await ada.open(), await bob.open()];
    const { roomId } = await meet(a, b);
    await server.process('accounts').kill();
    const from = performance.now();
    const refused = await ask(server, 'POST', '/api/auth/login', { json: { email: 'late@example.test' } });
    assert.deepEqual([refused.status, refused.body.code], [503, 'unavailable']);
    assert.ok(refused.headers['retry-after'] && within(from) < 5_000);
    const ready = await ask(server, 'GET', '/readyz');
    assert.deepEqual([ready.status, ready.body.checks.auth, ready.body.checks.users, ready.body.checks.friends], [503, false, false, true]);
    await a.do('chat-message', { roomId, text: 'still here', nonce: '1' });
    await b.event('chat-message');
    await server.start('accounts');
    await until(async () => (await ask(server, 'GET', '/readyz')).status === 200, SOON, 'readiness again');
    await signIn(server, { test: t });
    assert.equal((await ada.refresh()).status, 200);
  });

  test('a gateway alone says what is missing and lets nobody in to wait', async (t) => {
    const { server } = await place(t, 0);
    for (const name of server.names.filter((name) => name !== 'gateway')) await server.process(name).kill();
    const from = performance.now();
    for (const [method, path] of [['GET', '/.well-known/jwks.json'], ['POST', '/api/auth/login']]) {
      const answer = await ask(server, method, path, method === 'POST' ? { json: { email: 'a@example.test' } } : {});
      assert.equal(answer.status, 503, path);
    }
    assert.equal((await ask(server, 'GET', '/')).status, 200, 'the page is there');
    assert.equal((await ask(server, 'GET', '/healthz')).status, 200);
    const socket = await ask(server, 'GET', '/socket.io/?EIO=4&transport=websocket', {
      headers: { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
    });
    assert.equal(socket.status, 503);
    assert.ok(within(from) < 10_000, `${within(from)} ms`);
  });

  test('mails, codes and searches work whichever process is asked', async (t) => {
    const { server, people: all } = await place(t, 6);
    const { mail } = await requestCode(server, all[0].email);
    assert.match(mail.code, /^\d{6}$/);
    const pages = await Promise.all(all.map((person) => person.open()));
    const matches = await Promise.all([pairUp(pages[0], pages[1]), ...pages.slice(2).map((page) => page.do('find-match'))]);
    assert.ok(matches[0].every(({ roomId }) => roomId));
    await Promise.all(pages.slice(2).map((page) => page.event('match')));
    // Personal limits hold over all processes: eight sockets, wherever they are.
    for (let n = 1; n < 8; n += 1) await all[0].open();
    await assert.rejects(all[0].open(), /rate-limited/);
  });
});
