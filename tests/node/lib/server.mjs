// Starts and ends the built server as an operator would: a binary, a data folder, settings by environment. In the shape
// `split` (VISAVIS_SHAPE) the same place is several processes; the stories can't tell.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Cluster } from './cluster.mjs';
import { BINARY, Process, ROOT, mediaOf, privateOf } from './process.mjs';

export { BINARY, ROOT };

/** `one` process, or `split` into several. */
export const SHAPE = process.env.VISAVIS_SHAPE ?? 'one';
if (!['one', 'split'].includes(SHAPE)) throw new Error(`VISAVIS_SHAPE=${SHAPE}: one or split`);

/** All tests come from 127.0.0.1 and are a crowd; the limits themselves are tested with settings of their own. */
export const ROOMY = {
  // The models take time and memory of each server; stories about them switch them on.
  'watch.on': false,
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
  // Most stories are about what two pages say to each other; those about the server's media say so.
  'strangers.transport': 'p2p',
};

/** The whole place in one process. */
export class Server {
  #options;
  #process = null;

  constructor(options) {
    this.#options = options;
    this.data = options.data;
    this.listen = options.listen ?? '127.0.0.1:0';
  }

  get pid() {
    return this.#process?.pid;
  }

  /** Everything the process printed since its last start. */
  get output() {
    return this.#process?.output ?? '';
  }

  /** What it printed to standard error alone. */
  get errors() {
    return this.#process?.errors ?? '';
  }

  async launch() {
    const { settings, dev, args } = this.#options;
    const line = ['serve', '--data', this.data, '--listen', this.listen, ...(dev ? ['--dev'] : []), ...args];
    this.#process = new Process(line, settings, this.data);
    Object.assign(this, await this.#process.says(addresses));
    return this;
  }

  /** Waits for the end of the process, however it comes. */
  gone(ms) {
    return this.#process.gone(ms);
  }

  /** SIGTERM, as a service manager does. Gives `{code, signal}`. */
  stop() {
    return this.#process.stop();
  }

  /** SIGKILL: nothing can be tidied up. */
  kill() {
    return this.#process.kill();
  }

  /** At the end of a test: the process and its data. */
  async end() {
    if (this.#process?.runs) await this.kill();
    if (!this.#options.keep) await rm(this.data, { recursive: true, force: true });
  }
}

/** The addresses the server prints, once the line "listening on" is there; the others may stand before or after it. */
function addresses(output) {
  const url = /listening on (https?:\/\/\S+)\n/.exec(output)?.[1];
  if (!url) return null;
  const [privateAddress, media] = [privateOf(output), mediaOf(output)];
  if (!privateAddress || !media) return null;
  const { port } = new URL(url);
  return { url: url.replace(/\/$/, ''), port: Number(port), privateUrl: `http://${privateAddress}`, mediaPort: Number(media) };
}

/**
 * A running server with roomy limits. `settings` are the keys of the configuration file, `apart` is for the shape `split`
 * (see `Cluster`); `test` (a context of node's runner) ends it with the test.
 */
export async function startServer({ settings = {}, dev = true, args = [], data, listen, keep = false, apart, test } = {}) {
  const folder = data ?? (await mkdtemp(path.join(tmpdir(), 'visavis-test-')));
  const options = { settings: { ...ROOMY, ...settings }, dev, args, data: folder, listen, keep, apart };
  const server = SHAPE === 'split' ? new Cluster(options) : new Server(options);
  test?.after(() => server.end());
  return server.launch();
}
