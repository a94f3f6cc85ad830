// A way to a server that a test can hurt: it passes bytes on, late, not at all, or cuts every connection.

import net from 'node:net';

import { pause } from './wait.mjs';

export class Proxy {
  #target;
  #server;
  #connections = new Set();
  #cut = false;
  #lateMs = 0;
  /** Resolved while bytes flow. */
  #flowing = Promise.resolve();
  #thaw = () => {};

  /** To `host:port` of that address; `url` is the same address by way of the proxy. */
  constructor(url) {
    this.#target = new URL(url);
  }

  async listen() {
    this.#server = net.createServer({ noDelay: true }, (near) => this.#connect(near));
    await new Promise((resolve, reject) => this.#server.once('error', reject).listen(0, '127.0.0.1', resolve));
    this.#server.unref();
    return this;
  }

  /** The target's address, or another of the same server, by way of this proxy. */
  by(url = this.#target.href) {
    const through = new URL(url);
    through.hostname = '127.0.0.1';
    through.port = String(this.#server.address().port);
    return through.href;
  }

  #connect(near) {
    near.on('error', () => near.destroy());
    // The port stays ours meanwhile, so nobody is refused; a connection that is reset at once is as good as none.
    if (this.#cut) return void near.resetAndDestroy();
    const far = net.connect({ host: this.#target.hostname, port: Number(this.#target.port), noDelay: true });
    const both = [near, far];
    this.#connections.add(both);
    const end = () => {
      this.#connections.delete(both);
      for (const socket of both) socket.destroy();
    };
    for (const socket of both) socket.on('error', end).on('close', end);
    this.#carry(near, far, () => 0);
    this.#carry(far, near, () => this.#lateMs);
  }

  /** One direction: each piece after its delay, in the order it came, and none while the proxy is frozen. */
  #carry(from, to, late) {
    const waiting = [];
    let busy = false;
    const flow = async () => {
      if (busy) return;
      busy = true;
      for (let next = waiting[0]; next; next = waiting[0]) {
        const early = next.due - performance.now();
        if (early > 0) await pause(early);
        await this.#flowing;
        waiting.shift();
        if (to.writable) to.write(next.bytes);
      }
      busy = false;
    };
    from.on('data', (bytes) => {
      waiting.push({ bytes, due: performance.now() + late() });
      void flow();
    });
  }

  /** Everything is as it should be (again). */
  pass() {
    this.#cut = false;
    this.#lateMs = 0;
    this.#thaw();
  }

  /** The server is gone: connections are cut, new ones reset. */
  cut() {
    this.#cut = true;
    for (const both of this.#connections) for (const socket of both) socket.resetAndDestroy();
  }

  /** Every answer comes so much later. */
  slow(ms) {
    this.#lateMs = ms;
  }

  /** Connections stay and nothing comes through, until `pass`. */
  freeze() {
    this.#flowing = new Promise((resolve) => (this.#thaw = resolve));
  }

  close() {
    this.#thaw();
    this.cut();
    this.#server.close();
  }
}
