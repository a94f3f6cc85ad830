/** Calls that ring on this page, and calls that begin here. What becomes of one that was answered is a room's business. */
import { signal } from '@preact/signals';

import type { Key } from '../i18n';
import { ringing } from '../media/ringtone';
import { type Card, type ServerEvent, troubleOf } from '../protocol/types';
import type { Ended } from '../state/call';
import { type Effect, handle, type Input, type Ring, START, type State } from '../state/ring';
import { lookAgain, onSignedOut } from './account';
import { clock } from './clock';
import { say } from './notices';
import { call, listen, tell } from './socket';

export const rings = signal<State>(START);

/** Rooms that are calls, and with whom: a page that is loaded anew must know that, for they have no link. */
const STORED = 'visavis-call';

/** With whom a room is a call; null when it is a group's. */
export function callAt(roomId: string): Pick<Card, 'id' | 'displayName'> | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(STORED) ?? 'null') as { roomId: string; id: string; displayName: string } | null;
    return found?.roomId === roomId ? found : null;
  } catch {
    return null;
  }
}

/** Calls of which it was heard that nobody comes, by room: the page that would show it may be on its way still. */
const ended = new Map<string, Ended>();

/** How a call has ended that I have not been in yet. */
export const endedAs = (roomId: string): Ended | undefined => ended.get(roomId);

function keep(roomId: string, { id, displayName }: Pick<Card, 'id' | 'displayName'>): void {
  sessionStorage.setItem(STORED, JSON.stringify({ roomId, id, displayName }));
}

function give(input: Input): Effect[] {
  const [next, effects] = handle(rings.peek(), input, Date.now());
  if (next !== rings.peek()) rings.value = next;
  ringing(next.some(({ answering }) => !answering));
  effects.forEach(carry);
  return effects;
}

function carry(effect: Effect): void {
  // Answering needs its own answer: see `answer`.
  if (effect.do === 'say') say(effect.what, { name: effect.name });
  else if (effect.do === 'decline') void tell('call-decline', { roomId: effect.roomId });
}

/** Takes a call here. Gives its room, to go to; null if it can't be taken (any more), which is said. */
export async function answer(ring: Ring): Promise<string | null> {
  if (!give({ is: 'answer', roomId: ring.roomId }).length) return null;
  try {
    const { roomId } = await call('call-accept', { roomId: ring.roomId });
    keep(roomId, ring.from);
    give({ is: 'answered', roomId });
    return roomId;
  } catch (error) {
    give({ is: 'answer-failed', roomId: ring.roomId, code: troubleOf(error).code });
    return null;
  }
}

export const decline = ({ roomId }: Ring): void => void give({ is: 'decline', roomId });

/** What a call that can't begin is answered, and somebody who can't be called in; everything else has its general words. */
const REFUSALS: Record<string, Key> = { busy: 'theyAreBusy', offline: 'theyAreOffline', forbidden: 'theyCantBeCalled' };

/** Words for it, with the name of whoever can't come. */
export function refusal(error: unknown): Key {
  const { code } = troubleOf(error);
  return REFUSALS[code] ?? (`code_${code}` as Key);
}

/** Calls a friend. Gives the room in which it rings, to go to; null if it can't ring, which is said. */
export async function dial(friend: Pick<Card, 'id' | 'displayName'>): Promise<string | null> {
  try {
    const { roomId } = await call('call-user', { userId: friend.id });
    keep(roomId, friend);
    return roomId;
  } catch (error) {
    say(refusal(error), { name: friend.displayName });
    return null;
  }
}

function onEvent(event: ServerEvent): void {
  switch (event.name) {
    case 'incoming-call':
      lookAgain();
      give({ is: 'rings', data: event.data });
      break;
    case 'call-accepted':
      give({ is: 'accepted', data: event.data });
      break;
    case 'call-declined':
      ended.set(event.data.roomId, { userId: event.data.userId });
      break;
    case 'call-ended':
      ended.set(event.data.roomId, { reason: event.data.reason });
      give({ is: 'ended', data: event.data });
  }
}

listen({
  up({ resumed }) {
    if (!resumed) give({ is: 'new-session' });
  },
  down: () => undefined,
  event: onEvent,
});
clock.subscribe(() => give({ is: 'tick' }));
onSignedOut(() => {
  rings.value = START;
  ended.clear();
  ringing(false);
  sessionStorage.removeItem(STORED);
});
