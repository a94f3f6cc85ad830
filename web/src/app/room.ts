/** A call in a room, of a group or among friends: the machine's inputs come from here, and its effects are carried out here. */
import { batch, computed, effect, signal, untracked } from '@preact/signals';

import type { Key } from '../i18n';
import * as devices from '../media/devices';
import { FACES_AND_SCREENS, PeerLink } from '../media/peer';
import { capture, release } from '../media/screen';
import { keepAwake } from '../media/wake';
import { type Figures, Rtc } from '../protocol/rtc';
import { type HostAction, type Participant, type ReactionKind, type ReportReason, type ServerEvent, type Source, troubleOf, type Wanted, type Welcome } from '../protocol/types';
import { partner } from '../state/call';
import type { TileRef } from '../state/layout';
import { wanted } from '../state/layout';
import { isOverloaded, layers, type Load, MOST_LINES, myQuality, type Quality, quality, RESTED, strain } from '../state/link';
import { type Effect, handle, type Input, isIn, isKnown, me as mine, nameOf, START, type State } from '../state/room';
import { api, lookAgain, me, onSignedOut } from './account';
import { callAt, endedAs } from './calls';
import { clock } from './clock';
import { friends } from './friends';
import { clearMessages, hear } from './messages';
import { say } from './notices';
import { onFree, tellFree } from './seat';
import { call, connect, listen, tell } from './socket';

/** The server is told what is shown when it has stood still for so long. */
const SHOWN_MS = 250;
/** How often it is looked whether the partner's first picture has come through the server. */
const FIRST_PICTURE_MS = 100;
/** A reaction is seen for so long. */
const REACTION_MS = 4_000;

export const room = signal<State>(START);
/** The connection for sound and pictures. */
export const link = signal<Rtc | null>(null);
/** What comes directly from a friend: their face, and their screen. */
export const directly = signal<{ camera: MediaStream | null; screen: MediaStream | null }>({ camera: null, screen: null });
/** What I share. */
export const screen = signal<MediaStream | null>(null);
/** By participant: how well they are seen and heard, I too. */
export const qualities = signal<Record<string, Quality>>({});
export const reactions = signal<Record<string, { kind: ReactionKind; until: number }>>({});
/** Messages that came while the conversation was out of sight. */
export const unread = signal(0);
/** A small window over the others shows the call: it is seen though the page isn't. */
export const isFloating = signal(false);
export const inRoom = computed(() => isIn(room.value));

let peer: PeerLink | null = null;
let load: Load = RESTED;
let figures: { at: number; all: Figures } | null = null;
let iceServers: RTCIceServer[] = [];
let said = '';
let shown: { tile: TileRef; lines: number }[] = [];
let asked = '';
let asking: ReturnType<typeof setTimeout> | undefined;

/** One input for the machine; its effects are carried out at once. */
export function give(input: Input): void {
  const before = room.peek();
  const [next, effects] = handle(before, input, Date.now());
  batch(() => {
    if (next !== room.peek()) room.value = next;
    if (!isIn(next)) forget();
  });
  keepAwake('room', isIn(next));
  if (isIn(before) && !isIn(next) && next.phase !== 'other-tab') tellFree();
  effects.forEach(carry);
}

function carry(what: Effect): void {
  const { roomId } = room.peek();
  switch (what.do) {
    case 'look':
      void look(roomId);
      break;
    case 'join':
      void join(roomId);
      break;
    case 'leave':
      void tell('leave-room', { roomId });
      break;
    case 'open-link':
      openLink();
      break;
    case 'mend':
      link.peek()?.mend();
      break;
    case 'grow':
      link.peek()?.grow(what.by);
      break;
    case 'close-link':
      closeLink();
      break;
    case 'open-peer':
      openPeer(roomId);
      break;
    case 'offer':
      peer?.offer();
      break;
    case 'close-peer':
      closePeer();
      break;
    case 'say-failed':
      void tell('link-state', { roomId, path: 'p2p', state: 'failed' });
      break;
    case 'cancel':
      void tell('call-cancel', { roomId });
      break;
    case 'say-media':
      said = '';
      void sayMedia();
      break;
    case 'mute':
      if (devices.isOn('audio')) devices.toggle('audio');
      break;
    case 'stop-screen':
      stopScreen();
      break;
    case 'close-devices':
      stopScreen();
      devices.close();
      break;
  }
}

async function look(roomId: string): Promise<void> {
  try {
    give({ is: 'looked', record: await api.room(roomId) });
  } catch (error) {
    give({ is: 'look-failed', roomId, code: troubleOf(error).code });
  }
}

/** Whoever comes back after camera and microphone were closed is seen and heard again, if they may be opened unasked. */
async function openDevices(): Promise<void> {
  if (devices.local.peek()) return;
  // A call was just asked for, or answered: that is when one expects the browser's question.
  if (!room.peek().call) await devices.openIfAllowed();
  else if (!(await devices.open()) && devices.problem.peek()) say(`device_${devices.problem.peek()}` as Key);
  if (inRoom.peek() && !devices.local.peek()) devices.goWithout();
}

async function join(roomId: string): Promise<void> {
  void openDevices();
  try {
    const joined = await call('join-room', { roomId });
    iceServers = joined.iceServers;
    if (!inRoom.peek()) clearMessages();
    give({ is: 'joined', roomId, joined, me: me.peek()?.id });
  } catch (error) {
    give({ is: 'join-failed', roomId, code: troubleOf(error).code });
  }
}

/** About whoever is in the room, or has just left it. */
export async function report({ userId, displayName: name }: Participant, reason: ReportReason, note: string): Promise<void> {
  await api.report(room.peek().roomId, userId, reason, note);
  give({ is: 'parted', how: 'reported', userId, name });
}

export async function block({ userId, displayName: name }: Participant): Promise<void> {
  await api.block(userId);
  give({ is: 'parted', how: 'blocked', userId, name });
}

/** What belonged to the call. */
function forget(): void {
  if (Object.keys(qualities.peek()).length) qualities.value = {};
  if (Object.keys(reactions.peek()).length) reactions.value = {};
  unread.value = 0;
  load = RESTED;
  shown = [];
}

function openLink(): void {
  closeLink();
  const { roomId, limit } = room.peek();
  const rtc = new Rtc(limit, iceServers, {
    offer: (sdp) => offer(roomId, sdp),
    link: (state) => {
      if (state === 'connected') void told(rtc, roomId);
      give({ is: 'link', state });
    },
    figures: onFigures,
  });
  link.value = rtc;
  publish();
  rtc.offer();
  askFor();
}

/** In a call says that the way stands: in one that moves once the other is seen there, so that nobody sees a gap. */
async function told(rtc: Rtc, roomId: string): Promise<void> {
  while (rtc === link.peek() && room.peek().call?.moving) {
    const { people, slots } = room.peek();
    const other = people.find(({ id }) => id === partner(room.peek()));
    const mid = slots.find(({ source, participantId }) => source === 'camera' && participantId === other?.id)?.mid;
    if (!other?.media.video || (mid && (await rtc.frames(mid)) > 0)) break;
    await new Promise((later) => setTimeout(later, FIRST_PICTURE_MS));
  }
  if (rtc === link.peek() && room.peek().call) void tell('link-state', { roomId, path: 'sfu', state: 'connected' });
}

/** The direct way to a friend. */
function openPeer(roomId: string): void {
  closePeer();
  const to = (): string => partner(room.peek()) ?? '';
  const events = {
    signal: (kind: 'offer' | 'answer', sdp: string) => void tell(kind, { roomId, to: to(), sdp }),
    candidate: (candidate: RTCIceCandidateInit | null) => void tell('ice-candidate', { roomId, to: to(), candidate }),
    link: (state: 'connecting' | 'connected' | 'failed') => {
      if (state !== 'failed') void tell('link-state', { roomId, path: 'p2p', state });
      give({ is: 'peer-link', state });
    },
    stream: (camera: MediaStream) => (directly.value = { ...directly.peek(), camera }),
    screen: (shared: MediaStream) => (directly.value = { ...directly.peek(), screen: shared }),
  };
  peer = new PeerLink(iceServers, devices.local.peek(), events, FACES_AND_SCREENS);
  peer.share(screen.peek());
}

function closePeer(): void {
  peer?.close();
  peer = null;
  directly.value = { camera: null, screen: null };
}

async function offer(roomId: string, sdp: string): Promise<string> {
  try {
    return (await call('offer', { roomId, sdp })).answer?.sdp ?? '';
  } catch (error) {
    if (troubleOf(error).code === 'not-in-room') give({ is: 'not-in-room' });
    throw error;
  }
}

function closeLink(): void {
  link.peek()?.close();
  link.value = null;
  figures = null;
  asked = '';
}

/** What comes from somebody at present. */
export function streamOf(id: string, source: Source): MediaStream | null {
  if (partner(room.value) === id) return source === 'screen' ? directly.value.screen : directly.value.camera;
  const slot = room.value.slots.find((line) => line.participantId === id && line.source === source);
  return slot ? (link.value?.stream(slot.mid) ?? null) : null;
}

/** Everybody who is heard, by line. */
export function voices(): { key: string; stream: MediaStream }[] {
  const { slots } = room.value;
  const direct = partner(room.value);
  const lines = slots.filter(({ source, participantId: id }) => id && id !== direct && isKnown(room.value, id) && (source === 'mic' || source === 'screen-audio'));
  const through = lines.map(({ mid }) => ({ key: mid, stream: link.value?.stream(mid) }));
  const { camera, screen: shared } = directly.value;
  const directs = direct ? [{ key: 'direct', stream: camera }, { key: 'direct-screen', stream: shared }] : [];
  return [...through, ...directs].flatMap(({ key, stream }) => (stream ? [{ key, stream }] : []));
}

/** Sends what there is and is on. */
function publish(): void {
  peer?.send(devices.local.peek());
  peer?.share(screen.peek());
  const rtc = link.peek();
  if (!rtc) return;
  const tracks = devices.local.peek()?.getTracks() ?? [];
  const on = (kind: 'audio' | 'video'): MediaStreamTrack | null =>
    (devices.isOn(kind) && tracks.find((track) => track.kind === kind)) || null;
  const camera = on('video');
  if (camera) camera.contentHint = 'motion';
  rtc.publish('mic', on('audio'));
  rtc.publish('camera', camera);
  rtc.publish('screen', screen.peek()?.getVideoTracks()[0] ?? null);
  rtc.publish('screen-audio', screen.peek()?.getAudioTracks()[0] ?? null);
  void rtc.layer(layers(camera?.getSettings().height ?? 720, load));
}

async function sayMedia(): Promise<void> {
  const state = room.peek();
  if (!isIn(state)) return;
  const media = { audio: devices.isOn('audio'), video: devices.isOn('video'), screen: screen.peek() !== null };
  if (said === JSON.stringify(media)) return;
  said = JSON.stringify(media);
  try {
    await call('media-state', { roomId: state.roomId, ...media });
  } catch (error) {
    said = '';
    notAllowed(troubleOf(error).code, media);
  }
}

/** The server has refused what I turned on: it goes off again, with a word. */
function notAllowed(code: string, media: { audio: boolean; screen: boolean }): void {
  const muted = media.audio && (mine(room.peek())?.muted ?? !media.screen);
  if (code === 'conflict' && media.screen) {
    stopScreen();
    give({ is: 'note', note: 'screensTaken' });
  } else if (code === 'forbidden' && muted) {
    if (devices.isOn('audio')) devices.toggle('audio');
    give({ is: 'note', note: 'mutedByHost' });
  } else if (code === 'forbidden' && media.screen) {
    stopScreen();
    give({ is: 'note', note: 'screenForbidden' });
  }
}

export function toggle(kind: 'audio' | 'video'): void {
  if (kind === 'audio' && mine(room.peek())?.muted) give({ is: 'note', note: 'mutedByHost' });
  else devices.toggle(kind);
}

export async function toggleScreen(): Promise<void> {
  if (screen.peek()) return stopScreen();
  const { screensForbidden } = room.peek();
  if (screensForbidden && !mine(room.peek())?.host) return give({ is: 'note', note: 'screenForbidden' });
  const stream = await capture(stopScreen);
  if (!stream) return;
  if (inRoom.peek()) screen.value = stream;
  else release(stream);
}

function stopScreen(): void {
  release(screen.peek());
  screen.value = null;
}

/** Also after the answer that it wasn't taken: whoever raises a hand sees it at once. */
export function raiseHand(): void {
  const { roomId } = room.peek();
  void tell('hand', { roomId, raised: !mine(room.peek())?.handRaised });
}

export function react(kind: ReactionKind): void {
  const { roomId, self } = room.peek();
  showReaction(self, kind);
  void tell('reaction', { roomId, kind });
}

function showReaction(id: string, kind: ReactionKind): void {
  reactions.value = { ...reactions.peek(), [id]: { kind, until: Date.now() + REACTION_MS } };
}

export async function moderate(action: HostAction, participantId?: string): Promise<void> {
  const { roomId } = room.peek();
  await call('moderate-room', { roomId, action, ...(participantId ? { participantId } : {}) });
  give({ is: 'moderated', action });
}

/** For good, and for everybody: only whoever made the room can. */
export const endRoom = (): Promise<void> => api.endRoom(room.peek().roomId);

/** What the page shows now; the server is told in a moment, if it is something else than before. */
export function show(tiles: { tile: TileRef; lines: number }[]): void {
  shown = tiles;
  askFor();
}

function askFor(): void {
  clearTimeout(asking);
  asking = setTimeout(() => void tellView(), SHOWN_MS);
}

async function tellView(): Promise<void> {
  const { self, roomId, link: state } = room.peek();
  if (!inRoom.peek() || state === 'none' || !link.peek()) return;
  const visible = document.visibilityState === 'visible' || isFloating.peek();
  const all: Wanted[] = visible ? wanted(shown, self, MOST_LINES[load.level]) : [];
  const next = JSON.stringify(all);
  if (next === asked) return;
  asked = next;
  try {
    await call('view', { roomId, wanted: all });
  } catch {
    asked = '';
  }
}

function onFigures(all: Figures): void {
  const was = figures;
  figures = { at: performance.now(), all };
  if (!was) return;
  qualities.value = judge(was.all, all, (figures.at - was.at) / 1_000);
  const before = load.level;
  load = strain(load, isOverloaded(was.all, all));
  if (load.level === before) return;
  give({ is: 'note', note: load.level > before ? 'steppedDown' : 'steppedUp' });
  publish();
  askFor();
}

const WORSE: Record<Quality, number> = { good: 0, fair: 1, poor: 2 };

function judge(was: Figures, now: Figures, seconds: number): Record<string, Quality> {
  const { self, slots, people } = room.peek();
  const found: Record<string, Quality> = { [self]: myQuality(now) };
  for (const { mid, participantId, source } of slots) {
    const line = now.lines[mid];
    const person = people.find(({ id }) => id === participantId);
    if (!line || !person || source === 'screen') continue;
    const visible = shown.some(({ tile }) => tile.id === person.id && tile.source === source);
    const one = quality(was.lines[mid], line, seconds, visible && person.media.video);
    const known = found[person.id] ?? 'good';
    found[person.id] = WORSE[one] > WORSE[known] ? one : known;
  }
  return found;
}

function onWelcome(welcome: Welcome): void {
  me.value = welcome.user;
  give({ is: 'socket-up', resumed: welcome.resumed });
  void sayMedia();
  askFor();
}

/** By somebody whom I want to hear from. */
const isFrom = (roomId: string, id: string): boolean => inRoom.peek() && room.peek().roomId === roomId && isKnown(room.peek(), id);

const isFromPartner = ({ roomId, from }: { roomId: string; from: string }): boolean => room.peek().roomId === roomId && partner(room.peek()) === from;

const friendCalled = (userId: string | undefined): string => friends.peek().friends?.find(({ user }) => user.id === userId)?.user.displayName ?? '';

/** Calls a friend into the call. */
export async function callIn(userId: string): Promise<void> {
  await call('add-to-call', { roomId: room.peek().roomId, userId });
  give({ is: 'calling-in', userId });
}

function onEvent(event: ServerEvent): void {
  switch (event.name) {
    case 'offer':
    case 'answer':
      if (isFromPartner(event.data)) peer?.take(event.name, event.data.sdp);
      return;
    case 'ice-candidate':
      if (isFromPartner(event.data)) peer?.takeCandidate(event.data.candidate);
      return;
    case 'call-accepted':
      return give({ is: 'call-accepted', data: event.data });
    case 'call-declined':
      return give({ is: 'call-declined', data: event.data, name: friendCalled(event.data.userId) });
    case 'call-ended':
      return give({ is: 'call-ended', data: event.data });
    case 'move-to-sfu':
      return give({ is: 'move', roomId: event.data.roomId });
    case 'moved':
      return give({ is: 'moved', roomId: event.data.roomId });
    case 'participant-joined':
      return give({ is: 'joined-in', data: event.data });
    case 'participant-state':
      return give({ is: 'state', data: event.data });
    case 'participant-left':
      return give({ is: 'gone', data: event.data });
    case 'room-closed':
      return give({ is: 'closed', data: event.data });
    case 'room-changed':
      return give({ is: 'changed', data: event.data });
    case 'slots':
      return give({ is: 'slots', data: event.data });
    case 'active-speaker':
      return give({ is: 'speaker', data: event.data });
    case 'hand':
      return give({ is: 'hand', data: event.data });
    case 'seat-taken':
      return give({ is: 'seat-taken', roomId: event.data.roomId });
    case 'server-draining':
      return give({ is: 'draining' });
    case 'reaction':
      if (isFrom(event.data.roomId, event.data.from)) showReaction(event.data.from, event.data.kind);
      return;
    case 'chat-message':
      if (!isFrom(event.data.roomId, event.data.from)) return;
      unread.value += 1;
      hear(event.data.id, event.data.text, nameOf(room.peek(), event.data.from), event.data.held);
  }
}

/** The page of a room: from its lobby on, or at once if it is a call. */
export function openRoom(roomId: string): void {
  connect();
  lookAgain();
  const other = callAt(roomId);
  give(other ? { is: 'open-call', roomId, with: other, ended: endedAs(roomId) } : { is: 'open', roomId });
}

export function closeRoom(): void {
  give({ is: 'leave' });
  devices.close();
}

clock.subscribe(() => {
  const now = Date.now();
  const current = reactions.peek();
  if (Object.values(current).some(({ until }) => now >= until)) {
    reactions.value = Object.fromEntries(Object.entries(current).filter(([, { until }]) => now < until));
  }
  give({ is: 'tick' });
});
onFree(() => give({ is: 'seat-free' }));
listen({ up: onWelcome, down: () => give({ is: 'socket-down' }), event: onEvent });
// Messages are gone from the page when I leave.
effect(() => {
  if (!inRoom.value) untracked(clearMessages);
});
// Another camera or microphone, one that was unplugged, a switch: the others get what there is.
effect(() => {
  [devices.local.value, devices.microphoneOn.value, devices.cameraOn.value, devices.taken.value, screen.value].length;
  untracked(() => {
    publish();
    void sayMedia();
  });
});
onSignedOut(() => {
  closeLink();
  closePeer();
  stopScreen();
  devices.close();
  room.value = START;
});
// A tab that is closed leaves the call, so that nobody waits for it.
window.addEventListener('pagehide', () => give({ is: 'leave' }));
window.addEventListener('online', () => give({ is: 'network' }));
document.addEventListener('visibilitychange', askFor);
