// The place itself: addresses, headers, the document, the private listener, STUN, start and end.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { ask } from './lib/http.mjs';
import { meet, newAddress, people, requestCode, signIn } from './lib/person.mjs';
import { BINARY, startServer } from './lib/server.mjs';
import { binding, silent } from './lib/stun.mjs';
import { SOON, within } from './lib/wait.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

describe('answers', () => {
  test('a refusal is problem+json with a code, a request id and nothing of the inside', async () => {
    const answers = [
      await ask(server, 'GET', '/api/users/me'),
      await ask(server, 'GET', '/api/no-such-thing'),
      await ask(server, 'POST', '/api/auth/login', { json: { email: 5 } }),
      await ask(server, 'POST', '/api/auth/login', { body: '{', headers: { 'content-type': 'application/json' } }),
      await ask(server, 'POST', '/api/auth/login', { body: 'x', headers: { 'content-type': 'text/plain' } }),
      await ask(server, 'GET', '/api/auth/login'),
    ];
    assert.deepEqual(answers.map(({ status }) => status), [401, 404, 400, 400, 415, 405]);
    const ids = new Set();
    for (const { status, headers, body } of answers) {
      assert.equal(headers['content-type'], 'application/problem+json');
      assert.equal(body.status, status);
      for (const key of ['type', 'title', 'detail', 'code', 'requestId']) {
        assert.equal(typeof body[key], 'string', `${key} in ${JSON.stringify(body)}`);
        assert.ok(body[key].length > 0);
      }
      assert.ok(!/sqlx|serde|axum|\.rs\b|panick/i.test(JSON.stringify(body)), JSON.stringify(body));
      ids.add(body.requestId);
    }
    assert.equal(ids.size, answers.length, 'each has its own request id');
    assert.ok(answers[2].body.fields.some(({ field }) => field === 'email'));
  });

  test('every answer carries the security headers, and none lets another site in', async () => {
    for (const [method, where] of [['GET', '/'], ['GET', '/chat'], ['GET', '/api/openapi.json'], ['GET', '/api/users/me'], ['GET', '/nothing/here.js'], ['OPTIONS', '/api/users/me']]) {
      const { headers, status } = await ask(server, method, where, { headers: { origin: 'https://evil.example', 'access-control-request-method': 'PATCH' } });
      const policy = headers['content-security-policy'] ?? '';
      assert.match(policy, /default-src '(self|none)'/, `${where} ${status}`);
      assert.ok(!/unsafe-inline|unsafe-eval/.test(policy), policy);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.equal(headers['x-content-type-options'], 'nosniff', where);
      if (['/', '/chat'].includes(where)) {
        assert.match(policy, /default-src 'self'/);
        assert.match(headers['permissions-policy'] ?? '', /camera=\(self\)/);
        assert.ok(headers['referrer-policy']);
      }
      assert.equal(headers['strict-transport-security'], undefined, 'only under TLS');
      assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('access-control-')), [], where);
    }
  });

  test('a request for another host is 421, whatever it asks for', async () => {
    for (const host of ['evil.example', `evil.example:${server.port}`, '127.0.0.1:1', `127.0.0.1.evil.example:${server.port}`]) {
      for (const where of ['/', '/api/users/me', '/.well-known/jwks.json', '/socket.io/?EIO=4&transport=websocket']) {
        const answer = await ask(server, 'GET', where, { headers: { host } });
        assert.equal(answer.status, 421, `${host} ${where}`);
        assert.equal(answer.body.code, 'wrong-host');
      }
    }
    const own = await ask(server, 'GET', '/api/openapi.json', { headers: { host: `localhost:${server.port}` } });
    assert.equal(own.status, 200, 'the names of loopback are one');
  });

  test('links in mails are made from public_url, never from the Host header', async () => {
    const { mail } = await requestCode(server, newAddress());
    assert.equal(new URL(mail.link).origin, server.url);
    const elsewhere = await ask(server, 'POST', '/api/auth/login', { json: { email: 'host@example.test' }, headers: { host: 'evil.example' } });
    assert.equal(elsewhere.status, 421);
  });

  test('the OpenAPI document names exactly the routes of this release', async () => {
    const { status, body } = await ask(server, 'GET', '/api/openapi.json');
    assert.equal(status, 200);
    assert.match(body.openapi, /^3\.1/);
    const rows = Object.entries(body.paths).flatMap(([route, item]) =>
      Object.keys(item).filter((key) => key !== 'parameters').map((method) => `${method.toUpperCase()} ${route}`),
    );
    for (const row of [
      'POST /api/auth/login', 'POST /api/auth/verify', 'POST /api/auth/magic', 'POST /api/auth/magic/peek', 'POST /api/auth/refresh',
      'POST /api/auth/logout', 'GET /api/auth/sessions', 'DELETE /api/auth/sessions/{id}', 'GET /.well-known/jwks.json',
      'GET /api/users/me', 'PATCH /api/users/me', 'PUT /api/users/me/age', 'GET /api/users/me/reputation', 'GET /api/users/{id}',
      'GET /api/blocks', 'PUT /api/blocks/{userId}', 'DELETE /api/blocks/{userId}', 'POST /api/reports',
      'GET /api/moderation/cases', 'GET /api/moderation/cases/{id}', 'GET /api/moderation/cases/{id}/snapshot', 'DELETE /api/moderation/cases/{id}/lease',
      'POST /api/moderation/cases/{id}/decision', 'POST /api/moderation/cases/{id}/decision/undo', 'GET /api/users/me/decisions',
      'GET /api/analytics/summary', 'GET /api/analytics/series', 'POST /api/admin/users/find', 'PUT /api/admin/users/{id}/role',
      'POST /api/appeals', 'GET /api/moderation/appeals', 'POST /api/moderation/appeals/{id}/decision',
    ]) assert.ok(rows.includes(row), `${row} in ${rows.join(', ')}`);
    assert.ok(!rows.some((row) => /broadcasts/.test(row)), 'what is later is absent');
    // What is documented exists: each GET without parameters answers something else than 404.
    for (const row of rows.filter((row) => row.startsWith('GET ') && !row.includes('{'))) {
      const answer = await ask(server, 'GET', row.slice(4));
      assert.ok([200, 401].includes(answer.status), `${row}: ${answer.status}`);
    }
    for (const later of ['/api/rooms/rm_x/broadcasts']) {
      assert.equal((await ask(server, 'GET', later)).status, 404, later);
    }
  });

  test('every signed route refuses somebody without a token', async () => {
    const { body } = await ask(server, 'GET', '/api/openapi.json');
    let signed = 0;
    for (const [route, item] of Object.entries(body.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (!operation.security?.some((scheme) => 'token' in scheme)) continue;
        signed += 1;
        const where = route.replaceAll(/\{\w+\}/g, 'usr_00000000000000000000000000');
        const answer = await ask(server, method.toUpperCase(), where, operation.requestBody ? { json: {} } : {});
        assert.equal(answer.status, 401, `${method} ${route}`);
      }
    }
    assert.ok(signed >= 9, `${signed} signed routes`);
  });

  test('bodies that are too large, too deep or of the wrong encoding are refused', async () => {
    const person = await signIn(server);
    const send = (body, headers = { 'content-type': 'application/json' }) => person.ask('PATCH', '/api/users/me', { body, headers });
    assert.equal((await send(JSON.stringify({ bio: 'x'.repeat(300_000) }))).body.code, 'payload-too-large');
    const deep = await send(`{"bio":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
    assert.equal(deep.status, 400);
    assert.equal((await send(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]))).status, 400);
    assert.equal((await send('{"bio":"a","bio":"b"}')).status, 400);
    for (const body of ['["a"]', '[]', '"bio"', 'null', '5']) assert.equal((await send(body)).status, 400, body);
    const list = await ask(server, 'POST', '/api/auth/login', { json: ['list@example.test'] });
    assert.equal(list.status, 400, 'a list is no object');
    assert.equal((await send('{}', { 'content-type': 'application/x-www-form-urlencoded' })).body.code, 'unsupported-media-type');
    assert.equal((await send('{}', { 'content-type': 'application/json', 'content-encoding': 'gzip' })).body.code, 'unsupported-media-type');
    assert.equal((await person.ask('GET', '/api/users/me')).body.bio, person.user.bio);
  });

  test('a request head that is no HTTP, or endless, harms nobody', async () => {
    for (const bytes of ['\0\0\0\0\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(200_000)}\r\n\r\n`, 'GET / HTTP/1.1\r\n\r\n', `GET / HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nhost: evil\r\n\r\n`]) {
      const answer = await raw(server.port, bytes);
      assert.ok(!/^HTTP\/1\.1 2/.test(answer), `${bytes.slice(0, 40)} → ${answer.slice(0, 40)}`);
    }
    assert.equal((await ask(server, 'GET', '/healthz')).status, 200);
  });
});

/** Sends bytes to a port and gives what comes back until the end (or 2 s of a connection left open). */
async function raw(port, bytes) {
  const socket = net.connect(port, '127.0.0.1');
  let text = '';
  socket.setTimeout(2_000, () => socket.destroy());
  socket.on('data', (chunk) => (text += chunk));
  socket.on('error', () => {});
  socket.end(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

describe('the private listener', () => {
  test('has health, readiness and metrics, and none of it tells who', async () => {
    const [a, b] = await people(server, 2);
    const [one, two] = [await a.open(), await b.open()];
    await meet(one, two);
    a.close();
    b.close();
    assert.equal((await ask(server, 'GET', '/healthz')).status, 200);
    assert.equal((await ask(server, 'GET', '/readyz')).status, 200);
    const metrics = await ask(server, 'GET', '/metrics', { url: server.privateUrl });
    assert.equal(metrics.status, 200);
    for (const word of [/login/, /sockets/, /match_wait/, /matches/, /calls_started|join/, /requests_total/]) assert.match(metrics.body, word);
    assert.ok(!metrics.body.includes(a.id) && !metrics.body.includes(a.email.split('@')[0]), 'no names in metrics');
    const outside = await ask(server, 'GET', '/metrics');
    assert.ok(outside.status === 404 || !/^# (HELP|TYPE)/m.test(String(outside.body)), 'metrics aren’t public');
  });

  test('the developer’s outbox is there on loopback alone', async () => {
    const { mail } = await requestCode(server, newAddress());
    const open = await ask(server, 'GET', '/dev/outbox', { url: server.privateUrl });
    assert.equal(open.status, 200);
    assert.ok(String(open.body).includes(mail.code) || String(open.body).includes(mail.to) || String(open.body).includes('.eml'), String(open.body).slice(0, 400));
    const refused = [{ host: 'evil.example' }, { 'x-forwarded-for': '203.0.113.1' }, { forwarded: 'for=203.0.113.1' }, { 'x-forwarded-host': 'a' }, { 'x-real-ip': '203.0.113.1' }, { via: '1.1 proxy' }, { 'x-forwarded-proto': 'https' }];
    for (const headers of refused) {
      const answer = await ask(server, 'GET', '/dev/outbox', { url: server.privateUrl, headers });
      assert.equal(answer.status, 404, JSON.stringify(headers));
    }
    const outside = await ask(server, 'GET', '/dev/outbox');
    assert.ok(!String(JSON.stringify(outside.body)).includes(mail.code), 'not on the public listener');
  });

  test('without --dev there is no outbox page, and the start says where mail goes', async (t) => {
    const plain = await startServer({ dev: false, test: t });
    assert.equal((await ask(plain, 'GET', '/dev/outbox', { url: plain.privateUrl })).status, 404);
    assert.match(plain.output, /outbox/i);
    await signIn(plain);
  });
});

describe('the media port', () => {
  test('answers a STUN binding request with the address it sees', async () => {
    const { type, sameId, mapped, own, size } = await binding(server.mediaPort);
    assert.equal(type, 0x0101);
    assert.ok(sameId);
    assert.deepEqual(mapped, { address: own.address, port: own.port });
    assert.ok(size <= 100, `${size} bytes`);
  });

  test('answers nothing else: noise, short and lying packets, indications', async () => {
    const header = (type, length, cookie = 0x2112a442) => {
      const bytes = Buffer.alloc(20);
      bytes.writeUInt16BE(type, 0);
      bytes.writeUInt16BE(length, 2);
      bytes.writeUInt32BE(cookie, 4);
      randomBytes(12).copy(bytes, 8);
      return bytes;
    };
    const packets = [
      Buffer.alloc(1), Buffer.alloc(19), randomBytes(600), header(0x0001, 4), header(0x0001, 0, 0xdeadbeef), header(0x0011, 0),
      header(0x0101, 0), header(0x0003, 0), Buffer.concat([header(0x0001, 8), Buffer.from([0, 6, 255, 255, 1, 2, 3, 4])]),
    ];
    for (const packet of packets) {
      assert.equal(await silent(server.mediaPort, packet), null, packet.toString('hex').slice(0, 40));
    }
  });

  test('a prefix that asks too often is answered no more than its share', async (t) => {
    // A server of its own: the budget of 127.0.0.1 is used up here.
    const own = await startServer({ test: t });
    const dgram = await import('node:dgram');
    const socket = dgram.createSocket('udp4');
    t.after(() => socket.close());
    let answers = 0;
    socket.on('message', () => (answers += 1));
    await new Promise((resolve) => socket.connect(own.mediaPort, '127.0.0.1', resolve));
    const request = Buffer.alloc(20);
    request.writeUInt16BE(1, 0);
    request.writeUInt32BE(0x2112a442, 4);
    for (let i = 0; i < 5_000; i += 1) {
      randomBytes(12).copy(request, 8);
      socket.send(Buffer.from(request));
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(answers >= 1 && answers < 2_500, `${answers} answers to 5000 requests`);
  });
});

describe('start and end', () => {
  test('SIGTERM: every page is told to come back later, the process ends with 0', async () => {
    const own = await startServer();
    const [a, b] = await people(own, 2);
    const [one, two] = [await a.open(), await b.open()];
    await meet(one, two);
    const ended = own.stop();
    const notices = await Promise.all([one.event('server-draining'), two.event('server-draining')]);
    for (const { reconnectInMs } of notices) assert.ok(reconnectInMs >= 0 && reconnectInMs < 60_000);
    await Promise.all([one.event('disconnect'), two.event('disconnect')]);
    const { code, signal } = await ended;
    assert.deepEqual({ code, signal }, { code: 0, signal: null });
    one.close();
    two.close();
    await own.end();
  });

  test('SIGTERM with nobody there, and right after the start, ends with 0 as well', async (t) => {
    const own = await startServer({ test: t });
    assert.equal((await own.stop()).code, 0);
  });

  test('two instances run side by side, and one data folder belongs to one process', async (t) => {
    const own = await startServer({ test: t });
    assert.notEqual(own.url, server.url);
    const second = await startServer({ data: own.data, keep: true }).then(
      async (server) => {
        await server.end();
        return 'started';
      },
      (error) => String(error),
    );
    assert.notEqual(second, 'started', 'a second process on the same data folder');
    assert.equal((await ask(own, 'GET', '/healthz')).status, 200);
  });

  test('a wrong setting names the key, the value and what would be right, and ends with 2', async () => {
    const cases = [
      ['VISAVIS_LIMITS__AUTH_PER_IP__BURST', 'many', /limits\.auth_per_ip\.burst/i],
      ['VISAVIS_STRANGERS__TRANSPORT', 'pigeon', /strangers\.transport/i],
      ['VISAVIS_PUBLIC_URL', 'meet.example', /public_url/i],
      ['VISAVIS_NO_SUCH_KEY', '1', /no_such_key/i],
    ];
    for (const [name, value, key] of cases) {
      const data = await mkdtemp(path.join(tmpdir(), 'visavis-test-'));
      const { code, output } = await run(['serve', '--data', data, '--listen', '127.0.0.1:0'], { [name]: value });
      assert.equal(code, 2, `${name}: code ${code}\n${output}`);
      assert.match(output, key);
      if (name !== 'VISAVIS_NO_SUCH_KEY') assert.ok(output.includes(value), output);
      assert.ok(!/panicked|RUST_BACKTRACE/.test(output), output);
      await rm(data, { recursive: true, force: true });
    }
  });

  test('--dev is refused when public_url isn’t loopback', async () => {
    const data = await mkdtemp(path.join(tmpdir(), 'visavis-test-'));
    const { code, output } = await run(['serve', '--dev', '--data', data, '--listen', '127.0.0.1:0'], { VISAVIS_PUBLIC_URL: 'https://meet.example' });
    assert.equal(code, 2, output);
    await rm(data, { recursive: true, force: true });
  });

  test('secrets in the data folder are for the owner alone, and no code, token or address is in the log', async () => {
    const own = await startServer();
    const person = await signIn(own);
    await person.refresh();
    const { mail } = await requestCode(own, person.email);
    await own.stop();
    for (const secret of [person.email, person.cookie, person.token, mail.code, mail.linkToken]) {
      assert.ok(!own.output.includes(secret), `the log has ${secret.slice(0, 12)}…`);
    }
    const names = await readdir(own.data);
    const keys = names.filter((name) => /secret|key/i.test(name));
    assert.ok(keys.length >= 1, names.join());
    for (const name of keys) {
      const { mode } = await stat(path.join(own.data, name));
      assert.equal(mode & 0o077, 0, `${name} is ${(mode & 0o777).toString(8)}`);
    }
    for (const name of names.filter((name) => /\.(db|sqlite)/.test(name))) {
      const bytes = await readFile(path.join(own.data, name));
      for (const secret of [person.cookie, mail.linkToken]) {
        assert.ok(!bytes.includes(Buffer.from(secret)), `${name} holds a token in plain text`);
      }
    }
    await own.end();
  });
});

/** Runs the binary to its end. */
async function run(args, env) {
  const child = spawn(BINARY, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const code = await within(ended, SOON, () => `the end of ${args.join(' ')}:\n${output}`).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  return { code, output };
}
