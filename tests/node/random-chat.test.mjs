// Two strangers over a real socket.io-client: from the sign-in to the end of the call.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { meet, newAddress, pairUp, people, signIn } from './lib/person.mjs';
import { description, everyKind, HIDDEN, host, literals, RELAY, relay, SRFLX, srflx } from './lib/sdp.mjs';
import { startServer } from './lib/server.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

/** Two new people with a page each. */
async function strangers(context, number = 2) {
  const all = await people(server, number, { test: context });
  return Promise.all(all.map((person) => person.open()));
}

describe('a random chat', () => {
  test('welcome tells the session, the account, the ICE servers and the limits', async (t) => {
    const person = await signIn(server, { test: t });
    const page = await person.open();
    const [welcome] = page.all('welcome');
    assert.match(welcome.session, /^sck_/);
    assert.equal(welcome.resumed, false);
    assert.equal(welcome.seq, 0);
    assert.equal(welcome.user.id, person.id);
    assert.equal(welcome.user.ageDeclared, true);
    assert.deepEqual(Object.keys(welcome.limits).sort(), [
      'chatChars', 'sampleBytes', 'sampleEveryMs', 'sdpBytes', 'seatGraceMs',
    ]);
    assert.equal(welcome.limits.sdpBytes, 128 * 1024);
    assert.equal(welcome.limits.chatChars, 2_000);
    assert.equal(welcome.limits.seatGraceMs, 15_000);
    assert.equal(welcome.iceServers[0].urls[0], `stun:127.0.0.1:${server.mediaPort}`);
  });

  test('two who search are matched, exactly one is the initiator, and each is told the other', async (t) => {
    const [a, b] = await strangers(t);
    const ack = await a.do('find-match', { interests: ['chess'], languages: ['en'] });
    assert.match(ack.ticketId, /^tkt_/);
    const again = await a.do('find-match', { interests: ['chess', 'music'] });
    assert.equal(again.ticketId, ack.ticketId, 'while waiting it is the same ticket');
    await b.do('find-match', { interests: ['music'], languages: ['en'] });
    const [one, two] = await Promise.all([a.event('match'), b.event('match')]);
    assert.match(one.roomId, /^rm_/);
    assert.equal(one.roomId, two.roomId);
    assert.equal([one, two].filter((match) => match.initiator === true).length, 1);
    assert.equal([one, two].filter((match) => match.initiator === false).length, 1);
    assert.match(one.self, /^par_/);
    assert.deepEqual([one.self, one.peerId], [two.peerId, two.self]);
    assert.deepEqual([one.peer.userId, two.peer.userId], [b.person.id, a.person.id]);
    assert.equal(one.peer.displayName, b.person.user.displayName);
    assert.equal(one.peer.band, 'new');
    assert.equal(one.peer.avatarUrl, null);
    assert.deepEqual(one.peer.commonInterests, ['music']);
    assert.equal(one.transport, 'p2p');
    assert.ok(one.iceServers[0].urls[0].startsWith('stun:'));
    assert.ok(Number.isInteger(one.seq) && one.seq > 0);
  });

  test('joining is acknowledged with the room, oneself, everybody in it and the ICE servers', async (t) => {
    const [a, b] = await strangers(t);
    const [one] = await pairUp(a, b);
    const first = await a.do('join-room', { roomId: one.roomId });
    assert.equal(first.room.id, one.roomId);
    assert.equal(first.self, one.self);
    assert.equal(first.transport, 'p2p');
    assert.ok(first.iceServers.length >= 1);
    assert.deepEqual(first.participants.map((p) => p.id), [one.self]);
    const second = await b.do('join-room', { roomId: one.roomId });
    assert.deepEqual(second.participants.map((p) => p.id).sort(), [one.self, one.peerId].sort());
    const joined = await a.event('participant-joined');
    assert.equal(joined.roomId, one.roomId);
    assert.deepEqual(Object.keys(joined.participant).sort(), [
      'avatarUrl', 'band', 'displayName', 'handRaised', 'host', 'id', 'media', 'state', 'userId',
    ]);
    assert.equal(joined.participant.id, one.peerId);
    assert.equal(joined.participant.userId, b.person.id);
    assert.equal(joined.participant.state, 'connected');
    assert.deepEqual(Object.keys(joined.participant.media).sort(), ['audio', 'screen', 'video']);
    const again = await a.do('join-room', { roomId: one.roomId });
    assert.equal(again.self, one.self, 'joining twice keeps the participant id');
  });

  test('offer, answer and candidates are relayed in order, each once, without the sender’s other words', async (t) => {
    const [a, b] = await strangers(t);
    const { roomId, matches } = await meet(a, b);
    const [caller, called] = matches[0].initiator ? [a, b] : [b, a];
    const from = (page) => (page === a ? matches[0].self : matches[1].self);
    await caller.do('offer', { roomId, sdp: description() });
    const offer = await called.event('offer');
    assert.equal(offer.roomId, roomId);
    assert.equal(offer.from, from(caller));
    assert.match(offer.sdp, /^v=0\r\n/);
    assert.match(offer.sdp, /a=rtpmap:111 opus\/48000\/2/);
    await called.do('answer', { roomId, to: from(caller), sdp: description({ setup: 'active', candidates: [] }) });
    const answer = await caller.event('answer');
    assert.equal(answer.from, from(called));
    for (const port of [50_001, 50_002, 50_003]) {
      const candidate = { candidate: srflx(SRFLX, '192.168.77.5', port), sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'Vq1x' };
      await caller.do('ice-candidate', { roomId, candidate });
    }
    await caller.do('ice-candidate', { roomId, candidate: null });
    const heard = [];
    for (let i = 0; i < 4; i += 1) heard.push(await called.event('ice-candidate'));
    assert.deepEqual(
      heard.map(({ candidate }) => candidate && Number(/ (5000\d) typ/.exec(candidate.candidate)[1])),
      [50_001, 50_002, 50_003, null],
    );
    assert.equal(heard[0].candidate.sdpMid, '0');
    assert.ok(!heard[0].candidate.candidate.includes('192.168.77.5'));
    assert.equal(called.all('offer').length, 1);
    assert.deepEqual(caller.all('offer'), [], 'nothing comes back to the sender');
  });

  test('chat goes both ways, and the same nonce is one message', async (t) => {
    const [a, b] = await strangers(t);
    const { roomId, matches } = await meet(a, b);
    const said = await a.do('chat-message', { roomId, text: 'Hello — you there?', nonce: 'n1' });
    assert.match(said.id, /^msg_/);
    const repeated = await a.do('chat-message', { roomId, text: 'Hello — you there?', nonce: 'n1' });
    assert.equal(repeated.id, said.id);
    const back = await b.do('chat-message', { roomId, text: 'Yes.', nonce: 'n1' });
    assert.notEqual(back.id, said.id, 'a nonce is the sender’s own');
    await a.do('chat-message', { roomId, text: 'second', nonce: 'n2' });
    const heard = [await b.event('chat-message'), await b.event('chat-message')];
    assert.deepEqual(heard.map((m) => m.text), ['Hello — you there?', 'second']);
    assert.deepEqual([heard[0].id, heard[0].from, heard[0].roomId], [said.id, matches[0].self, roomId]);
    assert.match(heard[0].at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal((await a.event('chat-message')).text, 'Yes.');
    assert.equal(b.all('chat-message').length, 2);
  });

  test('media-state and link-state are told: the partner sees which tracks are on', async (t) => {
    const [a, b] = await strangers(t);
    const { roomId, matches } = await meet(a, b);
    await a.do('media-state', { roomId, audio: true, video: false, screen: false });
    const told = await b.event('participant-state');
    assert.equal(told.participant.id, matches[0].self);
    assert.deepEqual(told.participant.media, { audio: true, video: false, screen: false });
    await a.do('link-state', { roomId, path: 'p2p', state: 'connecting' });
    await a.do('link-state', { roomId, path: 'p2p', state: 'connected' });
  });

  test('after leave-room the partner is told, and neither is in the room any more', async (t) => {
    const [a, b] = await strangers(t);
    const { roomId, matches } = await meet(a, b);
    await a.do('leave-room', { roomId });
    const left = await b.event('participant-left');
    assert.deepEqual([left.roomId, left.participant.id, left.reason], [roomId, matches[0].self, 'left']);
    const ack = await a.call('chat-message', { roomId, text: 'still here', nonce: 'x' });
    assert.equal(ack.error?.code, 'not-in-room');
    const late = await b.call('offer', { roomId, sdp: description() });
    assert.ok(['peer-gone', 'not-in-room'].includes(late.error?.code), JSON.stringify(late));
    await b.do('find-match', {});
  });

  test('next leaves, searches on, and never meets the same one again within the window', async (t) => {
    const [a, b, c] = await strangers(t, 3);
    const { roomId, matches } = await meet(a, b);
    const ack = await a.do('next', {});
    assert.match(ack.ticketId, /^tkt_/);
    const left = await b.event('participant-left');
    assert.equal(left.reason, 'left');
    await b.do('next', {});
    // Both search now and only these two do. A third comes: one of them meets that one, though the other waits longer.
    await c.do('find-match', {});
    const third = await c.event('match');
    const lucky = third.peer.userId === a.person.id ? a : b;
    const match = await lucky.event('match', (m) => m.roomId !== roomId);
    assert.equal(match.peer.userId, c.person.id);
    const unlucky = lucky === a ? b : a;
    assert.deepEqual(unlucky.all('match').map((m) => m.roomId), [matches[0].roomId]);
    assert.equal((await unlucky.do('cancel-match', {})).cancelled, true, 'the other one still waits');
  });

  test('both press next at once: nobody hangs, and each meets somebody new', async (t) => {
    const [a, b, c, d] = await strangers(t, 4);
    const { roomId } = await meet(a, b);
    await Promise.all([a.do('next', {}), b.do('next', {})]);
    await c.do('find-match', {});
    await d.do('find-match', {});
    const fresh = (match) => match.roomId !== roomId;
    const partners = await Promise.all([a, b].map((page) => page.event('match', fresh).then((m) => m.peer.userId)));
    assert.deepEqual(partners.sort(), [c.person.id, d.person.id].sort());
  });

  test('four people: after next everyone is matched again, with somebody else', async (t) => {
    const pages = await strangers(t, 4);
    const met = new Map(pages.map((page) => [page, []]));
    await Promise.all(pages.map((page) => page.do('find-match', {})));
    for (const round of [1, 2, 3]) {
      const matches = await Promise.all(pages.map((page) => page.event('match')));
      await Promise.all(pages.map((page, i) => page.do('join-room', { roomId: matches[i].roomId })));
      pages.forEach((page, i) => met.get(page).push(matches[i].peer.userId));
      if (round < 3) await Promise.all(pages.map((page) => page.do('next', {})));
    }
    for (const [page, partners] of met) {
      assert.equal(new Set(partners).size, 3, `${page.person.email} met ${partners}`);
    }
  });

  test('cancel-match ends the search once, and after a match it says false', async (t) => {
    const [a, b] = await strangers(t);
    await a.do('find-match', {});
    assert.equal((await a.do('cancel-match', {})).cancelled, true);
    assert.equal((await a.do('cancel-match', {})).cancelled, false);
    await b.do('find-match', {});
    await b.event('match-waiting');
    assert.deepEqual(b.all('match'), [], 'who cancelled is not matched');
    await a.do('find-match', {});
    await Promise.all([a.event('match'), b.event('match')]);
    assert.equal((await a.do('cancel-match', {})).cancelled, false);
  });

  test('who waits is told how long, and what was relaxed', async (t) => {
    const [a] = await strangers(t, 1);
    const { ticketId } = await a.do('find-match', { interests: ['philately'] });
    const waiting = await a.event('match-waiting');
    assert.equal(waiting.ticketId, ticketId);
    assert.ok(waiting.waitedMs >= 0 && waiting.waitedMs < 60_000);
    assert.ok(Array.isArray(waiting.widened));
    assert.equal(waiting.seq, undefined, 'it is volatile');
  });
});

describe('blocks and reports', () => {
  test('blocked people never match, whichever of the two blocked', async (t) => {
    const [a, b, c] = await strangers(t, 3);
    const block = await a.person.ask('PUT', `/api/blocks/${b.person.id}`);
    assert.equal(block.status, 204);
    await b.do('find-match', {});
    await a.do('find-match', {});
    await Promise.all([a.event('match-waiting'), b.event('match-waiting')]);
    assert.deepEqual([...a.all('match'), ...b.all('match')], []);
    await c.do('find-match', {});
    const third = await c.event('match');
    assert.ok([a.person.id, b.person.id].includes(third.peer.userId));
    const list = await a.person.ask('GET', '/api/blocks');
    assert.ok(JSON.stringify(list.body).includes(b.person.id));
    assert.ok(!JSON.stringify((await b.person.ask('GET', '/api/blocks')).body).includes(a.person.id));
  });

  test('a block taken back lets the two meet', async (t) => {
    const [a, b] = await strangers(t);
    await a.person.ask('PUT', `/api/blocks/${b.person.id}`);
    assert.equal((await a.person.ask('DELETE', `/api/blocks/${b.person.id}`)).status, 204);
    const [match] = await pairUp(a, b);
    assert.equal(match.peer.userId, b.person.id);
  });

  test('a block during a call ends it, and the other one only sees that somebody left', async (t) => {
    const [a, b] = await strangers(t);
    const { roomId, matches } = await meet(a, b);
    await a.person.ask('PUT', `/api/blocks/${b.person.id}`);
    const left = await b.event('participant-left');
    assert.deepEqual([left.roomId, left.participant.id], [roomId, matches[0].self]);
    assert.equal(left.reason, 'left');
    const closed = await a.event('room-closed');
    assert.equal(closed.roomId, roomId);
    await Promise.all([a.do('find-match', {}), b.do('find-match', {})]);
    await Promise.all([a.event('match-waiting'), b.event('match-waiting')]);
    assert.equal(a.all('match').length, 1);
  });

  test('a report is taken about somebody met, blocks that person, and ends the call', async (t) => {
    const [a, b] = await strangers(t);
    const { roomId } = await meet(a, b);
    const json = { roomId, userId: b.person.id, reason: 'harassment', note: 'shouted at me' };
    const report = await a.person.ask('POST', '/api/reports', { json });
    assert.equal(report.status, 201, JSON.stringify(report.body));
    assert.match(report.body.reportId, /^rpt_/);
    await b.event('participant-left');
    assert.ok(JSON.stringify((await a.person.ask('GET', '/api/blocks')).body).includes(b.person.id));
    const repeated = await a.person.ask('POST', '/api/reports', { json });
    assert.ok([201, 409].includes(repeated.status), `a second report of the same: ${repeated.status}`);
    await Promise.all([a.do('find-match', {}), b.do('find-match', {})]);
    await Promise.all([a.event('match-waiting'), b.event('match-waiting')]);
    assert.equal(b.all('match').length, 1);
  });

  test('somebody never met can’t be reported, nor somebody met in another room', async (t) => {
    const [a, b] = await strangers(t);
    const stranger = await signIn(server, { test: t });
    const { roomId } = await meet(a, b);
    const report = (person, userId, room) =>
      person.ask('POST', '/api/reports', { json: { roomId: room, userId, reason: 'spam' } });
    const never = await report(stranger, a.person.id, roomId);
    assert.ok([403, 404].includes(never.status), JSON.stringify(never.body));
    const other = await report(a.person, stranger.id, roomId);
    assert.ok([403, 404].includes(other.status), JSON.stringify(other.body));
    const self = await report(a.person, a.person.id, roomId);
    assert.ok(self.status >= 400 && self.status < 500, JSON.stringify(self.body));
    assert.ok(!JSON.stringify((await a.person.ask('GET', '/api/blocks')).body).includes(stranger.id));
  });
});

describe('addresses between strangers', () => {
  // The server believes X-Forwarded-For of this machine, so that the two seem to come from different places.
  let behindProxy;
  before(async () => {
    behindProxy = await startServer({ settings: { trusted_proxies: '127.0.0.1/32' } });
  });
  after(() => behindProxy.end());

  async function apart(context, addresses) {
    const [one, two] = await people(behindProxy, 2, { test: context });
    const pages = await Promise.all(
      [one, two].map((person, i) => person.open({ headers: { 'x-forwarded-for': addresses[i] } })),
    );
    return { pages, ...(await meet(...pages)) };
  }

  test('of a description only relay and reflexive addresses arrive', async (t) => {
    const { pages: [a, b], roomId } = await apart(t, ['203.0.113.50', '203.0.113.60']);
    await a.do('offer', { roomId, sdp: description() });
    const { sdp } = await b.event('offer');
    const allowed = new Set(['0.0.0.0', SRFLX, RELAY]);
    assert.deepEqual(literals(sdp).filter((literal) => !allowed.has(literal)), [], sdp);
    assert.ok(!/a=rtcp:/.test(sdp) && !/\.local/.test(sdp), sdp);
    assert.match(sdp, /^o=\S+ \d+ \d+ IN IP4 0\.0\.0\.0\r$/m);
    assert.ok(!/^c=(?!IN IP4 0\.0\.0\.0\r?$)/m.test(sdp), sdp);
    assert.ok(sdp.includes(`${SRFLX} 50001 typ srflx raddr 0.0.0.0 rport 0`), sdp);
    assert.ok(sdp.includes(`${RELAY} 61000 typ relay raddr 0.0.0.0 rport 0`), sdp);
  });

  test('of candidates only relay, reflexive and the one the server sees itself arrive', async (t) => {
    const { pages: [a, b], roomId } = await apart(t, ['203.0.113.50', '203.0.113.60']);
    const send = (candidate) => a.do('ice-candidate', { roomId, candidate: { candidate, sdpMid: '0', sdpMLineIndex: 0 } });
    for (const candidate of everyKind()) await send(candidate);
    await send(host('203.0.113.50', 50_009));
    await a.do('ice-candidate', { roomId, candidate: null });
    await b.event('ice-candidate', ({ candidate }) => candidate === null || candidate?.candidate === '');
    const arrived = b.all('ice-candidate').map(({ candidate }) => candidate?.candidate).filter(Boolean);
    const addresses = arrived.map((text) => text.split(' ')[4]).sort();
    assert.deepEqual(addresses, [RELAY, SRFLX, '203.0.113.50'].sort(), arrived.join('\n'));
    for (const address of HIDDEN) assert.ok(!JSON.stringify(b.heard).includes(address), address);
    assert.ok(arrived.every((text) => !text.includes('raddr') || text.includes('raddr 0.0.0.0 rport 0')));
  });

  test('two browsers behind one loopback or private address see each other’s host candidates', async (t) => {
    const { pages: [a, b], roomId } = await apart(t, ['192.168.77.5', '192.168.77.5']);
    await a.do('ice-candidate', { roomId, candidate: { candidate: host('10.99.0.3'), sdpMid: '0' } });
    assert.match((await b.event('ice-candidate')).candidate.candidate, / 10\.99\.0\.3 /);
  });

  test('the two at one public address don’t', async (t) => {
    const { pages: [a, b], roomId } = await apart(t, ['203.0.113.50', '203.0.113.50']);
    await a.do('ice-candidate', { roomId, candidate: { candidate: host('10.99.0.3'), sdpMid: '0' } });
    await a.do('ice-candidate', { roomId, candidate: { candidate: relay(RELAY, '10.99.0.3'), sdpMid: '0' } });
    assert.match((await b.event('ice-candidate')).candidate.candidate, / relay /);
    assert.ok(!JSON.stringify(b.heard).includes('10.99.0.3'));
  });

  test('an IPv6 host candidate passes within the /64 that the server sees', async (t) => {
    const { pages: [a, b], roomId } = await apart(t, ['2001:db8:5:6::1', '203.0.113.60']);
    const send = (address) => a.do('ice-candidate', { roomId, candidate: { candidate: host(address), sdpMid: '0' } });
    await send('2001:db8:5:7::2');
    await send('2001:db8:5:6:aaaa::2');
    assert.match((await b.event('ice-candidate')).candidate.candidate, / 2001:db8:5:6:aaaa::2 /i);
    assert.ok(!JSON.stringify(b.heard).includes('2001:db8:5:7'));
  });

  test('what can’t be parsed is refused and nothing of it arrives', async (t) => {
    const { pages: [a, b], roomId } = await apart(t, ['203.0.113.50', '203.0.113.60']);
    const bad = [
      '',
      'hello',
      'v=0\r\n',
      description().replace('m=audio', 'm=au dio'),
      `${description()}a=candidate:nonsense 192.168.77.5\r\n`,
      description().replace('c=IN IP4', 'c=IN IP9'),
    ];
    for (const sdp of bad) {
      const ack = await a.call('offer', { roomId, sdp });
      assert.equal(ack.error?.code, 'invalid-sdp', JSON.stringify({ ack, sdp: sdp.slice(0, 80) }));
    }
    for (const candidate of ['candidate:', 'candidate:1 1 udp x 10.0.0.1 9 typ host', 'a=b', 'candidate:1 1 udp 1 300.0.0.1 9 typ host']) {
      const ack = await a.call('ice-candidate', { roomId, candidate: { candidate, sdpMid: '0' } });
      // A host candidate with a name for an address may be dropped in silence; it must not arrive.
      if (!ack.ok) assert.ok(['invalid-sdp', 'bad-request'].includes(ack.error.code), JSON.stringify(ack));
    }
    await a.do('offer', { roomId, sdp: description() });
    await b.event('offer');
    assert.equal(b.all('offer').length, 1);
    assert.deepEqual(b.all('ice-candidate'), []);
  });

  test('no event tells one the other’s address', async (t) => {
    const { pages: [a, b], roomId } = await apart(t, ['203.0.113.51', '203.0.113.61']);
    await a.do('media-state', { roomId, audio: true, video: true, screen: false });
    await b.event('participant-state');
    await a.do('leave-room', { roomId });
    await b.event('participant-left');
    assert.ok(!JSON.stringify(b.heard).includes('203.0.113.51') && !JSON.stringify(a.heard).includes('203.0.113.61'));
  });

  test('an address in the mail, the display name or the room is nobody else’s', async (t) => {
    const email = newAddress('marked');
    const person = await signIn(behindProxy, { email, test: t });
    const other = await signIn(behindProxy, { test: t });
    const [a, b] = [await person.open(), await other.open()];
    await meet(a, b);
    const card = await other.ask('GET', `/api/users/${person.id}`);
    assert.deepEqual(Object.keys(card.body).sort(), ['avatarUrl', 'band', 'displayName', 'id']);
    assert.ok(!JSON.stringify([b.heard, card.body]).includes(email.split('@')[0]));
    assert.ok(!/marked/i.test(person.user.displayName), 'the first name comes from two random words');
    assert.equal(person.user.displayName.trim().split(/\s+/).length, 2);
  });
});
