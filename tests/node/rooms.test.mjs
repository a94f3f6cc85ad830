// Rooms of groups as a program sees them: made over HTTP, joined over the socket. Media is another story (web/e2e).

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { people, signIn } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';

let server;
before(async () => {
  server = await startServer({ settings: { 'rooms.seat_grace_s': 5 } });
});
after(() => server.end());

/** A room, made by the first of so many people who have a page each; nobody is in yet. */
async function room(t, number, plan = {}) {
  const all = await people(server, number, { test: t });
  const pages = await Promise.all(all.map((person) => person.open()));
  const made = await all[0].ask('POST', '/api/rooms', { json: plan });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return { all, pages, roomId: made.body.room.id, made: made.body };
}

const code = async (answer) => (await answer).error?.code;

describe('a room', () => {
  test('is a record with a link, seen by whoever has it and ended by who made it', async (t) => {
    const { all, pages, roomId, made } = await room(t, 2, { name: 'Lunch', maxParticipants: 4 });
    const [owner, guest] = all;
    assert.equal(made.joinUrl, `${server.url}/room/${roomId}`);
    assert.deepEqual([made.room.name, made.room.maxParticipants, made.room.locked, made.room.owned], ['Lunch', 4, false, true]);
    const seen = await guest.ask('GET', `/api/rooms/${roomId}`);
    assert.deepEqual([seen.status, seen.body.room.owned], [200, false]);
    for (const wrong of [{ maxParticipants: 1 }, { maxParticipants: 11 }, { maxParticipants: '4' }, { name: '' }, { colour: 'red' }]) {
      const { status, body } = await owner.ask('POST', '/api/rooms', { json: wrong });
      assert.deepEqual([status, body.code], [400, 'bad-request'], JSON.stringify(wrong));
    }
    await pages[1].do('join-room', { roomId });
    assert.equal((await guest.ask('DELETE', `/api/rooms/${roomId}`)).status, 403);
    assert.equal((await owner.ask('DELETE', `/api/rooms/${roomId}`)).status, 204);
    assert.equal((await pages[1].event('room-closed')).reason, 'deleted');
    assert.equal((await owner.ask('GET', `/api/rooms/${roomId}`)).status, 404);
    assert.equal(await code(pages[1].call('join-room', { roomId })), 'not-in-room');
  });

  test('takes ten, tells the eleventh that it is full, and gives a free place away', async (t) => {
    const { pages, roomId } = await room(t, 11);
    for (const page of pages.slice(0, 10)) await page.do('join-room', { roomId });
    const refused = await pages[10].call('join-room', { roomId });
    assert.equal(refused.error.code, 'room-full');
    assert.match(refused.error.message, /10/);
    await pages[3].do('leave-room', { roomId });
    const ack = await pages[10].do('join-room', { roomId });
    assert.equal(ack.participants.length, 10);
    assert.equal(ack.transport, 'sfu');
  });

  test('has a host: its maker whenever they are in, else who is in longest; the chair can be given', async (t) => {
    const { pages, roomId } = await room(t, 3);
    const [owner, second, third] = pages;
    const ids = {};
    ids.second = (await second.do('join-room', { roomId })).self;
    ids.third = (await third.do('join-room', { roomId })).self;
    assert.equal(await code(third.call('moderate-room', { roomId, action: 'lock' })), 'forbidden');
    await second.do('moderate-room', { roomId, action: 'forbid-screen' });
    const joined = await owner.do('join-room', { roomId });
    // No STUN on the way to the server's media (ADR 13), and there is no TURN here.
    assert.deepEqual([joined.transport, joined.iceServers], ['sfu', []]);
    assert.deepEqual(joined.participants.filter(({ host }) => host).map(({ id }) => id), [joined.self]);
    assert.equal(await code(second.call('moderate-room', { roomId, action: 'lock' })), 'forbidden');
    await owner.do('moderate-room', { roomId, action: 'make-host', participantId: ids.third });
    await third.event('participant-state', ({ participant }) => participant.id === ids.third && participant.host);
    await third.do('leave-room', { roomId });
    await second.event('participant-state', ({ participant }) => participant.id === ids.second && participant.host);
  });

  test('can be locked: nobody but its maker comes in, those inside stay', async (t) => {
    const { pages, roomId } = await room(t, 3);
    const [owner, second, third] = pages;
    await owner.do('join-room', { roomId });
    await second.do('join-room', { roomId });
    await owner.do('moderate-room', { roomId, action: 'lock' });
    assert.equal(await code(third.call('join-room', { roomId })), 'room-locked');
    await second.do('join-room', { roomId });
    await owner.do('leave-room', { roomId });
    await owner.do('join-room', { roomId });
    await owner.do('moderate-room', { roomId, action: 'unlock' });
    await third.do('join-room', { roomId });
  });

  test('who is muted stays so until allowed; who is removed stays out', async (t) => {
    const { pages, roomId } = await room(t, 3);
    const [owner, second, third] = pages;
    await owner.do('join-room', { roomId });
    const { self } = await second.do('join-room', { roomId });
    await third.do('join-room', { roomId });
    const on = { roomId, audio: true, video: true, screen: false };
    await second.do('media-state', on);
    await third.event('participant-state', ({ participant }) => participant.id === self && participant.media.audio);
    await owner.do('moderate-room', { roomId, action: 'mute', participantId: self });
    for (const page of [second, third]) await page.event('participant-state', ({ participant }) => participant.id === self && !participant.media.audio && participant.media.video);
    assert.equal(await code(second.call('media-state', on)), 'forbidden');
    await owner.do('moderate-room', { roomId, action: 'allow-mic', participantId: self });
    await second.do('media-state', on);
    await owner.do('moderate-room', { roomId, action: 'remove', participantId: self });
    assert.equal((await second.event('room-closed')).reason, 'removed');
    assert.equal((await third.event('participant-left')).reason, 'removed');
    assert.equal(await code(second.call('join-room', { roomId })), 'removed');
    assert.equal(await code(owner.call('moderate-room', { roomId, action: 'mute', participantId: self })), 'peer-gone');
  });

  test('keeps those apart who share a block, from the first moment on, and lets nobody in to a host they share one with', async (t) => {
    const { all, pages, roomId } = await room(t, 4);
    const [owner, second, third, fourth] = pages;
    const block = async (who, whom) => assert.equal((await who.ask('PUT', `/api/blocks/${whom.id}`)).status, 204);
    await owner.do('join-room', { roomId });
    const { self: secondId } = await second.do('join-room', { roomId });
    const { self: thirdId } = await third.do('join-room', { roomId });
    await second.event('participant-joined', ({ participant }) => participant.id === thirdId);
    await block(all[1], all[2]);
    assert.equal((await second.event('participant-left')).participant.id, thirdId);
    assert.equal((await third.event('participant-left')).participant.id, secondId);
    for (const page of [second, third]) {
      await page.do('chat-message', { roomId, text: 'hello', nonce: 'n1' });
      await owner.event('chat-message');
    }
    // Blocked before: the newcomer and the one who is there never hear of one another.
    await block(all[3], all[1]);
    const ack = await fourth.do('join-room', { roomId });
    assert.deepEqual(new Set(ack.participants.map(({ id }) => id)), new Set([(await owner.do('join-room', { roomId })).self, thirdId, ack.self]));
    await third.event('participant-joined', ({ participant }) => participant.id === ack.self);
    await fourth.do('chat-message', { roomId, text: 'hello', nonce: 'n1' });
    await third.event('chat-message');
    assert.deepEqual(second.all('chat-message'), []);
    assert.deepEqual(second.all('participant-joined').map(({ participant }) => participant.id), [thirdId]);
    // With the host there is no being apart.
    await block(all[0], all[3]);
    assert.equal((await fourth.event('room-closed')).reason, 'left');
    assert.equal(await code(fourth.call('join-room', { roomId })), 'blocked');
    await block(all[2], all[0]);
    assert.equal((await third.event('room-closed')).reason, 'left');
    await owner.do('leave-room', { roomId });
    assert.equal(await code(third.call('join-room', { roomId })), 'blocked', 'its owner needn’t be there');
  });

  test('carries hands, reactions and messages to the others, and nobody else', async (t) => {
    const { pages, roomId } = await room(t, 3);
    const [owner, second, stranger] = pages;
    await owner.do('join-room', { roomId });
    const { self } = await second.do('join-room', { roomId });
    await second.do('hand', { roomId, raised: true });
    assert.deepEqual(pick(await owner.event('hand')), { from: self, raised: true });
    await second.do('reaction', { roomId, kind: 'clap' });
    assert.deepEqual(pick(await owner.event('reaction')), { from: self, kind: 'clap' });
    const { id } = await second.do('chat-message', { roomId, text: 'hello', nonce: 'n1' });
    assert.equal((await owner.event('chat-message')).id, id);
    for (const [name, payload] of [
      ['hand', { roomId, raised: true }],
      ['reaction', { roomId, kind: 'clap' }],
      ['chat-message', { roomId, text: 'hello', nonce: 'n2' }],
      ['view', { roomId, wanted: [] }],
      ['offer', { roomId, sdp: 'v=0' }],
      ['moderate-room', { roomId, action: 'lock' }],
    ]) {
      assert.equal(await code(stranger.call(name, payload)), 'not-in-room', name);
    }
    for (const [name, payload] of [
      ['reaction', { roomId, kind: 'hiss' }],
      ['moderate-room', { roomId, action: 'explode' }],
      ['view', { roomId, wanted: Array.from({ length: 33 }, () => ({ participantId: self, source: 'camera', maxHeight: 90 })) }],
      ['hand', { roomId }],
    ]) {
      assert.equal(await code(second.call(name, payload)), 'bad-request', name);
    }
    assert.equal(await code(second.call('offer', { roomId, sdp: 'v=0\r\nm=audio 9 RTP/AVP 0\r\n' })), 'invalid-sdp');
  });

  test('keeps the place of whose wire broke, and gives it away when they stay away', async (t) => {
    const { all, pages, roomId } = await room(t, 2);
    const [owner, second] = pages;
    await owner.do('join-room', { roomId });
    const { self } = await second.do('join-room', { roomId });
    second.cut();
    await owner.event('participant-state', ({ participant }) => participant.id === self && participant.state === 'reconnecting');
    const again = await all[1].open();
    assert.equal((await again.do('join-room', { roomId })).self, self, 'the same participant');
    await owner.event('participant-state', ({ participant }) => participant.id === self && participant.state === 'connected');
    again.cut();
    const left = await owner.event('participant-left', () => true, 12_000);
    assert.deepEqual([left.participant.id, left.reason], [self, 'lost']);
  });

  test('is left behind before the next one', async (t) => {
    const { all, pages, roomId } = await room(t, 1);
    const other = (await all[0].ask('POST', '/api/rooms', { json: {} })).body.room.id;
    await pages[0].do('join-room', { roomId });
    assert.equal(await code(pages[0].call('join-room', { roomId: other })), 'already-in-room');
    assert.equal(await code(pages[0].call('find-match', {})), 'already-in-room');
    await pages[0].do('leave-room', { roomId });
    await pages[0].do('join-room', { roomId: other });
    const stranger = await signIn(server, { test: t });
    assert.equal((await stranger.ask('DELETE', `/api/rooms/${other}`)).status, 403);
  });
});

const pick = ({ seq, roomId, ...rest }) => rest;
