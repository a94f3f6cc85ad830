// Kill -9 under load, twenty times: what was acknowledged is still there, and the pages come back by themselves (R9).

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { dice } from './lib/dice.mjs';
import { ask } from './lib/http.mjs';
import { people, signIn } from './lib/person.mjs';
import { freePort } from './lib/port.mjs';
import { startServer } from './lib/server.mjs';
import { pause, until } from './lib/wait.mjs';

const KILLS = Number(process.env.VISAVIS_KILLS ?? 20);
/** People who stay over all kills and write without a pause. */
const REGULARS = 6;
/** How long the load lasts between a start and the kill, in milliseconds; the kill comes anywhere in it. */
const [LEAST, MOST] = [250, 700];
/** The whole, in milliseconds, on a machine that does other things too. */
const BOUND = KILLS * 10_000;
/** From a start until every page is back: a handshake that the death left hanging costs one of eight seconds. */
const BACK = 20_000;

/** What one person was promised, and what may or may not have been written when the process died. */
class Promised {
  /** The last acknowledged text of the profile, and the texts sent after it. */
  bio = null;
  tried = [];
  blocks = new Set();
  unblocked = new Set();
  reports = 0;
  /** Refresh cookies: the last one that was answered, and when another one was asked for that wasn't. */
  cookie = null;
  asked = null;
}

/** Who waits for a server that is dead stops waiting then. */
let death = resolvers();

function resolvers() {
  const ended = new AbortController();
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  const die = () => {
    // A busy machine drops a handshake and tries it again a second later: then it would reach the next server.
    ended.abort();
    resolve(null);
  };
  return { promise, die, signal: ended.signal };
}

/** Ends quietly when the server is gone: what wasn't acknowledged wasn't promised. */
async function attempt(action) {
  try {
    return await Promise.race([action(death.signal), death.promise]);
  } catch {
    return null;
  }
}

test('kill -9 loses no acknowledged write, and the pages go on by themselves', { timeout: BOUND }, async (t) => {
  const started = performance.now();
  const seed = Number(process.env.VISAVIS_SEED ?? 20_261);
  const roll = dice(seed);
  const data = await mkdtemp(path.join(tmpdir(), 'visavis-crash-'));
  // The same three ports after each start: the pages know one address, and the operator set them. None that the system
  // gives to somebody else while the server is dead.
  const at = async () => `127.0.0.1:${await freePort()}`;
  const fixed = { 'private.listen': await at(), 'media.listen': await at() };
  const listen = await at();
  const start = () => startServer({ data, keep: true, listen, settings: fixed });
  let server = await start();
  t.after(async () => {
    await server.end();
    await rm(data, { recursive: true, force: true });
  });

  const regulars = await people(server, REGULARS, { test: t });
  const promised = new Map(regulars.map((person) => [person, new Promised()]));
  const pages = new Map();
  for (const person of regulars) {
    promised.get(person).cookie = person.cookie;
    pages.set(person, await person.open({ reconnect: true }));
  }
  const newcomers = [];
  const met = [];
  let writes = 0;
  let round = 0;
  let running = false;

  /** Changes the profile, refreshes, blocks and unblocks people who don't matter to matching. */
  async function write(person) {
    const mine = promised.get(person);
    for (let n = 0; running; n += 1) {
      const bio = `round ${round}, write ${n}`;
      mine.tried.push(bio);
      const patched = await attempt((signal) => person.ask('PATCH', '/api/users/me', { json: { bio }, signal }));
      if (patched?.status === 200) {
        mine.bio = bio;
        mine.tried = [];
        writes += 1;
      }
      const other = newcomers[Math.floor(roll() * newcomers.length)];
      if (other && running) {
        const blocking = await attempt((signal) => person.ask('PUT', `/api/blocks/${other.id}`, { signal }));
        if (blocking?.status === 204) {
          mine.blocks.add(other.id);
          writes += 1;
        }
      }
      if (n % 4 === 3 && running) {
        if (await refresh(person)) writes += 1;
      }
    }
  }

  /** A new pair of tokens, unless the answer is lost: then whether there is a new one is unknown. */
  async function refresh(person) {
    const mine = promised.get(person);
    mine.asked ??= performance.now();
    const refreshed = await attempt((signal) => ask(server, 'POST', '/api/auth/refresh', { cookie: mine.cookie, signal }));
    if (refreshed?.status !== 200) return false;
    [mine.cookie, mine.asked] = [refreshed.cookie, null];
    person.take(refreshed.body, refreshed.cookie);
    return true;
  }

  /** As a page does whose answer was lost: it asks again, with the old token, which is good for ten seconds more. */
  async function askAgain(person) {
    const mine = promised.get(person);
    if (mine.asked === null) return;
    const refreshed = await refresh(person);
    assert.ok(refreshed, `round ${round}: asked again ${Math.round(performance.now() - mine.asked)} ms after a lost refresh`);
  }

  /** New people sign in all the time and search too; whoever got an answer is kept. */
  async function arrive() {
    const talking = [];
    while (running) {
      const person = await attempt(() => signIn(server));
      if (!person) continue;
      newcomers.push(person);
      writes += 2;
      const page = running && (await attempt(() => person.open()));
      if (page) talking.push(talk(page));
    }
    await Promise.all(talking);
    newcomers.forEach((person) => person.close());
  }

  /** Searches, joins, talks a little, goes on. */
  async function talk(page) {
    while (running) {
      const found = await attempt(() => page.call('next', {}, 1_000));
      if (!running) return;
      if (!found?.ok) {
        await pause(50);
        continue;
      }
      const match = await attempt(() => page.event('match', (m) => !page.done?.has(m.roomId), 1_500));
      if (!match) continue;
      (page.done ??= new Set()).add(match.roomId);
      const joined = await attempt(() => page.call('join-room', { roomId: match.roomId }, 1_000));
      if (!joined?.ok) continue;
      met.push({ by: page.person, userId: match.peer.userId, roomId: match.roomId, round });
      await attempt(() => page.call('chat-message', { roomId: match.roomId, text: `hello ${round}`, nonce: `${round}` }, 1_000));
    }
  }

  /** After a start: everything that was acknowledged is there. */
  async function check() {
    for (const person of regulars) {
      const mine = promised.get(person);
      const me = await person.ask('GET', '/api/users/me');
      assert.equal(me.status, 200, `round ${round}: the access token of ${person.email} (signing keys)`);
      if (mine.bio !== null) {
        assert.ok([mine.bio, ...mine.tried].includes(me.body.bio), `round ${round}: promised "${mine.bio}", found "${me.body.bio}"`);
      }
      mine.bio = me.body.bio;
      mine.tried = [];
      assert.equal(me.body.ageDeclared, true);
      const blocks = JSON.stringify((await person.ask('GET', '/api/blocks')).body);
      for (const id of mine.blocks) assert.ok(blocks.includes(id), `round ${round}: the block of ${id}`);
    }
    for (const person of newcomers.slice(-10)) {
      const me = await person.ask('GET', '/api/users/me');
      assert.deepEqual([me.status, me.body.id, me.body.ageDeclared], [200, person.id, true], `round ${round}: a new account`);
    }
  }

  let slowest = 0;
  for (round = 1; round <= KILLS; round += 1) {
    running = true;
    death = resolvers();
    const load = [...regulars.map(write), ...regulars.map((person) => talk(pages.get(person))), arrive(), arrive()];
    // A matchmaker that was killed still leads for two seconds: the first round lasts until somebody who stays has met somebody.
    if (round === 1) await until(() => met.some(({ by }) => promised.has(by)), BACK, 'a regular meets somebody');
    await pause(LEAST + roll() * (MOST - LEAST));
    // The order matters: it dies while they write, and only then they are told to stop.
    const dying = server.kill();
    await dying;
    running = false;
    death.die();
    await Promise.all(load);
    const from = performance.now();
    server = await start();
    for (const person of [...regulars, ...newcomers]) person.server = server;
    death = resolvers();
    await Promise.all(regulars.map(askAgain));
    await check();
    // The pages come back by themselves: nobody calls connect.
    await Promise.all(
      [...pages.values()].map((page) => until(() => page.socket.connected, BACK, `round ${round}: ${page.person.email} is back`)),
    );
    slowest = Math.max(slowest, performance.now() - from);
  }
  assert.ok(writes > KILLS * 10, `only ${writes} writes: the load was none`);
  assert.ok(newcomers.length > KILLS / 4, `only ${newcomers.length} newcomers`);
  assert.ok(met.length > 0, 'nobody met anybody');

  // Refresh tokens: the last one that was answered is the living one.
  for (const person of regulars) {
    person.cookie = promised.get(person).cookie;
    const answer = await person.refresh();
    assert.equal(answer.status, 200, `the last refresh token of ${person.email}`);
  }
  // Every account is the one it was: the same address signs in to the same id.
  const returned = newcomers[0];
  const again = await signIn(server, { email: returned.email });
  assert.deepEqual([again.newUser, again.id], [false, returned.id]);

  // Calls are durable: somebody met before a kill can be reported (only people met within 24 hours can be) …
  const bothIn = ({ by, roomId }) => met.some((other) => other.roomId === roomId && other.by !== by);
  const encounter = met.find((one) => promised.has(one.by) && one.round < KILLS && bothIn(one));
  assert.ok(encounter, 'no regular met anybody before the last kill');
  const report = await encounter.by.ask('POST', '/api/reports', {
    json: { roomId: encounter.roomId, userId: encounter.userId, reason: 'spam' },
  });
  assert.equal(report.status, 201, JSON.stringify(report.body));
  const mine = promised.get(encounter.by);
  mine.blocks.add(encounter.userId);
  // … and the report and its block outlive the next kill.
  await server.kill();
  server = await start();
  for (const person of [...regulars, ...newcomers]) person.server = server;
  round = KILLS + 1;
  await check();

  // Nobody met the same one twice: the window of thirty minutes outlives the process.
  const pairs = new Map();
  for (const { by, userId, roomId } of met) {
    const key = `${by.id} ${userId}`;
    const rooms = (pairs.get(key) ?? new Set()).add(roomId);
    pairs.set(key, rooms);
    assert.equal(rooms.size, 1, `${key} met in ${[...rooms]}`);
  }

  // And it goes on: two new people meet. Where searches outlive the process they may first be brought together with
  // somebody who was searching when it died; whoever that was doesn't come, and they go on.
  const [a, b] = await people(server, 2, { test: t });
  const [one, two] = [await a.open(), await b.open()];
  await until(
    async () => {
      await Promise.all([one.call('next'), two.call('next')]);
      const found = await Promise.all([one, two].map((page) => page.event('match', () => true, 2_000).catch(() => null)));
      return found[0] && found[0].roomId === found[1]?.roomId;
    },
    BACK,
    'two new people meet',
  );
  const took = performance.now() - started;
  console.log(
    `R9 in small (seed ${seed}): ${KILLS + 1} kills, ${writes} acknowledged writes, ${newcomers.length} new accounts, ` +
      `${new Set(met.map(({ roomId }) => roomId)).size} rooms, 0 lost; slowest return ${Math.round(slowest)} ms; ${Math.round(took / 1_000)} s in all`,
  );
  // How long the whole takes is a matter of the machine; how long they are away, of the server too.
  assert.ok(slowest < BACK, `the slowest return took ${Math.round(slowest)} ms`);
});
