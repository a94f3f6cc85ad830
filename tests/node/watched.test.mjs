// A call that the server looks at: whoever is reported there has a case with what the server saw, blurred, for moderators only.
// And who can have captions of it; that they hold what was said is shown where somebody speaks, in `web/e2e/safety.test.mjs`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import path from 'node:path';

import { dice } from './lib/dice.mjs';
import { mailsTo } from './lib/mail.mjs';
import { caseOf, command, withRole } from './lib/moderators.mjs';
import { meet, people } from './lib/person.mjs';
import { BINARY, ROOT, SHAPE, startServer } from './lib/server.mjs';
import { pause, until } from './lib/wait.mjs';

/** Everybody is trusted to talk directly at once, and such a call can move to the server. */
const DIRECT = { 'strangers.transport': 'auto', 'strangers.trustFloor': 0, 'strangers.provenCalls': 0 };
/** Models are loaded, a picture is taken and looked at, beside everything else that this machine does. */
const LOOKED_MS = 60_000;
/** A report waits eight seconds for what was said right before it. */
const ATTACHED_MS = 40_000;

/** Kills of each of the two processes, at moments that a seed repeats as far as a machine does. */
const KILLS = 12;
/** A process is killed so long after it was started, in milliseconds: while it starts, loads its models, looks, keeps. */
const [LEAST_MS, MOST_MS] = [100, 2_500];
/** Between two messages of a call that must go on. */
const SENT_MS = 1_500;
/** Calls in which somebody writes what is flagged, twice. */
const CALLS = 6;
/** A process that is killed is noticed by its lease; another one loads its models. */
const BACK_MS = 90_000;
/** A lease of ten seconds, ten in which it may be started again, and some for a machine that does other things too. */
const GONE_MS = 30_000;

let server;
before(async () => {
  server = await startServer({ settings: { ...DIRECT, 'watch.on': true, 'watch.models': path.join(ROOT, 'models') } });
});
after(() => server.end());

/** How often something was counted, over all its labels that match. */
async function counted(name) {
  const text = await (await fetch(`${server.privateUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Somebody with a camera comes into that room; gives who, and how they leave. */
async function film(page, roomId) {
  const line = ['load-test', 'room', '--publishers', '1', '--room', roomId, '--duration', '300'];
  const child = execFile(BINARY, [...line, '--url', server.url, '--private', server.privateUrl], () => {});
  const { participant } = await page.event('participant-joined');
  return { id: participant.userId, leaves: () => child.kill('SIGKILL'), child };
}

describe('a report', () => {
  test('of a call over the server has what the server saw, and only moderators get it', { timeout: 180_000 }, async (t) => {
    const [ada] = await people(server, 1, { test: t });
    const page = await ada.open();
    const made = await ada.ask('POST', '/api/rooms', { json: {} });
    const roomId = made.body.room.id;
    await page.do('join-room', { roomId });
    const eve = await film(page, roomId);
    t.after(eve.leaves);
    await until(async () => (await counted('visavis_watch_looked_total{kind="key-frame"')) > 0, LOOKED_MS, 'a picture was looked at');
    const report = await ada.ask('POST', '/api/reports', { json: { roomId, userId: eve.id, reason: 'nudity' } });
    assert.equal(report.status, 201, JSON.stringify(report.body));
    eve.leaves();

    const moderator = await withRole(server, t, 'moderator');
    const { id } = await caseOf(moderator, eve);
    const evidence = async () => (await moderator.ask('GET', `/api/moderation/cases/${id}`)).body.evidence;
    const picture = async () => (await evidence()).find(({ kind }) => kind === 'picture');
    const piece = await until(picture, ATTACHED_MS, 'what the server saw is there');
    assert.equal(piece.source, report.body.reportId);
    const snapshot = `/api/moderation/cases/${id}/snapshot?reason=to%20decide`;
    const webp = await fetch(`${server.url}${snapshot}`, { headers: { authorization: `Bearer ${moderator.token}` } });
    assert.equal(webp.status, 200);
    const bytes = Buffer.from(await webp.arrayBuffer());
    assert.deepEqual([bytes.toString('latin1', 0, 4), bytes.toString('latin1', 8, 12)], ['RIFF', 'WEBP']);
    assert.ok(bytes.length < 16_384, `${bytes.length} bytes: blurred`);

    assert.equal((await ada.ask('GET', snapshot)).status, 403, 'who reported sees nothing of it');
    const mine = JSON.stringify((await ada.ask('GET', '/api/users/me/export')).body);
    assert.ok(mine.includes(roomId) && !mine.includes(piece.id) && !mine.includes('RIFF'), 'nor in what they may take along');
    assert.match(await command(server, 'evidence', 'verify'), /^[1-9]\d* pieces of evidence/m);
  });

  test('of a direct call has nothing: the server saw nothing', { timeout: 60_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    const [e, a] = [await eve.open(), await ada.open()];
    const { roomId } = await meet(e, a);
    const before = await counted('visavis_watch_looked_total{kind="text"');
    await e.do('chat-message', { roomId, text: 'written and read', nonce: 'n1' });
    await until(async () => (await counted('visavis_watch_looked_total{kind="text"')) > before, LOOKED_MS, 'what is written is read');
    assert.equal((await ada.ask('POST', '/api/reports', { json: { roomId, userId: eve.id, reason: 'harassment' } })).status, 201);
    const moderator = await withRole(server, t, 'moderator');
    const { id } = await caseOf(moderator, eve);
    await until(async () => (await counted('visavis_watch_reports_total{kept="false"')) > 0, ATTACHED_MS, 'the report was heard');
    assert.deepEqual((await moderator.ask('GET', `/api/moderation/cases/${id}`)).body.evidence, []);
  });
});

describe('captions', () => {
  test('are for those who are in a call over the server', { timeout: 60_000 }, async (t) => {
    const [ada, bob] = await people(server, 2, { test: t });
    const [a, b] = [await ada.open(), await bob.open()];
    const { roomId } = await meet(a, b);
    const direct = await a.call('captions', { roomId, on: true });
    assert.deepEqual(direct.error, { code: 'wrong-state', message: 'This call runs directly between the two.' });
    await a.do('leave-room', { roomId });
    const made = (await ada.ask('POST', '/api/rooms', { json: {} })).body.room.id;
    const outside = await a.call('captions', { roomId: made, on: true });
    assert.equal(outside.error?.code, 'not-in-room', JSON.stringify(outside));
    await a.do('join-room', { roomId: made });
    for (const on of [true, true, false, false]) await a.do('captions', { roomId: made, on });
    const wrong = await a.call('captions', { roomId: made, on: 'yes' });
    assert.equal(wrong.error?.code, 'bad-request', JSON.stringify(wrong));
  });

  test('aren’t there where nothing is listened to', { timeout: 60_000 }, async (t) => {
    const deaf = await startServer({ test: t });
    const [ada] = await people(deaf, 1, { test: t });
    const page = await ada.open();
    const roomId = (await ada.ask('POST', '/api/rooms', { json: {} })).body.room.id;
    await page.do('join-room', { roomId });
    const answer = await page.call('captions', { roomId, on: true });
    assert.deepEqual(answer.error, { code: 'wrong-state', message: 'Calls aren\'t listened to here, so there are no captions.' });
    await page.do('captions', { roomId, on: false });
  });
});

describe('whoever writes something hostile', () => {
  for (const [how, event] of [['leaves', 'leave-room'], ['goes on', 'next'], ['closes the page', null]]) {
    test(`and ${how} at once is judged all the same`, { timeout: 120_000 }, async (t) => {
      const [eve, ada] = await people(server, 2, { test: t });
      const [e, a] = [await eve.open(), await ada.open()];
      const { roomId } = await meet(e, a);
      e.socket.emit('chat-message', { roomId, text: 'i will kill you', nonce: 'n' }, () => {});
      if (event) e.socket.emit(event, event === 'next' ? {} : { roomId }, () => {});
      else e.close();
      await a.event('chat-message', ({ text }) => text === 'i will kill you');
      const judged = async () => (await eve.ask('GET', '/api/users/me/decisions')).body.decisions.map(({ action }) => action);
      await until(async () => (await judged()).length > 0, LOOKED_MS, 'it is noticed');
      assert.deepEqual(await judged(), ['warn']);
    });
  }
});

describe('whoever safety took out of a room', () => {
  test('stays out, and is let in again at once when an appeal was right', { timeout: 180_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    const mia = await withRole(server, t, 'moderator');
    const [e, a] = [await eve.open(), await ada.open()];
    const roomId = (await ada.ask('POST', '/api/rooms', { json: {} })).body.room.id;
    for (const page of [a, e]) await page.do('join-room', { roomId });
    const writes = (text, nonce) => e.do('chat-message', { roomId, text, nonce });
    await writes('i will kill you', 'first');
    await e.event('safety-notice', ({ action }) => action === 'warn');
    // Two moments, and much that is harmless between them.
    const apart = pause(6_000);
    for (let n = 0; n < 20; n += 1) await writes(`what a day ${n}`, `n${n}`);
    await apart;
    await writes('i will kill you', 'second');
    const { decisionId } = await e.event('safety-notice', ({ action }) => action === 'remove');
    assert.equal((await e.call('join-room', { roomId })).error.code, 'removed');
    const json = { decisionId, text: 'We were quoting a film.' };
    let appealed;
    await until(async () => (appealed = await eve.ask('POST', '/api/appeals', { json })).status === 201, LOOKED_MS, 'it is kept, so it can be appealed');
    const answer = { json: { overturn: true } };
    assert.equal((await mia.ask('POST', `/api/moderation/appeals/${appealed.body.appealId}/decision`, answer)).status, 200);
    await until(async () => !(await e.call('join-room', { roomId })).error, LOOKED_MS, 'in again');
  });
});

describe('those who look', { skip: SHAPE === 'split' ? false : 'in one process they can’t be lost alone' }, () => {
  test('and those who keep what is decided are killed at any moment: calls go on, and all is decided, told, kept and mailed once', { timeout: 300_000 }, async (t) => {
    const seed = Number(process.env.VISAVIS_SEED ?? 20_261);
    const roll = dice(seed);
    const some = (least, most) => pause(least + roll() * (most - least));
    const all = await people(server, 2 * CALLS + 2, { test: t });
    const calls = [];
    for (let n = 0; n < all.length; n += 2) {
      const [e, a] = [await all[n].open(), await all[n + 1].open()];
      calls.push({ eve: all[n], e, a, roomId: (await meet(e, a)).roomId });
    }
    const quiet = calls.pop();
    const began = performance.now();
    let [kills, slowest, busy] = [0, 0, true];
    const killed = async (name) => {
      for (let n = 0; n < KILLS; n += 1) {
        await some(LEAST_MS, MOST_MS);
        await server.process(name).kill();
        kills += 1;
        await server.start(name);
      }
    };
    const hostile = async ({ e, roomId }) => {
      await some(0, 10_000);
      await e.do('chat-message', { roomId, text: 'i will kill you', nonce: 'n1' });
      // Two moments, not one.
      await some(6_000, 12_000);
      await e.do('chat-message', { roomId, text: 'i will kill you', nonce: 'n2' });
    };
    const goesOn = async ({ e, a, roomId }) => {
      for (let n = 0; busy; n += 1) {
        const text = `still here ${n}`;
        const sent = performance.now();
        await a.do('chat-message', { roomId, text, nonce: `q${n}` });
        await e.event('chat-message', (message) => message.text === text);
        slowest = Math.max(slowest, performance.now() - sent);
        await pause(SENT_MS);
      }
    };
    const talk = goesOn(quiet);
    await Promise.all([killed('sight'), killed('people'), ...calls.map(hostile)]);
    const settled = performance.now();
    const about = (what) => () => `${what} (VISAVIS_SEED=${seed})`;
    for (const { eve, e } of calls) {
      const notices = () => e.all('safety-notice').map(({ action, decisionId }) => `${action} ${decisionId}`).sort().join();
      const kept = async () => {
        const { status, body } = await eve.ask('GET', '/api/users/me/decisions');
        return status === 200 && body.decisions.map(({ action, id }) => `${action} ${id}`).sort().join();
      };
      const actions = () => e.all('safety-notice').map(({ action }) => action).sort().join();
      await until(() => actions() === 'remove,warn', BACK_MS, about(`both lines are judged; told: ${notices()}`));
      await until(async () => (await kept()) === notices(), BACK_MS, about('what was told is kept, once each'));
      const mailed = async () => (await mailsTo(server, eve.email)).filter(({ subject }) => subject === 'A decision about your account').length;
      await until(async () => (await mailed()) > 0, BACK_MS, about('its statement is mailed'));
      assert.equal(await mailed(), 1, about('once')());
    }
    busy = false;
    await talk;
    assert.deepEqual([quiet.e, quiet.a].flatMap((page) => page.all('safety-notice')), [], 'nothing of those who wrote nothing');
    assert.deepEqual(calls.map(({ e }) => e.all('safety-notice').length), calls.map(() => 2), about('nothing more was told')());
    const ms = (from) => Math.round(performance.now() - from);
    t.diagnostic(`R7 (seed ${seed}): ${kills} kills, whole after ${ms(settled)} ms, slowest message ${Math.round(slowest)} ms, ${ms(began)} ms in all`);
  });

  test('are gone, and nobody is told any longer that they are watched, until somebody looks again', { timeout: 200_000 }, async () => {
    const info = async () => {
      const { watched, sampled } = await (await fetch(`${server.url}/api/info`)).json();
      return `${watched} ${sampled}`;
    };
    await until(async () => (await info()) === 'true true', BACK_MS, 'both are said while somebody looks');
    await server.process('sight').kill();
    await until(async () => (await info()) === 'false false', GONE_MS, 'neither is said when nobody does');
    const ready = await fetch(`${server.privateOf('gateway')}/readyz`);
    const { on, off } = (await ready.json()).watching;
    assert.deepEqual([ready.status, on], [200, []], 'it serves all the same');
    assert.ok(off.includes('nudity') && off.includes('hostile'), off.join());
    await server.start('sight');
    await until(async () => (await info()) === 'true true', BACK_MS, 'both are said again');
  });
});
