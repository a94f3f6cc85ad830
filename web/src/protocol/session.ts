/**
 * Who is signed in on this device. The access token lives in memory only; the refresh cookie is the browser's. All tabs
 * refresh one after the other (Web Locks), so that they don't race for the rotated cookie.
 */
import type { SignedIn } from './types';
import { Trouble } from './types';

/** Refresh so long before the token ends. */
const EARLY_MS = 60_000;

type Locked = <T>(task: () => Promise<T>) => Promise<T>;

const alone: Locked = (task) =>
  globalThis.navigator?.locks ? (navigator.locks.request('visavis-refresh', task) as ReturnType<typeof task>) : task();

export class Session {
  #token: string | null = null;
  #ends = 0;
  #refreshing: Promise<void> | null = null;
  /** How often somebody has signed in or out: an answer from before is out of date. */
  #changes = 0;

  /** `refresh` asks the server; null means that nobody is signed in. */
  constructor(
    private readonly refresh: () => Promise<SignedIn | null>,
    private readonly changed: (signedIn: SignedIn | null) => void,
    private readonly now: () => number = Date.now,
    private readonly locked: Locked = alone,
  ) {}

  accept(signedIn: SignedIn | null): void {
    this.#changes += 1;
    this.#token = signedIn?.accessToken ?? null;
    this.#ends = signedIn ? Date.parse(signedIn.expiresAt) : 0;
    this.changed(signedIn);
  }

  /** A token that is good for a while; refreshes when needed. */
  async token(): Promise<string> {
    if (this.#token && this.now() < this.#ends - EARLY_MS) return this.#token;
    return this.renew();
  }

  /** A new token in any case, for one that the server didn't take. */
  async renew(): Promise<string> {
    this.#refreshing ??= this.#renew().finally(() => (this.#refreshing = null));
    await this.#refreshing;
    if (!this.#token) throw new Trouble('unauthorized', 'signed out');
    return this.#token;
  }

  async #renew(): Promise<void> {
    const before = this.#changes;
    const signedIn = await this.locked(this.refresh);
    if (before === this.#changes) this.accept(signedIn);
  }
}
