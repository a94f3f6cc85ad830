/** What the console shows: the queue, the case in hand, appeals. Gone with the login. */
import { signal } from '@preact/signals';

import { type AppealView, type CaseKind, type CaseRow, type CaseStanding, type CaseView, Desk, type Exposure } from '../protocol/desk';
import { troubleOf } from '../protocol/types';
import { pieces } from '../state/casework';
import { api, onSignedOut } from './account';

export const desk = new Desk(api);

export const standing = signal<CaseStanding>('open');
export const kind = signal<CaseKind | null>(null);
export const queue = signal<CaseRow[] | null>(null);
export const further = signal<string | undefined>(undefined);
export const exposure = signal<Exposure | null>(null);
export const inHand = signal<CaseView | null>(null);
export const openAppeals = signal<AppealView[] | null>(null);
/** Why something isn't there. */
export const deskError = signal<unknown>(null);

onSignedOut(() => {
  for (const each of [queue, inHand, openAppeals, exposure, deskError]) each.value = null;
  further.value = undefined;
});

async function trying(act: () => Promise<void>): Promise<void> {
  try {
    await act();
    deskError.value = null;
  } catch (error) {
    deskError.value = error;
  }
}

/** The first page of the queue, or the next one. */
export const loadQueue = (more = false): Promise<void> =>
  trying(async () => {
    const asked = [standing.value, kind.value] as const;
    const page = await desk.cases(...asked, more ? further.value : undefined);
    // Whoever has chosen another list meanwhile sees that one.
    if (asked[0] !== standing.value || asked[1] !== kind.value) return;
    queue.value = more ? [...(queue.value ?? []), ...page.cases] : page.cases;
    further.value = page.cursor;
    exposure.value = page.exposure;
  });

export const loadAppeals = (): Promise<void> => trying(async () => void (openAppeals.value = (await desk.appeals()).appeals));

/** Takes a case: an open one is mine for ten minutes. */
export const take = (id: string): Promise<void> =>
  trying(async () => {
    const view = await desk.case(id);
    inHand.value = view;
    exposure.value = view.exposure;
  });

/** The gravest and oldest that nobody has. What somebody took meanwhile is passed over. */
export async function takeNext(): Promise<void> {
  standing.value = 'open';
  await loadQueue();
  for (const { id } of queue.value ?? []) {
    if (id === inHand.value?.case.id) continue;
    await take(id);
    if (troubleOf(deskError.value).code !== 'busy') return;
  }
}

export function putAway(): void {
  inHand.value = null;
  void loadQueue();
}

/** A look at a picture is counted, however short. */
export async function count(ms: number): Promise<void> {
  for (const seconds of pieces(ms)) await trying(async () => void (exposure.value = await desk.looked(seconds)));
}
