// A place of several processes whose stores are its own and can be hurt, and which knows where in it things are.

import { privateOf } from './process.mjs';
import { Proxy } from './proxy.mjs';
import { Redis } from './redis.mjs';
import { startServer } from './server.mjs';
import { SOON, until } from './wait.mjs';

/** A follower takes over within 3 s; with processes five times wider. */
const TAKEN_OVER_MS = 15_000;

/** Two of what can be lost without anybody noticing; one more of the rooms where a test says so. */
const PROCESSES = {
  gateway: ['gateway'],
  'signalling-1': ['signalling'],
  'signalling-2': ['signalling'],
  'matchmaking-1': ['matchmaking'],
  'matchmaking-2': ['matchmaking'],
  accounts: ['auth', 'users', 'friends', 'moderation'],
  'rooms-1': ['rooms'],
};

/** People here ask again and again, as a person wouldn't. */
const PATIENT = { 'signalling.searches_per_min': 10_000, 'signalling.chats_per_min': 10_000 };

/** A place whose stores can be hurt. */
export class Place {
  static async open(test, { more = {}, settings = {} } = {}) {
    const place = new Place();
    place.redis = await Redis.begin(test);
    const way = async (url) => {
      const proxy = await new Proxy(url).listen();
      test.after(() => proxy.close());
      return proxy;
    };
    place.toRedis = await way(place.redis.url);
    place.toPostgres = await way(process.env.VISAVIS_TEST_POSTGRES);
    // The database as the rooms see it can be away alone.
    place.roomsToPostgres = await way(process.env.VISAVIS_TEST_POSTGRES);
    const database = (name, url) => (name.startsWith('rooms') ? place.roomsToPostgres : place.toPostgres).by(url);
    const apart = { processes: { ...PROCESSES, ...more }, redis: place.toRedis.by(), database };
    place.server = await startServer({ test, settings: { ...PATIENT, ...settings }, apart });
    return place;
  }

  /** Whatever was done to the stores is over, and every process that should run does: for the next day. */
  async mend() {
    for (const way of [this.toRedis, this.toPostgres, this.roomsToPostgres]) way.pass();
    await this.server.database.full(false);
    if (!(await this.redis.runs())) await this.redis.start();
    for (const name of this.server.names) {
      const process = this.server.process(name);
      process.signal('SIGCONT');
      if (!process.runs) await this.server.start(name);
    }
    await this.server.ready();
  }

  ask(command, key, ...words) {
    return this.redis.ask(command, `${this.server.prefix}${key}`, ...words);
  }

  /** Which process has that node id; as long as its lease stands. */
  async #processOf(node) {
    const { address } = JSON.parse(await this.ask('GET', `node/${node}`));
    return this.server.names.find((name) => address.endsWith(privateOf(this.server.process(name).output)));
  }

  /** The lease of the pool: `node/epoch`. */
  lease() {
    return this.ask('GET', '{pool/adult}/leader');
  }

  async leader() {
    const lease = await until(() => this.lease(), SOON, 'a leader');
    return { lease, name: await this.#processOf(lease.split('/')[0]) };
  }

  /** Where the page's socket is. */
  async signallingOf(page) {
    return this.#processOf(JSON.parse(await this.ask('GET', `session/${page.session}`)).node);
  }

  /** Where the page's call is. */
  async roomsOf(page) {
    return this.#processOf(await this.ask('GET', `room/${page.room}`));
  }

  /** Another one leads; gives how long that took from `from`. */
  async takenOver(lease, from) {
    const next = async () => {
      const now = await this.lease();
      return now && now.split('/')[0] !== lease.split('/')[0];
    };
    await until(next, TAKEN_OVER_MS, 'another leader');
    return Math.round(performance.now() - from);
  }
}
