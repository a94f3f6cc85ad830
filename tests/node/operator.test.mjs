// What an operator does from the machine itself, outside of what the server answers: commands on the right folder and on a
// wrong one, ids that are found and mistyped, and what would break said before it does.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

import { caseOf, command, suspended, withRole } from './lib/moderators.mjs';
import { freePort } from './lib/port.mjs';
import { meet, people, signIn } from './lib/person.mjs';
import { BINARY, SHAPE, startServer } from './lib/server.mjs';

const CASE = 'cas_01JD5V9GQ3M7T8X2K4N6P0R1SW';
const ONE = { skip: SHAPE === 'split' && 'it is about a place in one folder' };

/** Gives `{code, out, err}`, however it ends. */
function visavis(args, env = {}) {
  return new Promise((resolve) => {
    execFile(BINARY, args, { env: { ...process.env, ...env }, timeout: 60_000 }, (error, out, err) => resolve({ code: error ? error.code : 0, out, err }));
  });
}

async function folder(t) {
  const made = await mkdtemp(path.join(tmpdir(), 'visavis-operator-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Of a server that runs, with other words. */
async function fails(server, ...args) {
  const failed = await command(server, ...args).then((out) => assert.fail(`it succeeded: ${out}`), (error) => error);
  return `${failed.code} ${failed.stdout}${failed.stderr}`;
}

describe('a command', () => {
  test('on a folder that holds no place makes nothing and says which file is missing', ONE, async (t) => {
    const data = path.join(await folder(t), 'wrong');
    for (const line of [
      'evidence verify', 'evidence log', `evidence hold ${CASE} --reason x`, `evidence release ${CASE} --reason x`, `moderation replay ${CASE}`,
      'moderation export', 'moderation cases', 'admin grant a@b.example admin', 'admin rotate-keys', 'admin jobs list',
    ]) {
      const { code, out, err } = await visavis([...line.split(' '), '--data', data]);
      assert.deepEqual([code, out], [1, ''], `${line}: ${err}`);
      assert.match(err, /there is no place in .*wrong.*visavis\.db is missing/, line);
      await assert.rejects(readdir(data), { code: 'ENOENT' }, line);
    }
  });

  test('on a place whose secret key is gone makes no other one, and neither does the server', ONE, async (t) => {
    const data = await folder(t);
    const server = await startServer({ data, keep: true, test: t });
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    await rm(path.join(data, 'secret.key'));
    for (const line of ['evidence verify', 'admin rotate-keys', 'serve --listen 127.0.0.1:0']) {
      const { code, err } = await visavis([...line.split(' '), '--data', data], { VISAVIS_WATCH__ON: 'false' });
      assert.equal(code, 1, line);
      assert.match(err, /secret\.key is missing.*backup/, line);
    }
    assert.ok(!(await readdir(data)).includes('secret.key'));
  });

  test('on a place with another secret key says so before anybody is let in, and leads on when the right one is lost', { timeout: 90_000, ...ONE }, async (t) => {
    const data = await folder(t);
    const server = await startServer({ data, keep: true, test: t });
    const ada = await signIn(server, { test: t });
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    const key = path.join(data, 'secret.key');
    const right = await readFile(key, 'utf8');
    await writeFile(key, `${Buffer.alloc(32, 7).toString('base64')}\n`);
    const settings = { VISAVIS_WATCH__ON: 'false' };
    const served = await visavis(['serve', '--dev', '--listen', '127.0.0.1:0', '--data', data], settings);
    assert.equal(served.code, 1);
    assert.match(served.err, /another secret key.*backup.*rotate-keys --lost/s);
    const looked = await visavis(['doctor', '--data', data], settings);
    assert.equal(looked.code, 1);
    assert.match(looked.out + looked.err, /secret.*another secret key/);

    await writeFile(key, right);
    assert.match((await visavis(['admin', 'rotate-keys', '--lost', '--data', data])).out, /nothing was changed/);
    await writeFile(key, `${Buffer.alloc(32, 7).toString('base64')}\n`);
    assert.match((await visavis(['admin', 'rotate-keys', '--lost', '--data', data])).out, /^1 signing keys .* forgotten/);
    await server.launch();
    assert.equal((await ada.ask('GET', '/api/users/me')).status, 401, 'with the lost key');
    assert.equal((await signIn(server, { email: ada.email, test: t })).id, ada.id, 'signed in anew');
  });

  test('shows ids to go on with, refuses what is none with an example, and says what didn’t happen', { timeout: 120_000 }, async (t) => {
    const server = await startServer({ test: t });
    const [eve, ada] = await people(server, 2, { test: t });
    const { caseId } = await suspended(server, t, eve, ada);
    const decided = await command(server, 'moderation', 'cases', '--state', 'decided');
    assert.match(decided, new RegExp(`^${caseId}  decided +since \\S+Z  priority \\d+  about ${eve.id}  1 reports, 1 decisions, 0 pieces of evidence$`, 'm'));
    assert.match(await command(server, 'moderation', 'cases'), /no case is open/);

    for (const wrong of [['evidence', 'hold', '7', '--reason', 'x'], ['moderation', 'replay', eve.id]]) {
      assert.match(await fails(server, ...wrong), /^2 .*like cas_01J.*moderation cases/s);
    }
    assert.match(await fails(server, 'evidence', 'hold', CASE, '--reason', 'a court asked'), /^1 .*case/i);

    const log = () => command(server, 'evidence', 'log', '--last', '2');
    const before = await log();
    assert.match(before, /^\d+\t\S+Z\tusr_\S+\tdecide\tcas_\S+\tsuspend harassment\t\S{43}$/m);
    assert.match(await fails(server, 'evidence', 'release', caseId, '--reason', 'a court asked'), /^1 .*isn't held/);
    assert.equal(await log(), before, 'nothing was written of it');
    await command(server, 'evidence', 'hold', caseId, '--reason', 'a court asked');
    await command(server, 'evidence', 'release', caseId, '--reason', 'it asks no more');
    const after = (await log()).trimEnd().split('\n').map((line) => line.split('\t'));
    assert.deepEqual(after.map(([, , actor, act, object, reason]) => [actor, act, object, reason]), [
      ['operator', 'hold', caseId, 'a court asked'], ['operator', 'release', caseId, 'it asks no more'],
    ]);
    assert.match(await command(server, 'moderation', 'replay', caseId), /has no decisions by rule/);
  });
});

describe('the last admin', () => {
  test('can’t erase their account before somebody else is one', { timeout: 60_000 }, async (t) => {
    const server = await startServer({ test: t });
    const admin = await withRole(server, t, 'admin');
    const refused = await admin.ask('DELETE', '/api/users/me');
    assert.deepEqual([refused.status, refused.body.code], [409, 'conflict']);
    assert.match(refused.body.detail, /somebody else/);
    const other = await signIn(server, { test: t });
    await command(server, 'admin', 'grant', other.email, 'admin');
    assert.equal((await admin.ask('DELETE', '/api/users/me')).status, 200);
    assert.equal((await other.ask('DELETE', '/api/users/me')).body.code, 'conflict');
  });
});

describe('cases that wait', () => {
  test('are told as gauges', { timeout: 90_000, ...ONE }, async (t) => {
    const server = await startServer({ test: t });
    const metric = async (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await (await fetch(`${server.privateUrl}/metrics`)).text())?.[1] ?? 'NaN');
    const [eve, ada] = await people(server, 2, { test: t });
    const { roomId } = await meet(await eve.open(), await ada.open());
    assert.equal((await ada.ask('POST', '/api/reports', { json: { roomId, userId: eve.id, reason: 'spam' } })).status, 201);
    assert.ok((await caseOf(await withRole(server, t, 'moderator'), eve)).id);
    for (const end = Date.now() + 45_000; (await metric('visavis_cases_waiting\\{state="open"\\}')) !== 1; ) {
      assert.ok(Date.now() < end, 'the gauge says one within 45 s');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.ok((await metric('visavis_cases_oldest_seconds\\{state="open"\\}')) >= 0);
    assert.deepEqual([await metric('visavis_cases_waiting\\{state="appealed"\\}'), await metric('visavis_appeals_waiting')], [0, 0]);
  });
});

describe('visavis doctor', () => {
  const line = (out, grade, about) => new RegExp(`^${grade} +${about} +(.*)$`, 'm').exec(out)?.[1];

  test('finds nothing wrong with a place that runs, and makes nothing where there is none', ONE, async (t) => {
    const data = await folder(t);
    const [port, other, media] = [await freePort(), await freePort(), await freePort()];
    const env = { VISAVIS_WATCH__ON: 'false', VISAVIS_PRIVATE__LISTEN: `127.0.0.1:${other}`, VISAVIS_MEDIA__LISTEN: `127.0.0.1:${media}`, VISAVIS_MEDIA__SHARDS: '1' };
    const args = ['doctor', '--data', path.join(data, 'a'), '--listen', `127.0.0.1:${port}`];
    const fresh = await visavis(args, env);
    assert.equal(fresh.code, 0, fresh.out + fresh.err);
    assert.match(line(fresh.out, 'ok', 'database'), /will be made/);
    assert.deepEqual(await readdir(data), []);
    const settings = { 'private.listen': `127.0.0.1:${other}`, 'media.listen': `127.0.0.1:${media}`, 'media.shards': 1 };
    const server = await startServer({ data: path.join(data, 'a'), listen: `127.0.0.1:${port}`, settings, keep: true, test: t });
    const running = await visavis(args, env);
    assert.equal(running.code, 0, running.out + running.err);
    assert.match(line(running.out, 'ok', 'ports'), new RegExp(`${port} is taken, and a server runs`));
    assert.match(line(running.out, 'ok', 'database'), /whole and migrated/);
    assert.match(line(running.out, 'ok', 'secret'), /is there/);
    const elsewhere = await visavis(['doctor', '--data', path.join(data, 'b'), '--listen', `127.0.0.1:${port}`], env);
    assert.equal(elsewhere.code, 1);
    assert.match(line(elsewhere.out, 'problem', 'ports'), /another program/);
    assert.match(elsewhere.err, /it would break: \d of these lines say where/);
    await server.stop();
  });

  test('says what would break, and no secret', ONE, async (t) => {
    const data = await folder(t);
    const rules = path.join(data, 'rules.toml');
    await writeFile(rules, 'version = 7');
    const env = {
      VISAVIS_REDIS: 'redis://:hunter2@127.0.0.1:1', VISAVIS_WATCH__RULES: rules, VISAVIS_TLS__CERT: '/nowhere/cert.pem', VISAVIS_TLS__KEY: '/nowhere/key.pem',
      VISAVIS_MAIL__BACKEND: 'smtp', VISAVIS_MAIL__SMTP__HOST: '127.0.0.1', VISAVIS_MAIL__SMTP__PORT: '1', VISAVIS_MAIL__SMTP__USERNAME: 'me', VISAVIS_MAIL__SMTP__PASSWORD: 'hunter2',
    };
    const { code, out, err } = await visavis(['doctor', '--data', data, '--listen', '127.0.0.1:0'], env);
    assert.equal(code, 1);
    for (const [about, words] of [['redis', /127\.0\.0\.1:1/], ['rules', /rules\.toml/], ['tls', /\/nowhere\/cert\.pem/], ['mail', /127\.0\.0\.1:1/]]) {
      assert.match(line(out, 'problem', about) ?? '', words, out);
    }
    assert.doesNotMatch(out + err, /hunter2/);
    assert.deepEqual(await readdir(data), ['rules.toml']);
  });

  test('of settings says which one and where it was set', async () => {
    const { code, out } = await visavis(['doctor'], { VISAVIS_LISTEN: 'nowhere' });
    assert.equal(code, 1);
    assert.match(line(out, 'problem', 'settings'), /listen.*VISAVIS_LISTEN/);
  });
});

describe('a file that settings name', () => {
  test('is missed by `config check` and by the start, with its name', ONE, async (t) => {
    const data = await folder(t);
    const rules = path.join(data, 'rules.toml');
    const check = await visavis(['config', 'check'], { VISAVIS_WATCH__RULES: rules });
    assert.equal(check.code, 2);
    assert.match(check.err, /watch\.rules = .*rules\.toml.*VISAVIS_WATCH__RULES.*can't be read/);
    const serve = () => visavis(['serve', '--data', path.join(data, 'd'), '--listen', '127.0.0.1:0'], { VISAVIS_WATCH__RULES: rules });
    for (const text of [null, 'version = 7']) {
      if (text) await writeFile(rules, text);
      const { code, err } = await serve();
      assert.equal(code, 1);
      assert.match(err, /watch\.rules: .*rules\.toml: \S/);
      assert.doesNotMatch(err, /Something went wrong/);
    }
  });
});

describe('a copy without the keys of evidence', () => {
  test('is verified as far as it can be', ONE, async (t) => {
    const data = await folder(t);
    const server = await startServer({ data, keep: true, test: t });
    await server.stop();
    const copy = path.join(await folder(t), 'copy');
    await mkdir(copy);
    for (const name of ['visavis.db', 'secret.key']) await cp(path.join(data, name), path.join(copy, name));
    const { code, out } = await visavis(['evidence', 'verify', '--data', copy]);
    assert.deepEqual([code, out.trim()], [0, '0 pieces of evidence (0 have ended), 0 decisions, 0 entries of the audit log']);
    assert.ok(!(await readdir(copy)).includes('evidence-keys'), 'no folder is made for them');
  });
});
