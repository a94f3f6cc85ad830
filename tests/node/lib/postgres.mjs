// A database of a test's own on the server that VISAVIS_TEST_POSTGRES names.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** More than any answer that a test asks for. */
const MAX_ANSWER = 16 * 1024 * 1024;

export class Database {
  #server = process.env.VISAVIS_TEST_POSTGRES;
  #name;
  /** Name and password of a role that owns nothing else, so that its connections can be limited. */
  #role = null;

  constructor(name, { ownRole = false } = {}) {
    this.#name = name;
    if (ownRole) this.#role = { name: `${name}_role`, password: randomBytes(16).toString('hex') };
  }

  /** As the product gets it. */
  get url() {
    const url = new URL(this.#server);
    url.pathname = `/${this.#name}`;
    if (this.#role) [url.username, url.password] = [this.#role.name, this.#role.password];
    return url.href;
  }

  /** Makes it, if it isn't there from an earlier start. */
  async make() {
    if (this.#role) await this.#tell(`CREATE ROLE ${this.#role.name} LOGIN PASSWORD '${this.#role.password}'`);
    const owner = this.#role ? ` OWNER ${this.#role.name}` : '';
    await this.#tell(`CREATE DATABASE ${this.#name}${owner}`).catch((error) => {
      if (!/already exists/.test(error.stderr)) throw error;
    });
  }

  async drop() {
    await this.#tell(`DROP DATABASE IF EXISTS ${this.#name} WITH (FORCE)`);
    if (this.#role) await this.#tell(`DROP ROLE IF EXISTS ${this.#role.name}`);
  }

  /** From now on the product gets no connection (as if others had them all) and loses those it has; or may have any number. */
  async full(full) {
    await this.#tell(`ALTER ROLE ${this.#role.name} CONNECTION LIMIT ${full ? 0 : -1}`);
    if (full) await this.#tell(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${this.#role.name}'`);
  }

  /** The rows of a query, by the names of their columns. */
  async rows(query) {
    const json = `SELECT COALESCE(json_agg(r), '[]') FROM (${query}) r`;
    return JSON.parse(await this.#tell(json, `/${this.#name}`));
  }

  /** The address goes by the environment: command lines can be read by everybody. */
  async #tell(sql, where = null) {
    const { hostname, port, username, password, pathname } = new URL(this.#server);
    const env = {
      PATH: process.env.PATH,
      PGHOST: hostname,
      PGPORT: port || '5432',
      PGUSER: decodeURIComponent(username),
      PGPASSWORD: decodeURIComponent(password),
      PGDATABASE: (where ?? pathname).slice(1) || 'postgres',
    };
    const words = ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--command', sql];
    return (await run('psql', words, { env, maxBuffer: MAX_ANSWER })).stdout;
  }
}
