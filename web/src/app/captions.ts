/** Captions of the call I am in, wherever it was begun. */
import { computed, effect, signal, untracked } from '@preact/signals';

import { type ServerEvents, troubleOf } from '../protocol/types';
import { handle, type Input, START, type State } from '../state/captions';
import { info, lookAgain, onSignedOut } from './account';
import { clock } from './clock';
import { call, listen } from './socket';

export interface Place {
  roomId: string;
  /** By what name somebody is known there; empty for whom I don't see. */
  nameOf: (participantId: string) => string;
}

export const captions = signal<State>(START);
/** The call that can have them, as the page that shows it says. */
const place = signal<Place | null>(null);
export const canCaption = computed(() => place.value !== null && info.value?.watched === true);

export function at(here: Place | null): void {
  if (here) lookAgain();
  place.value = here;
}

/** The page of the call has gone, and the wish with it. */
export function over(): void {
  at(null);
  give({ is: 'over' });
}

export const toggleCaptions = (): void => give({ is: 'toggle' });

function give(input: Input): void {
  const [next, tell] = handle(captions.peek(), input, Date.now());
  captions.value = next;
  if (!tell) return;
  call('captions', tell).then(
    () => give({ is: 'answered', ...tell }),
    (error: unknown) => give({ is: 'answered', ...tell, code: troubleOf(error).code }),
  );
}

function onCaption({ roomId, participantId, text }: ServerEvents['caption']): void {
  give({ is: 'caption', roomId, name: place.peek()?.nameOf(participantId) ?? '', text });
}

effect(() => {
  const roomId = canCaption.value ? (place.value?.roomId ?? null) : null;
  untracked(() => give({ is: 'place', roomId }));
});
clock.subscribe(() => give({ is: 'tick' }));
listen({
  up: ({ resumed }) => {
    if (!resumed) give({ is: 'forgotten' });
  },
  down() {},
  event(event) {
    if (event.name === 'caption') onCaption(event.data);
  },
});
onSignedOut(() => (captions.value = START));
