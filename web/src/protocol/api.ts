/** The HTTP API: one function per route, faults as [`Trouble`]. */
import { Session } from './session';
import type { Block, Card, Challenge, Decision, Friend, FriendRequest, FriendRequests, Info, LoginSession, Me, PastCall, Profile, ReportReason, Reputation, RoomRecord, SignedIn } from './types';
import { Trouble } from './types';

/** No answer of ours takes longer, except all that is held of a person. */
const DEADLINE_MS = 15_000;
const EXPORT_MS = 120_000;

interface Problem {
  code?: string;
  detail?: string;
  fields?: { field: string }[];
}

async function send(method: string, path: string, body?: unknown, token?: string, withinMs = DEADLINE_MS): Promise<Response> {
  const headers: Record<string, string> = {};
  // A picture is sent as it is, everything else as JSON.
  const raw = body instanceof Blob;
  if (body !== undefined) headers['content-type'] = raw ? body.type : 'application/json';
  if (token) headers['authorization'] = `Bearer ${token}`;
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(withinMs), credentials: 'same-origin' };
  if (body !== undefined) init.body = raw ? body : JSON.stringify(body);
  try {
    return await fetch(path, init);
  } catch (error) {
    const timeout = error instanceof DOMException && error.name === 'TimeoutError';
    throw new Trouble(timeout ? 'timeout' : 'network', String(error));
  }
}

async function read<T>(response: Response): Promise<T> {
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as Problem;
  const retry = Number(response.headers.get('retry-after'));
  const code = (problem.code ?? 'internal') as Trouble['code'];
  const fields = (problem.fields ?? []).map(({ field }) => field);
  throw new Trouble(code, problem.detail ?? response.statusText, retry > 0 ? retry * 1_000 : undefined, fields);
}

export class Api {
  readonly session: Session;

  constructor(changed: (signedIn: SignedIn | null) => void) {
    this.session = new Session(() => this.#refresh(), changed);
  }

  async #refresh(): Promise<SignedIn | null> {
    const response = await send('POST', '/api/auth/refresh');
    if (response.status === 401) return null;
    return read<SignedIn>(response);
  }

  /** With the token; one that wasn't taken is renewed once. */
  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await send(method, path, body, await this.session.token());
    if (response.status !== 401) return read<T>(response);
    return read<T>(await send(method, path, body, await this.session.renew()));
  }

  async #open<T>(path: string, body: unknown): Promise<T> {
    return read<T>(await send('POST', path, body));
  }

  /** For parts of the page that bring their own routes along. */
  ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.#call(method, path, body);
  }
  /** What isn't JSON. */
  async file(path: string): Promise<Blob> {
    return (await this.#fetch(path)).blob();
  }
  async #fetch(path: string, withinMs?: number): Promise<Response> {
    const ask = async (token: string): Promise<Response> => send('GET', path, undefined, token, withinMs);
    let answer = await ask(await this.session.token());
    if (answer.status === 401) answer = await ask(await this.session.renew());
    if (!answer.ok) await read(answer);
    return answer;
  }

  async info(): Promise<Info> {
    return read<Info>(await send('GET', '/api/info'));
  }
  login(email: string): Promise<Challenge> {
    return this.#open('/api/auth/login', { email });
  }
  async verify(challengeId: string, code: string): Promise<SignedIn> {
    const signedIn = await this.#open<SignedIn>('/api/auth/verify', { challengeId, code });
    this.session.accept(signedIn);
    return signedIn;
  }
  peek(token: string): Promise<{ email: string }> {
    return this.#open('/api/auth/magic/peek', { token });
  }
  async magic(token: string): Promise<SignedIn> {
    const signedIn = await this.#open<SignedIn>('/api/auth/magic', { token });
    this.session.accept(signedIn);
    return signedIn;
  }
  async logout(): Promise<void> {
    await read(await send('POST', '/api/auth/logout'));
    this.session.accept(null);
  }
  async sessions(): Promise<LoginSession[]> {
    return (await this.#call<{ sessions: LoginSession[] }>('GET', '/api/auth/sessions')).sessions;
  }
  endSession(id: string): Promise<void> {
    return this.#call('DELETE', `/api/auth/sessions/${encodeURIComponent(id)}`);
  }
  me(): Promise<Me> {
    return this.#call('GET', '/api/users/me');
  }
  change(profile: Profile): Promise<Me> {
    return this.#call('PATCH', '/api/users/me', profile);
  }
  declareAdult(): Promise<void> {
    return this.#call('PUT', '/api/users/me/age', { adult: true });
  }
  async decisions(): Promise<Decision[]> {
    return (await this.#call<{ decisions: Decision[] }>('GET', '/api/users/me/decisions')).decisions;
  }

  appeal(decisionId: string, text: string): Promise<{ appealId: string }> {
    return this.#call('POST', '/api/appeals', { decisionId, text });
  }

  setAvatar(picture: Blob): Promise<unknown> {
    return this.#call('PUT', '/api/users/me/avatar', picture);
  }
  removeAvatar(): Promise<unknown> {
    return this.#call('DELETE', '/api/users/me/avatar');
  }
  /** Everything held, as a file. */
  async exportMe(): Promise<{ blob: Blob; name: string }> {
    const answer = await this.#fetch('/api/users/me/export', EXPORT_MS);
    const named = /filename="([\w.-]+)"/.exec(answer.headers.get('content-disposition') ?? '');
    return { blob: await answer.blob(), name: named?.[1] ?? 'visavis-export.json' };
  }
  /** The account and all that belongs to it, for good. */
  eraseMe(): Promise<unknown> {
    return this.#call('DELETE', '/api/users/me');
  }

  reputation(): Promise<Reputation> {
    return this.#call('GET', '/api/users/me/reputation');
  }
  async pastCalls(): Promise<PastCall[]> {
    return (await this.#call<{ calls: PastCall[] }>('GET', '/api/users/me/calls')).calls;
  }
  async blocks(): Promise<Block[]> {
    return (await this.#call<{ blocks: Block[] }>('GET', '/api/blocks')).blocks;
  }
  block(userId: string): Promise<void> {
    return this.#call('PUT', `/api/blocks/${encodeURIComponent(userId)}`);
  }
  unblock(userId: string): Promise<void> {
    return this.#call('DELETE', `/api/blocks/${encodeURIComponent(userId)}`);
  }
  friends(): Promise<Friend[]> {
    return this.#call('GET', '/api/friends');
  }
  removeFriend(userId: string): Promise<void> {
    return this.#call('DELETE', `/api/friends/${encodeURIComponent(userId)}`);
  }
  findByPrivateId(privateId: string): Promise<Card> {
    return this.#call('GET', `/api/friends/lookup/${encodeURIComponent(privateId)}`);
  }
  friendRequests(): Promise<FriendRequests> {
    return this.#call('GET', '/api/friends/requests');
  }
  /** By their private ID, or because we have met. If they had asked me, we are friends at once. */
  askToBeFriends(whom: { privateId: string } | { userId: string }): Promise<{ request?: FriendRequest; friend?: Friend }> {
    return this.#call('POST', '/api/friends/requests', whom);
  }
  acceptRequest(id: string): Promise<Friend> {
    return this.#call('POST', `/api/friends/requests/${encodeURIComponent(id)}/accept`);
  }
  declineRequest(id: string): Promise<void> {
    return this.#call('POST', `/api/friends/requests/${encodeURIComponent(id)}/decline`);
  }
  withdrawRequest(id: string): Promise<void> {
    return this.#call('DELETE', `/api/friends/requests/${encodeURIComponent(id)}`);
  }
  rotatePrivateId(): Promise<Me> {
    return this.#call('POST', '/api/users/me/private-id');
  }
  rate(roomId: string, stars: number): Promise<void> {
    return this.#call('POST', `/api/calls/${encodeURIComponent(roomId)}/rating`, { stars });
  }
  makeRoom(name: string): Promise<RoomRecord> {
    const words = name.trim();
    return this.#call('POST', '/api/rooms', words ? { name: words } : {});
  }
  room(id: string): Promise<RoomRecord> {
    return this.#call('GET', `/api/rooms/${encodeURIComponent(id)}`);
  }
  endRoom(id: string): Promise<void> {
    return this.#call('DELETE', `/api/rooms/${encodeURIComponent(id)}`);
  }
  report(roomId: string, userId: string, reason: ReportReason, note: string): Promise<void> {
    const words = note.trim();
    return this.#call('POST', '/api/reports', { roomId, userId, reason, ...(words ? { note: words } : {}) });
  }
}
