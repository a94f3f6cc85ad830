// Starts and ends the built server as an operator would: a binary, a data folder, settings by environment.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { within } from './wait.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const BINARY = path.resolve(ROOT, process.env.VISAVIS_BIN ?? 'target/debug/visavis');
export { ROOT };

/** From the start of the process to the line that says it listens. A debug build on a busy machine is slow. */
const START_MS = 20_000;
/** From SIGTERM to the end of the process. */
const STOP_MS = 20_000;

/** All tests come from 127.0.0.1 and are a crowd; the limits themselves are tested with settings of their own. */
export const ROOMY = {
  'limits.auth_per_ip.burst': 100_000,
  'limits.auth_per_ip.per_min': 100_000,
  'limits.write_per_ip.burst': 100_000,
  'limits.write_per_ip.per_min': 100_000,
  'limits.read_per_ip.burst': 100_000,
  'limits.read_per_ip.per_min': 100_000,
  'limits.connect_per_ip.burst': 100_000,
  'limits.connect_per_ip.per_min': 100_000,
  'limits.write_per_user.burst': 10_000,
  'limits.write_per_user.per_min': 10_000,
  'limits.read_per_user.burst': 10_000,
  'limits.read_per_user.per_min': 10_000,
  'auth.otp.resend_after_s': 0,
};

/** `limits.auth_per_ip.burst` → `VISAVIS_LIMITS__AUTH_PER_IP__BURST`. */
const variable = (key) => `VISAVIS_${key.toUpperCase().replaceAll('.', '__')}`;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Server {
  #options;
  #child = null;
  #gone = null;

  /** Everything the process printed since its last start. */
  output = '';
  /** What it printed to standard error alone. */
  errors = '';

  constructor(options) {
    this.#options = options;
    this.data = options.data;
    this.listen = options.listen ?? '127.0.0.1:0';
  }

  get pid() {
    return this.#child?.pid;
  }

  async launch() {
    const { settings, dev, args } = this.#options;
    const env = { PATH: process.env.PATH, HOME: this.data, RUST_BACKTRACE: '1' };
    if (process.env.RUST_LOG) env.RUST_LOG = process.env.RUST_LOG;
    for (const [key, value] of Object.entries(settings)) if (value !== undefined) env[variable(key)] = String(value);
    const line = ['serve', '--data', this.data, '--listen', this.listen, ...(dev ? ['--dev'] : []), ...args];
    const child = spawn(BINARY, line, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.output = '';
    this.errors = '';
    running.add(child);
    this.#gone = new Promise((resolve) => {
      // `close`, not `exit`: what was printed last has been read by then.
      child.once('close', (code, signal) => {
        running.delete(child);
        resolve({ code, signal });
      });
      child.once('error', (error) => resolve({ code: null, signal: null, error }));
    });
    const ready = new Promise((resolve, reject) => {
      const read = (text) => {
        this.output += text;
        const found = addresses(this.output);
        if (found) resolve(found);
      };
      child.stdout.setEncoding('utf8').on('data', read);
      child.stderr.setEncoding('utf8').on('data', (text) => {
        this.errors += text;
        read(text);
      });
      this.#gone.then(({ code, signal, error }) =>
        reject(new Error(`${BINARY} ended at its start (${error ?? `code ${code}, signal ${signal}`}):\n${this.output}`)),
      );
    });
    const found = await within(ready, START_MS, () => `the line "listening on"; so far:\n${this.output}`);
    Object.assign(this, found);
    return this;
  }

  /** Waits for the end of the process, however it comes. */
  gone(ms = STOP_MS) {
    return within(this.#gone, ms, () => `the end of the server; its output:\n${this.output.slice(-4_000)}`);
  }

  /** SIGTERM, as a service manager does. Gives `{code, signal}`. */
  async stop() {
    this.#child.kill('SIGTERM');
    return this.gone();
  }

  /** SIGKILL: nothing can be tidied up. */
  async kill() {
    this.#child.kill('SIGKILL');
    return this.gone();
  }

  /** At the end of a test: the process and its data. */
  async end() {
    if (running.has(this.#child)) await this.kill();
    if (!this.#options.keep) await rm(this.data, { recursive: true, force: true });
  }
}

/** The addresses the server prints, once the line "listening on" is there; the others may stand before or after it. */
function addresses(output) {
  const url = /listening on (https?:\/\/\S+)\n/.exec(output)?.[1];
  if (!url) return null;
  const privateAddress = /private.*?((?:\d+\.){3}\d+:\d+|\[[0-9a-f:]+\]:\d+)/i.exec(output)?.[1];
  const media = /media.*?(?:\d|\]):(\d+)/i.exec(output)?.[1];
  if (!privateAddress || !media) return null;
  const { port } = new URL(url);
  return { url: url.replace(/\/$/, ''), port: Number(port), privateUrl: `http://${privateAddress}`, mediaPort: Number(media) };
}

/**
 * A running server with roomy limits. `settings` are the keys of the configuration file; `test` (a context of
 * node's runner) ends it with the test.
 */
export async function startServer({ settings = {}, dev = true, args = [], data, listen, keep = false, test } = {}) {
  const folder = data ?? (await mkdtemp(path.join(tmpdir(), 'visavis-test-')));
  const server = new Server({ settings: { ...ROOMY, ...settings }, dev, args, data: folder, listen, keep });
  test?.after(() => server.end());
  return server.launch();
}
