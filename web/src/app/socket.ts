/** The one socket of this page. Whoever is interested listens; it lives as long as somebody is signed in. */
import { signal } from '@preact/signals';

import { Signalling } from '../protocol/socket';
import { type ClientEvents, type ServerEvent, Trouble, type Welcome } from '../protocol/types';
import { api, onSignedOut } from './account';

export interface Listener {
  up(welcome: Welcome): void;
  down(): void;
  event(event: ServerEvent): void;
}

const listeners: Listener[] = [];
let signalling: Signalling | null = null;

/** Since when the server can't be reached over it. */
export const downSince = signal<number | null>(null);

export function listen(listener: Listener): void {
  listeners.push(listener);
}

export function connect(): void {
  if (signalling) return;
  signalling = new Signalling((fresh) => (fresh ? api.session.renew() : api.session.token()), {
    up(welcome) {
      downSince.value = null;
      listeners.forEach((listener) => listener.up(welcome));
    },
    down() {
      downSince.value ??= Date.now();
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
  downSince.value = null;
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
