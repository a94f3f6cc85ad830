/** The one socket of this page. Whoever is interested listens; it lives as long as somebody is signed in. */
import { signal } from '@preact/signals';

import { Signalling } from '../protocol/socket';
import { type ClientEvents, type ServerEvent, Trouble, type Welcome } from '../protocol/types';
import { api, me, onSignedOut } from './account';

export interface Listener {
  up(welcome: Welcome): void;
  down(): void;
  event(event: ServerEvent): void;
}

const listeners: Listener[] = [];
let signalling: Signalling | null = null;
/** Of the connection that stands. */
let welcome: Welcome | null = null;

/** Since when the server can't be reached over it. */
export const downSince = signal<number | null>(null);

/** The server is there, but has enough pages of this person. */
export const crowded = signal(false);

export function listen(listener: Listener): void {
  listeners.push(listener);
  // A page that was loaded later begins with what is so.
  if (welcome) listener.up({ ...welcome, resumed: false });
}

export function connect(): void {
  if (signalling) return;
  signalling = new Signalling((fresh) => (fresh ? api.session.renew() : api.session.token()), {
    up(greeting) {
      downSince.value = null;
      crowded.value = false;
      welcome = greeting;
      listeners.forEach((listener) => listener.up(greeting));
    },
    down(refused) {
      crowded.value = refused === 'rate-limited';
      downSince.value ??= Date.now();
      welcome = null;
      listeners.forEach((listener) => listener.down());
    },
    event(event) {
      listeners.forEach((listener) => listener.event(event));
      if (event.name === 'server-draining') signalling?.reconnectIn(event.data.reconnectInMs);
    },
    signedOut: () => api.session.accept(null),
  });
  signalling.connect();
}

onSignedOut(() => {
  signalling?.close();
  signalling = null;
  welcome = null;
  downSince.value = null;
  crowded.value = false;
});

/** At once, not when it would be its turn. */
export function tryNow(): void {
  signalling?.tryNow();
}

export function call<N extends keyof ClientEvents>(name: N, payload: ClientEvents[N][0]): Promise<ClientEvents[N][1]> {
  if (!signalling) return Promise.reject(new Trouble('network', 'not connected'));
  return signalling.call(name, payload);
}

/** Says something whose refusal changes nothing here: the room may be over by then. */
export async function tell<N extends keyof ClientEvents>(name: N, payload: ClientEvents[N][0]): Promise<void> {
  await call(name, payload).catch(() => undefined);
}

// On every page: friends see that somebody is there, and calls ring wherever they are.
me.subscribe((somebody) => {
  if (somebody) connect();
});
