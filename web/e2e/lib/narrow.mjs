// A way to the server's media that is as narrow as a test wants: a relay between browser and media port that lets through
// so many bits a second towards the browser, with a queue that runs over, as a thin line has.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** What waits longer than this for its turn is dropped. */
const QUEUE_MS = 200;
const HOST = '127.0.0.1';

/** Runs in the page: the server is where the relay is, and nowhere else. */
const DETOUR = (port) => {
  const real = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function set(description) {
    const sdp = description.sdp
      .replace(/a=candidate:\S+ \d+ tcp .*\r\n/gi, '')
      .replace(/(a=candidate:\S+ \d+ udp \d+) \S+ \d+ /gi, `$1 127.0.0.1 ${port} `);
    return real.call(this, { type: description.type, sdp });
  };
};

export class Narrow {
  #front = createSocket('udp4');
  #backs = new Map();
  #kbit = Infinity;
  #free = 0;
  #ended = false;

  /** Bytes that came through to the browser, and packets that found the queue full. */
  bytes = 0;
  dropped = 0;

  static async start(mediaPort, { test } = {}) {
    const narrow = new Narrow();
    narrow.#front.on('message', (packet, from) => narrow.#up(packet, from, mediaPort));
    narrow.#front.bind(0, HOST);
    await once(narrow.#front, 'listening');
    test?.after(() => narrow.#end());
    return narrow;
  }

  /** From now on so many kbit/s, or as much as comes. */
  limit(kbit = Infinity) {
    this.#kbit = kbit;
    this.#free = performance.now();
  }

  /** Sends a visitor's media this way, in pages opened from now on. */
  lead(visitor) {
    return visitor.page.addInitScript(DETOUR, this.#front.address().port);
  }

  #up(packet, from, mediaPort) {
    const key = `${from.address} ${from.port}`;
    let back = this.#backs.get(key);
    if (!back) {
      back = createSocket('udp4');
      back.bind(0, HOST);
      back.on('message', (down) => this.#down(down, from));
      this.#backs.set(key, back);
    }
    back.send(packet, mediaPort, HOST);
  }

  #down(packet, to) {
    const now = performance.now();
    const free = Math.max(now, this.#free) + (packet.length * 8) / this.#kbit;
    if (free - now > QUEUE_MS) return void (this.dropped += 1);
    this.#free = free;
    const pass = () => {
      if (this.#ended) return;
      this.bytes += packet.length;
      this.#front.send(packet, to.port, to.address);
    };
    if (free - now < 1) pass();
    else setTimeout(pass, free - now);
  }

  #end() {
    for (const back of this.#backs.values()) back.close();
    this.#ended = true;
    this.#front.close();
  }
}
