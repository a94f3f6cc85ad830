// The place as several processes that meet in Postgres and Redis. To a story it looks as one server: one address, one folder, one
// private address. What is asked of the private address is answered by whichever process it concerns.

import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';

import { freePort } from './port.mjs';
import { Database } from './postgres.mjs';
import { Process, mediaOf, privateOf } from './process.mjs';
import { until } from './wait.mjs';

/** From the start until every process has found those it needs. */
const READY_MS = 30_000;

/** Who does what, unless a test says otherwise; the mails are written where sign-in runs. */
const PROCESSES = {
  gateway: ['gateway'],
  'signalling-1': ['signalling'],
  'signalling-2': ['signalling'],
  matchmaking: ['matchmaking'],
  accounts: ['auth', 'users'],
  people: ['friends', 'moderation', 'analytics'],
  rooms: ['rooms'],
};
/** Writes into the folder of the place itself, where stories look for mails and secrets. */
const HOME = 'accounts';

export class Cluster {
  #options;
  #processes = new Map();
  #front = null;
  #roles;

  /** `options.apart`: `processes` (names and roles), `redis` (an address), `database` (name of a process and the address → the address it gets). */
  constructor(options) {
    for (const server of ['VISAVIS_TEST_POSTGRES', 'VISAVIS_TEST_REDIS']) {
      if (!process.env[server]) throw new Error(`VISAVIS_SHAPE=split needs ${server}: eval "$(cargo xtask services up)"`);
    }
    this.#options = options;
    this.data = options.data;
    this.listen = options.listen;
    const hash = (what) => createHash('sha256').update(`${what} ${this.data}`);
    // The same for the same folder, after a restart too.
    this.secret = hash('key').digest('base64');
    const name = hash('name').digest('hex').slice(0, 16);
    this.prefix = `test-${name}:`;
    this.database = new Database(`visavis_${name}`, { ownRole: Boolean(options.apart?.database) });
    this.#roles = options.apart?.processes ?? (options.settings['watch.on'] ? { ...PROCESSES, sight: ['sight'] } : PROCESSES);
  }

  /** The process of that name. */
  process(name) {
    return this.#processes.get(name);
  }

  /** The private address of that process alone. */
  privateOf(name) {
    return `http://${privateOf(this.process(name).output)}`;
  }

  get names() {
    return Object.keys(this.#roles);
  }

  get pid() {
    return this.process('gateway')?.pid;
  }

  get output() {
    return [...this.#processes.values()].map((process) => process.output).join('\n');
  }

  get errors() {
    return [...this.#processes.values()].map((process) => process.errors).join('\n');
  }

  async launch() {
    this.listen ??= `127.0.0.1:${await freePort()}`;
    await mkdir(this.data, { recursive: true, mode: 0o700 });
    // Beside the processes' own folders, as an operator would keep it.
    await writeFile(path.join(this.data, 'secret.key'), `${this.secret}\n`, { mode: 0o600 });
    await this.database.make();
    const starts = await Promise.allSettled(this.names.map((name) => this.start(name)));
    const failed = starts.find(({ status }) => status === 'rejected');
    if (failed) {
      await this.kill();
      throw failed.reason;
    }
    this.url = this.#options.settings.public_url ?? `http://${this.listen}`;
    this.port = Number(this.listen.split(':').at(-1));
    const [rooms] = this.names.filter((name) => this.#isRooms(name));
    this.mediaPort = Number(mediaOf(this.process(rooms).output));
    try {
      await this.#openFront();
      await this.ready();
    } catch (error) {
      await this.kill();
      throw error;
    }
    return this;
  }

  #isRooms(name) {
    return this.#roles[name].includes('rooms');
  }

  /** Starts one process (again). */
  async start(name) {
    const { dev } = this.#options;
    const data = name === HOME ? this.data : path.join(this.data, name);
    const started = new Process(
      ['serve', '--data', data, '--listen', this.listen, '--roles', this.#roles[name].join(','), ...(dev ? ['--dev'] : [])],
      this.#settings(name),
      this.data,
    );
    this.#processes.set(name, started);
    const runs = (output) => /(?:listening on|running for) \S+\n/.test(output) && privateOf(output);
    await started.says((output) => runs(output) && (!this.#isRooms(name) || mediaOf(output)));
  }

  #settings(name) {
    const { settings, apart = {} } = this.#options;
    const { redis = process.env.VISAVIS_TEST_REDIS, database = (_, url) => url } = apart;
    return {
      public_url: `http://${this.listen}`,
      secret_key: this.secret,
      'moderation.evidence.keys': path.join(this.data, 'evidence-keys'),
      redis,
      'redis.prefix': this.prefix,
      database: database(name, this.database.url),
      ...settings,
      'private.listen': '127.0.0.1:0',
      'media.listen': (this.#isRooms(name) && settings['media.listen']) || '127.0.0.1:0',
    };
  }

  /** Waits until every process has found those it needs. */
  async ready() {
    const at = (name) => `http://${privateOf(this.process(name).output)}/readyz`;
    let last = '';
    await until(
      async () => {
        const answers = await Promise.all(this.names.map(async (name) => [name, await get(at(name))]));
        const missing = answers.filter(([, { status }]) => status !== 200);
        last = missing.map(([name, { body }]) => `${name}: ${body}`).join('\n');
        return missing.length === 0;
      },
      READY_MS,
      () => `readiness of every process:\n${last}\n${this.output.slice(-4_000)}`,
    );
  }

  /** One private address for all: metrics of every process, and everything else from where the mails are. */
  async #openFront() {
    const asked = this.#options.settings['private.listen'];
    const [host, port] = asked ? [asked.split(':')[0], Number(asked.split(':')[1])] : ['127.0.0.1', 0];
    this.#front = http.createServer((request, response) => {
      if (request.url === '/metrics') return void this.#metrics(response);
      const { hostname, port } = new URL(`http://${privateOf(this.process(HOME).output)}`);
      const options = { hostname, port, method: request.method, path: request.url, headers: request.headers };
      const passed = http.request(options, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      passed.on('error', () => response.destroy());
      request.pipe(passed);
    });
    await new Promise((resolve, reject) => this.#front.once('error', reject).listen(port, host, resolve));
    this.#front.unref();
    this.privateUrl = `http://${host}:${this.#front.address().port}`;
  }

  async #metrics(response) {
    const asked = this.names.map((name) => get(`http://${privateOf(this.process(name).output)}/metrics`));
    const texts = (await Promise.all(asked)).map(({ body }) => body);
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(texts.join('\n'));
  }

  /** Waits for the end of every process. Gives what the first of them that didn't end well ended with. */
  async gone(ms) {
    const ends = await Promise.all([...this.#processes.values()].map((process) => process.gone(ms)));
    this.#front?.close();
    return ends.find(({ code }) => code !== 0) ?? ends[0];
  }

  async stop() {
    for (const process of this.#processes.values()) process.signal('SIGTERM');
    return this.gone();
  }

  async kill() {
    for (const process of this.#processes.values()) process.signal('SIGKILL');
    return this.gone();
  }

  async end() {
    if ([...this.#processes.values()].some((process) => process.runs)) await this.kill();
    this.#front?.close();
    if (this.#options.keep) return;
    await this.database.drop();
    await rm(this.data, { recursive: true, force: true });
  }
}

/** Asks a process; one that doesn't answer has the status 0. */
function get(url) {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.setTimeout(5_000, () => request.destroy());
    request.on('error', (error) => resolve({ status: 0, body: String(error) }));
  });
}
