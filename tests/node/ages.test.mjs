// People of two classes of age never meet by chance, whenever a service says which is whose. The service stands on this desk.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { people } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';
import { SOON, pause, until } from './lib/wait.mjs';

/** Longer than a search takes that finds somebody. */
const A_WHILE = 2_000;

/** What the service says of somebody; of everybody else: an adult. */
const classes = new Map();

let service;
let server;
before(async () => {
  service = createServer((request, response) => {
    let asked = '';
    request.on('data', (part) => (asked += part));
    request.on('end', () => {
      const { user } = JSON.parse(asked);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ class: classes.has(user) ? classes.get(user) : 'adult' }));
    });
  });
  await new Promise((done) => service.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${service.address().port}/age`;
  server = await startServer({ settings: { 'age.url': url, 'age.secret': '0123456789abcdef0123456789abcdef', 'age.youth': true } });
});
after(async () => {
  await server.end();
  service.close();
});

async function turns(person, into) {
  classes.set(person.id, into);
  return person.declareAge();
}

/** So many people with a page each. */
async function scene(t, number) {
  const all = await people(server, number, { test: t });
  const pages = [];
  for (const person of all) pages.push(await person.open());
  return { all, pages };
}

const met = (page) => page.all('match').map(({ peer }) => peer.userId);

describe('who turns out to be of another class', () => {
  for (const [how, wishes] of [['while they wait', null], ['and searches on with other wishes', { languages: ['en'] }]]) {
    test(`${how}, meets their own class and no other`, async (t) => {
      const { all, pages } = await scene(t, 3);
      const [youth, adult, peer] = pages;
      assert.equal((await turns(all[2], 'youth')).status, 204);
      await youth.do('find-match', {});
      assert.equal((await turns(all[0], 'youth')).status, 204);
      if (wishes) await youth.do('find-match', wishes);
      await adult.do('find-match', {});
      await pause(A_WHILE);
      assert.deepEqual([met(youth), met(adult)], [[], []]);
      await peer.do('find-match', {});
      await until(() => met(youth).length === 1, SOON, 'they wait among their own');
      assert.deepEqual([met(youth), met(adult)], [[all[2].id], []]);
      await adult.do('cancel-match', {});
    });
  }

  test('between match and join-room, doesn’t come together with them', async (t) => {
    const { all, pages } = await scene(t, 2);
    for (const page of pages) await page.do('find-match', {});
    const [{ roomId }] = await Promise.all(pages.map((page) => page.event('match')));
    assert.equal((await turns(all[0], 'youth')).status, 204);
    for (const page of pages) assert.equal((await page.call('join-room', { roomId })).ok, false);
    assert.deepEqual(pages.flatMap((page) => page.all('participant-joined')), []);
  });

  test('in a call, is taken out of it at once, as if one had left', async (t) => {
    const { all, pages } = await scene(t, 2);
    for (const page of pages) await page.do('find-match', {});
    const [{ roomId }] = await Promise.all(pages.map((page) => page.event('match')));
    for (const page of pages) await page.do('join-room', { roomId });
    await pages[0].event('participant-joined');
    assert.equal((await turns(all[0], 'youth')).status, 204);
    await Promise.any(pages.map((page) => page.event('participant-left', ({ reason }) => reason === 'left')));
    for (const page of pages) {
      assert.equal((await page.call('chat-message', { roomId, text: 'still there?' })).ok, false);
    }
  });

  test('after a call, meets nobody of the former class from then on', async (t) => {
    const { all, pages } = await scene(t, 4);
    const [one, two, adult, other] = pages;
    await one.do('find-match', {});
    await two.do('find-match', {});
    const { roomId } = await one.event('match');
    for (const page of [one, two]) await page.do('join-room', { roomId });
    await turns(all[0], 'youth');
    await one.do('next', {});
    await adult.do('find-match', {});
    await pause(A_WHILE);
    assert.deepEqual(met(adult), []);
    await other.do('find-match', {});
    await adult.event('match', ({ peer }) => peer.userId === all[3].id);
  });
});

describe('whose age can’t be confirmed any more', () => {
  test('has none: they are asked for it, and meet nobody', async (t) => {
    const { all, pages } = await scene(t, 2);
    assert.equal((await turns(all[0], null)).body.code, 'age-required');
    assert.equal((await all[0].ask('GET', '/api/users/me')).body.ageDeclared, false);
    assert.equal((await pages[0].call('find-match', {})).error.code, 'age-required');
    assert.equal((await turns(all[0], 'adult')).status, 204);
    await pages[0].do('find-match', {});
    await pages[1].do('find-match', {});
    await pages[1].event('match', ({ peer }) => peer.userId === all[0].id);
  });

  test('waits no more, and their page asks anew', async (t) => {
    const { all, pages } = await scene(t, 2);
    const [page, other] = pages;
    await page.do('find-match', {});
    assert.equal((await turns(all[0], null)).status, 403);
    await page.event('disconnect');
    await other.do('find-match', {});
    await pause(A_WHILE);
    assert.deepEqual(met(other), []);
    const again = await all[0].open();
    assert.equal((await again.call('find-match', {})).error.code, 'age-required');
  });
});
