/** Friends and requests of whoever is signed in, kept up to date by the socket. */
import { computed, signal } from '@preact/signals';

import type { ServerEvent } from '../protocol/types';
import { accepted, asked, loaded, START, type State, told } from '../state/friends';
import { api, me, onSignedOut } from './account';
import { say } from './notices';
import { listen, tell } from './socket';

export const friends = signal<State>(START);
/** Why the lists aren't there, or not the newest. */
export const friendsError = signal<unknown>(null);
/** How many wait for an answer of mine. */
export const requestsToMe = computed(() => friends.value.requests.incoming.length);

/** One question at a time; whatever changes meanwhile asks once more. */
let asking: Promise<void> | null = null;
let again = false;

export function refresh(): Promise<void> {
  again = true;
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

async function ask(): Promise<void> {
  while (again && me.value) {
    again = false;
    const who = me.value.id;
    friends.value = asked(friends.value);
    try {
      const [list, requests] = await Promise.all([api.friends(), api.friendRequests()]);
      if (me.value?.id !== who) return;
      const before = friends.value;
      friends.value = loaded(before, list, requests);
      accepted(before, friends.value).forEach(({ user }) => say('saidYes', { name: user.displayName }));
      friendsError.value = null;
    } catch (error) {
      friendsError.value = error;
    }
  }
}

/** Does something about friends, and looks how things stand then, also if it has failed: it may not be so any more. */
export async function change(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } finally {
    await refresh();
  }
}

/** Asks somebody I have met; says what came of it. */
export async function befriend(userId: string, name: string): Promise<void> {
  await change(async () => {
    const { friend } = await api.askToBeFriends({ userId });
    say(friend ? 'nowFriends' : 'wasAsked', { name });
  });
}

function onEvent(event: ServerEvent): void {
  switch (event.name) {
    case 'presence':
      friends.value = told(friends.value, event.data);
      return;
    case 'friend-request':
      say('asksYou', { name: event.data.request.user.displayName });
      void refresh();
      return;
    case 'friends-changed':
      void refresh();
  }
}

const sayWhetherAway = (): void => void tell('presence', { away: document.hidden });

listen({
  up() {
    sayWhetherAway();
    void refresh();
  },
  down: () => undefined,
  event: onEvent,
});
document.addEventListener('visibilitychange', sayWhetherAway);
onSignedOut(() => {
  friends.value = START;
  friendsError.value = null;
});
