/** Shapes of the public contract (docs/protocol.md). */

export type Band = 'low' | 'new' | 'good' | 'trusted';

export interface Card {
  id: string;
  displayName: string;
  avatarUrl: string | null;
  band: Band;
}

export interface Me extends Card {
  bio: string;
  languages: string[];
  interests: string[];
  country: string | null;
  privateId: string;
  reputation: number;
  role: 'user' | 'moderator' | 'admin';
  ageDeclared: boolean;
  hideIp: boolean;
  doNotDisturb: boolean;
  createdAt: string;
}

export type Profile = Partial<Pick<Me, 'displayName' | 'bio' | 'languages' | 'interests' | 'country' | 'hideIp' | 'doNotDisturb'>>;

export interface Challenge {
  challengeId: string;
  expiresAt: string;
  resendAt: string;
}

export interface SignedIn {
  accessToken: string;
  expiresAt: string;
  user: Me;
  newUser: boolean;
}

export interface LoginSession {
  id: string;
  createdAt: string;
  lastUsedAt: string;
  userAgent: string;
  current: boolean;
}

export interface Block {
  user: Card;
  since: string;
}

/** Where a friend is. */
export type Presence = 'online' | 'in-call' | 'away' | 'offline';

export interface Friend {
  user: Card;
  since: string;
  presence: Presence;
}

export interface FriendRequest {
  id: string;
  /** The other one. */
  user: Card;
  createdAt: string;
  expiresAt: string;
}

export interface FriendRequests {
  incoming: FriendRequest[];
  outgoing: FriendRequest[];
}

export interface Reputation {
  score: number;
  band: Band;
  entries: Move[];
}

export interface Move {
  at: string;
  delta: number;
  /** What kind of reason. */
  kind?: string;
  /** It in English. */
  reason: string;
  recoverBy?: string;
}

/** A call as I remember it. */
export interface PastCall {
  roomId: string;
  kind: 'random' | 'friends' | 'group';
  at: string;
  endedAt?: string;
  durationMs: number;
  /** Of a call among friends: whether I was called. */
  incoming?: boolean;
  missed: boolean;
  reason?: string;
  people: Card[];
}

export interface Info {
  name: string;
  version: string;
  devOutbox: string | null;
  /** Calls through the server are looked at. */
  watched: boolean;
  /** In direct calls between strangers pages send in what they show, now and then, and it is looked at. */
  sampled: boolean;
  sfu: boolean;
}

export const REPORT_REASONS = ['nudity', 'violence', 'harassment', 'minor', 'spam', 'other'] as const;
export type ReportReason = (typeof REPORT_REASONS)[number];

/** The closed list of codes; every one has words in each language. */
export const CODES = [
  'bad-request', 'invalid-code', 'challenge-expired', 'invalid-sdp', 'held-back', 'unauthorized', 'reauth-required',
  'forbidden', 'suspended', 'blocked', 'removed', 'age-required', 'not-found', 'not-in-room', 'peer-gone', 'conflict',
  'already-in-room', 'wrong-state', 'room-full', 'room-locked', 'busy', 'offline', 'declined', 'payload-too-large',
  'unsupported-media-type', 'wrong-host', 'rate-limited', 'too-many-tries', 'internal', 'unavailable',
] as const;
export type Code = (typeof CODES)[number];

/** What went wrong, by its code; `timeout` and `network` are the page's own. */
export class Trouble extends Error {
  constructor(
    readonly code: Code | 'timeout' | 'network',
    message: string,
    readonly retryAfterMs?: number,
    /** Names of the fields at fault. */
    readonly fields: string[] = [],
  ) {
    super(message);
  }
}

export function troubleOf(error: unknown): Trouble {
  return error instanceof Trouble ? error : new Trouble('network', String(error));
}

export interface MediaState {
  audio: boolean;
  video: boolean;
  screen: boolean;
}

export interface Participant {
  id: string;
  userId: string;
  displayName: string;
  avatarUrl: string | null;
  band: Band;
  state: 'connected' | 'reconnecting';
  media: MediaState;
  host: boolean;
  handRaised: boolean;
  /** By the host, or for safety. */
  muted?: boolean;
  /** For safety: the pictures are shown blurred. */
  blurred?: boolean;
}

export type SafetyAction = 'warn' | 'blur' | 'mute' | 'remove' | 'suspend';

/** What was decided about me, with what it rests on. */
export type Concern = 'nudity' | 'weapon' | 'violence' | 'harassment' | 'spam' | 'minor' | 'other' | 'evasion';
export type Modality = 'picture' | 'speech' | 'sound' | 'text';

/** A statement of reasons, in paragraphs. */
export interface Statement {
  decision: string;
  facts: string[];
  rule: string;
  automated: string;
  duration: string;
  appeal: string;
  note?: string;
}

export type Words = Record<'en' | 'de', Statement>;

export interface AppealState {
  id: string;
  at: string;
  state: 'open' | 'upheld' | 'overturned';
  judgedAt?: string;
  note?: string;
}

export interface Decision {
  id: string;
  at: string;
  action: SafetyAction;
  concern: Concern;
  rule: string;
  version: string;
  automated: boolean;
  facts: { at: string; modality: Modality; score: number }[];
  until?: string;
  overturnedAt?: string;
  statement: Words;
  /** Until then it can be appealed; not there once it was, or was taken back. */
  appealUntil?: string;
  appeal?: AppealState;
}

/** What somebody sends. */
export type Source = 'mic' | 'camera' | 'screen' | 'screen-audio';

/** What one of my receiving lines carries. */
export interface SlotLine {
  mid: string;
  participantId: string | null;
  source: Source;
}

/** A group's room, as those who are in it see it. */
export interface RoomView {
  id: string;
  name?: string;
  maxParticipants: number;
  locked: boolean;
  screensForbidden?: boolean;
  /** Of a call between friends: who called, and so makes the offer. */
  caller?: string;
  /** Until when it rings at the other's. */
  ringingUntil?: string;
}

/** And as its link tells. */
export interface RoomRecord {
  room: RoomView & { owned: boolean };
  joinUrl: string;
}

export interface Joined {
  room: RoomView;
  /** Which way the media goes; in a group always through the server. */
  transport?: 'p2p' | 'sfu';
  self: string;
  participants: Participant[];
  iceServers: RTCIceServer[];
}

/** What of somebody I show, and how large. */
export interface Wanted {
  participantId: string;
  source: 'camera' | 'screen';
  maxHeight: number;
}

export const REACTIONS = ['thumbs-up', 'thumbs-down', 'clap', 'laugh', 'heart', 'surprise', 'party'] as const;
export type ReactionKind = (typeof REACTIONS)[number];

export type HostAction = 'mute' | 'allow-mic' | 'remove' | 'lock' | 'unlock' | 'forbid-screen' | 'allow-screen' | 'make-host';

export interface Peer {
  userId: string;
  displayName: string;
  avatarUrl: string | null;
  band: Band;
  commonInterests: string[];
}

export interface Match {
  roomId: string;
  self: string;
  peerId: string;
  initiator: boolean;
  peer: Peer;
  transport: 'p2p' | 'sfu';
  iceServers: RTCIceServer[];
}

export interface Wishes {
  interests?: string[];
  languages?: string[];
  countries?: string[];
}

export type Widened = 'reputation' | 'languages' | 'interests' | 'rematch';

/** Why a call is over, or rings no more. */
export type CallEnd = 'cancelled' | 'timeout' | 'busy' | 'hung-up' | 'elsewhere';

/** What a message holds that leads away from here. */
export type Held = 'link' | 'email' | 'phone' | 'handle';

/** Server events by name. */
export interface ServerEvents {
  'seat-taken': { roomId?: string };
  'server-draining': { reconnectInMs: number };
  'match-waiting': { ticketId: string; waitedMs: number; widened: Widened[] };
  match: Match;
  offer: { roomId: string; from: string; sdp: string };
  answer: { roomId: string; from: string; sdp: string };
  'ice-candidate': { roomId: string; from: string; candidate: RTCIceCandidateInit | null };
  'participant-joined': { roomId: string; participant: Participant };
  'participant-state': { roomId: string; participant: Participant };
  'participant-left': { roomId: string; participant: Participant; reason: 'left' | 'lost' | 'removed' | 'safety' };
  'room-closed': { roomId: string; reason: string };
  'chat-message': { roomId: string; id: string; from: string; text: string; held?: Held; at: string };
  slots: { roomId: string; slots: SlotLine[] };
  'active-speaker': { roomId: string; participantId: string | null; levels: { participantId: string; level: number }[] };
  'room-changed': { roomId: string; maxParticipants: number; locked?: boolean; screensForbidden?: boolean };
  'move-to-sfu': { roomId: string; reason: string };
  moved: { roomId: string };
  hand: { roomId: string; from: string; raised: boolean };
  reaction: { roomId: string; from: string; kind: ReactionKind };
  caption: { roomId: string; participantId: string; text: string; at: string };
  /** `people` are in it already, of a call that runs. */
  'incoming-call': { roomId: string; from: Card; expiresAt: string; people?: number };
  'call-accepted': { roomId: string; elsewhere: boolean; userId?: string };
  'call-declined': { roomId: string; userId?: string };
  'call-ended': { roomId: string; reason: CallEnd };
  presence: { userId: string; presence: Presence; at: string };
  'friend-request': { request: FriendRequest };
  'friends-changed': Record<string, never>;
  'account-changed': Record<string, never>;
  'safety-notice': { roomId?: string; action: SafetyAction; rule: string; until?: string; decisionId: string; automated: boolean };
}

export type ServerEvent = { [N in keyof ServerEvents]: { name: N; data: ServerEvents[N] } }[keyof ServerEvents];

export const SERVER_EVENTS: (keyof ServerEvents)[] = [
  'seat-taken', 'server-draining', 'match-waiting', 'match', 'offer', 'answer', 'ice-candidate', 'participant-joined',
  'participant-state', 'participant-left', 'room-closed', 'chat-message', 'slots', 'active-speaker', 'room-changed', 'hand',
  'reaction', 'caption', 'move-to-sfu', 'moved', 'presence', 'friend-request', 'friends-changed', 'account-changed',
  'incoming-call', 'call-accepted', 'call-declined', 'call-ended', 'safety-notice',
];

/** Client events: payload and what their acknowledgement adds to `ok`. */
export interface ClientEvents {
  'find-match': [Wishes, { ticketId: string }];
  next: [Wishes, { ticketId: string }];
  'cancel-match': [Record<string, never>, { cancelled: boolean }];
  'join-room': [{ roomId: string }, Joined];
  'leave-room': [{ roomId: string }, object];
  /** Without `to` it is for the server, which answers at once. */
  offer: [{ roomId: string; to?: string; sdp: string }, { answer?: { sdp: string } }];
  answer: [{ roomId: string; to: string; sdp: string }, object];
  'ice-candidate': [{ roomId: string; to: string; candidate: RTCIceCandidateInit | null }, object];
  'link-state': [{ roomId: string; path: 'p2p' | 'sfu'; state: 'connecting' | 'connected' | 'failed' }, object];
  'media-state': [{ roomId: string } & MediaState, object];
  'chat-message': [{ roomId: string; text: string; nonce: string; anyway?: boolean }, { id: string }];
  view: [{ roomId: string; wanted: Wanted[] }, object];
  hand: [{ roomId: string; raised: boolean }, object];
  reaction: [{ roomId: string; kind: ReactionKind }, object];
  captions: [{ roomId: string; on: boolean }, object];
  /** A still of a direct call between strangers, as it is shown here. */
  sample: [{ roomId: string; of: string; image: ArrayBuffer }, object];
  'call-user': [{ userId: string }, { roomId: string }];
  'call-accept': [{ roomId: string }, { roomId: string }];
  'call-decline': [{ roomId: string }, object];
  'call-cancel': [{ roomId: string; userId?: string }, object];
  'add-to-call': [{ roomId: string; userId: string }, object];
  /** Whether anybody looks at this page. */
  presence: [{ away: boolean }, object];
  'moderate-room': [{ roomId: string; action: HostAction; participantId?: string }, object];
}

export interface Welcome {
  session: string;
  seq: number;
  resumed: boolean;
  user: Me;
  iceServers: RTCIceServer[];
  limits: { sdpBytes: number; chatChars: number; sampleBytes: number; sampleEveryMs: number; seatGraceMs: number };
}
