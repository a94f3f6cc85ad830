// People who know one another: friends, where they are, calls between them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { meet, people } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';
import { SOON, until } from './lib/wait.mjs';

let server;
before(async () => {
  server = await startServer({
    settings: { 'friends.requests_per_hour': 10_000, 'friends.lookups_per_hour': 10_000, 'friends.lookups_per_min': 10_000 },
  });
});
after(() => server.end());

/** So many people with a page each. */
async function visitors(t, number) {
  const all = await people(server, number, { test: t });
  const pages = await Promise.all(all.map((person) => person.open()));
  return { all, pages };
}

const request = (from, to) => from.ask('POST', '/api/friends/requests', { json: { privateId: to.user.privateId } });

const friendsOf = async (person) => (await person.ask('GET', '/api/friends')).body;

describe('friends', () => {
  test('find one another by private id, ask, accept, and are on both lists', async (t) => {
    const { all, pages } = await visitors(t, 2);
    const [ada, bob] = all;
    const found = await ada.ask('GET', `/api/friends/lookup/${bob.user.privateId.toLowerCase()}`);
    assert.deepEqual([found.status, found.body.id, Object.keys(found.body).length], [200, bob.id, 4]);
    const asked = await request(ada, bob);
    assert.equal(asked.status, 201, JSON.stringify(asked.body));
    const second = await bob.open();
    const { request: told } = await pages[1].event('friend-request');
    assert.deepEqual([told.id, told.user.id], [asked.body.request.id, ada.id]);
    assert.equal((await bob.ask('GET', '/api/friends/requests')).body.incoming[0].id, told.id);
    const accepted = await bob.ask('POST', `/api/friends/requests/${told.id}/accept`);
    assert.deepEqual([accepted.status, accepted.body.user.id], [200, ada.id]);
    for (const page of [pages[1], second]) await page.event('friends-changed');
    await pages[0].event('friends-changed');
    assert.deepEqual((await friendsOf(ada)).map(({ user }) => user.id), [bob.id]);
    assert.deepEqual((await friendsOf(bob)).map(({ user }) => user.id), [ada.id]);
    assert.equal((await ada.ask('DELETE', `/api/friends/${bob.id}`)).status, 204);
    assert.deepEqual(await friendsOf(bob), []);
  });

  test('two who just met can ask each other, and a stranger can’t be asked', async (t) => {
    const { all, pages } = await visitors(t, 2);
    const [ada, bob] = all;
    const { roomId } = await meet(...pages);
    const asked = await ada.ask('POST', '/api/friends/requests', { json: { userId: bob.id } });
    assert.equal(asked.status, 201, JSON.stringify(asked.body));
    const back = await bob.ask('POST', '/api/friends/requests', { json: { userId: ada.id } });
    assert.equal(back.body.friend?.user.id, ada.id, 'two requests that cross');
    await pages[0].do('leave-room', { roomId });
    const [eve] = await people(server, 1, { test: t });
    for (const json of [{ userId: ada.id }, { userId: eve.id }, { privateId: '0000-0000-0' }]) {
      const refused = await eve.ask('POST', '/api/friends/requests', { json });
      assert.deepEqual([refused.status, refused.body.code], [404, 'not-found'], JSON.stringify(json));
    }
    for (const json of [{}, { userId: ada.id, privateId: ada.user.privateId }, { privateId: '7GK2' }, { privateId: eve.user.privateId }]) {
      assert.equal((await eve.ask('POST', '/api/friends/requests', { json })).status, 400, JSON.stringify(json));
    }
  });

  test('a block ends the friendship on both sides at once and looks like nobody', async (t) => {
    const { all, pages } = await visitors(t, 2);
    const [ada, bob] = all;
    await request(ada, bob);
    assert.ok((await request(bob, ada)).body.friend);
    for (const page of pages) await page.event('friends-changed', () => page.all('friends-changed').length >= 1);
    const before = pages.map((page) => page.all('friends-changed').length);
    assert.equal((await bob.ask('PUT', `/api/blocks/${ada.id}`)).status, 204);
    for (const [n, page] of pages.entries()) {
      await page.event('friends-changed', () => page.all('friends-changed').length > before[n]);
    }
    assert.deepEqual([await friendsOf(ada), await friendsOf(bob)], [[], []]);
    const gone = await ada.ask('GET', '/api/friends/lookup/0000-0000-0');
    const blocked = await ada.ask('GET', `/api/friends/lookup/${bob.user.privateId}`);
    assert.deepEqual({ ...blocked.body, requestId: '' }, { ...gone.body, requestId: '' });
    assert.equal((await request(ada, bob)).status, 404);
  });

  test('a block of whoever blocks me is answered and listed as one of nobody', async (t) => {
    const [ada, bob, gone] = await people(server, 3, { test: t });
    assert.equal((await bob.ask('PUT', `/api/blocks/${ada.id}`)).status, 204);
    assert.equal((await gone.ask('DELETE', '/api/users/me')).status, 200);
    const never = `${bob.id.slice(0, 4)}${'0'.repeat(25)}7`;
    const ids = [bob.id, gone.id, never];
    for (const id of ids) {
      for (const [method, path] of [['DELETE', 'friends'], ['PUT', 'blocks'], ['PUT', 'blocks']]) {
        assert.equal((await ada.ask(method, `/api/${path}/${id}`)).status, 204, `${method} ${path}`);
      }
    }
    const { blocks } = (await ada.ask('GET', '/api/blocks')).body;
    assert.deepEqual(blocks.map(({ user }) => user.id).sort(), ids.toSorted());
    for (const { user } of blocks) assert.deepEqual({ ...user, id: '' }, { id: '', displayName: '', avatarUrl: null, band: 'new' });
    for (const id of ids) assert.equal((await ada.ask('DELETE', `/api/blocks/${id}`)).status, 204);
    assert.deepEqual((await ada.ask('GET', '/api/blocks')).body.blocks, []);
  });

  test('another private id finds me, the one before finds nobody', async (t) => {
    const [ada, bob] = await people(server, 2, { test: t });
    const rotated = await bob.ask('POST', '/api/users/me/private-id');
    assert.equal(rotated.status, 200);
    assert.notEqual(rotated.body.privateId, bob.user.privateId);
    assert.equal((await ada.ask('GET', `/api/friends/lookup/${bob.user.privateId}`)).status, 404);
    assert.equal((await ada.ask('GET', `/api/friends/lookup/${rotated.body.privateId}`)).body.id, bob.id);
  });

  test('a request is nobody else’s: foreign ids are not found', async (t) => {
    const [ada, bob, eve] = await people(server, 3, { test: t });
    const { id } = (await request(ada, bob)).body.request;
    for (const [who, method, path] of [
      [eve, 'POST', `${id}/accept`],
      [eve, 'POST', `${id}/decline`],
      [eve, 'DELETE', id],
      [ada, 'POST', `${id}/accept`],
      [ada, 'POST', `${id}/decline`],
      [bob, 'DELETE', id],
    ]) {
      assert.equal((await who.ask(method, `/api/friends/requests/${path}`)).status, 404, `${method} ${path}`);
    }
    assert.equal((await bob.ask('POST', `/api/friends/requests/${id}/decline`)).status, 204);
    assert.equal((await ada.ask('GET', '/api/friends/requests')).body.outgoing[0].id, id, 'a no isn’t told');
    assert.equal((await ada.ask('DELETE', `/api/friends/requests/${id}`)).status, 204);
    const { tables } = (await ada.ask('GET', '/api/users/me/export')).body;
    assert.deepEqual([...tables.friendsAndRequests, ...tables.friendsAndRequestsToo], [], 'nor what is left of it');
    assert.notEqual((await request(ada, bob)).body.request.id, id, 'asked again it is another');
  });
});

/** Two friends with a page each. */
async function friends(t) {
  const { all, pages } = await visitors(t, 2);
  await request(...all);
  assert.ok((await request(all[1], all[0])).body.friend);
  return { all, pages };
}

const presenceOf = async (person) => (await friendsOf(person))[0]?.presence;

describe('where somebody is', () => {
  test('is told to friends: online on any page, away on all, in a call, offline after the last', async (t) => {
    const { all, pages } = await friends(t);
    const [ada, bob] = all;
    const seen = (presence) => pages[1].event('presence', (data) => data.userId === ada.id && data.presence === presence, 30_000);
    await until(async () => (await presenceOf(bob)) === 'online', SOON, 'ada is online');
    const second = await ada.open();
    await pages[0].do('presence', { away: true });
    await second.do('presence', { away: true });
    await seen('away');
    await second.do('presence', { away: false });
    await seen('online');
    const made = await ada.ask('POST', '/api/rooms', { json: {} });
    await second.do('join-room', { roomId: made.body.room.id });
    await seen('in-call');
    assert.equal(await presenceOf(bob), 'in-call');
    await second.do('leave-room', { roomId: made.body.room.id });
    await seen('online');
    second.close();
    await seen('away');
    pages[0].cut();
    await seen('offline');
    await ada.open();
    await seen('online');
    assert.deepEqual(pages[0].all('presence').filter(({ userId }) => userId !== bob.id), [], 'nobody hears of themselves');
  });

  test('is hidden by doNotDisturb', async (t) => {
    const { all, pages } = await friends(t);
    const [ada, bob] = all;
    await until(async () => (await presenceOf(bob)) === 'online', SOON, 'ada is online');
    for (const [doNotDisturb, presence] of [[true, 'offline'], [false, 'online']]) {
      assert.equal((await ada.ask('PATCH', '/api/users/me', { json: { doNotDisturb } })).status, 200);
      await pages[1].event('presence', (data) => data.userId === ada.id && data.presence === presence);
      assert.equal(await presenceOf(bob), presence);
    }
    assert.equal(await code(pages[0].call('presence', {})), 'bad-request');
  });
});

const code = async (answer) => (await answer).error?.code;

describe('after a random chat', () => {
  test('who was in it rates it, and a report isn’t seen in the other’s reputation on its day', async (t) => {
    const { all, pages } = await visitors(t, 2);
    const [ada, bob] = all;
    const { roomId } = await meet(...pages);
    const rate = (person, room, json) => person.ask('POST', `/api/calls/${room}/rating`, { json });
    for (const stars of [5, 1]) assert.equal((await rate(ada, roomId, { stars })).status, 204);
    for (const json of [{ stars: 0 }, { stars: 6 }, { stars: 2.5 }, {}]) {
      assert.equal((await rate(ada, roomId, json)).status, 400, JSON.stringify(json));
    }
    const [eve] = await people(server, 1, { test: t });
    assert.equal((await rate(eve, roomId, { stars: 5 })).status, 404);
    const before = (await bob.ask('GET', '/api/users/me/reputation')).body;
    assert.deepEqual([before.score, before.entries.length], [70, 1]);
    assert.equal((await ada.ask('POST', '/api/reports', { json: { roomId, userId: bob.id, reason: 'spam' } })).status, 201);
    const after = (await bob.ask('GET', '/api/users/me/reputation')).body;
    // It counts at the end of the day: a score that falls now would say who it was. Turning days: the contract's tests.
    assert.deepEqual(after, before);
    assert.ok(!JSON.stringify((await bob.ask('GET', '/api/users/me/export')).body).replaceAll(`${roomId}`, '').includes(ada.id), 'nor who it was');
    assert.equal(after.entries.reduce((sum, { delta }) => sum + delta, 0), after.score, 'the ledger explains every point');
    assert.equal((await ada.ask('GET', '/api/users/me/calls')).body.calls[0].roomId, roomId);
  });
});
