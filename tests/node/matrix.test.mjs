// Every route of the product's own table, asked by everybody it isn't for, about somebody else's things: nobody gets what
// isn't theirs, and afterwards the victim's things are as they were. A new route must say below what is to be expected.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { befriend } from './lib/friends.mjs';
import { ask } from './lib/http.mjs';
import { withRole } from './lib/moderators.mjs';
import { meet, newAddress, signIn } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';

/** Answered to whoever asks. */
const PUBLIC = new Set([
  'GET /.well-known/jwks.json', 'GET /api/info', 'GET /api/openapi.json', 'GET /healthz', 'GET /readyz', 'GET /api/avatars/{name}',
  // The same for known and unknown addresses, and signing out twice is signing out.
  'POST /api/auth/login', 'POST /api/auth/logout',
]);

/** What may be said or done about somebody else, and why. */
const ABOUT_OTHERS = {
  'GET /api/users/{id}': 'a public card',
  'GET /api/rooms/{id}': 'whoever has a room’s link may see that it is there',
  'GET /api/friends/lookup/{privateId}': 'whoever was told a private id may look it up',
  'PUT /api/blocks/{userId}': 'a block is one’s own',
  'DELETE /api/blocks/{userId}': 'so is taking it back; somebody else’s block stays',
};

/** Asked about oneself alone: no path or body of these can name anybody else. */
const ONES_OWN = new Set([
  'GET /api/auth/sessions', 'GET /api/blocks', 'GET /api/friends', 'GET /api/friends/requests', 'GET /api/users/me', 'PATCH /api/users/me',
  'PUT /api/users/me/age', 'PUT /api/users/me/avatar', 'DELETE /api/users/me/avatar', 'GET /api/users/me/calls', 'GET /api/users/me/decisions',
  'GET /api/users/me/export', 'POST /api/users/me/private-id', 'GET /api/users/me/reputation', 'POST /api/rooms',
  // A friendship that isn't there is as gone as one that was.
  'DELETE /api/friends/{userId}',
]);

/** For moderators: their queue, which is nobody's. */
const MODERATORS = new Set(['GET /api/moderation/cases', 'GET /api/moderation/appeals', 'POST /api/moderation/exposure']);

/** For admins: figures of days, which name nobody; and accounts, each look at which is written down. */
const ADMINS = new Set(['GET /api/analytics/summary', 'GET /api/analytics/series', 'POST /api/admin/users/find', 'PUT /api/admin/users/{id}/role']);

/** Asked with something of the victim's in the body. */
const bodies = (v) => ({
  'POST /api/reports': { roomId: v.roomId, userId: v.friend.id, reason: 'spam' },
  'POST /api/friends/requests': { userId: v.victim.id },
  'POST /api/calls/{roomId}/rating': { stars: 5 },
  'POST /api/auth/verify': { challengeId: 'chl_00000000000000000000000000', code: '123456' },
  'POST /api/auth/magic': { token: 'x'.repeat(43) },
  'POST /api/auth/magic/peek': { token: 'x'.repeat(43) },
  'POST /api/auth/login': { email: newAddress() },
  'PUT /api/users/me/age': { adult: true },
  'PATCH /api/users/me': {},
  'POST /api/moderation/exposure': { seconds: 1 },
  'POST /api/admin/users/find': { who: v.victim.email, reason: 'curious' },
  // The one they have: an admin changes nothing by it.
  'PUT /api/admin/users/{id}/role': { role: 'user', reason: 'curious' },
  'POST /api/moderation/cases/{id}/decision': { action: 'suspend', reason: 'nudity' },
  'POST /api/moderation/cases/{id}/decision/preview': { action: 'suspend', reason: 'nudity' },
  'POST /api/moderation/appeals/{id}/decision': { overturn: true },
  'POST /api/appeals': { decisionId: 'dec_00000000000000000000000001', text: 'not mine' },
});

/** What stands in a path. */
const paths = (v) => ({
  '/api/admin/users/{id}/role': v.victim.id,
  '/api/auth/sessions/{id}': v.sessionId,
  '/api/avatars/{name}': `${'0'.repeat(64)}-64.webp`,
  '/api/blocks/{userId}': v.victim.id,
  '/api/calls/{roomId}/rating': v.roomId,
  '/api/friends/lookup/{privateId}': v.victim.user.privateId,
  '/api/friends/requests/{id}': v.requestId,
  '/api/friends/requests/{id}/accept': v.requestId,
  '/api/friends/requests/{id}/decline': v.requestId,
  '/api/friends/{userId}': v.victim.id,
  '/api/moderation/appeals/{id}/decision': 'apl_00000000000000000000000001',
  '/api/moderation/cases/{id}': 'cas_00000000000000000000000001',
  '/api/moderation/cases/{id}/snapshot': 'cas_00000000000000000000000001',
  '/api/moderation/cases/{id}/transcript': 'cas_00000000000000000000000001',
  '/api/moderation/cases/{id}/decision': 'cas_00000000000000000000000001',
  '/api/moderation/cases/{id}/decision/preview': 'cas_00000000000000000000000001',
  '/api/moderation/cases/{id}/lease': 'cas_00000000000000000000000001',
  '/api/moderation/cases/{id}/decision/undo': 'cas_00000000000000000000000001',
  '/api/rooms/{id}': v.ownRoom,
  '/api/users/{id}': v.victim.id,
});

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

/** All that is the victim's, as the victim sees it. */
async function things(victim) {
  const routes = ['/api/users/me', '/api/auth/sessions', '/api/blocks', '/api/friends', '/api/friends/requests', '/api/users/me/calls', '/api/users/me/reputation', '/api/users/me/decisions'];
  const all = {};
  for (const route of routes) {
    const { status, body } = await victim.ask('GET', route);
    assert.equal(status, 200, route);
    all[route] = body;
  }
  return JSON.stringify(all, (key, value) => (key === 'lastUsedAt' || key === 'presence' ? undefined : value));
}

describe('every route', () => {
  test('asked by everybody it isn’t for gives nothing and changes nothing', { timeout: 180_000 }, async (t) => {
    const [victim, friend, asker] = [await signIn(server, { test: t }), await signIn(server, { test: t }), await signIn(server, { test: t })];
    await befriend(victim, friend);
    await asker.ask('POST', '/api/friends/requests', { json: { privateId: victim.user.privateId } });
    const requestId = (await victim.ask('GET', '/api/friends/requests')).body.incoming[0].id;
    const [a, b] = [await victim.open(), await friend.open()];
    const { roomId } = await meet(a, b);
    await a.do('leave-room', { roomId });
    const ownRoom = (await victim.ask('POST', '/api/rooms', { json: {} })).body.room.id;
    const sessionId = (await victim.ask('GET', '/api/auth/sessions')).body.sessions?.[0]?.id ?? (await victim.ask('GET', '/api/auth/sessions')).body[0].id;
    const v = { victim, friend, roomId, ownRoom, requestId, sessionId };
    const before = await things(victim);

    const document = (await ask(server, 'GET', '/api/openapi.json')).body;
    const wrong = [];
    let asked = 0;
    for (const role of ['nobody', 'user', 'moderator', 'admin']) {
      const actor = role === 'nobody' ? null : await withRole(server, t, role);
      for (const [route, methods] of Object.entries(document.paths)) {
        for (const method of Object.keys(methods).map((name) => name.toUpperCase())) {
          const name = `${method} ${route}`;
          // It would end the actor, and names nobody.
          if (name === 'DELETE /api/users/me' && actor) continue;
          if (route.includes('{')) assert.ok(paths(v)[route], `${route}: say what stands in its path`);
          const at = route.replace(/\{\w+\}/, paths(v)[route]);
          const json = ['POST', 'PUT', 'PATCH'].includes(method) ? (bodies(v)[name] ?? {}) : undefined;
          const { status } = actor ? await actor.ask(method, at, { json }) : await ask(server, method, at, { json });
          asked += 1;
          const may = PUBLIC.has(name) || (actor && (ABOUT_OTHERS[name] || ONES_OWN.has(name))) || (['moderator', 'admin'].includes(role) && MODERATORS.has(name)) || (role === 'admin' && ADMINS.has(name));
          if (status < 300 && !may) wrong.push(`${role}: ${name} → ${status}`);
          if (status >= 500) wrong.push(`${role}: ${name} → ${status}`);
        }
      }
    }
    t.diagnostic(`${asked} questions`);
    assert.deepEqual(wrong, []);
    assert.equal(await things(victim), before, 'the victim has what they had');
    assert.equal((await victim.ask('GET', `/api/rooms/${ownRoom}`)).status, 200);
  });
});
