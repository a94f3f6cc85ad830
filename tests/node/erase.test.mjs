// The end of an account, searched for: who was everywhere, with words that stand nowhere else, is nowhere a minute after.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { befriend } from './lib/friends.mjs';
import { meet, newAddress, signIn } from './lib/person.mjs';
import { SHAPE, startServer } from './lib/server.mjs';
import { until } from './lib/wait.mjs';

const CANARY = 'zanzibarine';
/** Everything must be gone by then. */
const MINUTE = 60_000;

const run = promisify(execFile);

let server;
before(async () => {
  server = await startServer({ settings: { 'log.level': 'debug' } });
});
after(() => server.end());

/** Every file below a folder. */
async function* files(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* files(at);
    else if (entry.isFile()) yield at;
  }
}

/** Where the word stands: files of the place, and what the servers hold of it. */
async function found(word) {
  const places = [];
  for await (const file of files(server.data)) {
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    if (bytes.includes(word)) places.push(file);
  }
  const outputs = SHAPE === 'split' ? server.names.map((name) => server.process(name).output) : [server.output];
  if (outputs.some((output) => output.includes(word))) places.push('the log');
  return SHAPE === 'split' ? [...places, ...(await inTables(word)), ...(await inRedis(word))] : places;
}

async function inTables(word) {
  const places = [];
  const tables = await server.database.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'");
  for (const { name } of tables) {
    const [{ n }] = await server.database.rows(`SELECT COUNT(*) AS n FROM ${name} t WHERE t::text LIKE '%${word}%'`);
    if (n > 0) places.push(`table ${name}`);
  }
  return places;
}

/** How a key of each type is read. */
const READ = {
  string: (key) => ['GET', key],
  hash: (key) => ['HGETALL', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '-1'],
  stream: (key) => ['XRANGE', key, '-', '+'],
};

async function inRedis(word) {
  const { hostname, port, password } = new URL(process.env.VISAVIS_TEST_REDIS);
  const env = { ...process.env, REDISCLI_AUTH: decodeURIComponent(password) };
  const ask = async (...words) => (await run('redis-cli', ['-h', hostname, '-p', port, ...words], { env })).stdout.trim();
  const keys = (await ask('--scan', '--pattern', `${server.prefix}*`)).split('\n').filter(Boolean);
  const places = [];
  for (const key of keys) {
    const type = await ask('TYPE', key);
    if (type === 'none') continue;
    const value = await ask(...READ[type](key));
    if (key.includes(word) || value.includes(word)) places.push(`key ${key}`);
  }
  return places;
}

describe('an account', () => {
  test('that is erased is found nowhere a minute later, and its call ends', { timeout: 240_000 }, async (t) => {
    const ada = await signIn(server, { email: newAddress(CANARY), test: t });
    const bob = await signIn(server, { test: t });
    const profile = { displayName: CANARY, bio: `I am ${CANARY}`, interests: [CANARY] };
    assert.equal((await ada.ask('PATCH', '/api/users/me', { json: profile })).status, 200);
    await befriend(ada, bob);
    assert.equal((await ada.ask('POST', '/api/rooms', { json: { name: CANARY } })).status, 201);
    const other = await signIn(server, { test: t });
    const [mine, theirs, bobs] = [await ada.open(), await other.open(), await bob.open()];
    const { roomId } = await meet(mine, theirs);
    await mine.do('chat-message', { roomId, text: `${CANARY} says hello`, nonce: '1' });
    await theirs.event('chat-message');
    const note = { roomId, userId: bob.id, reason: 'spam', note: CANARY };
    assert.equal((await ada.ask('POST', '/api/reports', { json: note })).status, 404, 'bob isn’t in this room');
    const places = await found(CANARY);
    assert.ok(places.length > 0, 'before, it is found');
    assert.ok(!places.includes('the log'), 'never in a log');

    const held = await ada.ask('GET', '/api/users/me/export');
    assert.equal(held.status, 200);
    assert.match(held.headers['content-disposition'], /attachment; filename="visavis-export\.json"/);
    for (const word of [CANARY, ada.email]) assert.ok(JSON.stringify(held.body).includes(word), word);

    const receipt = await ada.ask('DELETE', '/api/users/me');
    assert.deepEqual([receipt.status, receipt.body.kept], [200, []]);
    const began = Date.now();
    assert.equal((await theirs.event('participant-left', () => true, 25_000)).participant.displayName, CANARY);
    // What was said to them stands in their page's session until a minute after the page has gone.
    theirs.close();
    assert.equal((await ada.ask('GET', '/api/users/me')).status, 401);
    await bobs.event('friends-changed');
    bobs.close();
    assert.deepEqual((await bob.ask('GET', '/api/friends')).body, []);
    const calls = (await other.ask('GET', '/api/users/me/calls')).body.calls;
    assert.equal(calls.length, 1, 'the other one’s history stays, without a name');
    assert.deepEqual(calls[0].people ?? [], []);
    let left;
    await until(async () => (left = await found(CANARY)).length === 0, MINUTE + 25_000, () => `it is left in ${left}`);
    t.diagnostic(`nowhere ${Date.now() - began} ms after the receipt`);
    // Her id means nothing any more; where she was is forgotten all the same. Counters of limits end by themselves.
    if (SHAPE === 'split') {
      const where = async () => (left = (await inRedis(ada.id)).filter((place) => !place.includes(':limit/')));
      await until(async () => (await where()).length === 0, MINUTE, () => `her id is left in ${left}`);
      t.diagnostic(`nor her id in Redis ${Date.now() - began} ms after it`);
    }

    const again = await signIn(server, { email: ada.email, test: t });
    assert.notEqual(again.id, ada.id);
    assert.notEqual(again.user.displayName, CANARY);
  });

  test('an export doesn’t say who reported one, also not by what it cost', async (t) => {
    const [ada, bob] = [await signIn(server, { test: t }), await signIn(server, { test: t })];
    const { roomId } = await meet(await ada.open(), await bob.open());
    const report = { roomId, userId: ada.id, reason: 'spam' };
    assert.equal((await bob.ask('POST', '/api/reports', { json: report })).status, 201);
    assert.equal((await ada.ask('GET', '/api/users/me/reputation')).body.score, 70);
    const { body } = await ada.ask('GET', '/api/users/me/export');
    // When its day is over, and by its day alone.
    for (const table of ['reputationMoves', 'reportsAboutMe', 'casesAboutMe', 'keptOfMe']) assert.deepEqual(body.tables[table], [], table);
    assert.equal(body.tables.reputation.filter(({ delta }) => delta < 0).length, 0);
    assert.ok(!JSON.stringify(body).includes(bob.id));
  });
});
