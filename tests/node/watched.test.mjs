// A call that the server looks at: whoever is reported there has a case with what the server saw, blurred, for moderators only.
// And who can have captions of it; that they hold what was said is shown where somebody speaks, in `web/e2e/safety.test.mjs`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import path from 'node:path';

import { caseOf, command, withRole } from './lib/moderators.mjs';
import { meet, people } from './lib/person.mjs';
import { BINARY, ROOT, SHAPE, startServer } from './lib/server.mjs';
import { SOON, pause, until } from './lib/wait.mjs';

/** Models are loaded, a picture is taken and looked at, beside everything else that this machine does. */
const LOOKED_MS = 60_000;
/** A report waits eight seconds for what was said right before it. */
const ATTACHED_MS = 40_000;

/** Kills of those who look, each at another point. */
const KILLS = 5;
/** A process that is killed is noticed by its lease; another one loads its models. */
const BACK_MS = 90_000;

let server;
before(async () => {
  server = await startServer({ settings: { 'watch.on': true, 'watch.models': path.join(ROOT, 'models') } });
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

describe('those who look', { skip: SHAPE === 'split' ? false : 'in one process they can’t be lost alone' }, () => {
  test('are killed at any point: calls go on, and whatever was decided was decided, told and kept once', { timeout: 400_000 }, async (t) => {
    const all = await people(server, 2 * KILLS + 2, { test: t });
    const told = [];
    const hostile = async (eve, ada) => {
      const [e, a] = [await eve.open(), await ada.open()];
      const { roomId } = await meet(e, a);
      await e.do('chat-message', { roomId, text: 'i will kill you', nonce: 'n1' });
      return { eve, e, a, roomId };
    };
    // Of somebody else than was warned: nothing more is to be decided about them.
    const looksAgain = async ({ a, roomId }) => {
      const looked = await counted('visavis_watch_looked_total{kind="text"');
      for (let n = 0; (await counted('visavis_watch_looked_total{kind="text"')) <= looked; n += 1) {
        assert.ok(n < BACK_MS / 500, 'somebody looks again');
        await a.call('chat-message', { roomId, text: `hello ${n}`, nonce: `h${n}` });
        await pause(500);
      }
    };
    for (let n = 0; n < KILLS; n += 1) {
      const call = await hostile(all[2 * n], all[2 * n + 1]);
      told.push(call);
      // From before it is asked to after it has answered.
      await pause(n * 40);
      await server.process('sight').kill();
      await call.a.do('chat-message', { roomId: call.roomId, text: `still here ${n}`, nonce: 'n2' });
      await until(() => call.e.all('chat-message').some(({ text }) => text === `still here ${n}`), SOON, 'the call goes on');
      await server.start('sight');
      await looksAgain(call);
    }
    told.push(await hostile(all.at(-2), all.at(-1)));
    await until(() => told.some(({ e }) => e.all('safety-notice').length > 0), SOON, 'somebody was warned');
    for (const { eve, e } of told) {
      const notices = () => e.all('safety-notice').map(({ decisionId }) => decisionId).sort().join();
      const kept = async () => (await eve.ask('GET', '/api/users/me/decisions')).body.decisions.map(({ id }) => id).sort().join();
      await until(async () => (await kept()) === notices(), SOON, () => `what was told is kept, once each: ${notices()}`);
      assert.ok(e.all('safety-notice').length <= 1, `${notices()} for one line`);
    }
    const warned = told.filter(({ e }) => e.all('safety-notice').length > 0).length;
    t.diagnostic(`${warned} of ${told.length} lines led to a warning; the others were lost with who read them`);
  });
});
