// A database of a test's own on the server that VISAVIS_TEST_POSTGRES names.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class Database {
  #server = process.env.VISAVIS_TEST_POSTGRES;
  #name;

  constructor(name) {
    this.#name = name;
  }

  get url() {
    const url = new URL(this.#server);
    url.pathname = `/${this.#name}`;
    return url.href;
  }

  /** Makes it, if it isn't there from an earlier start. */
  async make() {
    await this.#tell(`CREATE DATABASE ${this.#name}`).catch((error) => {
      if (!/already exists/.test(error.stderr)) throw error;
    });
  }

  async drop() {
    await this.#tell(`DROP DATABASE IF EXISTS ${this.#name} WITH (FORCE)`);
  }

  /** The address goes by the environment: command lines can be read by everybody. */
  async #tell(sql) {
    const { hostname, port, username, password, pathname } = new URL(this.#server);
    const env = {
      PATH: process.env.PATH,
      PGHOST: hostname,
      PGPORT: port || '5432',
      PGUSER: decodeURIComponent(username),
      PGPASSWORD: decodeURIComponent(password),
      PGDATABASE: pathname.slice(1) || 'postgres',
    };
    await run('psql', ['--no-psqlrc', '--quiet', '--command', sql], { env });
  }
}
