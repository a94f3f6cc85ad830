/** Where things are in a chart: lines of the grid, bars, paths. Pure; a chart is 100 wide and 100 high, and stretched. */

/** A value of each day; null where there is none, or too few to tell. */
export type Values = (number | null)[];

const SECOND = 1_000;
const [MINUTE, HOUR, DAY] = [60 * SECOND, 3_600 * SECOND, 86_400 * SECOND];

/** Ends of a scale of time that people can halve in their heads. */
const TIMES = [
  SECOND, 2 * SECOND, 4 * SECOND, 10 * SECOND, 20 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE, 10 * MINUTE, 20 * MINUTE, HOUR,
  2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 10 * DAY, 20 * DAY, 40 * DAY, 100 * DAY,
];

/** The end of a scale of numbers on which all of these are: 1, 2, 4 or 6, of whatever power of ten. */
export function endOfNumbers(most: number): number {
  if (most <= 0) return 1;
  // Halves of one are no help where things are counted.
  const power = Math.max(1, 10 ** Math.floor(Math.log10(most)));
  return ([power > 1 ? 1 : 2, 2, 4, 6].find((step) => step * power >= most) ?? 10) * power;
}

/** The same for milliseconds. */
export function endOfTimes(most: number): number {
  return TIMES.find((end) => end >= most) ?? most;
}

/** A percentage ends at what there is, and never beyond all of it. */
export function endOfShares(most: number): number {
  return Math.min(100, endOfNumbers(most));
}

export const most = (all: Values[]): number => Math.max(0, ...all.flat().map((value) => value ?? 0));

/** The largest sum of one day, where values stand upon one another. */
export const mostTogether = (all: Values[]): number =>
  Math.max(0, ...(all[0] ?? []).map((_, day) => all.reduce((sum, values) => sum + (values[day] ?? 0), 0)));

export interface Bar {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Bars of each of these, upon one another. */
export function bars(all: Values[], end: number): Bar[][] {
  const days = all[0]?.length ?? 0;
  const step = 100 / Math.max(1, days);
  const gap = days > 40 ? step * 0.15 : step * 0.25;
  const below = new Array<number>(days).fill(0);
  return all.map((values) =>
    values.flatMap((value, day) => {
      if (!value) return [];
      const height = (value / end) * 100;
      below[day] = (below[day] ?? 0) + height;
      return [{ x: day * step + gap / 2, y: 100 - (below[day] ?? 0), width: step - gap, height }];
    }),
  );
}

/** A line from day to day; where a day has no value it is broken, and a day alone is a dot. */
export function line(values: Values, end: number): string {
  const step = 100 / Math.max(1, values.length);
  const round = (n: number): number => Math.round(n * 100) / 100;
  let path = '';
  values.forEach((value, day) => {
    if (value === null) return;
    const at = `${round((day + 0.5) * step)} ${round(100 - (value / end) * 100)}`;
    const [before, after] = [values[day - 1] ?? null, values[day + 1] ?? null];
    if (before === null && after === null) path += `M${at}h0`;
    else path += `${before === null ? 'M' : 'L'}${at}`;
  });
  return path;
}

/** So many of a hundred, if there are any. */
export const share = (part: number, all: number): number | null => (all > 0 ? (part / all) * 100 : null);
