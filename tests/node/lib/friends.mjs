// People who are friends.

import assert from 'node:assert/strict';

import { people } from './person.mjs';
import { SOON, until } from './wait.mjs';

export async function befriend(a, b) {
  await a.ask('POST', '/api/friends/requests', { json: { privateId: b.user.privateId } });
  const { body } = await b.ask('POST', '/api/friends/requests', { json: { privateId: a.user.privateId } });
  assert.ok(body.friend, JSON.stringify(body));
}

/** So many people, all friends of one another, with a page each. */
export async function befriended(t, at, number = 2) {
  const all = await people(at, number, { test: t });
  for (const [n, a] of all.entries()) for (const b of all.slice(n + 1)) await befriend(a, b);
  const pages = [];
  for (const person of all) {
    const page = await person.open();
    pages.push(page);
    // Whoever calls must find the page.
    const other = all.find((one) => one !== person);
    const seen = async () => {
      const { body } = await other.ask('GET', '/api/friends');
      return body.find(({ user }) => user.id === person.id).presence === 'online';
    };
    await until(seen, SOON, 'the page is known');
  }
  return { all, pages };
}
