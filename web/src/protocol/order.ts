/** Reliable events carry `seq`: each is taken once and in order, however often it arrives. */
export class Order {
  session: string | null = null;
  #seen = 0;

  /** The place to go on from after a reconnect. */
  get resume(): { session: string; seq: number } | undefined {
    return this.session ? { session: this.session, seq: this.#seen } : undefined;
  }

  welcome(session: string, seq: number, resumed: boolean): void {
    if (!resumed || session !== this.session) this.#seen = seq;
    this.session = session;
  }

  /** Whether the event is new; one without a number always is. */
  take(seq: unknown): boolean {
    if (typeof seq !== 'number') return true;
    if (seq <= this.#seen) return false;
    this.#seen = seq;
    return true;
  }
}
