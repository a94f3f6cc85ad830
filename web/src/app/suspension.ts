/** Whether I am kept away from others at the moment: known before the server has to refuse anything. */
import { computed, signal } from '@preact/signals';

import type { Decision } from '../protocol/types';
import { keptAway } from '../state/suspension';
import { api, onSignedOut } from './account';
import { clock } from './clock';
import { listen } from './socket';

const decisions = signal<Decision[]>([]);

export const suspension = computed(() => keptAway(decisions.value, clock.value));

/** That it isn't known now is nobody's trouble: whoever searches is told. */
export async function lookForSuspension(): Promise<void> {
  const found = await api.decisions().catch(() => null);
  if (found) decisions.value = found;
}

listen({
  up() {},
  down() {},
  event(event) {
    if (event.name === 'safety-notice' && event.data.action === 'suspend') void lookForSuspension();
  },
});

onSignedOut(() => (decisions.value = []));
