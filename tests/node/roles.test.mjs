// Who says who moderates: an admin looks somebody up, says why, and what they may do holds from that moment on.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { caseOf, command, suspended, withRole } from './lib/moderators.mjs';
import { meet, newAddress, people, signIn } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';

const REASON = 'asked by mail';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

const find = (who, whom, reason = REASON) => who.ask('POST', '/api/admin/users/find', { json: { who: whom, reason } });
const setRole = (who, whom, role, reason = REASON) => who.ask('PUT', `/api/admin/users/${whom.id}/role`, { json: { role, reason } });
const cases = async (who) => (await who.ask('GET', '/api/moderation/cases')).status;

describe('an admin', () => {
  test('finds somebody by all of an address or id, and sees what there is to see', async (t) => {
    const admin = await withRole(server, t, 'admin');
    const [ada, bob] = await people(server, 2, { test: t });
    for (const whom of [ada.email, ada.email.toUpperCase(), ada.user.privateId, ada.id]) {
      const { status, body } = await find(admin, whom);
      assert.equal(status, 200, JSON.stringify(body));
      const { card, privateId, role, createdAt, ...more } = body;
      assert.deepEqual([card.id, card.displayName, card.band, privateId, role, createdAt], [ada.id, ada.user.displayName, 'new', ada.user.privateId, 'user', ada.user.createdAt]);
      assert.deepEqual(more, {}, 'no address, and nothing else');
    }
    await suspended(server, t, ada, bob);
    const { body } = await find(admin, ada.id);
    assert.equal(body.suspended.rule, 'terms-harassment');
    assert.ok(Date.parse(body.suspended.until) > Date.now());
    assert.match(await command(server, 'evidence', 'verify'), /entries of the audit log/);
  });

  test('finds nobody by a part, nobody without a reason, and is the only one who may', async (t) => {
    const [admin, moderator, ned] = [await withRole(server, t, 'admin'), await withRole(server, t, 'moderator'), await signIn(server, { test: t })];
    for (const whom of ['', ned.email.slice(1, 9), `${ned.email.split('@')[0]}@`, '%', 'usr_']) assert.equal((await find(admin, whom)).status, 400, whom);
    for (const whom of [newAddress(), `x${ned.email}`, `usr_${'0'.repeat(25)}9`]) assert.equal((await find(admin, whom)).status, 404, whom);
    for (const reason of ['', 'no', 'x'.repeat(201)]) {
      assert.equal((await find(admin, ned.email, reason)).status, 400, reason);
      assert.equal((await setRole(admin, ned, 'moderator', reason)).status, 400, reason);
    }
    for (const who of [moderator, ned]) {
      assert.equal((await find(who, ned.email)).body.code, 'forbidden');
      assert.equal((await setRole(who, ned, 'admin')).body.code, 'forbidden');
    }
    assert.equal((await setRole(admin, ned, 'king')).status, 400);
    assert.equal((await setRole(admin, admin, 'user')).body.code, 'forbidden', 'not their own');
    assert.equal((await find(admin, ned.id)).body.role, 'user');
  });

  test('gives a role and takes it, which holds at once whatever a token says, and every page is told', async (t) => {
    const admin = await withRole(server, t, 'admin');
    const bob = await signIn(server, { test: t });
    const [page, other] = [await bob.open(), await bob.open()];
    assert.equal(await cases(bob), 403);
    assert.equal((await setRole(admin, bob, 'moderator')).body.role, 'moderator');
    for (const one of [page, other]) await one.event('account-changed');
    assert.equal(await cases(bob), 200, 'with the token they had');
    await bob.refresh();
    assert.equal(bob.user.role, 'moderator');
    assert.equal((await setRole(admin, bob, 'moderator')).status, 200, 'again is nothing');
    assert.equal((await setRole(admin, bob, 'user')).status, 200);
    await page.event('account-changed');
    assert.equal(await cases(bob), 403, 'with a token that says otherwise');
    assert.equal(page.all('account-changed').length, 2);
    await page.do('find-match', {});
    await page.do('cancel-match', {});
  });

  test('is one no more from the moment another one says so, or the operator', async (t) => {
    const [ann, bea] = [await withRole(server, t, 'admin'), await withRole(server, t, 'admin')];
    const both = await Promise.all([setRole(ann, bea, 'user'), setRole(bea, ann, 'user')]);
    assert.deepEqual(both.map(({ status }) => status).sort(), [200, 403], 'of two who do it to one another one stays');
    const last = both[0].status === 200 ? ann : bea;
    assert.equal((await find(last, ann.id)).status, 200);
    await command(server, 'admin', 'grant', last.email, 'user');
    assert.equal((await find(last, ann.id)).body.code, 'forbidden');
    assert.match(await command(server, 'evidence', 'verify'), /entries of the audit log/);
  });
});

describe('whoever governs', () => {
  test('is decided about by admins alone, and governs nothing while they are suspended', async (t) => {
    const [moderator, colleague, admin] = [await withRole(server, t, 'moderator'), await withRole(server, t, 'moderator'), await withRole(server, t, 'admin')];
    const reporter = await signIn(server, { test: t });
    const { roomId } = await meet(await moderator.open(), await reporter.open());
    assert.equal((await reporter.ask('POST', '/api/reports', { json: { roomId, userId: moderator.id, reason: 'spam' } })).status, 201);
    const { id } = await caseOf(admin, moderator);
    const { body } = await colleague.ask('GET', '/api/moderation/cases');
    assert.ok(!body.cases.some((one) => one.userId === moderator.id), 'it isn’t among a colleague’s');
    assert.equal((await colleague.ask('GET', `/api/moderation/cases/${id}`)).status, 403);
    const decide = (who) => who.ask('POST', `/api/moderation/cases/${id}/decision`, { json: { action: 'suspend', reason: 'spam', hours: 1 } });
    assert.equal((await decide(colleague)).body.code, 'forbidden');
    assert.equal(await cases(moderator), 200);
    const decided = await decide(admin);
    assert.equal(decided.status, 200, JSON.stringify(decided.body));
    const refused = await moderator.ask('GET', '/api/moderation/cases');
    assert.deepEqual([refused.status, refused.body.code, refused.body.until], [403, 'suspended', decided.body.until]);
    assert.equal((await moderator.ask('GET', '/api/users/me/decisions')).status, 200, 'they read why');
  });
});
