/** The random chat: the machine's inputs come from here, and its effects are carried out here. */
import { batch, computed, signal } from '@preact/signals';

import * as devices from '../media/devices';
import { PeerLink } from '../media/peer';
import { keepAwake } from '../media/wake';
import { Rtc } from '../protocol/rtc';
import { type MediaState, type Participant, type ReportReason, type ServerEvent, type ServerEvents, type SlotLine, troubleOf, type Welcome } from '../protocol/types';
import { type Effect, handle, type Input, isActive, type Met, START, type State } from '../state/chat';
import { layers, RESTED } from '../state/link';
import { api, info, lookAgain, me, onSignedOut } from './account';
import { clock } from './clock';
import { clearMessages, hear } from './messages';
import { onFree, tellFree } from './seat';
import { call, connect, listen, tell } from './socket';

export const chat = signal<State>(START);
export const active = computed(() => isActive(chat.value));
export const partnerStream = signal<MediaStream | null>(null);
export const partnerMedia = signal<MediaState | null>(null);
/** Whose pictures are shown blurred, for safety. */
export const blurred = signal({ partner: false, self: false });
/** The last partner's name, for words about somebody who has gone. */
export const partnerName = signal('');

/** Two people: one of them is the other. */
const TWO = 2;
/** How often it is looked whether the partner's first picture has come through the server. */
const FIRST_PICTURE_MS = 100;

let peer: PeerLink | null = null;
/** The way through the server, in calls that go or move there. */
let sfu: Rtc | null = null;
let slots: SlotLine[] = [];
let iceServers: RTCIceServer[] = [];
let graceMs = 15_000;

/** One input for the machine; its effects are carried out at once. */
export function give(input: Input): void {
  const before = chat.peek();
  const [next, effects] = handle(before, input, Date.now());
  batch(() => {
    // Messages are gone from the page when the call ends.
    if (chat.value.room && next.room?.id !== chat.value.room.id) clearMessages();
    if (next !== chat.value) chat.value = next;
    if (next.room) partnerName.value = next.room.peer.displayName;
  });
  keepAwake('chat', next.room !== null);
  if (isActive(before) && !isActive(next) && next.phase !== 'other-tab') tellFree();
  effects.forEach(carry);
}

function carry(effect: Effect): void {
  switch (effect.do) {
    case 'get-devices':
      connect();
      void devices.open().then((ok) => give({ is: ok || devices.local.value ? 'devices-ready' : 'devices-failed' }));
      break;
    case 'close-devices':
      devices.close();
      break;
    case 'find-match':
    case 'next':
      void search(effect.do);
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
    case 'mend':
      peer?.mend();
      break;
    case 'open-sfu':
      openSfu(effect.roomId);
      break;
    case 'mend-sfu':
      sfu?.mend();
      break;
    case 'close-p2p':
      closePeer();
      showSfu();
      break;
    case 'say-failed':
      void tell('link-state', { roomId: effect.roomId, path: 'p2p', state: 'failed' });
      break;
    case 'close-peer':
      closePeer();
      closeSfu();
      break;
  }
}

function onWelcome(welcome: Welcome): void {
  iceServers = welcome.iceServers;
  graceMs = welcome.limits.seatGraceMs;
  me.value = welcome.user;
  // What was switched while nobody could be told.
  if (welcome.resumed) sendMedia();
  give({ is: 'socket-up', resumed: welcome.resumed });
}

function onEvent(event: ServerEvent): void {
  switch (event.name) {
    case 'match':
      lookAgain();
      iceServers = event.data.iceServers;
      return give({ is: 'match', match: event.data, movable: info.value?.sfu ?? false });
    case 'match-waiting':
      return give({ is: 'waiting', widened: event.data.widened });
    case 'participant-joined':
      if (isPartner(event.data.roomId, event.data.participant.id)) partnerMedia.value = event.data.participant.media;
      return give({ is: 'joined-in', data: event.data });
    case 'participant-state':
      showBlurred(event.data);
      if (chat.value.room?.self === event.data.participant.id) return;
      if (isPartner(event.data.roomId, event.data.participant.id)) partnerMedia.value = event.data.participant.media;
      return give({ is: 'state', data: event.data, graceMs });
    case 'slots':
      if (chat.value.room?.id !== event.data.roomId) return;
      slots = event.data.slots;
      return showSfu();
    case 'move-to-sfu':
      return give({ is: 'move', roomId: event.data.roomId });
    case 'moved':
      return give({ is: 'moved', roomId: event.data.roomId });
    case 'participant-left':
      return give({ is: 'left', data: event.data });
    case 'room-closed':
      return give({ is: 'closed', data: event.data });
    case 'seat-taken':
      return give({ is: 'seat-taken' });
    case 'server-draining':
      return give({ is: 'draining' });
    case 'offer':
    case 'answer':
      if (isPartner(event.data.roomId, event.data.from)) peer?.take(event.name, event.data.sdp);
      return;
    case 'ice-candidate':
      if (isPartner(event.data.roomId, event.data.from)) peer?.takeCandidate(event.data.candidate);
      return;
    case 'chat-message':
      if (isPartner(event.data.roomId, event.data.from)) hear(event.data.id, event.data.text, partnerName.value, event.data.held);
  }
}

function showBlurred({ roomId, participant: { id, blurred: is = false } }: ServerEvents['participant-state']): void {
  const room = chat.value.room;
  if (room?.id !== roomId) return;
  if (id === room.self) blurred.value = { ...blurred.value, self: is };
  if (id === room.peerId) blurred.value = { ...blurred.value, partner: is };
}

/** How both are, as an answer says. */
function showAll(roomId: string, participants: Participant[]): void {
  for (const participant of participants) {
    if (isPartner(roomId, participant.id)) partnerMedia.value = participant.media;
    showBlurred({ roomId, participant });
  }
}

const isPartner = (roomId: string, participantId: string): boolean =>
  chat.value.room?.id === roomId && chat.value.room.peerId === participantId;

async function search(ask: 'find-match' | 'next'): Promise<void> {
  try {
    await call(ask, {});
  } catch (error) {
    give({ is: 'search-failed', ask, code: troubleOf(error).code });
  }
}

async function join(roomId: string): Promise<void> {
  closePeer();
  closeSfu();
  clearMessages();
  partnerMedia.value = null;
  blurred.value = { partner: false, self: false };
  const link = chat.value.room?.transport === 'sfu' ? null : openPeer(roomId);
  peer = link;
  try {
    const joined = await call('join-room', { roomId });
    iceServers = joined.iceServers;
    link?.use(joined.iceServers);
    sendMedia();
    showAll(roomId, joined.participants);
    give({ is: 'joined', roomId, participants: joined.participants });
  } catch (error) {
    give({ is: 'join-failed', roomId, code: troubleOf(error).code });
  }
}

/** The socket's session was lost, the call was not: takes its place in the room again. */
async function rejoin(roomId: string): Promise<void> {
  try {
    const joined = await call('join-room', { roomId });
    peer?.use(joined.iceServers);
    sendMedia();
    // What changed meanwhile was told to the session that is lost.
    showAll(roomId, joined.participants);
    give({ is: 'rejoined', roomId, participants: joined.participants });
  } catch (error) {
    give({ is: 'rejoin-failed', roomId, code: troubleOf(error).code });
  }
}

function openPeer(roomId: string): PeerLink {
  const to = chat.value.room?.peerId ?? '';
  return new PeerLink(iceServers, devices.local.value, {
    signal: (kind, sdp) => void tell(kind, { roomId, to, sdp }),
    candidate: (candidate) => void tell('ice-candidate', { roomId, to, candidate }),
    link: (state) => {
      if (state !== 'failed') void tell('link-state', { roomId, path: 'p2p', state });
      give({ is: 'link', roomId, path: 'p2p', state });
    },
    stream: (stream) => (partnerStream.value = stream),
  });
}

function openSfu(roomId: string): void {
  closeSfu();
  const rtc = new Rtc(TWO, iceServers, {
    offer: async (sdp) => (await call('offer', { roomId, sdp })).answer?.sdp ?? '',
    link: (state) => {
      if (state === 'connected') void told(rtc, roomId);
      give({ is: 'link', roomId, path: 'sfu', state: state === 'broken' ? 'failed' : state });
    },
    figures: () => undefined,
  });
  sfu = rtc;
  publish();
  rtc.offer();
}

/** Says that the way stands once the partner is seen there: a call that moves shows no gap. */
async function told(rtc: Rtc, roomId: string): Promise<void> {
  while (rtc === sfu && chat.value.room?.moving && (partnerMedia.value?.video ?? true)) {
    const mid = lineOf('camera')?.mid;
    if (mid && (await rtc.frames(mid)) > 0) break;
    await new Promise((later) => setTimeout(later, FIRST_PICTURE_MS));
  }
  if (rtc === sfu) void tell('link-state', { roomId, path: 'sfu', state: 'connected' });
}

const lineOf = (source: SlotLine['source']): SlotLine | undefined =>
  slots.find((line) => line.source === source && line.participantId === chat.value.room?.peerId);

/** What comes through the server is shown when the direct way isn't there (any more). */
function showSfu(): void {
  const rtc = sfu;
  if (!rtc || chat.value.room?.transport !== 'sfu') return;
  const lines = [lineOf('mic'), lineOf('camera')].flatMap((line) => (line ? [line] : []));
  const tracks = lines.flatMap(({ mid }) => rtc.stream(mid)?.getTracks() ?? []);
  const now = partnerStream.value?.getTracks() ?? [];
  if (tracks.length === now.length && tracks.every((track) => now.includes(track))) return;
  partnerStream.value = tracks.length ? new MediaStream(tracks) : null;
  const camera = lineOf('camera');
  const { room } = chat.value;
  if (camera && room) void tell('view', { roomId: room.id, wanted: [{ participantId: room.peerId, source: 'camera', maxHeight: 720 }] });
}

function publish(): void {
  const tracks = devices.local.value?.getTracks() ?? [];
  const camera = tracks.find(({ kind }) => kind === 'video') ?? null;
  sfu?.publish('mic', tracks.find(({ kind }) => kind === 'audio') ?? null);
  sfu?.publish('camera', camera);
  void sfu?.layer(layers(camera?.getSettings().height ?? 720, RESTED));
}

function closeSfu(): void {
  // What comes directly is still shown.
  if (sfu && !peer) partnerStream.value = null;
  sfu?.close();
  sfu = null;
  slots = [];
}

function closePeer(): void {
  peer?.close();
  peer = null;
  partnerStream.value = null;
}

function sendMedia(): void {
  const roomId = chat.value.room?.id;
  if (roomId) void tell('media-state', { roomId, audio: devices.isOn('audio'), video: devices.isOn('video'), screen: false });
}

export function toggle(kind: 'audio' | 'video'): void {
  devices.toggle(kind);
  sendMedia();
}

/** About whoever is or was met, who may be gone by now. */
export async function report({ roomId, peer: { userId } }: Met, reason: ReportReason, note: string): Promise<void> {
  await api.report(roomId, userId, reason, note);
  forget(roomId);
  give({ is: 'after-report', roomId });
}

export async function block({ roomId, peer: { userId } }: Met): Promise<void> {
  await api.block(userId);
  forget(roomId);
  give({ is: 'after-block', roomId });
}

/** What somebody wrote who will never be met again needn't stay in sight. */
function forget(roomId: string): void {
  if (chat.value.met?.roomId === roomId) clearMessages();
}

clock.subscribe(() => give({ is: 'tick' }));
onFree(() => give({ is: 'seat-free' }));
listen({ up: onWelcome, down: () => give({ is: 'socket-down' }), event: onEvent });
onSignedOut(() => {
  closePeer();
  closeSfu();
  devices.close();
  chat.value = START;
  // Whoever signs in here next has met nobody.
  partnerName.value = '';
  partnerMedia.value = null;
  blurred.value = { partner: false, self: false };
});
// Another camera or microphone, or one that was unplugged: the partner gets what there is.
devices.local.subscribe((stream) => {
  peer?.send(stream);
  publish();
  sendMedia();
});
devices.taken.subscribe(sendMedia);
// A tab that is closed leaves the call, so that nobody waits for it.
window.addEventListener('pagehide', () => give({ is: 'stop' }));
