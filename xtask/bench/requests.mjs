// The load of `cargo xtask bench http`: node requests.mjs URL [DATA]. Prepared bytes over kept connections: a client as
// cheap as can be, the same for both servers.
import { connect } from 'node:net';
import { obey, openLoop, until } from './control.mjs';
import { signIn } from './people.mjs';

const [url, data] = process.argv.slice(2);
const { hostname, port } = new URL(url);
/** Kept connections, as a proxy or a few busy pages would have them. */
const CONNECTIONS = 32;

let token;

class Line {
  #socket;
  #rest = Buffer.alloc(0);
  waiting = 0;
  answered = 0;
  wrong;

  constructor(status, failed) {
    this.#socket = connect(port, hostname).setNoDelay(true);
    this.#socket.on('error', failed);
    this.#socket.on('close', () => failed(new Error('a connection was closed while requests ran')));
    this.#socket.on('data', (bytes) => {
      this.#rest = this.#rest.length ? Buffer.concat([this.#rest, bytes]) : bytes;
      for (let end; (end = this.#end()) > 0; this.#rest = this.#rest.subarray(end)) {
        const head = this.#rest.toString('latin1', 0, 12);
        if (head !== `HTTP/1.1 ${status}`) this.wrong ??= head;
        this.answered++;
        this.waiting--;
      }
    });
  }

  /** Where the first answer ends; 0 when it isn't all there. */
  #end() {
    const head = this.#rest.indexOf('\r\n\r\n');
    if (head < 0) return 0;
    const length = /content-length: (\d+)/i.exec(this.#rest.toString('latin1', 0, head))?.[1];
    if (length === undefined) throw new Error('an answer without a length');
    const end = head + 4 + Number(length);
    return this.#rest.length >= end ? end : 0;
  }

  send(bytes) {
    this.waiting++;
    this.#socket.write(bytes);
  }

  close() {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}

await obey({
  async people() {
    [{ token }] = await signIn(url, data, 1);
  },

  /** `get N RATE STATUS PATH-NUMBER`: so many requests for that path, each answered with that status. */
  async get(count, rate, status, which) {
    const path = ['/api/users/me', '/api/users/nobody', '/healthz'][which];
    const auth = token ? `Authorization: Bearer ${token}\r\n` : '';
    const bytes = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAccept: application/json\r\n${auth}\r\n`);
    let broken;
    // New ones each time: a server may rightly close what was idle since the last round.
    const lines = Array.from({ length: CONNECTIONS }, () => new Line(status, (err) => (broken ??= err)));
    // The line with the fewest waiting: requests don't queue behind a slow one while another is free.
    await openLoop(count, rate, () => lines.reduce((least, line) => (line.waiting < least.waiting ? line : least)).send(bytes));
    const answered = () => lines.reduce((sum, line) => sum + line.answered, 0);
    await until(() => broken || answered() === count, () => `${answered()} of ${count} answered`);
    for (const line of lines) line.close();
    const wrong = broken?.message ?? lines.find((line) => line.wrong)?.wrong;
    if (wrong) throw new Error(`an unexpected answer: ${wrong}`);
  },
});
