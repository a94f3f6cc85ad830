/** What the connection's figures mean: how good each picture is, and whether the machine is overloaded. Pure. */
import type { Figures, Layer, LineFigures } from '../protocol/rtc';

export type Quality = 'good' | 'fair' | 'poor';

/** Shares of lost packets, and seconds to the server and back, from which on somebody notices, and is bothered. */
const LOSS = { fair: 0.03, poor: 0.1 };
const ROUND_TRIP_S = { fair: 0.4, poor: 0.8 };
/** Fewer pictures a second look wrong. */
const FRAMES_PER_S = { fair: 5, poor: 2 };

const rate = (value: number, { fair, poor }: { fair: number; poor: number }): Quality =>
  value > poor ? 'poor' : value > fair ? 'fair' : 'good';

const ORDER: Quality[] = ['good', 'fair', 'poor'];
const worst = (...all: Quality[]): Quality => all.reduce((a, b) => (ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b), 'good');

/** What came over a line between two looks, `seconds` apart; `expected` if a moving picture should have come. */
export function quality(was: LineFigures | undefined, now: LineFigures, seconds: number, expected: boolean): Quality {
  if (!was || seconds <= 0) return 'good';
  const [packets, lost] = [now.packets - was.packets, Math.max(0, now.lost - was.lost)];
  const loss = packets + lost > 0 ? rate(lost / (packets + lost), LOSS) : 'good';
  if (now.kind === 'audio' || !expected) return loss;
  const frames = (now.frames - was.frames) / seconds;
  const flow: Quality = frames < FRAMES_PER_S.poor ? 'poor' : frames < FRAMES_PER_S.fair ? 'fair' : 'good';
  return worst(loss, flow, now.freezes > was.freezes ? 'fair' : 'good');
}

/** How well I am seen. */
export const myQuality = ({ roundTrip, lostByMe, limit }: Figures): Quality =>
  worst(rate(roundTrip, ROUND_TRIP_S), rate(lostByMe, LOSS), limit === 'bandwidth' ? 'fair' : 'good');

/** This share of pictures that came and weren't shown in time, of so many at least, means that the machine can't keep up. */
const DROPPED = 0.2;
const TELLING = 20;

/** Whether the machine couldn't send or show what it should between two looks. */
export function isOverloaded(was: Figures, now: Figures): boolean {
  let [shown, dropped] = [0, 0];
  for (const [mid, line] of Object.entries(now.lines)) {
    const before = was.lines[mid];
    shown += line.frames - (before?.frames ?? 0);
    dropped += line.dropped - (before?.dropped ?? 0);
  }
  return now.limit === 'cpu' || (shown + dropped >= TELLING && dropped > DROPPED * (shown + dropped));
}

/** How far the page has stepped down: 0 shows and sends all it can. */
export interface Load {
  level: 0 | 1 | 2;
  /** Looks in a row that were bad, or good. */
  bad: number;
  good: number;
  /** Good looks that are needed for a step up; doubles with each step down, so that it doesn't go up and down. */
  patience: number;
}

export const RESTED: Load = { level: 0, bad: 0, good: 0, patience: 15 };
/** Bad looks in a row for a step down. */
const TIRED = 3;
const MOST_PATIENCE = 240;

export function strain(load: Load, overloaded: boolean): Load {
  if (overloaded) {
    const bad = load.bad + 1;
    if (bad < TIRED || load.level === 2) return { ...load, bad, good: 0 };
    return { level: load.level === 0 ? 1 : 2, bad: 0, good: 0, patience: Math.min(MOST_PATIENCE, load.patience * 2) };
  }
  const good = load.good + 1;
  if (good < load.patience || load.level === 0) return { ...load, bad: 0, good };
  return { ...load, level: load.level === 2 ? 1 : 0, bad: 0, good: 0 };
}

/** The most lines of others' cameras at each level. */
export const MOST_LINES = [720, 360, 180] as const;

/** Each layer's height at 720 lines, with its bit/s. */
const RATES = [150_000, 500_000, 1_700_000];
const FRAMES = [30, 24, 15] as const;
/** A camera with fewer lines gets two layers: browsers don't send three of so small a picture. */
const SMALL = 540;

/** How the camera is sent: three layers of a large picture, two of a small one, the largest ones not by a tired machine. */
export function layers(height: number, { level }: Pick<Load, 'level'>): Layer[] {
  const small = height < SMALL;
  return RATES.map((maxBitrate, i) => ({
    active: i <= 2 - level && !(small && i === 2),
    scaleResolutionDownBy: small ? Math.max(1, 2 ** (1 - i)) : 2 ** (2 - i),
    maxBitrate,
    maxFramerate: FRAMES[level],
  }));
}
