/**
 * In a direct call between strangers the server sees nothing. So where it says that programs look at such calls, the page
 * sends in now and then what it shows of the partner: when, of whom, and how large. Pure.
 */
import type { MediaState } from '../protocol/types';
import type { State } from './chat';

/** Points in a row, at most. */
export const WIDEST = 320;
/** The first picture of a partner comes so soon, and up to as much later again. */
const FIRST_MS = 1_500;
/** The others come up to this much later than they may: not all pages at once, and never too early. */
const SPREAD = 0.2;

export interface Sampled {
  roomId: string;
  of: string;
}

/** Whose picture is to be looked at, if anybody's: only of a direct call that runs, until it is on its way to the server. */
export function sampledIn({ phase, online, room }: State, watched: boolean): Sampled | null {
  const direct = room && room.transport === 'p2p' && !room.moving && room.peerIn;
  return watched && online && phase === 'live' && direct ? { roomId: room.id, of: room.peerId } : null;
}

/** Whether there is anything to be seen now. */
export const shows = (media: MediaState | null, hidden: boolean): boolean => !hidden && (media?.video ?? true);

/** Milliseconds until the next one; `chance` is between 0 and 1. */
export const waitFor = (everyMs: number, first: boolean, chance: number): number =>
  Math.round(first ? FIRST_MS * (1 + chance) : everyMs * (1 + SPREAD * chance));

/** Of a picture of this size: no wider than it must be, and no larger than it is. */
export function reduced(width: number, height: number): [number, number] {
  const scale = Math.min(1, WIDEST / width);
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}
