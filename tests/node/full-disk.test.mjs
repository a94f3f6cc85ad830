// The disk under the database is full (R8): what is decided still acts in the call and is told, `/readyz` says what is the
// matter, calls go on, and when there is room again all that was told is kept, once.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { meet, people } from './lib/person.mjs';
import { ROOT, SHAPE, startServer } from './lib/server.mjs';
import { SOON, until } from './lib/wait.mjs';

const run = promisify(execFile);
/** Models are loaded and read, beside everything else that this machine does. */
const LOOKED_MS = 60_000;
/** Between two tries to keep something, at the most. */
const AGAIN_MS = 45_000;

/** What somebody else reads and does in the database. */
async function sqlite(file, sql) {
  const script = 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1], timeout=20).execute(sys.argv[2]).fetchone()[0])';
  const { stdout } = await run('python3', ['-c', script, file, sql]);
  return stdout.trim();
}

/** A small file system that can be filled. Where nothing may be mounted, the process itself may make no file larger. */
class Disk {
  static async make() {
    const disk = new Disk();
    disk.folder = await mkdtemp(path.join(tmpdir(), 'visavis-disk-'));
    disk.file = path.join(disk.folder, 'visavis.db');
    const mount = run('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=700', 'tmpfs', disk.folder]);
    disk.mounted = await mount.then(() => true, () => false);
    return disk;
  }

  /** From here on nothing more can be written. */
  async fill(server) {
    // What is free in the journal would still take something.
    await until(async () => (await sqlite(this.file, 'PRAGMA wal_checkpoint(TRUNCATE)')) === '0', SOON, 'the journal is empty');
    if (!this.mounted) return void (await run('prlimit', ['--pid', String(server.pid), '--fsize=1:']));
    const filler = path.join(this.folder, 'filler');
    await assert.rejects(writeFile(filler, Buffer.alloc(17 << 20)), { code: 'ENOSPC' });
  }

  async empty(server) {
    if (this.mounted) await rm(path.join(this.folder, 'filler'));
    else await run('prlimit', ['--pid', String(server.pid), '--fsize=unlimited:']);
  }

  async end() {
    if (this.mounted) await run('umount', [this.folder]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

test('on a full disk a decision acts and is told, and is kept when there is room', { timeout: 240_000, skip: SHAPE === 'split' && 'Postgres has a disk of its own' }, async (t) => {
  const disk = await Disk.make();
  t.diagnostic(disk.mounted ? 'a file system of 16 MiB' : 'a limit on the size of files');
  const settings = { database: `sqlite://${disk.file}`, 'watch.on': true, 'watch.models': path.join(ROOT, 'models') };
  const server = await startServer({ settings });
  t.after(async () => {
    await server.end();
    await disk.end();
  });
  const [eve, ada] = await people(server, 2, { test: t });
  const [e, a] = [await eve.open(), await ada.open()];
  const { roomId } = await meet(e, a);
  const metric = async (name) => {
    const text = await (await fetch(`${server.privateUrl}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(name));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  const ready = async () => {
    const answer = await fetch(`${server.url}/readyz`);
    return [answer.status, (await answer.json()).checks.database].join(' ');
  };
  const kept = async () => (await eve.ask('GET', '/api/users/me/decisions')).body.decisions.map(({ id }) => id);
  await e.do('chat-message', { roomId, text: 'hello', nonce: 'n0' });
  await until(async () => (await metric('visavis_watch_looked_total{kind="text"')) > 0, LOOKED_MS, 'what is written is read');
  assert.equal(await ready(), '200 true');

  await disk.fill(server);
  await e.do('chat-message', { roomId, text: 'i will kill you', nonce: 'n1' });
  const notice = await e.event('safety-notice', () => true, LOOKED_MS);
  assert.equal(notice.action, 'warn');
  await until(async () => (await ready()) === '503 false', SOON, 'it is said that nothing can be written');
  const refused = await ada.ask('POST', '/api/reports', { json: { roomId, userId: eve.id, reason: 'harassment' } });
  assert.deepEqual([refused.status, refused.body.code], [503, 'unavailable']);
  for (const [from, to, text] of [[e, a, 'from her'], [a, e, 'from him']]) {
    await from.do('chat-message', { roomId, text, nonce: text });
    await to.event('chat-message', (message) => message.text === text);
  }
  assert.deepEqual(await kept(), [], 'what is written is still read');
  assert.equal(await ready(), '503 false', 'as long as it is so');

  await disk.empty(server);
  await until(async () => (await ready()) === '200 true', SOON, 'it is said that there is room');
  await until(async () => (await kept()).length > 0, AGAIN_MS, 'what was told is kept');
  assert.deepEqual(await kept(), [notice.decisionId], 'once');
  assert.equal((await ada.ask('POST', '/api/reports', { json: { roomId, userId: eve.id, reason: 'harassment' } })).status, 201);
  assert.equal(e.all('safety-notice').length, 1);
  assert.equal(await metric('visavis_watch_unwritten_total'), 0);
  assert.equal(await sqlite(disk.file, 'PRAGMA integrity_check'), 'ok');
  assert.equal(await server.stop().then(({ code }) => code), 0);
});
