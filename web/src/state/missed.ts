/** Calls that I missed and that nothing has come of since: by whom, how often, and which of them I have seen. */
import type { Card, PastCall } from '../protocol/types';

export interface Missed {
  who: Card;
  /** The newest one. */
  at: string;
  times: number;
  /** Of those, the ones since I last looked. */
  fresh: number;
}

/** `calls` are the newest first. Whom I have called since, or talked to, is answered. */
export function missedOf(calls: PastCall[], seenAt: string | null): Missed[] {
  const found = new Map<string, Missed>();
  const answered = new Set<string>();
  for (const { missed, people: [who, ...others], at } of calls) {
    if (!who || others.length) continue;
    if (!missed) answered.add(who.id);
    if (!missed || answered.has(who.id)) continue;
    const known = found.get(who.id) ?? { who, at, times: 0, fresh: 0 };
    const fresh = seenAt === null || Date.parse(at) > Date.parse(seenAt) ? 1 : 0;
    found.set(who.id, { ...known, times: known.times + 1, fresh: known.fresh + fresh });
  }
  return [...found.values()];
}

export const freshOf = (all: Missed[]): number => all.reduce((sum, { fresh }) => sum + fresh, 0);
