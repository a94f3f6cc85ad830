// People of a place that has a bad day: some in calls, some waiting, some who come later; what they were promised, what they
// were answered meanwhile, and whether it all held in the end.

import assert from 'node:assert/strict';

import { people, signIn } from './person.mjs';
import { Visitor } from './visitor.mjs';
import { SOON, pause, until } from './wait.mjs';

/** A clear error comes within 1 s; with processes five times wider. */
const CLEAR_MS = 5_000;
/** Until everything goes on after the day: back-offs of two seconds, leases, new searches, a busy machine. */
export const HEALED_MS = 25_000;
/** Between two tries to be answered once it is over. */
const AGAIN_MS = 250;
/** Between two looks at how people are answered. */
const PROBE_EVERY = 1_000;

/** Two who can't be matched with one another: they go on waiting until somebody else comes. */
async function apart(group) {
  for (const one of group) {
    for (const other of group) {
      if (one !== other) assert.equal((await one.ask('PUT', `/api/blocks/${other.id}`)).status, 204);
    }
  }
}

export class Crowd {
  /** Pairs of pages in calls. */
  calls = [];
  /** Pages that wait, and people who will meet them. */
  waiting = [];
  later = [];
  /** `{what, ms, is}`: `ok`, the code of a refusal, or `offline` for a page that knows that it isn't connected. */
  answers = [];
  #server;
  #test;
  /** Of each writer: the last acknowledged text and those sent after it. */
  #bios = new Map();
  /** [person, whom they blocked]. */
  #blocks = [];
  /** Accounts that were made meanwhile. */
  #newcomers = [];
  #said = new Map();
  #reporter;

  static async gather(server, test, { calls = 2, waiting = 2 } = {}) {
    const crowd = new Crowd();
    [crowd.#server, crowd.#test] = [server, test];
    const all = await people(server, 2 * calls + 2 * waiting + 2, { test });
    const take = (number) => all.splice(0, number);
    const [waiters, later, talkers] = [take(waiting), take(waiting), take(2 * calls)];
    await Promise.all([apart(waiters), apart(later)]);
    for (const group of [waiters, later]) for (const one of group) for (const other of group) if (one !== other) crowd.#blocks.push([one, other]);
    // Two who have met already and part again: what one of them reports during the day counts.
    const met = await crowd.#call(all);
    await met[0].do('leave-room', { roomId: met[0].met[0].roomId });
    crowd.#reporter = { person: all[0], other: all[1], roomId: met[0].met[0].roomId, done: null };
    for (const page of met) page.close();
    while (talkers.length > 0) crowd.calls.push(await crowd.#call(talkers.splice(0, 2)));
    crowd.waiting = await Promise.all(waiters.map((person) => Visitor.open(person)));
    for (const page of crowd.waiting) await page.search();
    crowd.later = later;
    for (const pair of crowd.calls) for (const page of pair) await crowd.#say(page);
    return crowd;
  }

  get pages() {
    return [...this.calls.flat(), ...this.waiting];
  }

  /** Two who meet: nobody else may be searching who could. */
  async #call(two) {
    const pages = await Promise.all(two.map((person) => Visitor.open(person)));
    await Promise.all(pages.map((page) => page.search()));
    await Visitor.inCall(...pages);
    return pages;
  }

  async #say(page) {
    const line = await page.say();
    this.#said.set(page, [...(this.#said.get(page) ?? []), line]);
  }

  /** Everybody does what people do, for so long or until `done`, and how they are answered is kept. Lines and reports are said until they are taken. */
  async live(ms, done = () => false) {
    const end = performance.now() + ms;
    const [writer] = this.calls[0] ?? this.waiting;
    const lines = [];
    for (let n = 0; performance.now() < end && !done(); n += 1) {
      const next = performance.now() + PROBE_EVERY;
      const probes = [this.#look(writer.person), this.#write(writer.person, n)];
      if (this.waiting.length > 0) probes.push(this.#askAgain(this.waiting[n % this.waiting.length]));
      if (n % 3 === 1) probes.push(this.#block(this.later[0], this.calls[0]?.[1].person), this.#arrive());
      if (n % 3 === 2) probes.push(this.#report());
      // Said in order: a page says one line after the other.
      if (n === 1) for (const page of this.calls.flat()) lines.push(this.#say(page));
      await Promise.all(probes);
      await pause(Math.max(0, Math.min(next, end) - performance.now()));
    }
    return { lines };
  }

  async #http(what, person, method, path, json) {
    const asked = performance.now();
    const answer = await person.ask(method, path, { json }).catch((error) => ({ status: 0, body: { code: String(error.message) } }));
    const ok = answer.status >= 200 && answer.status < 300;
    this.answers.push({ what, ms: performance.now() - asked, is: ok ? 'ok' : (answer.body?.code ?? `status ${answer.status}`) });
    return ok ? answer : null;
  }

  #look(person) {
    return this.#http('look', person, 'GET', '/api/users/me');
  }

  async #write(person, n) {
    const bio = `written ${n} at ${Math.round(performance.now())}`;
    const mine = this.#bios.get(person) ?? { last: null, tried: [] };
    this.#bios.set(person, mine);
    mine.tried.push(bio);
    if (await this.#http('write', person, 'PATCH', '/api/users/me', { bio })) [mine.last, mine.tried] = [bio, []];
  }

  async #block(person, other) {
    if (person && other && (await this.#http('block', person, 'PUT', `/api/blocks/${other.id}`))) this.#blocks.push([person, other]);
  }

  async #report() {
    const { person, other, roomId, done } = this.#reporter;
    if (done) return;
    const report = { roomId, userId: other.id, reason: 'spam' };
    const answer = await this.#http('report', person, 'POST', '/api/reports', report);
    if (!answer) return;
    this.#reporter.done = answer.body.reportId;
    this.#blocks.push([person, other]);
  }

  /** Somebody new signs in, or is told that it can't be. */
  async #arrive() {
    const asked = performance.now();
    const known = await signIn(this.#server, { test: this.#test }).catch((error) => error);
    if (!(known instanceof Error)) this.#newcomers.push(known);
    const refused = ({ message }) => /"code":"([a-z-]+)"/.exec(message)?.[1] ?? (/\b503\b/.test(message) ? 'unavailable' : message);
    const code = known instanceof Error ? refused(known) : 'ok';
    this.answers.push({ what: 'sign-in', ms: performance.now() - asked, is: code });
  }

  /** A page that waits searches again with the same wishes: the same ticket, or an error and the search that ran before. */
  async #askAgain(page) {
    const asked = performance.now();
    if (page.is !== 'searching') return;
    const ack = await page.call('find-match').catch(() => null);
    const ms = performance.now() - asked;
    // Matched while it asked: the word of it is on its way.
    const matched = ack?.error?.code === 'already-in-room';
    if (matched) await until(() => page.is !== 'searching', CLEAR_MS, () => `the match of ${page.summary()}`);
    this.answers.push({ what: 'search', ms, is: ack ? (ack.ok || matched ? 'ok' : ack.error.code) : 'offline' });
    if (!ack?.ok && !matched) void page.insist('find-match', {}, () => page.is === 'searching');
  }

  /** Whoever wasn't answered as wished was told so at once, and in words that say what to do. Gives the figures. */
  answered() {
    const unclear = this.answers.filter(({ is }) => !['ok', 'unavailable', 'offline'].includes(is));
    assert.deepEqual(unclear, [], 'every refusal says unavailable');
    const slow = this.answers.filter(({ ms, what }) => ms > CLEAR_MS * (what === 'sign-in' ? 2 : 1));
    assert.deepEqual(slow, [], `every answer within ${CLEAR_MS} ms`);
    const refused = this.answers.filter(({ is }) => is === 'unavailable');
    const slowest = (list) => [...list].sort((one, other) => other.ms - one.ms).slice(0, 3).map(({ what, ms }) => `${what} ${Math.round(ms)}`);
    return `${this.answers.length} answers, the slowest (ms) ${slowest(this.answers)}; ${refused.length} times unavailable, the slowest ${slowest(refused)}`;
  }

  /** After the day: calls that never noticed, promises kept, and everybody who waits is matched. */
  async heals({ lines = [] } = {}) {
    const from = performance.now();
    await Promise.all(lines);
    for (const pair of this.calls) for (const page of pair) await this.#say(page);
    for (const pair of this.calls) await this.#hearsAll(pair);
    const talked = performance.now();
    await this.#promised();
    await this.everybodyMeets();
    for (const page of this.calls.flat()) {
      assert.deepEqual([page.is, page.ends, page.met.length], ['in-call', [], 1], `a running call noticed something: ${page.summary()}`);
    }
    await this.nobodyTwice();
    return `lines after ${Math.round(talked - from)} ms, all who waited in calls after ${Math.round(performance.now() - from)} ms`;
  }

  /**
   * Both have every acknowledged line of the other, once and in order. One whose acknowledgement was lost, and that was refused
   * when it was said again, may have been heard as well.
   */
  async #hearsAll(pair) {
    for (const [speaker, listener] of [pair, [...pair].reverse()]) {
      const said = this.#said.get(speaker) ?? [];
      await until(
        () => said.every(({ text, taken }) => !taken || listener.heardLines.includes(text)),
        HEALED_MS,
        () => `all lines: said ${JSON.stringify(said)}, heard ${JSON.stringify(listener.heardLines)} of ${listener.summary()}`,
      );
      const due = said.filter(({ text, taken }) => taken || listener.heardLines.includes(text));
      assert.deepEqual(listener.heardLines, due.map(({ text }) => text), 'each line once, in order');
    }
  }

  /** What was acknowledged is there. */
  async #promised() {
    for (const [person, { last, tried }] of this.#bios) {
      const { body } = await this.#answered(() => person.ask('GET', '/api/users/me'), 200);
      if (last !== null) assert.ok([last, ...tried].includes(body.bio), `promised "${last}", found "${body.bio}"`);
    }
    for (const [person, other] of this.#blocks) {
      const { body } = await this.#answered(() => person.ask('GET', '/api/blocks'), 200);
      assert.ok(JSON.stringify(body).includes(other.id), `the block of ${other.id}`);
    }
    const { done } = this.#reporter;
    if (done) assert.equal((await this.#server.database.rows(`SELECT id FROM reports WHERE id = '${done}'`)).length, 1, 'the report');
    // An account that was made meanwhile is there, and every login lives.
    for (const person of this.#newcomers) await this.#answered(() => person.ask('GET', '/api/users/me'), 200);
    const everybody = [...this.pages.map((page) => page.person), ...this.later];
    for (const person of everybody) await this.#answered(() => person.refresh(), 200);
  }

  /** The answer once the place has healed; any other one than this or `unavailable` is wrong. */
  async #answered(ask, status) {
    const end = performance.now() + HEALED_MS;
    for (;;) {
      const answer = await ask();
      if (answer.status === status) return answer;
      assert.ok(answer.status === 503 && performance.now() < end, `${ask}: ${answer.status} ${JSON.stringify(answer.body)}`);
      await pause(AGAIN_MS);
    }
  }

  /** Those who come later search; with the waiting ones each finds somebody. */
  async comeLater() {
    const came = await Promise.all(this.later.map((person) => Visitor.open(person)));
    await Promise.all(came.map((page) => page.search()));
    this.waiting.push(...came);
    this.later = [];
  }

  async everybodyMeets() {
    await this.comeLater();
    const meets = (page) => {
      const other = this.waiting.find((other) => other !== page && other.room === page.room);
      return page.is === 'in-call' && other?.is === 'in-call';
    };
    await until(
      () => this.waiting.every(meets),
      HEALED_MS,
      () => `a call for everybody: ${this.waiting.map((page) => `\n${page.person.id} ${page.is} ${page.room}: ${page.summary()}`)}`,
    );
    const blocked = ([one, other]) => this.pages.some((page) => page.person === one && page.met.some(({ peer }) => peer === other.id));
    assert.deepEqual(this.#blocks.filter(blocked).length, 0, 'nobody met somebody they had blocked');
  }

  /** No page was told of two calls at once; no ticket opened two, and nobody was in two at the same time, ever. */
  async nobodyTwice() {
    for (const page of this.pages) assert.deepEqual(page.doubled, [], `${page.person.id} was matched while in a call`);
    const end = (member) => `COALESCE(${member}.left_at, ${Number.MAX_SAFE_INTEGER})`;
    const twice = await this.#server.database.rows(
      `SELECT a.user_id, a.room_id, b.room_id AS other FROM call_members a JOIN calls ca ON ca.room_id = a.room_id
       JOIN call_members b ON b.user_id = a.user_id AND b.room_id > a.room_id JOIN calls cb ON cb.room_id = b.room_id
       WHERE ca.opened_at < ${end('b')} AND cb.opened_at < ${end('a')}`,
    );
    assert.deepEqual(twice, [], 'nobody is in two calls');
    const tickets = await this.#server.database.rows('SELECT ticket_id FROM call_members GROUP BY ticket_id HAVING COUNT(*) > 1');
    assert.deepEqual(tickets, [], 'a ticket opens one call');
    for (const page of this.pages.filter((page) => page.is === 'in-call')) {
      const open = await this.#server.database.rows(
        `SELECT m.room_id FROM call_members m JOIN calls c ON c.room_id = m.room_id
         WHERE m.user_id = '${page.person.id}' AND m.left_at IS NULL AND c.ended_at IS NULL`,
      );
      assert.deepEqual(open, [{ room_id: page.room }], 'the database knows of the call');
    }
  }

  /** Everybody goes home. */
  async leave() {
    for (const page of this.pages) {
      if (page.is === 'in-call') await page.insist('leave-room', { roomId: page.room }, () => page.is === 'in-call');
      page.close();
    }
  }
}
