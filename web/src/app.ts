/** What the page knows and does: the machine of the random chat with its effects carried out, and the account. */
import { batch, computed, signal } from '@preact/signals';

import * as devices from './media/devices';
import { PeerLink } from './media/peer';
import { Api } from './protocol/api';
import { Signalling } from './protocol/socket';
import {
  type ClientEvents,
  type Info,
  type Me,
  type MediaState,
  type ReportReason,
  type ServerEvents,
  Trouble,
  troubleOf,
  type Welcome,
} from './protocol/types';
import { type Effect, handle, type Input, isActive, START, type State } from './state/chat';

/** Messages of a call that are kept on the page. */
const MAX_MESSAGES = 500;

export interface Message {
  key: string;
  mine: boolean;
  text: string;
  state: 'sending' | 'sent' | 'failed';
  error?: unknown;
}

export const me = signal<Me | null>(null);
/** Whether it is known yet if somebody is signed in. */
export const ready = signal(false);
export const info = signal<Info | null>(null);
export const chat = signal<State>(START);
export const messages = signal<Message[]>([]);
export const partnerStream = signal<MediaStream | null>(null);
export const partnerMedia = signal<MediaState | null>(null);
/** The last partner's name, for words about somebody who has gone. */
export const partnerName = signal('');
export const clock = signal(Date.now());
export const active = computed(() => isActive(chat.value));

/** Whether somebody was signed in here the last time, so that the first paint needn't wait for the answer. */
const WAS_SIGNED_IN = 'visavis-signed-in';
export const wasSignedIn = localStorage.getItem(WAS_SIGNED_IN) !== null;

export const api = new Api((signedIn) => {
  me.value = signedIn?.user ?? null;
  if (signedIn) {
    localStorage.setItem(WAS_SIGNED_IN, '1');
  } else {
    localStorage.removeItem(WAS_SIGNED_IN);
    disconnect();
  }
});

let signalling: Signalling | null = null;
let peer: PeerLink | null = null;
let iceServers: RTCIceServer[] = [];
let graceMs = 15_000;

export async function boot(): Promise<void> {
  setInterval(() => {
    clock.value = Date.now();
    give({ is: 'tick' });
  }, 250);
  await Promise.all([
    api.info().then((found) => (info.value = found), () => undefined),
    api.session.token().catch(() => undefined),
  ]);
  ready.value = true;
}

/** One input for the machine; its effects are carried out at once. */
export function give(input: Input): void {
  const [next, effects] = handle(chat.value, input, Date.now());
  batch(() => {
    if (next !== chat.value) chat.value = next;
    if (next.room) partnerName.value = next.room.peer.displayName;
  });
  effects.forEach(carry);
}

function carry(effect: Effect): void {
  switch (effect.do) {
    case 'get-devices':
      connect();
      void devices.open().then((ok) => give({ is: ok || devices.local.value ? 'devices-ready' : 'devices-failed' }));
      break;
    case 'find-match':
      void search('find-match');
      break;
    case 'next':
      void search('next');
      break;
    case 'cancel-match':
      void tell('cancel-match', {});
      break;
    case 'join':
      void join(effect.roomId);
      break;
    case 'rejoin':
      void rejoin(effect.roomId);
      break;
    case 'leave':
      void tell('leave-room', { roomId: effect.roomId });
      break;
    case 'offer':
      peer?.offer();
      break;
    case 'say-failed':
      void tell('link-state', { roomId: effect.roomId, path: 'p2p', state: 'failed' });
      break;
    case 'close-peer':
      closePeer();
      break;
  }
}

export function connect(): void {
  if (signalling) return;
  signalling = new Signalling((fresh) => (fresh ? api.session.renew() : api.session.token()), {
    up: onWelcome,
    down: () => give({ is: 'socket-down' }),
    event: onEvent,
    signedOut: () => api.session.accept(null),
  });
  signalling.connect();
}

function disconnect(): void {
  if (isActive(chat.value)) give({ is: 'stop' });
  signalling?.close();
  signalling = null;
  closePeer();
  devices.close();
  chat.value = START;
}

function onWelcome(welcome: Welcome): void {
  iceServers = welcome.iceServers;
  graceMs = welcome.limits.seatGraceMs;
  me.value = welcome.user;
  give({ is: 'socket-up', resumed: welcome.resumed });
}

function onEvent<N extends keyof ServerEvents>(name: N, data: ServerEvents[N]): void {
  const event = { name, data } as { [K in keyof ServerEvents]: { name: K; data: ServerEvents[K] } }[keyof ServerEvents];
  switch (event.name) {
    case 'match':
      iceServers = event.data.iceServers;
      return give({ is: 'match', match: event.data });
    case 'match-waiting':
      return give({ is: 'waiting', widened: event.data.widened });
    case 'participant-joined':
      return give({ is: 'joined-in', data: event.data });
    case 'participant-state':
      if (isPartner(event.data.roomId, event.data.participant.id)) partnerMedia.value = event.data.participant.media;
      return give({ is: 'state', data: event.data, graceMs });
    case 'participant-left':
      return give({ is: 'left', data: event.data });
    case 'room-closed':
      return give({ is: 'closed', data: event.data });
    case 'seat-taken':
      return give({ is: 'seat-taken' });
    case 'server-draining':
      return signalling?.reconnectIn(event.data.reconnectInMs);
    case 'offer':
    case 'answer':
      if (isPartner(event.data.roomId, event.data.from)) peer?.take(event.name, event.data.sdp);
      return;
    case 'ice-candidate':
      if (isPartner(event.data.roomId, event.data.from)) peer?.takeCandidate(event.data.candidate);
      return;
    case 'chat-message':
      if (isPartner(event.data.roomId, event.data.from)) {
        add({ key: event.data.id, mine: false, text: event.data.text, state: 'sent' });
      }
  }
}

const isPartner = (roomId: string, participantId: string): boolean =>
  chat.value.room?.id === roomId && chat.value.room.peerId === participantId;

async function search(how: 'find-match' | 'next'): Promise<void> {
  try {
    await call(how, {});
  } catch (error) {
    give({ is: 'search-failed', code: troubleOf(error).code });
  }
}

async function join(roomId: string): Promise<void> {
  closePeer();
  messages.value = [];
  partnerMedia.value = null;
  peer = openPeer(roomId);
  try {
    const joined = await call('join-room', { roomId });
    sendMedia();
    const partner = joined.participants.find(({ id }) => id !== joined.self);
    if (partner) partnerMedia.value = partner.media;
    give({ is: 'joined', roomId, participants: joined.participants });
  } catch (error) {
    give({ is: 'join-failed', roomId, code: troubleOf(error).code });
  }
}

/** The socket's session was lost, the call was not: takes its place in the room again. */
async function rejoin(roomId: string): Promise<void> {
  try {
    await call('join-room', { roomId });
    sendMedia();
  } catch (error) {
    give({ is: 'rejoin-failed', roomId, code: troubleOf(error).code });
  }
}

function openPeer(roomId: string): PeerLink {
  const to = (): string => chat.value.room?.peerId ?? '';
  return new PeerLink(iceServers, devices.local.value ?? new MediaStream(), {
    signal: (kind, sdp) => void tell(kind, { roomId, to: to(), sdp }),
    candidate: (candidate) => void tell('ice-candidate', { roomId, to: to(), candidate }),
    link: (state) => {
      if (state !== 'failed') void tell('link-state', { roomId, path: 'p2p', state });
      give({ is: 'link', roomId, state });
    },
    stream: (stream) => (partnerStream.value = stream),
  });
}

function closePeer(): void {
  peer?.close();
  peer = null;
  partnerStream.value = null;
}

function call<N extends keyof ClientEvents>(name: N, payload: ClientEvents[N][0]): Promise<ClientEvents[N][1]> {
  if (!signalling) return Promise.reject(new Trouble('network', 'not connected'));
  return signalling.call(name, payload);
}

/** Says something whose refusal changes nothing here: the room may be over by then. */
async function tell<N extends keyof ClientEvents>(name: N, payload: ClientEvents[N][0]): Promise<void> {
  await call(name, payload).catch(() => undefined);
}

function sendMedia(): void {
  const roomId = chat.value.room?.id;
  if (!roomId) return;
  const audio = devices.has('audio') && devices.microphoneOn.value;
  const video = devices.has('video') && devices.cameraOn.value;
  void tell('media-state', { roomId, audio, video, screen: false });
}

export function toggle(kind: 'audio' | 'video'): void {
  devices.toggle(kind);
  sendMedia();
}

export async function chooseDevice(kind: 'camera' | 'microphone' | 'speaker', id: string): Promise<void> {
  await devices.choose(kind, id);
  for (const track of devices.local.value?.getTracks() ?? []) {
    await peer?.replace(track.kind as 'audio' | 'video', track);
  }
}

function add(message: Message): void {
  messages.value = [...messages.value, message].slice(-MAX_MESSAGES);
}

function mark(key: string, state: Message['state'], error?: unknown): void {
  messages.value = messages.value.map((m) => (m.key === key ? { ...m, state, error } : m));
}

export async function say(text: string, again?: string): Promise<void> {
  const roomId = chat.value.room?.id;
  if (!roomId || !text.trim()) return;
  const key = again ?? crypto.randomUUID();
  if (again) mark(key, 'sending');
  else add({ key, mine: true, text: text.trim(), state: 'sending' });
  try {
    await call('chat-message', { roomId, text, nonce: key });
    mark(key, 'sent');
  } catch (error) {
    mark(key, 'failed', error);
  }
}

export async function report(reason: ReportReason, note: string): Promise<void> {
  const room = chat.value.room;
  if (!room) return;
  await api.report(room.id, room.peer.userId, reason, note);
  give({ is: 'after-report' });
}

export async function block(): Promise<void> {
  const room = chat.value.room;
  if (!room) return;
  await api.block(room.peer.userId);
  give({ is: 'after-block' });
}
