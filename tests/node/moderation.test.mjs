// The people who decide: a report becomes a case, a decision is told, mailed and carried out, an appeal is judged by
// somebody else, and what was wrong is as if it had not been.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ask } from './lib/http.mjs';
import { newestMail } from './lib/mail.mjs';
import { caseOf, command, suspended, withRole } from './lib/moderators.mjs';
import { meet, people, signIn } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

const decisionsOf = async (person) => (await person.ask('GET', '/api/users/me/decisions')).body.decisions;

describe('somebody who is suspended', () => {
  test('is out of everything within five seconds, is told why, and comes back by an appeal', { timeout: 120_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    const began = performance.now();
    const { page, first, moderator, decision, caseId, roomId } = await suspended(server, t, eve, ada);
    const notice = first.all('safety-notice').at(-1) ?? page.all('safety-notice').at(-1);
    assert.deepEqual([notice.action, notice.decisionId, notice.automated], ['suspend', decision.decisionId, false]);
    const cut = first.heard.find(({ name }) => name === 'disconnect').at;
    t.diagnostic(`cut ${Math.round(cut - began)} ms after the call began, the whole report and decision included`);

    for (const [event, payload] of [['find-match', {}], ['join-room', { roomId }], ['call-user', { userId: ada.id }]]) {
      const { ok, error } = await page.call(event, payload);
      assert.deepEqual([ok, error.code, error.decisionId, error.until], [false, 'suspended', decision.decisionId, decision.until], event);
    }
    const room = await eve.ask('POST', '/api/rooms', { json: {} });
    assert.deepEqual([room.status, room.body.code, room.body.decisionId, room.body.until], [403, 'suspended', decision.decisionId, decision.until]);

    const again = await signIn(server, { email: eve.email, adult: false, test: t });
    const [told] = await decisionsOf(again);
    assert.deepEqual([told.id, told.action, told.automated, told.until], [decision.decisionId, 'suspend', false, decision.until]);
    assert.deepEqual(told.statement, decision.statement, 'the very words that the moderator saw');
    assert.match(told.statement.en.appeal, /at no cost/);
    assert.match(told.statement.de.decision, /Dein Konto ist gesperrt/);
    assert.ok(told.appealUntil);
    const { score: before } = (await again.ask('GET', '/api/users/me/reputation')).body;
    assert.equal(before, 70 - 15, 'the decision; the report counts when the day is over');

    const json = { decisionId: told.id, text: 'It was a quotation.' };
    const appealed = await again.ask('POST', '/api/appeals', { json });
    assert.equal(appealed.status, 201, JSON.stringify(appealed.body));
    assert.equal((await ada.ask('POST', '/api/appeals', { json })).status, 404, 'nobody else’s');
    const judged = (who) => who.ask('POST', `/api/moderation/appeals/${appealed.body.appealId}/decision`, { json: { overturn: true, note: 'You were right.' } });
    assert.equal((await judged(moderator)).body.code, 'forbidden', 'not by whoever decided');
    const other = await withRole(server, t, 'moderator');
    const { body } = await other.ask('GET', '/api/moderation/appeals');
    assert.ok(body.appeals.some((one) => one.appeal.id === appealed.body.appealId && one.text === json.text));
    assert.equal((await judged(other)).status, 200);

    await page.do('find-match', {});
    await page.do('cancel-match', {});
    const { score } = (await again.ask('GET', '/api/users/me/reputation')).body;
    assert.equal(score, 70, 'what it had cost is given back at once');
    const [after] = await decisionsOf(again);
    assert.ok(after.overturnedAt && after.appeal.state === 'overturned' && after.appeal.note === 'You were right.');
    assert.match((await newestMail(server, eve.email, 2)).raw, /You were right/);
    assert.match(await command(server, 'evidence', 'verify'), /entries of the audit log/);
    const seen = await other.ask('GET', `/api/moderation/cases/${caseId}`);
    assert.equal(seen.body.case.state, 'final');
  });

  test('has a decision that is taken back within two minutes as if it had not been', async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    const { page, moderator, caseId } = await suspended(server, t, eve, ada);
    assert.equal((await moderator.ask('POST', `/api/moderation/cases/${caseId}/decision/undo`)).status, 204);
    await page.do('find-match', {});
    await page.do('cancel-match', {});
    assert.equal((await caseOf(moderator, eve)).id, caseId, 'it waits again');
  });
});

describe('the queue', () => {
  test('gives nobody what somebody else has, and minors first', async (t) => {
    const [eve, ada, bob] = await people(server, 3, { test: t });
    const [mia, max] = [await withRole(server, t, 'moderator'), await withRole(server, t, 'moderator')];
    const [e, a, b] = [await eve.open(), await ada.open(), await bob.open()];
    const reported = async (by, page, reason) => {
      const { roomId } = await meet(e, page);
      assert.equal((await by.ask('POST', '/api/reports', { json: { roomId, userId: eve.id, reason } })).status, 201);
      await e.call('leave-room', { roomId });
    };
    await reported(ada, a, 'spam');
    const { id } = await caseOf(mia, eve);
    await reported(bob, b, 'minor');
    const { body: list } = await mia.ask('GET', '/api/moderation/cases?kind=minor');
    assert.ok(list.cases.some((one) => one.id === id && one.minor && one.held), 'one case of one person');
    const mine = await mia.ask('GET', `/api/moderation/cases/${id}`);
    assert.deepEqual([mine.status, mine.body.reports.length], [200, 2]);
    const theirs = await max.ask('GET', `/api/moderation/cases/${id}`);
    assert.deepEqual([theirs.status, theirs.body.code], [409, 'busy']);
    const { body: others } = await max.ask('GET', '/api/moderation/cases');
    assert.ok(!others.cases.some((one) => one.id === id));
    const preview = await mia.ask('POST', `/api/moderation/cases/${id}/decision/preview`, { json: { action: 'warn', reason: 'spam' } });
    assert.match(preview.body.statement.en.decision, /you are warned/);
    assert.deepEqual(await decisionsOf(eve), [], 'nothing was done');
  });

  test('isn’t read by whom it is about, who would see who had reported them', async (t) => {
    const moderator = await withRole(server, t, 'moderator');
    const [eve] = await people(server, 1, { test: t });
    const { roomId } = await meet(await moderator.open(), await eve.open());
    const report = { roomId, userId: moderator.id, reason: 'harassment' };
    assert.equal((await eve.ask('POST', '/api/reports', { json: report })).status, 201);
    const other = await withRole(server, t, 'admin');
    const { id } = await caseOf(other, moderator);
    const { body } = await moderator.ask('GET', '/api/moderation/cases');
    assert.ok(!body.cases.some((one) => one.userId === moderator.id), 'it isn’t in their list');
    for (const path of ['', '/snapshot?reason=curious', '/transcript?reason=curious']) {
      assert.equal((await moderator.ask('GET', `/api/moderation/cases/${id}${path}`)).status, 404, path);
    }
    assert.equal((await other.ask('GET', `/api/moderation/cases/${id}`)).status, 200);
  });

  test('is for moderators, takes no nonsense, and a look needs a reason', async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    const { moderator, caseId } = await suspended(server, t, eve, ada);
    for (const path of ['cases', `cases/${caseId}`, `cases/${caseId}/snapshot?reason=curious`, 'appeals']) {
      assert.equal((await ada.ask('GET', `/api/moderation/${path}`)).status, 403, path);
      assert.equal((await ask(server, 'GET', `/api/moderation/${path}`)).status, 401, path);
    }
    for (const query of ['state=closed', 'kind=nice', `cursor=${'x'.repeat(65)}`, 'cursor=%00']) {
      assert.equal((await moderator.ask('GET', `/api/moderation/cases?${query}`)).status, 400, query);
    }
    for (const json of [
      {}, { action: 'ban', reason: 'spam' }, { action: 'warn', reason: 'minor', hours: 5 },
      { action: 'suspend', reason: 'spam', hours: 0 }, { action: 'suspend', reason: 'spam', hours: 99_999 },
      { action: 'warn', reason: 'spam', note: 'x'.repeat(1_001) }, { action: 'warn', reason: 'evasion' },
    ]) {
      const { status } = await moderator.ask('POST', `/api/moderation/cases/${caseId}/decision`, { json });
      assert.equal(status, 400, JSON.stringify(json));
    }
    const look = (query) => moderator.ask('GET', `/api/moderation/cases/${caseId}/snapshot${query}`);
    assert.equal((await look('')).status, 400);
    assert.equal((await look('?reason=to%20decide')).status, 404, 'there is no picture of it');
  });
});
