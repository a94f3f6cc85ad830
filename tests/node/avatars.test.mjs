// Pictures of people, as programs set and see them.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';

import { ask } from './lib/http.mjs';
import { people } from './lib/person.mjs';
import { SHAPE, startServer } from './lib/server.mjs';

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

/** The most memory that the process that decodes has had, in KiB. */
async function memory() {
  const { pid } = SHAPE === 'split' ? server.process('gateway') : server;
  return Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
}

/** A JPEG's head that claims so many pixels, and nothing behind it. */
function jpeg(width, height) {
  const frame = Buffer.from([0xff, 0xc0, 0, 17, 8, 0, 0, 0, 0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), frame, Buffer.from([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 0x3f, 0]), Buffer.alloc(64, 0x55)]);
}

/** A WebP that claims so many pixels, lossless or extended. */
function webp(width, height, extended) {
  const data = Buffer.alloc(extended ? 10 : 64);
  if (extended) {
    data.writeUIntLE(width - 1, 4, 3);
    data.writeUIntLE(height - 1, 7, 3);
  } else {
    data[0] = 0x2f;
    data.writeUInt32LE(((width - 1) & 0x3fff) | (((height - 1) & 0x3fff) << 14), 1);
  }
  const head = Buffer.alloc(20);
  head.write('RIFF', 0);
  head.writeUInt32LE(data.length + 12, 4);
  head.write(extended ? 'WEBPVP8X' : 'WEBPVP8L', 8);
  head.writeUInt32LE(data.length, 16);
  return Buffer.concat([head, data]);
}

/** A PNG whose text, profile or other chunk unpacks to a hundred megabytes. */
function stuffed(type, prefix) {
  const small = png(8, 8, [1, 2, 3]);
  const packed = chunk(type, Buffer.concat([Buffer.from(prefix, 'latin1'), deflateSync(Buffer.alloc(100 << 20))]));
  // Behind the head, before the picture, which is then broken off.
  return Buffer.concat([small.subarray(0, 33), packed, small.subarray(33, 60)]);
}

function* bombs() {
  const sides = [[60_000, 60_000], [65_535, 65_535], [16_384, 16_384], [16_385, 8], [50_001, 1_000], [0x7fffffff, 0x7fffffff], [1, 0x7fffffff], [0, 0]];
  for (const claims of sides) yield [`png ${claims}`, 'image/png', png(8, 8, [1, 2, 3], claims)];
  for (const claims of [[7_000, 7_000], [5_000, 9_000], [8, 9], [640, 480]]) yield [`png that ends early ${claims}`, 'image/png', png(8, 8, [1, 2, 3], claims)];
  for (const [width, height] of [[65_535, 65_535], [16_384, 16_384], [65_535, 1], [50_000, 2_000], [0, 9], [9, 0]]) yield [`jpeg ${width} ${height}`, 'image/jpeg', jpeg(width, height)];
  for (const [width, height] of [[16_384, 16_384], [16_384, 3_100], [10_000, 5_001], [16_383, 16_383]]) {
    yield [`webp ${width} ${height}`, 'image/webp', webp(width, height, false)];
    yield [`extended webp ${width} ${height}`, 'image/webp', webp(width, height, true)];
  }
  yield ['text that unpacks', 'image/png', stuffed('zTXt', 'Comment\0\0')];
  yield ['text that unpacks, of another kind', 'image/png', stuffed('iTXt', 'Comment\0\u0001\0\0\0')];
  yield ['a profile that unpacks', 'image/png', stuffed('iCCP', 'ICC\0\0')];
  const whole = png(600, 600, [9, 9, 9]);
  for (const part of [9, 20, 34, 50, 70, whole.length - 20]) yield [`the first ${part} bytes`, 'image/png', whole.subarray(0, part)];
  yield ['a png that is said to be a jpeg', 'image/jpeg', whole];
  yield ['a script', 'image/png', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')];
  yield ['an archive', 'image/webp', Buffer.concat([Buffer.from('PK\u0003\u0004'), deflateSync(Buffer.alloc(10 << 20))])];
  yield ['nothing', 'image/png', Buffer.alloc(0)];
  yield ['five megabytes and a byte', 'image/png', Buffer.alloc((5 << 20) + 1, 7)];
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

  test('that is one of forty bombs takes little time and memory', { timeout: 120_000 }, async (t) => {
    const [ada] = await people(server, 1, { test: t });
    // Warm: the first picture brings its code and its tables along.
    assert.equal((await put(ada, png(64, 64, [1, 2, 3]))).status, 204);
    const before = await memory();
    let slowest = 0;
    let count = 0;
    for (const [what, type, body] of bombs()) {
      const began = performance.now();
      const { status } = await put(ada, body, type);
      slowest = Math.max(slowest, performance.now() - began);
      assert.ok([400, 413, 415].includes(status), `${what}: ${status}`);
      count += 1;
    }
    const most = (await memory()) - before;
    t.diagnostic(`${count} bombs: ${slowest.toFixed(0)} ms the slowest, ${(most / 1_024).toFixed(1)} MiB more at most`);
    assert.equal(count, 40);
    // The goal is 200 ms; this is an unoptimised build on a machine with others.
    assert.ok(slowest < 1_000, `${slowest} ms`);
    assert.ok(most < 64 * 1_024, `${most} KiB`);
  });

  test('of fifty megapixels is taken, and what that takes is given back', { timeout: 120_000 }, async (t) => {
    const [ada] = await people(server, 1, { test: t });
    const before = await memory();
    const began = performance.now();
    assert.equal((await put(ada, png(7_070, 7_070, [1, 2, 3]))).status, 204);
    t.diagnostic(`${(performance.now() - began).toFixed(0)} ms, ${(((await memory()) - before) / 1_024).toFixed(0)} MiB at most`);
    assert.match((await ada.ask('GET', '/api/users/me')).body.avatarUrl, /-256\.webp$/);
  });

  test('has an address that nobody can make up', async () => {
    for (const name of ['x', `${'a'.repeat(64)}-256.webp`, `${'a'.repeat(64)}-128.webp`, '..%2f..%2fsecret.key']) {
      const answer = await ask(server, 'GET', `/api/avatars/${name}`);
      assert.deepEqual([answer.status, answer.body.code], [404, 'not-found'], name);
    }
  });
});
