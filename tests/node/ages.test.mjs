// Ages that are confirmed by a service, and what it says later: nobody waits, or meets somebody, as what they are no longer.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { people } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';
import { pause } from './lib/wait.mjs';

const SECRET = 'a secret of at least thirty-two characters';
/** Longer than the queue takes for two that suit each other. */
const A_WHILE = 3_000;

/** What the service says of whom; adults else. */
const classes = new Map();
let service;
let server;
before(async () => {
  service = http.createServer((request, response) => {
    let body = '';
    request.on('data', (more) => (body += more));
    request.on('end', () => {
      const { user } = JSON.parse(body);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ class: classes.has(user) ? classes.get(user) : 'adult' }));
    });
  });
  await new Promise((resolve) => service.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${service.address().port}/age`;
  server = await startServer({ settings: { 'age.url': url, 'age.secret': SECRET, 'age.youth': true } });
});
after(async () => {
  await server.end();
  service.close();
});

const declare = (person) => person.ask('PUT', '/api/users/me/age', { json: { adult: true } });

describe('an age that is confirmed anew', () => {
  test('takes a search out of its pool, and into the right one', { timeout: 60_000 }, async (t) => {
    const [yara, adult, zoe] = await people(server, 3, { test: t });
    for (const one of [yara, zoe]) classes.set(one.id, 'youth');
    assert.equal((await declare(zoe)).status, 204);
    const [y, a, z] = await Promise.all([yara, adult, zoe].map((one) => one.open()));
    await y.do('find-match', {});
    assert.equal((await declare(yara)).status, 204);
    await a.do('find-match', {});
    await pause(A_WHILE);
    assert.deepEqual([y, a].flatMap((page) => page.all('match')), [], 'an adult and a youth');
    await z.do('find-match', {});
    assert.equal((await z.event('match')).peer.userId, yara.id);
    assert.deepEqual(a.all('match'), []);
  });

  test('or can’t be confirmed any more ends it', { timeout: 60_000 }, async (t) => {
    const [ned, adult] = await people(server, 2, { test: t });
    const [n, a] = await Promise.all([ned, adult].map((one) => one.open()));
    await n.do('find-match', {});
    classes.set(ned.id, null);
    const refused = await declare(ned);
    assert.deepEqual([refused.status, refused.body.code], [403, 'age-required']);
    assert.equal((await ned.ask('GET', '/api/users/me')).body.ageDeclared, false);
    await a.do('find-match', {});
    await pause(A_WHILE);
    assert.deepEqual([n, a].flatMap((page) => page.all('match')), []);
    const again = await n.call('find-match', {});
    assert.deepEqual([again.ok, again.error.code], [false, 'age-required']);
  });
});
