/** What the console shows: the queue, the case in hand, appeals. Gone with the login. */
import { signal } from '@preact/signals';

import { type AppealView, type CaseKind, type CaseRow, type CaseStanding, type CaseView, Desk, type CasePage, type Exposure } from '../protocol/desk';
import { troubleOf } from '../protocol/types';
import { few, follow, nextOf, pieces } from '../state/casework';
import { api, onSignedOut } from './account';

export const desk = new Desk(api);

export const standing = signal<CaseStanding>('open');
export const kind = signal<CaseKind | null>(null);
export const queue = signal<CaseRow[] | null>(null);
export const further = signal<string | undefined>(undefined);
export const exposure = signal<Exposure | null>(null);
export const inHand = signal<CaseView | null>(null);
export const openAppeals = signal<AppealView[] | null>(null);
export const furtherAppeals = signal<string | undefined>(undefined);
/** The one that is worked at, also while its case is looked at. */
export const atAppeal = signal<string | null>(null);
/** Answers that are being written. */
export const answers = new Map<string, string>();
/** How many wait, as far as one page tells. */
export const waits = signal({ cases: '', appeals: '' });
/** Why something isn't there. */
export const deskError = signal<unknown>(null);

onSignedOut(() => {
  for (const each of [queue, inHand, openAppeals, atAppeal, exposure, deskError]) each.value = null;
  further.value = furtherAppeals.value = undefined;
  waits.value = { cases: '', appeals: '' };
  had.clear();
  answers.clear();
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
    if (!more) tally(...asked, page);
  });

function tally(state: CaseStanding, only: CaseKind | null, { cases, cursor }: CasePage): void {
  if (state === 'open' && only === null) waits.value = { ...waits.peek(), cases: few(cases.length, cursor !== undefined) };
}

/** Pages in a row that may be empty: all on them may be against what I decided. */
const PAGES = 10;

/** What waits for me, or more of it. */
export const loadAppeals = (more = false): Promise<void> =>
  trying(async () => {
    const ask = async (from?: string) => {
      const { appeals: found, cursor } = await desk.appeals(from);
      return { found, cursor };
    };
    const { found, cursor } = await follow(ask, more ? furtherAppeals.value : undefined, PAGES);
    const known = more ? (openAppeals.value ?? []) : [];
    openAppeals.value = [...known, ...found.filter(({ appeal }) => !known.some((one) => one.appeal.id === appeal.id))];
    furtherAppeals.value = cursor;
    if (!more) waits.value = { ...waits.peek(), appeals: few(found.length, cursor !== undefined) };
  });

/** As many of a list as were shown before, as it is now. */
async function asLong(first: CasePage, state: CaseStanding, only: CaseKind | null, length: number): Promise<Pick<CasePage, 'cases' | 'cursor'>> {
  let [cases, cursor] = [first.cases, first.cursor];
  for (let n = 1; n < PAGES && cursor && cases.length < length; n += 1) {
    const page = await desk.cases(state, only, cursor);
    [cases, cursor] = [[...cases, ...page.cases], page.cursor];
  }
  return { cases, ...(cursor ? { cursor } : {}) };
}

let looking = false;

/** What waits now, in the lists that are shown and in numbers: quietly, and without a word when it can't be had. */
export async function lookAgain(): Promise<void> {
  if (looking || going) return;
  looking = true;
  try {
    const [state, only, before] = [standing.peek(), kind.peek(), queue.peek()];
    const open = await desk.cases('open', null);
    tally('open', null, open);
    exposure.value = open.exposure;
    const first = state === 'open' && only === null ? open : await desk.cases(state, only);
    const now = await asLong(first, state, only, before?.length ?? 0);
    // Whoever has chosen something else meanwhile, or has gone on, sees that.
    if (before && before === queue.peek() && state === standing.peek() && only === kind.peek()) {
      queue.value = now.cases;
      further.value = now.cursor;
    }
    const { appeals, cursor } = await desk.appeals();
    waits.value = { ...waits.peek(), appeals: few(appeals.length, cursor !== undefined) };
    const known = openAppeals.peek();
    const fresh = appeals.filter(({ appeal }) => !known?.some((one) => one.appeal.id === appeal.id) && !judged.has(appeal.id));
    if (known && fresh.length > 0) openAppeals.value = [...known, ...fresh];
  } catch {
    // The next look comes by itself.
  }
  looking = false;
}

/** Of these none comes back by an answer that was on its way meanwhile. */
const judged = new Set<string>();

/** Judges one; the one behind it is next. */
export async function judge({ appeal: { id }, caseId }: AppealView, overturn: boolean): Promise<void> {
  await desk.judge(id, overturn, answers.get(id) ?? '');
  judged.add(id);
  answers.delete(id);
  // Its case isn't what it was.
  if (inHand.value?.case.id === caseId) void take(caseId);
  const all = openAppeals.value ?? [];
  const left = all.filter(({ appeal }) => appeal.id !== id);
  const place = all.findIndex(({ appeal }) => appeal.id === id);
  openAppeals.value = left;
  if (left.length === 0) await loadAppeals();
  const next = openAppeals.value[place] ?? openAppeals.value[0];
  atAppeal.value = next?.appeal.id ?? null;
  void lookAgain();
}

/** From a case back to the appeal that it is about, which may be none of those that were looked through. */
export function backTo(one: AppealView): void {
  atAppeal.value = one.appeal.id;
  const known = openAppeals.value;
  if (known?.some(({ appeal }) => appeal.id === one.appeal.id)) return;
  openAppeals.value = [one, ...(known ?? [])];
  if (!known) void loadAppeals(true);
}

/** Of two cases that are asked for the later one is shown. */
let takes = 0;
let wanted: string | null = null;

/** What I leave undecided is anybody's again. It would be so by itself after ten minutes: that it fails is nobody's trouble. */
async function giveBack(view: CaseView | null): Promise<void> {
  if (view?.case.mineUntil) await desk.giveBack(view.case.id).catch(() => {});
}

/** What is given back at the moment: nothing is taken meanwhile, or it could be the very same case. */
let giving: Promise<void> = Promise.resolve();

/** Takes a case: an open one is mine for ten minutes, or until I go on. */
export const take = (id: string): Promise<void> => {
  takes += 1;
  wanted = id;
  const asked = takes;
  return trying(async () => {
    await giving;
    const view = await desk.case(id);
    if (asked !== takes) return id === wanted ? undefined : giveBack(view);
    const before = inHand.value;
    inHand.value = view;
    exposure.value = view.exposure;
    // What has been decided meanwhile doesn't wait any more.
    if (view.case.state !== standing.peek()) queue.value = queue.peek()?.filter((row) => row.id !== id) ?? null;
    // It is there: whoever goes on at once needn't press twice.
    if (before?.case.id !== id) giving = giveBack(before);
  });
};

/** It took too long: somebody else may have it by now. */
export function lost(id: string): void {
  const view = inHand.value;
  if (view?.case.id !== id) return;
  const { mineUntil: _, ...row } = view.case;
  inHand.value = { ...view, case: row };
}

/** Cases that had their turn in this round. */
const had = new Set<string>();
let going = false;

/** The gravest and oldest that nobody has and that had no turn yet; when all had one, they begin again. */
export async function takeNext(): Promise<void> {
  if (going) return;
  going = true;
  standing.value = 'open';
  const now = inHand.value?.case.id;
  if (now) had.add(now);
  if (!(await takeOneOf())) {
    had.clear();
    if (now) had.add(now);
    await takeOneOf();
  }
  going = false;
}

/** Whether there was one, or none can be had at all. What somebody took meanwhile is passed over. */
async function takeOneOf(): Promise<boolean> {
  for (let more = false; ; more = true) {
    await loadQueue(more);
    if (deskError.value) return true;
    for (let id = nextOf(queue.value ?? [], had); id; id = nextOf(queue.value ?? [], had)) {
      had.add(id);
      await take(id);
      if (troubleOf(deskError.value).code !== 'busy') return true;
    }
    if (!further.value) return false;
  }
}

export function putAway(): void {
  takes += 1;
  wanted = null;
  const before = inHand.value;
  inHand.value = null;
  giving = Promise.all([giving, giveBack(before)]).then(() => undefined);
  void giving.then(() => loadQueue());
}

/** The server says so, whatever was counted here. */
export function seenEnough(): void {
  const now = exposure.value;
  if (now) exposure.value = { ...now, seconds: Math.max(now.seconds, now.limitSeconds) };
}

/** A look at a picture is counted, however short. */
export async function count(ms: number): Promise<void> {
  for (const seconds of pieces(ms)) await trying(async () => void (exposure.value = await desk.looked(seconds)));
}
