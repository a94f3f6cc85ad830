// A Redis of a test's own, to be killed, emptied and set back; and a connection that speaks to it as redis-cli does.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { freePort } from './port.mjs';
import { SOON, until, within } from './wait.mjs';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Redis {
  #folder;
  #port;
  #child;

  /** Starts one; it ends with the test. */
  static async begin(test) {
    const redis = new Redis();
    redis.#folder = await mkdtemp(path.join(tmpdir(), 'visavis-redis-'));
    redis.#port = await freePort();
    test.after(() => redis.end());
    await redis.start();
    return redis;
  }

  get url() {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** Starts it with what was saved before, if anything was. It never saves by itself. */
  async start() {
    const line = ['--port', this.#port, '--bind', '127.0.0.1', '--dir', this.#folder, '--save', '', '--appendonly', 'no'];
    const child = spawn('redis-server', line.map(String), { stdio: 'ignore' });
    running.add(child);
    child.ended = new Promise((resolve) => {
      child.once('exit', resolve).once('error', resolve);
    }).then(() => running.delete(child));
    this.#child = child;
    await until(() => this.ask('PING').catch(() => null), SOON, 'a redis of our own: is redis-server there?');
  }

  /** Whether it answers. */
  runs() {
    return this.ask('PING').then(() => true, () => false);
  }

  /** SIGKILL: what wasn't saved is lost. */
  async kill() {
    this.#child.kill('SIGKILL');
    await within(this.#child.ended, SOON, 'the end of redis');
  }

  async end() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Writes everything down, for the next start. */
  save() {
    return this.ask('SAVE');
  }

  /** Nothing is written down any more. */
  async forget() {
    await rm(path.join(this.#folder, 'dump.rdb'), { force: true });
  }

  /** One command and its answer. */
  async ask(...words) {
    const connection = await Connection.open(this.#port);
    try {
      return await connection.ask(...words);
    } finally {
      connection.close();
    }
  }

  /** Hears every message of the channels that fit, until `close`. Gives `{messages: [{channel, text}], close}`. */
  async listen(pattern) {
    const connection = await Connection.open(this.#port);
    const messages = [];
    connection.pushed = ([kind, , channel, text]) => {
      if (kind === 'pmessage') messages.push({ channel, text });
    };
    await connection.ask('PSUBSCRIBE', pattern);
    return { messages, close: () => connection.close() };
  }
}

/** RESP2, as much of it as is needed. */
class Connection {
  #socket;
  #bytes = Buffer.alloc(0);
  #asked = [];
  pushed = null;

  static async open(port) {
    const connection = new Connection();
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    connection.#socket = socket;
    socket.unref();
    const opened = new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    await within(opened, SOON, 'a connection to redis');
    const lost = () => {
      for (const { reject } of connection.#asked.splice(0)) reject(new Error('the connection to redis is lost'));
    };
    socket.on('error', lost).on('close', lost);
    socket.on('data', (bytes) => connection.#read(bytes));
    return connection;
  }

  ask(...words) {
    const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`);
    const answer = new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
    this.#socket.write(`*${words.length}\r\n${parts.join('')}`);
    return within(answer, SOON, `the answer of redis to ${words[0]}`);
  }

  close() {
    this.#socket.destroy();
  }

  #read(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const parsed = parse(this.#bytes, 0);
      if (!parsed) return;
      this.#bytes = this.#bytes.subarray(parsed.end);
      const asked = this.#asked[0];
      if (!asked) {
        this.pushed?.(parsed.value);
        continue;
      }
      this.#asked.shift();
      if (parsed.value instanceof Error) asked.reject(parsed.value);
      else asked.resolve(parsed.value);
    }
  }
}

/** The value that begins at `from` and where it ends; nothing when it isn't all there. */
function parse(bytes, from) {
  const line = bytes.indexOf('\r\n', from);
  if (line < 0) return null;
  const [kind, rest, begin] = [String.fromCharCode(bytes[from]), bytes.toString('utf8', from + 1, line), line + 2];
  if (kind === '+') return { value: rest, end: begin };
  if (kind === '-') return { value: new Error(rest), end: begin };
  if (kind === ':') return { value: Number(rest), end: begin };
  const length = Number(rest);
  if (length < 0) return { value: null, end: begin };
  if (kind === '$') {
    const end = begin + length;
    return bytes.length < end + 2 ? null : { value: bytes.toString('utf8', begin, end), end: end + 2 };
  }
  const value = [];
  let end = begin;
  for (let n = 0; n < length; n += 1) {
    const item = parse(bytes, end);
    if (!item) return null;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}
