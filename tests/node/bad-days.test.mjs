// The bad days of a place of several processes: its stores are away, slow, empty or set back, its processes are killed or
// paused, its messages come twice. Each with the real servers: people in calls never notice, everybody else is told at
// once or waits calmly, nothing that was acknowledged is lost, nobody is matched twice, and in the end everybody meets.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Crowd, HEALED_MS } from './lib/crowd.mjs';
import { people } from './lib/person.mjs';
import { Place } from './lib/place.mjs';
import { SHAPE } from './lib/server.mjs';
import { Visitor } from './lib/visitor.mjs';
import { SOON, pause, until } from './lib/wait.mjs';

/** How long a store is away. */
const AWAY_MS = Number(process.env.VISAVIS_AWAY_MS ?? 30_000);
/** R4: resumed within 2 s; with processes five times wider. */
const RESUMED_MS = 10_000;
/** A node that says nothing for ten seconds is dead, and is looked for every two. */
const MISSED_MS = 30_000;
/** Every subtest by itself. `VISAVIS_DAY` names those that are wanted. */
const wanted = new RegExp(process.env.VISAVIS_DAY ?? '');
const day = (t, name, live) => t.test(name, { timeout: 120_000, skip: !wanted.test(name) }, live);

/** One day in the life of a crowd: gathers, has the day, checks that everything healed; prints the figures. */
async function lived(t, place, live, options) {
  // However the day ends, the next one begins in a place that works.
  t.after(() => place.mend());
  const crowd = await Crowd.gather(place.server, t, options);
  const noted = [];
  const said = await live(crowd, (what) => noted.push(what));
  const healed = await crowd.heals(said ?? {});
  console.log(`${t.name}: ${[crowd.answered(), ...noted, healed].join('; ')}`);
  await crowd.leave();
}

const apart = { skip: SHAPE === 'split' ? false : 'these are days of several processes', concurrency: 2 };

describe('bad days', apart, () => {
  test('of Redis', async (t) => {
    const place = await Place.open(t);

    await day(t, 'Redis is away for 30 s', (t) =>
      lived(t, place, async (crowd) => {
        place.toRedis.cut();
        const said = await crowd.live(AWAY_MS);
        place.toRedis.pass();
        return said;
      }));

    await day(t, 'Redis is slow: half a second an answer', (t) =>
      lived(t, place, async (crowd) => {
        place.toRedis.slow(500);
        const said = await crowd.live(10_000);
        place.toRedis.pass();
        return said;
      }));

    await day(t, 'Redis is started again, empty', (t) =>
      lived(t, place, async (crowd, note) => {
        await place.redis.kill();
        await place.redis.forget();
        await place.redis.start();
        const from = performance.now();
        const renewed = () => crowd.pages.every((page) => page.renewed > 1 && page.socket.connected);
        const said = await crowd.live(HEALED_MS, renewed);
        assert.ok(renewed(), `every page begins anew: ${crowd.pages.filter((page) => page.renewed < 2).map((page) => page.summary())}`);
        note(`every page has a new session after ${Math.round(performance.now() - from)} ms`);
        return said;
      }));

    await day(t, 'Redis is set back: a replica without the last writes is promoted', (t) =>
      lived(t, place, async (crowd, note) => {
        // What is saved: two wait. What is lost: they were matched with two who came later, and two more came to wait.
        await place.redis.save();
        const saved = [...crowd.waiting];
        await crowd.everybodyMeets();
        crowd.calls.push(...saved.map((page) => [page, crowd.waiting.find((other) => other !== page && other.room === page.room)]));
        const fresh = await Crowd.gather(place.server, t, { calls: 0, waiting: 2 });
        await place.redis.kill();
        await place.redis.start();
        const said = await crowd.live(10_000);
        // Whoever waited in vain for a message that is lost searches as before.
        note(await fresh.heals());
        await fresh.leave();
        crowd.waiting = [];
        return said;
      }));

    await day(t, 'messages come twice and in another order', (t) =>
      lived(t, place, async (crowd, note) => {
        const heard = await place.redis.listen(`${place.server.prefix}bus/*`);
        await crowd.everybodyMeets();
        const said = await crowd.live(3_000);
        await Promise.all(said.lines);
        heard.close();
        const again = [...heard.messages].reverse().flatMap((message) => [message, message]);
        for (const { channel, text } of again) await place.redis.ask('PUBLISH', channel, text);
        const of = (kind) => heard.messages.filter(({ text }) => text.includes(`"type":"${kind}"`)).length;
        note(`${again.length} messages told again, of ${of('match-found')} matches`);
        assert.ok(of('match-found') >= crowd.waiting.length / 2 && of('log-grew') > 0, 'messages that matter were among them');
        return crowd.live(3_000);
      }));
  });

  test('of Postgres and of processes', async (t) => {
    const place = await Place.open(t, { more: { 'rooms-2': ['rooms'] } });
    const { server } = place;

    await day(t, 'Postgres is away for 30 s', (t) =>
      lived(t, place, async (crowd) => {
        for (const way of [place.toPostgres, place.roomsToPostgres]) way.cut();
        const said = await crowd.live(AWAY_MS);
        for (const way of [place.toPostgres, place.roomsToPostgres]) way.pass();
        return said;
      }));

    await day(t, 'Postgres is full of connections', (t) =>
      lived(t, place, async (crowd) => {
        await server.database.full(true);
        const said = await crowd.live(8_000);
        await server.database.full(false);
        return said;
      }));

    await day(t, 'a signalling process is killed', (t) =>
      lived(t, place, async (crowd, note) => {
        const where = new Map();
        for (const page of crowd.pages) where.set(page, await place.signallingOf(page));
        const killed = where.get(crowd.calls[0][0]);
        const hit = crowd.pages.filter((page) => where.get(page) === killed);
        const from = performance.now();
        const killing = server.process(killed).kill();
        const said = await crowd.live(RESUMED_MS, () => hit.every((page) => page.resumed > 0));
        assert.ok(hit.every((page) => page.resumed > 0 && page.renewed === 1), `everybody resumed: ${hit.map((page) => page.summary())}`);
        note(`${hit.length} of ${crowd.pages.length} pages resumed within ${Math.round(performance.now() - from)} ms`);
        await killing;
        await server.start(killed);
        return said;
      }));

    await day(t, 'the leading matchmaker is killed between claim and announcement', (t) =>
      lived(t, place, async (crowd, note) => {
        const { lease, name } = await place.leader();
        place.roomsToPostgres.freeze();
        await crowd.comeLater();
        const claimed = () => place.ask('HLEN', '{pool/adult}/pairings');
        await until(async () => (await claimed()) === crowd.waiting.length / 2, SOON, 'claims');
        assert.equal(await place.ask('HLEN', '{pool/adult}/tickets'), 0, 'their tickets are gone');
        const from = performance.now();
        await server.process(name).kill();
        place.roomsToPostgres.pass();
        assert.ok(crowd.waiting.every((page) => page.met.length === 0), 'nobody has been told');
        note(`taken over after ${await place.takenOver(lease, from)} ms`);
        const said = await crowd.live(3_000);
        await server.start(name);
        return said;
      }));

    await day(t, 'two leaders at once: one is paused for 10 s and comes back', (t) =>
      lived(t, place, async (crowd, note) => {
        const { lease, name } = await place.leader();
        const [one, two] = crowd.later;
        // The first search may be on its way through the leader when it stops.
        const first = await Visitor.open(one);
        void first.search();
        await until(async () => (await place.ask('HLEN', '{pool/adult}/pairings')) > 0 || first.met.length > 0, 2_000, '').catch(() => {});
        const from = performance.now();
        server.process(name).signal('SIGSTOP');
        try {
          const second = await Visitor.open(two);
          await second.search();
          crowd.waiting.push(first, second);
          crowd.later = [];
          note(`taken over after ${await place.takenOver(lease, from)} ms`);
          await pause(10_000 - (performance.now() - from));
        } finally {
          server.process(name).signal('SIGCONT');
        }
        return crowd.live(3_000);
      }));

    await day(t, 'a process with rooms is killed', (t) =>
      lived(t, place, async (crowd, note) => {
        const where = new Map();
        for (const pair of crowd.calls) where.set(pair, await place.roomsOf(pair[0]));
        const killed = where.get(crowd.calls[0]);
        const [hit, others] = [true, false].map((is) => crowd.calls.filter((pair) => (where.get(pair) === killed) === is));
        const [a] = hit[0];
        const from = performance.now();
        await server.process(killed).kill();
        const ack = await a.call('chat-message', { roomId: a.room, text: 'still there?', nonce: 'still there?' });
        assert.equal(ack.error?.code, 'unavailable', JSON.stringify(ack));
        note(`a clear error after ${Math.round(performance.now() - from)} ms`);
        const told = () => hit.flat().every((page) => page.ends.length > 0);
        await until(told, MISSED_MS, () => `word that the call is over: ${hit.flat().map((page) => page.summary())}`);
        assert.deepEqual(new Set(hit.flat().map((page) => page.ends[0].reason)), new Set(['server-lost']));
        note(`${hit.length} calls ended, ${others.length} went on; told after ${Math.round(performance.now() - from)} ms`);
        // They go on: with each other, or with somebody who comes for each who is still alone.
        for (const page of hit.flat()) [page.met, page.ends] = [[], []];
        await Promise.all(hit.flat().map((page) => page.search()));
        crowd.calls = others;
        crowd.waiting = hit.flat();
        // Two at a time: if everybody else has met somebody by then, these meet each other.
        const settled = () => crowd.waiting.every(({ is }) => is === 'in-call');
        for (let round = 0; round < hit.length && !settled(); round += 1) {
          for (const person of await people(server, 2, { test: t })) {
            const came = await Visitor.open(person);
            await came.search();
            crowd.waiting.push(came);
          }
          const newest = crowd.waiting.slice(-2);
          await until(() => newest.every(({ is }) => is === 'in-call'), HEALED_MS, () => `somebody for ${newest.map((page) => page.summary())}`);
        }
        const said = await crowd.live(2_000);
        await server.start(killed);
        return said;
      }, { calls: 3, waiting: 0 }));
  });
});
