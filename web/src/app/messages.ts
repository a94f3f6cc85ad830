/** What is written in the present call. */
import { signal } from '@preact/signals';

import type { Held } from '../protocol/types';
import { onSignedOut } from './account';
import { call } from './socket';

/** Messages of a call that are kept on the page. */
const MOST = 500;

export interface Message {
  key: string;
  mine: boolean;
  /** Whose it is, in a call of several. */
  from: string;
  text: string;
  /** What in it leads away from here: covered until whoever reads it says otherwise. */
  held?: Held | undefined;
  state: 'sending' | 'sent' | 'failed';
  error?: unknown;
}

export const messages = signal<Message[]>([]);

export function clearMessages(): void {
  messages.value = [];
}

// Whoever signs in here next has read and written nothing.
onSignedOut(clearMessages);

function add(message: Message): void {
  messages.value = [...messages.value, message].slice(-MOST);
}

function mark(key: string, state: Message['state'], error?: unknown): void {
  messages.value = messages.value.map((message) => (message.key === key ? { ...message, state, error } : message));
}

export function hear(key: string, text: string, from: string, held?: Held): void {
  add({ key, mine: false, from, text, held, state: 'sent' });
}

/** The one who reads it wants to see it. */
export function uncover(key: string): void {
  messages.value = messages.value.map((message) => (message.key === key ? { ...message, held: undefined } : message));
}

/**
 * `again` is the key of a message that failed: the server takes each key once, so that saying it twice says it once. `anyway`: one
 * that was held back goes covered, and the other one decides whether to see it.
 */
export async function say(roomId: string, text: string, again?: string, anyway = false): Promise<void> {
  if (!text.trim()) return;
  const key = again ?? crypto.randomUUID();
  if (again) mark(key, 'sending');
  else add({ key, mine: true, from: '', text: text.trim(), state: 'sending' });
  try {
    await call('chat-message', { roomId, text, nonce: key, ...(anyway && { anyway }) });
    mark(key, 'sent');
  } catch (error) {
    mark(key, 'failed', error);
  }
}
