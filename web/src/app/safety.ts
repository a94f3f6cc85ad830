/** What was decided about whoever is signed in, as it happens: it stays on the page until it is read. */
import { signal } from '@preact/signals';

import type { ServerEvents } from '../protocol/types';
import { onSignedOut } from './account';
import { listen } from './socket';

export type Verdict = ServerEvents['safety-notice'];

/** The newest that wasn't put away. A milder one doesn't hide a graver one of the same moment. */
export const verdict = signal<Verdict | null>(null);

const GRAVITY: Verdict['action'][] = ['warn', 'blur', 'mute', 'remove', 'suspend'];

export function dismiss(): void {
  verdict.value = null;
}

listen({
  up() {},
  down() {},
  event(event) {
    if (event.name !== 'safety-notice') return;
    const now = verdict.peek();
    const graver = !now || now.roomId !== event.data.roomId || GRAVITY.indexOf(event.data.action) >= GRAVITY.indexOf(now.action);
    if (graver) verdict.value = event.data;
  },
});

onSignedOut(dismiss);
