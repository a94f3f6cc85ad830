// Behind nginx, with the settings that docs/operations.md shows.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { block, changed } from './lib/documented.mjs';
import { ask } from './lib/http.mjs';
import { meet, newAddress, people } from './lib/person.mjs';
import { freePort } from './lib/port.mjs';
import { description } from './lib/sdp.mjs';
import { startServer } from './lib/server.mjs';
import { SOON, until } from './lib/wait.mjs';

const NAME = 'meet.example';
const NGINX = process.env.NGINX ?? '/usr/sbin/nginx';
/** Mails that one address may ask for. */
const LOGINS = 4;

let folder;
let server;
let nginx;
let ca;
let ports;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'visavis-nginx-'));
  const [cert, key] = ['fullchain.pem', 'privkey.pem'].map((name) => path.join(folder, name));
  const subject = ['-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`];
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert]);
  ca = await readFile(cert);
  const listen = `127.0.0.1:${await freePort()}`;
  server = await startServer({
    dev: false,
    listen,
    settings: {
      public_url: `https://${NAME}`,
      trusted_proxies: '127.0.0.1, ::1',
      'limits.auth_per_ip.burst': LOGINS,
      'limits.auth_per_ip.per_min': 1,
    },
  });
  ports = { tls: await freePort(), plain: await freePort() };
  // For a port of a test, below a folder of its own, and not at an address that not every machine has.
  const shown = changed(await block('operations', 'In front of it: a proxy'), [
    ['listen 443 ssl http2;', `listen 127.0.0.1:${ports.tls} ssl http2;`],
    ['listen [::]:443 ssl http2;', ''],
    ['listen 80;', `listen 127.0.0.1:${ports.plain};`],
    ['listen [::]:80;', ''],
    [`/etc/letsencrypt/live/${NAME}`, folder],
    ['127.0.0.1:8080', listen],
  ]);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  const conf = `daemon off; master_process off; pid ${folder}/pid; error_log stderr; events {} http { access_log off; ${temporary.join(' ')}\n${shown}}`;
  await writeFile(path.join(folder, 'nginx.conf'), conf);
  nginx = spawn(NGINX, ['-p', folder, '-c', path.join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  nginx.said = '';
  nginx.stderr.setEncoding('utf8').on('data', (text) => (nginx.said += text));
  nginx.on('error', (error) => (nginx.said += error.message));
  await until(async () => (await from('127.0.0.1').get('/healthz').catch(() => null))?.status === 200, SOON, () => `nginx serves; it says ${nginx.said}`);
});
after(async () => {
  nginx?.kill('SIGKILL');
  await server?.end();
  await rm(folder, { recursive: true, force: true });
});

/** The place as somebody at that address of this machine reaches it. */
function from(localAddress) {
  // As the name would be looked up; a URL without a port of its own would ask at 443.
  const lookup = (name, { all }, give) => (all ? give(null, [{ address: '127.0.0.1', family: 4 }]) : give(null, '127.0.0.1', 4));
  const agent = new https.Agent({ ca, lookup, localAddress });
  const front = { url: `https://${NAME}:${ports.tls}`, data: server.data, agent };
  return { ...front, get: (where, options) => ask(front, 'GET', where, options) };
}

describe('behind nginx as documented', () => {
  test('two sign in over TLS, meet and talk; what was sent in plain is asked for again', { timeout: 60_000 }, async (t) => {
    const front = from('127.0.0.1');
    const page = await front.get('/');
    assert.equal(page.status, 200);
    assert.match(page.headers['strict-transport-security'], /max-age=\d{7,}/);
    assert.match(page.headers['content-security-policy'], /default-src/);
    const [anna, ben] = await people(front, 2, { test: t });
    assert.equal((await anna.refresh()).status, 200);
    const pages = [await anna.open({ headers: { origin: `https://${NAME}` } }), await ben.open()];
    const { roomId, matches } = await meet(...pages);
    await pages[0].do('offer', { roomId, to: matches[1].self, sdp: description() });
    assert.match((await pages[1].event('offer')).sdp, /^v=0\r\n/);

    const plain = await new Promise((resolve, reject) => http.get({ port: ports.plain, host: '127.0.0.1', path: '/chat?x=1', headers: { host: NAME } }, resolve).on('error', reject));
    plain.resume();
    assert.deepEqual([plain.statusCode, plain.headers.location], [301, `https://${NAME}/chat?x=1`]);
    // No picture, but as large as one may be: it is the place itself that answers.
    const large = await anna.ask('PUT', '/api/users/me/avatar', { body: Buffer.alloc(5 * 1024 * 1024), headers: { 'content-type': 'image/png' } });
    assert.deepEqual([large.status, large.body.code], [400, 'bad-request']);
    assert.equal((await front.get('/metrics')).status, 404, 'figures stay inside');
  });

  test('each address has a limit of its own, whatever it claims to be', { timeout: 60_000 }, async () => {
    const login = (front, headers) => ask(front, 'POST', '/api/auth/login', { json: { email: newAddress() }, headers });
    const greedy = from('127.0.0.7');
    const answers = [];
    for (let i = 0; i <= LOGINS; i += 1) answers.push((await login(greedy, { 'x-forwarded-for': `203.0.113.${i}` })).status);
    assert.deepEqual(answers, [...Array(LOGINS).fill(202), 429]);
    assert.equal((await login(from('127.0.0.8'))).status, 202);
  });
});
