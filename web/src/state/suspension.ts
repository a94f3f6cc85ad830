/** Whether somebody is kept away at the moment, and by which decision. Pure. */
import type { Decision } from '../protocol/types';

export type Suspension = Pick<Decision, 'action' | 'until' | 'overturnedAt' | 'rule'>;

/** Of several that run the one that runs longest. */
export function keptAway<T extends Suspension>(decisions: T[], now: number): T | null {
  const end = ({ until }: T): number => (until ? Date.parse(until) : 0);
  const running = decisions.filter((one) => one.action === 'suspend' && !one.overturnedAt && end(one) > now);
  return running.sort((a, b) => end(b) - end(a))[0] ?? null;
}
