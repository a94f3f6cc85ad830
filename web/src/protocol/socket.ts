/** Signalling: typed events over Socket.IO with acknowledgements, deadlines and resume. */
import { io, type Socket as IoSocket } from 'socket.io-client';

import { Order } from './order';
import { type ClientEvents, SERVER_EVENTS, type ServerEvent, Trouble, type Welcome } from './types';

/** Every acknowledgement comes within this time, or the event is taken for lost. */
const ACK_MS = 8_000;

interface Ack {
  ok: boolean;
  error?: { code: Trouble['code']; message: string; retryAfterMs?: number };
}

export interface Handlers {
  event(event: ServerEvent): void;
  up(welcome: Welcome): void;
  /** With why the server has refused to let this page in, if it was that. */
  down(refused?: string): void;
  /** The server doesn't take this login any more. */
  signedOut(): void;
}

export class Signalling {
  readonly #order = new Order();
  readonly #socket: IoSocket;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(token: (fresh: boolean) => Promise<string>, handlers: Handlers) {
    let fresh = false;
    this.#socket = io({
      transports: ['websocket'],
      autoConnect: false,
      reconnectionDelay: 300,
      reconnectionDelayMax: 4_000,
      auth: (give) => {
        token(fresh)
          .then((token) => {
            fresh = false;
            give({ token, ...(this.#order.resume ? { resume: this.#order.resume } : {}) });
          })
          .catch((error: unknown) => {
            if (error instanceof Trouble && error.code === 'unauthorized') handlers.signedOut();
            else this.#retry(3_000);
          });
      },
    });
    this.#socket.on('welcome', (welcome: Welcome) => {
      this.#order.welcome(welcome.session, welcome.seq, welcome.resumed);
      handlers.up(welcome);
    });
    for (const name of SERVER_EVENTS) {
      this.#socket.on(name, (data: ServerEvent['data'] & { seq?: number }) => {
        if (this.#order.take(data.seq)) handlers.event({ name, data } as ServerEvent);
      });
    }
    this.#socket.on('disconnect', (reason) => {
      handlers.down();
      // The library leaves it to us to come back after the server's own word.
      if (reason === 'io server disconnect') this.#retry(500);
    });
    this.#socket.on('connect_error', (error) => {
      const refused = this.#socket.active ? undefined : error.message;
      handlers.down(refused);
      if (refused === undefined) return;
      fresh = refused === 'unauthorized';
      this.#retry(fresh ? 0 : 3_000);
    });
  }

  #retry(ms: number): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#socket.connect(), ms);
  }

  connect(): void {
    this.#socket.connect();
  }

  /** Doesn't wait for the next try to reach the server. */
  tryNow(): void {
    if (this.#socket.connected) return;
    clearTimeout(this.#again);
    this.#socket.disconnect().connect();
  }

  /** The server goes down for a moment: leave, and come back when it says. */
  reconnectIn(ms: number): void {
    this.#socket.disconnect();
    this.#retry(ms);
  }

  close(): void {
    clearTimeout(this.#again);
    this.#order.session = null;
    this.#socket.disconnect();
  }

  async call<N extends keyof ClientEvents>(name: N, payload: ClientEvents[N][0]): Promise<ClientEvents[N][1]> {
    if (!this.#socket.connected) throw new Trouble('network', 'not connected');
    let ack: Ack;
    try {
      ack = (await this.#socket.timeout(ACK_MS).emitWithAck(name, payload)) as Ack;
    } catch {
      throw new Trouble('timeout', `no answer to ${name}`);
    }
    if (ack.ok) return ack as unknown as ClientEvents[N][1];
    throw new Trouble(ack.error?.code ?? 'internal', ack.error?.message ?? '', ack.error?.retryAfterMs);
  }
}
