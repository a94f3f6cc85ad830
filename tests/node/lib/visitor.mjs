// A page that behaves as ours does when its connection is lost: it comes back by itself, takes its place in a running call
// again, asks again when it was searching, and says an unacknowledged line again under the same nonce.

import assert from 'node:assert/strict';

import { Page } from './person.mjs';
import { SOON, pause, until } from './wait.mjs';

/** After the server cut the connection itself; as the page does. */
const BACK_MS = 500;
/** After a refusal that isn't a matter of the login. */
const AGAIN_MS = 1_000;
/** What a page asks again, because it may go better next time. */
const PASSING = ['unavailable', 'rate-limited', 'conflict', 'internal'];

export class Visitor extends Page {
  /** `idle`, `searching`, `in-call`. */
  is = 'idle';
  /** The room of the call, or null. */
  room = null;
  /** Every match ever heard of, in order: `{roomId, peer, at}`. */
  met = [];
  /** The end of every call, as it was told: `{roomId, name, reason}`. */
  ends = [];
  /** Rooms it was told of while it was in another. */
  doubled = [];
  /** How often the connection went on, and how often it began anew. */
  resumed = 0;
  renewed = 0;
  /** Answers that weren't as they should be: `{name, code, ms}`. */
  refused = [];
  #closed = false;
  #lines = 0;
  /** The other one has been in the room. */
  #both = false;

  constructor(person) {
    super(person, { reconnect: true });
    this.socket.on('disconnect', (reason) => {
      if (reason === 'io server disconnect') setTimeout(() => this.#back(), BACK_MS).unref();
    });
    this.socket.on('connect_error', () => {
      if (!this.socket.active) setTimeout(() => this.#back(), AGAIN_MS).unref();
    });
    this.socket.on('welcome', ({ resumed }) => this.#welcomed(resumed));
    this.socket.on('match', (match) => this.#matched(match));
    this.socket.on('participant-joined', ({ roomId }) => (this.#both ||= roomId === this.room));
    for (const name of ['participant-left', 'room-closed', 'seat-taken']) {
      this.socket.on(name, ({ roomId, reason = name }) => this.#ended(roomId, name, reason));
    }
  }

  static async open(person) {
    const page = new Visitor(person);
    person.pages.push(page);
    await page.welcomed();
    return page;
  }

  close() {
    this.#closed = true;
    super.close();
  }

  #back() {
    if (!this.#closed && !this.socket.connected) this.socket.connect();
  }

  #welcomed(resumed) {
    if (resumed) {
      this.resumed += 1;
      return;
    }
    this.renewed += 1;
    if (this.is === 'searching') void this.insist('find-match', {}, () => this.is === 'searching');
    if (this.is === 'in-call') void this.#join(this.room);
  }

  #matched({ roomId, peer }) {
    this.met.push({ roomId, peer: peer.userId, at: performance.now() });
    if (this.is === 'in-call') this.doubled.push(roomId);
    [this.is, this.room, this.#both] = ['in-call', roomId, false];
    void this.#join(roomId);
  }

  #ended(roomId, name, reason) {
    if (this.is !== 'in-call' || roomId !== this.room) return;
    // Who never saw the other one come is searching again without doing anything.
    const searchesOn = name === 'participant-left' && !this.#both;
    if (!searchesOn) this.ends.push({ roomId, name, reason });
    [this.is, this.room] = [searchesOn ? 'searching' : 'idle', null];
  }

  async #join(roomId) {
    const mine = () => this.is === 'in-call' && this.room === roomId;
    const ack = await this.insist('join-room', { roomId }, mine);
    if (!mine()) return;
    if (ack?.ok) {
      this.#both ||= ack.participants.length > 1;
    } else if (this.#both) {
      this.#ended(roomId, 'join-room', ack?.error?.code);
    } else {
      // A match that came to nothing.
      this.room = null;
      void this.search();
    }
  }

  /** Gives up at once when the connection is down, or goes down: what is sent later would come as a surprise. */
  async call(name, payload = {}, ms = SOON) {
    if (!this.socket.connected) throw new Error('not connected');
    return this.socket.timeout(ms).emitWithAck(name, payload);
  }

  /** Asks until it is answered for good, or nobody wants to know any more. Gives the last answer. */
  async insist(name, payload, wanted = () => true) {
    for (;;) {
      const asked = performance.now();
      const ack = await this.call(name, payload).catch(() => null);
      const code = ack?.error?.code ?? (ack ? undefined : 'lost');
      if (code) this.refused.push({ name, code, ms: performance.now() - asked });
      const passes = !ack || PASSING.includes(code);
      if (this.#closed || !wanted() || !passes) return ack;
      await pause(AGAIN_MS);
    }
  }

  /** From now on this one wants to be matched, until it is. */
  async search() {
    this.is = 'searching';
    const ack = await this.insist('find-match', {}, () => this.is === 'searching');
    assert.ok(this.is !== 'searching' || ack?.ok, `find-match: ${JSON.stringify(ack)}`);
  }

  /** One more line of the call: its text, and whether it was acknowledged in the end. */
  async say() {
    const text = `line ${(this.#lines += 1)} of ${this.person.id}`;
    const roomId = this.room;
    const ack = await this.insist('chat-message', { roomId, text, nonce: text }, () => this.room === roomId);
    return { text, taken: Boolean(ack?.ok) };
  }

  /** The lines it heard, in the order they came. */
  get heardLines() {
    return this.all('chat-message').map(({ text }) => text);
  }

  /** Both are in the call of these two. */
  static async inCall(a, b, ms = SOON) {
    const here = () => a.is === 'in-call' && b.is === 'in-call' && a.room === b.room;
    // Whoever came in as the second saw the first.
    const together = () => here() && (a.#both || b.#both);
    await until(together, ms, () => `a call of two; one: ${a.is} ${a.summary()}; other: ${b.is} ${b.summary()}`);
  }
}
