// Pictures of people, as programs set and see them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';

import { ask } from './lib/http.mjs';
import { people } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
};

/** A PNG of one colour; `claims` says other dimensions than it has. */
function png(width, height, colour, claims = [width, height]) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(claims[0], 0);
  head.writeUInt32BE(claims[1], 4);
  head.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from(colour))]);
  const rows = Buffer.concat(Array.from({ length: height }, () => row));
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([start, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

const put = (person, body, type = 'image/png') => person.ask('PUT', '/api/users/me/avatar', { body, headers: { 'content-type': type } });

describe('a picture', () => {
  test('is set, seen by everybody in two sizes, kept by browsers, and taken away', async (t) => {
    const [ada, bob] = await people(server, 2, { test: t });
    const set = await put(ada, png(300, 200, [200, 20, 20]));
    assert.deepEqual([set.status, set.body], [204, '']);
    const { avatarUrl } = (await bob.ask('GET', `/api/users/${ada.id}`)).body;
    assert.match(avatarUrl, /^\/api\/avatars\/[0-9a-f]{64}-256\.webp$/);
    assert.equal((await ada.ask('GET', '/api/users/me')).body.avatarUrl, avatarUrl);
    for (const url of [avatarUrl, avatarUrl.replace('-256', '-64')]) {
      const seen = await ask(server, 'GET', url);
      assert.equal(seen.status, 200);
      assert.equal(seen.headers['content-type'], 'image/webp');
      assert.equal(seen.headers['cache-control'], 'public, max-age=31536000, immutable');
      assert.equal(seen.headers['x-content-type-options'], 'nosniff');
      const again = await ask(server, 'GET', url, { headers: { 'if-none-match': seen.headers.etag } });
      assert.deepEqual([again.status, again.body], [304, '']);
    }
    assert.equal((await ada.ask('DELETE', '/api/users/me/avatar')).status, 204);
    assert.equal((await ada.ask('GET', '/api/users/me')).body.avatarUrl, null);
    assert.equal((await ask(server, 'GET', avatarUrl)).status, 404);
  });

  test('that isn’t one, is too large or a bomb is refused with a reason and changes nothing', async (t) => {
    const [ada] = await people(server, 1, { test: t });
    assert.equal((await put(ada, png(64, 64, [1, 2, 3]))).status, 204);
    const { avatarUrl } = (await ada.ask('GET', '/api/users/me')).body;
    const refused = async (body, type, ...expected) => {
      const answer = await put(ada, body, type);
      assert.deepEqual([answer.status, answer.body.code], expected, JSON.stringify(answer.body));
    };
    await refused(Buffer.from('<svg onload="alert(1)"/>'), 'image/svg+xml', 415, 'unsupported-media-type');
    await refused(png(8, 8, [1, 2, 3]), 'image/jpeg', 415, 'unsupported-media-type');
    await refused(Buffer.from('no picture'), 'image/png', 400, 'bad-request');
    await refused(Buffer.alloc(0), 'image/png', 400, 'bad-request');
    await refused(png(8, 8, [1, 2, 3], [60_000, 60_000]), 'image/png', 413, 'payload-too-large');
    await refused(png(8, 8, [1, 2, 3], [8_000, 8_000]), 'image/png', 413, 'payload-too-large');
    await refused(Buffer.alloc((5 << 20) + 1, 7), 'image/png', 413, 'payload-too-large');
    assert.equal((await ada.ask('GET', '/api/users/me')).body.avatarUrl, avatarUrl);
    assert.equal((await ask(server, 'PUT', '/api/users/me/avatar', { body: png(8, 8, [1, 2, 3]), headers: { 'content-type': 'image/png' } })).status, 401);
  });

  test('has an address that nobody can make up', async () => {
    for (const name of ['x', `${'a'.repeat(64)}-256.webp`, `${'a'.repeat(64)}-128.webp`, '..%2f..%2fsecret.key']) {
      const answer = await ask(server, 'GET', `/api/avatars/${name}`);
      assert.deepEqual([answer.status, answer.body.code], [404, 'not-found'], name);
    }
  });
});
