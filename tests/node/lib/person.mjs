// A person with an account, and the pages they have open.

import assert from 'node:assert/strict';

import { io } from 'socket.io-client';

import { ask } from './http.mjs';
import { mailsTo, newestMail } from './mail.mjs';
import { SOON, within } from './wait.mjs';

/** After the server said that something is away for the moment. */
const AGAIN_MS = 250;

let count = 0;

/** An address nobody had before. */
export const newAddress = (name = 'person') => `${name}.${process.pid}.${(count += 1)}@example.test`;

export class Person {
  constructor(server, email, signedIn, cookie) {
    this.server = server;
    this.email = email;
    this.pages = [];
    this.take(signedIn, cookie);
  }

  /** A fresh pair of tokens, from a sign-in or a refresh. */
  take(signedIn, cookie) {
    this.token = signedIn.accessToken;
    this.user = signedIn.user;
    this.id = signedIn.user.id;
    this.newUser = signedIn.newUser;
    this.cookie = cookie;
  }

  /** A request with this person's access token. */
  ask(method, path, options = {}) {
    return ask(this.server, method, path, { token: this.token, ...options });
  }

  declareAge() {
    return this.ask('PUT', '/api/users/me/age', { json: { adult: true } });
  }

  async refresh() {
    const answer = await ask(this.server, 'POST', '/api/auth/refresh', { cookie: this.cookie });
    if (answer.status === 200) this.take(answer.body, answer.cookie);
    return answer;
  }

  /** Opens a page and waits for its `welcome`. */
  async open(options = {}) {
    const page = new Page(this, options);
    this.pages.push(page);
    await page.welcomed();
    return page;
  }

  close() {
    for (const page of this.pages) page.close();
  }
}

/** Asks for a code; gives the challenge and the mail. */
export async function requestCode(server, email) {
  const before = (await mailsTo(server, email)).length;
  const login = await ask(server, 'POST', '/api/auth/login', { json: { email } });
  assert.equal(login.status, 202, JSON.stringify(login.body));
  const mail = await newestMail(server, email, before);
  return { challenge: login.body, mail };
}

/** Signs in by code, as a page does. */
export async function signIn(server, { email = newAddress(), adult = true, test } = {}) {
  const { challenge, mail } = await requestCode(server, email);
  assert.match(mail.code ?? '', /^\d{6}$/, `a code alone on its line:\n${mail.raw}`);
  const verify = await ask(server, 'POST', '/api/auth/verify', {
    json: { challengeId: challenge.challengeId, code: mail.code },
  });
  assert.equal(verify.status, 200, JSON.stringify(verify.body));
  assert.ok(verify.cookie, 'a refresh cookie');
  const person = new Person(server, email, verify.body, verify.cookie);
  test?.after(() => person.close());
  if (adult) assert.equal((await person.declareAge()).status, 204);
  return person;
}

/** Several people, signed in at once. */
export const people = (server, number, options = {}) =>
  Promise.all(Array.from({ length: number }, () => signIn(server, options)));

/** A page of a person: one Socket.IO connection, everything it heard, in order. */
export class Page {
  /** Every event since the page was opened: `{name, data, at}`. */
  heard = [];
  /** The session and the number of the last reliable event, for a resume. */
  session = null;
  seq = 0;
  /** Numbers of the reliable events in the order they came, over all connections. */
  seqs = [];
  #used = new Set();
  #waiting = new Set();

  constructor(person, options = {}) {
    const { resume, reconnect = false, headers, url } = options;
    this.person = person;
    // A token that is named is the one that is sent, even none at all.
    const named = 'token' in options;
    const auth = (give) => {
      const mine = this.session && { session: this.session, seq: this.seq };
      const asked = resume ?? mine;
      give({ token: named ? options.token : this.person.token, ...(asked ? { resume: asked } : {}) });
    };
    this.socket = io(url ?? person.server.url, {
      transports: ['websocket'],
      forceNew: true,
      auth,
      reconnection: reconnect,
      reconnectionDelay: 50,
      reconnectionDelayMax: 250,
      randomizationFactor: 0.2,
      timeout: SOON,
      extraHeaders: headers,
      agent: person.server.agent,
    });
    this.socket.onAny((name, data) => this.#hear(name, data));
    this.socket.on('disconnect', (reason) => this.#hear('disconnect', { reason }));
    this.socket.on('connect_error', (error) => {
      this.#hear('connect_error', { message: error.message, data: error.data });
      // What the server itself refuses the library doesn't try again; a page does, when it is a matter of time.
      if (reconnect && error.message === 'unavailable') setTimeout(() => this.socket.connect(), AGAIN_MS).unref();
    });
  }

  #hear(name, data) {
    if (name === 'welcome') {
      this.session = data.session;
      this.seq = data.seq;
    } else if (Number.isInteger(data?.seq)) {
      this.seqs.push(data.seq);
      this.seq = data.seq;
    }
    const entry = { name, data, at: performance.now() };
    this.heard.push(entry);
    for (const waiter of this.#waiting) waiter(entry);
  }

  /**
   * The next event of this name (and liking) that no earlier call has taken; it may have come already. Takes it.
   */
  async event(name, like = () => true, ms = SOON) {
    return (await this.#next((entry) => entry.name === name && like(entry.data), name, ms)).data;
  }

  async #next(wanted, name, ms) {
    const fits = (entry) => !this.#used.has(entry) && wanted(entry);
    const found = this.heard.find(fits);
    if (found) {
      this.#used.add(found);
      return found;
    }
    let waiter;
    const coming = new Promise((resolve) => {
      waiter = (entry) => {
        if (!fits(entry)) return;
        // At once: the next event may come before anybody who waits for this promise runs.
        this.#waiting.delete(waiter);
        this.#used.add(entry);
        resolve(entry);
      };
      this.#waiting.add(waiter);
    });
    return within(coming, ms, () => `${name}; heard: ${this.summary()}`).finally(() => this.#waiting.delete(waiter));
  }

  /** The `welcome` of the connection that is being made; an error when it is refused. */
  async welcomed(ms = SOON) {
    const answers = ['welcome', 'connect_error'];
    const { name, data } = await this.#next((entry) => answers.includes(entry.name), 'welcome', ms);
    if (name !== 'welcome') throw new Error(`connect_error: ${data.message}`);
    return data;
  }

  /** Sends an event and gives its acknowledgement. */
  call(name, payload = {}, ms = SOON) {
    const acked = new Promise((resolve) => this.socket.emit(name, payload, resolve));
    return within(acked, ms, () => `the acknowledgement of ${name}; heard: ${this.summary()}`);
  }

  /** The same, when it must be `ok`. */
  async do(name, payload, ms) {
    const ack = await this.call(name, payload, ms);
    assert.equal(ack?.ok, true, `${name}: ${JSON.stringify(ack)}`);
    return ack;
  }

  /** Everything heard of one name. */
  all(name) {
    return this.heard.filter((entry) => entry.name === name).map((entry) => entry.data);
  }

  /** Cuts the wire under the page, as a network does: no goodbye. */
  cut() {
    this.socket.io.engine.transport.ws.terminate();
  }

  close() {
    this.socket.disconnect();
  }

  summary() {
    return this.heard.map(({ name, data }) => `${name}${data?.reason ? `(${data.reason})` : ''}`).join(' ') || 'nothing';
  }
}

/** Both search; gives their two `match` events, in the order of the pages. */
export async function pairUp(a, b) {
  await Promise.all([a.do('find-match', {}), b.do('find-match', {})]);
  return Promise.all([a.event('match'), b.event('match')]);
}

/** Both search, are matched and join. Gives `{roomId, matches, acks}`. */
export async function meet(a, b) {
  const matches = await pairUp(a, b);
  const { roomId } = matches[0];
  assert.equal(matches[1].roomId, roomId, 'both are in the same room');
  const acks = [await a.do('join-room', { roomId }), await b.do('join-room', { roomId })];
  return { roomId, matches, acks };
}
