/** What is written in the present call. */
import { signal } from '@preact/signals';

import { call } from './socket';

/** Messages of a call that are kept on the page. */
const MOST = 500;

export interface Message {
  key: string;
  mine: boolean;
  /** Whose it is, in a call of several. */
  from: string;
  text: string;
  state: 'sending' | 'sent' | 'failed';
  error?: unknown;
}

export const messages = signal<Message[]>([]);

export function clearMessages(): void {
  messages.value = [];
}

function add(message: Message): void {
  messages.value = [...messages.value, message].slice(-MOST);
}

function mark(key: string, state: Message['state'], error?: unknown): void {
  messages.value = messages.value.map((message) => (message.key === key ? { ...message, state, error } : message));
}

export function hear(key: string, text: string, from: string): void {
  add({ key, mine: false, from, text, state: 'sent' });
}

/** `again` is the key of a message that failed: the server takes each key once, so that saying it twice says it once. */
export async function say(roomId: string, text: string, again?: string): Promise<void> {
  if (!text.trim()) return;
  const key = again ?? crypto.randomUUID();
  if (again) mark(key, 'sending');
  else add({ key, mine: true, from: '', text: text.trim(), state: 'sending' });
  try {
    await call('chat-message', { roomId, text, nonce: key });
    mark(key, 'sent');
  } catch (error) {
    mark(key, 'failed', error);
  }
}
