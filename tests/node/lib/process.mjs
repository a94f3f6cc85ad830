// One process of the built server.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { within } from './wait.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const BINARY = path.resolve(ROOT, process.env.VISAVIS_BIN ?? 'target/debug/visavis');

/** From the start of the process to the line that says it runs. A debug build on a busy machine is slow. */
const START_MS = 20_000;
/** From SIGTERM to the end of the process. */
const STOP_MS = 20_000;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** `limits.auth_per_ip.burst` → `VISAVIS_LIMITS__AUTH_PER_IP__BURST`. */
const variable = (key) => `VISAVIS_${key.toUpperCase().replaceAll('.', '__')}`;

export class Process {
  #child;
  #gone;
  #onGrowth = new Set();

  /** Everything the process printed. */
  output = '';
  /** What it printed to standard error alone. */
  errors = '';

  /** Starts it: `line` is the command line, `settings` the keys of the configuration file. */
  constructor(line, settings, home) {
    const env = { PATH: process.env.PATH, HOME: home, RUST_BACKTRACE: '1' };
    if (process.env.RUST_LOG) env.RUST_LOG = process.env.RUST_LOG;
    for (const [key, value] of Object.entries(settings)) if (value !== undefined) env[variable(key)] = String(value);
    const child = spawn(BINARY, line, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(child);
    this.#gone = new Promise((resolve) => {
      // `close`, not `exit`: what was printed last has been read by then.
      child.once('close', (code, signal) => {
        running.delete(child);
        resolve({ code, signal });
      });
      child.once('error', (error) => resolve({ code: null, signal: null, error }));
    });
    const read = (text) => {
      this.output += text;
      for (const look of this.#onGrowth) look();
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.errors += text;
      read(text);
    });
  }

  get pid() {
    return this.#child.pid;
  }

  get runs() {
    return running.has(this.#child);
  }

  /** What `find` makes of the output, as soon as it makes something of it. */
  async says(find) {
    const said = new Promise((resolve, reject) => {
      const look = () => {
        const found = find(this.output);
        if (!found) return;
        this.#onGrowth.delete(look);
        resolve(found);
      };
      this.#onGrowth.add(look);
      look();
      this.#gone.then(({ code, signal, error }) =>
        reject(new Error(`${BINARY} ended at its start (${error ?? `code ${code}, signal ${signal}`}):\n${this.output}`)),
      );
    });
    return within(said, START_MS, () => `the line that it runs; so far:\n${this.output}`);
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Waits for the end of the process, however it comes. */
  gone(ms = STOP_MS) {
    return within(this.#gone, ms, () => `the end of the server; its output:\n${this.output.slice(-4_000)}`);
  }

  /** SIGTERM, as a service manager does. Gives `{code, signal}`. */
  async stop() {
    this.signal('SIGTERM');
    return this.gone();
  }

  /** SIGKILL: nothing can be tidied up. */
  async kill() {
    this.signal('SIGKILL');
    return this.gone();
  }
}

/** The private listener's address in the output. */
export const privateOf = (output) => /private.*?((?:\d+\.){3}\d+:\d+|\[[0-9a-f:]+\]:\d+)/i.exec(output)?.[1];
/** The media port in the output. */
export const mediaOf = (output) => /media.*?(?:\d|\]):(\d+)/i.exec(output)?.[1];
