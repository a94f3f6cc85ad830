/** What a moderator sees of a case, in the order in which it happened. Pure. */
import type { AppealView, CaseRow, CaseView, DecisionRow, EvidenceRow, Measure, ReportRow, SignalRow, Verdict } from '../protocol/desk';
import type { Concern } from '../protocol/types';

export type Happened =
  | { is: 'signal'; at: string; signal: SignalRow }
  | { is: 'decision'; at: string; decision: DecisionRow }
  | { is: 'report'; at: string; report: ReportRow }
  | { is: 'appeal'; at: string; appeal: AppealView };

export function timeline(view: Pick<CaseView, 'signals' | 'decisions' | 'reports' | 'appeals'>): Happened[] {
  const all: Happened[] = [
    ...view.signals.map((signal) => ({ is: 'signal' as const, at: signal.at, signal })),
    ...view.decisions.map((decision) => ({ is: 'decision' as const, at: decision.at, decision })),
    ...view.reports.map((report) => ({ is: 'report' as const, at: report.at, report })),
    ...view.appeals.map((appeal) => ({ is: 'appeal' as const, at: appeal.appeal.at, appeal })),
  ];
  return all.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** Thousandths are shown as parts of a hundred; below this many of those a model as good as says no. */
const SAYS_LITTLE = 10;

export const of100 = (thousandths: number): number => Math.round(thousandths / 10);

/** What was noticed and says little, whichever model is asked, apart from the rest. */
export function apart(all: Happened[]): { rest: Happened[]; little: Happened[] } {
  const isLittle = (one: Happened): boolean =>
    one.is === 'signal' && [one.signal.score, ...one.signal.scores.map(([, score]) => score)].every((score) => of100(score) < SAYS_LITTLE);
  return { rest: all.filter((one) => !isLittle(one)), little: all.filter(isLittle) };
}

/** What a piece of evidence was kept for. */
export function sourceOf(piece: Pick<EvidenceRow, 'source'>, view: Pick<CaseView, 'decisions' | 'reports'>): Happened | null {
  const decision = view.decisions.find(({ id }) => id === piece.source);
  if (decision) return { is: 'decision', at: decision.at, decision };
  const report = view.reports.find(({ id }) => id === piece.source);
  return report ? { is: 'report', at: report.at, report } : null;
}

/** What the case is most likely about: what was decided last, else what was reported or noticed last. */
export function concernOf(view: Pick<CaseView, 'signals' | 'decisions' | 'reports'>): Concern {
  return view.decisions.at(-1)?.concern ?? view.reports.at(-1)?.reason ?? view.signals.at(-1)?.concern ?? 'other';
}

export const MEASURES: Measure[] = ['none', 'warn', 'remove', 'suspend'];
export const CONCERNS: Concern[] = ['nudity', 'weapon', 'violence', 'harassment', 'spam', 'minor', 'other'];

const MAX_HOURS = 8_760;

/** Whoever seems too young stays away as long as can be: an appeal ends it earlier. */
export const usualHours = (about: Concern, suggested: number): number => (about === 'minor' ? MAX_HOURS : suggested);

/** What was typed, if it is a length of a suspension: whole hours, up to a year. */
export function hoursOf(typed: string): number | null {
  const hours = typed.trim() === '' ? NaN : Number(typed);
  return Number.isInteger(hours) && hours >= 1 && hours <= MAX_HOURS ? hours : null;
}

/** What is sent: hours only of a suspension, a note only when there is one. */
export function verdictOf(action: Measure, reason: Concern, hours: number, note: string): Verdict {
  const words = note.trim();
  return { action, reason, ...(action === 'suspend' ? { hours } : {}), ...(words && action !== 'none' ? { note: words } : {}) };
}

const MANY = 9;

/** How many wait, as far as one page tells. */
export function few(n: number, further: boolean): string {
  if (n > MANY) return `${MANY}+`;
  return n === 0 ? '' : `${n}${further ? '+' : ''}`;
}

/** The first of a queue that had no turn yet. */
export const nextOf = (queue: Pick<CaseRow, 'id'>[], had: ReadonlySet<string>): string | undefined => queue.find(({ id }) => !had.has(id))?.id;

export interface Found<T> {
  found: T[];
  cursor?: string | undefined;
}

/** Page after page until there is something on one, for a server may leave out all of a page; so many of them at most. */
export async function follow<T>(ask: (cursor?: string) => Promise<Found<T>>, from: string | undefined, most: number): Promise<Found<T>> {
  let page = await ask(from);
  for (let n = 1; n < most && page.found.length === 0 && page.cursor; n += 1) page = await ask(page.cursor);
  return page;
}

/** Seconds of a look, in pieces that the server takes (1 to 60). */
export function pieces(ms: number): number[] {
  let left = Math.ceil(ms / 1_000);
  const all: number[] = [];
  while (left > 0) {
    all.push(Math.min(left, 60));
    left -= 60;
  }
  return all;
}
