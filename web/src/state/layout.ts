/** Where everybody's picture goes: which are on the stage, which beside it, and how large they can be. Pure. */
import type { Participant, Wanted } from '../protocol/types';

export type Layout = 'grid' | 'speaker';

/** One picture: somebody's camera or screen. */
export interface TileRef {
  id: string;
  source: 'camera' | 'screen';
}

export const keyOf = ({ id, source }: TileRef): string => `${id}/${source}`;

export interface Arrangement {
  /** Large; empty when all are of one size. */
  stage: TileRef[];
  /** The others: beside the stage, or all of them in a grid. */
  rest: TileRef[];
}

export interface Scene {
  people: Pick<Participant, 'id' | 'media' | 'blurred'>[];
  self: string;
  pins: string[];
  layout: Layout;
  /** Who spoke last, me apart. */
  floor: string | null;
}

/**
 * What is pinned has the stage, else what is shared, else, if wished, whoever speaks. The order of the others is that of
 * their arrival, me last, so that nobody jumps when somebody speaks.
 */
export function arrange({ people, self, pins, layout, floor }: Scene): Arrangement {
  const others = people.filter(({ id }) => id !== self);
  const ordered = [...others, ...people.filter(({ id }) => id === self)];
  const screens: TileRef[] = ordered.filter(({ media }) => media.screen).map(({ id }) => ({ id, source: 'screen' }));
  const cameras: TileRef[] = ordered.map(({ id }) => ({ id, source: 'camera' }));
  const all = [...screens, ...cameras];
  const pinned = all.filter((tile) => pins.includes(keyOf(tile)));
  const speaker = others.find(({ id }) => id === floor) ?? others[0];
  let stage: TileRef[] = [];
  if (pinned.length) stage = pinned;
  else if (screens.length) stage = screens;
  else if (layout === 'speaker' && speaker) stage = [{ id: speaker.id, source: 'camera' }];
  // Alone on the stage is the same as a grid of one.
  if (stage.length === all.length) return { stage: [], rest: all };
  const large = new Set(stage.map(keyOf));
  return { stage, rest: all.filter((tile) => !large.has(keyOf(tile))) };
}

/**
 * What a small window shows, which can't blur: a shared screen, else whoever speaks, never of somebody whose pictures are
 * blurred. `covered`: there is such a one, whose picture mustn't stay while the next one hasn't come.
 */
export function floated({ people, self, floor }: Pick<Scene, 'people' | 'self' | 'floor'>): { shown: TileRef | null; covered: boolean } {
  const others = people.filter(({ id }) => id !== self);
  const seen = others.filter(({ blurred }) => !blurred);
  const sharer = seen.find(({ media }) => media.screen);
  const one = sharer ?? seen.find(({ id }) => id === floor) ?? seen[0];
  return { shown: one ? { id: one.id, source: sharer ? 'screen' : 'camera' } : null, covered: seen.length < others.length };
}

export interface Fit {
  columns: number;
  width: number;
  height: number;
}

/** What is beyond is cut off the picture, not the face. A phone held upright has room for upright pictures. */
const NARROWEST = { wide: 1, tall: 9 / 16 };
const WIDEST = 16 / 9;

/** As large as `n` equal tiles can be in a box, all in sight. */
export function fit(n: number, width: number, height: number, gap: number): Fit {
  let best: Fit = { columns: 1, width: 0, height: 0 };
  const narrowest = NARROWEST[width > height ? 'wide' : 'tall'];
  for (let columns = 1; columns <= Math.max(1, n); columns += 1) {
    const rows = Math.ceil(n / columns);
    const wide = (width - gap * (columns - 1)) / columns;
    const high = (height - gap * (rows - 1)) / rows;
    if (wide <= 0 || high <= 0) continue;
    const tile = { columns, width: Math.floor(Math.min(wide, high * WIDEST)), height: Math.floor(Math.min(high, wide / narrowest)) };
    if (tile.width * tile.height > best.width * best.height) best = tile;
  }
  return best;
}

/** Heights that are asked for: a layer's, so that a few pixels more or less ask for nothing new. */
const STEPS = [180, 360, 720, 1080];

const step = (lines: number): number => STEPS.find((one) => one >= lines * 0.75) ?? 1080;

/** What I show, for the server: everybody else's pictures as high as their tiles, at most `most` lines for a camera. */
export function wanted(shown: { tile: TileRef; lines: number }[], self: string, most: number): Wanted[] {
  return shown
    .filter(({ tile, lines }) => tile.id !== self && lines > 0)
    .map(({ tile: { id, source }, lines }) => {
      const asked = step(lines);
      return { participantId: id, source, maxHeight: source === 'screen' ? Math.max(asked, 720) : Math.min(asked, most) };
    });
}

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The strip beside the stage, as a share of the window and in pixels. */
const STRIP = { share: 0.2, least: 120, most: 280 };
/** The height of a screen, as a share of its width; most are wider. */
const TALLEST_SCREEN = 3 / 4;
/** A stage for screens is as large as it can be: they aren't cut, but shown whole. */
const isScreen = ({ source }: TileRef): boolean => source === 'screen';

/** Equal tiles in the middle of a box, row by row, a shorter last row in the middle. */
function rows(tiles: TileRef[], box: Rect, gap: number, stretch: boolean): [string, Rect][] {
  const { columns, width, height } = fit(tiles.length, box.width, box.height, gap);
  const number = Math.ceil(tiles.length / columns);
  const size = stretch && tiles.length === 1 ? box : { width, height };
  const top = box.y + (box.height - number * size.height - gap * (number - 1)) / 2;
  return tiles.map((tile, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === number - 1 ? tiles.length - row * columns : columns;
    const left = box.x + (box.width - inRow * size.width - gap * (inRow - 1)) / 2;
    const x = Math.round(left + (i % columns) * (size.width + gap));
    const y = Math.round(top + row * (size.height + gap));
    return [keyOf(tile), { x, y, width: size.width, height: size.height }];
  });
}

/** Where each tile is in a box of that size: the strip at the right of a wide one, at the bottom of a tall one. */
export function place({ stage, rest }: Arrangement, width: number, height: number, gap: number): Map<string, Rect> {
  const whole: Rect = { x: 0, y: 0, width, height };
  if (!stage.length || !rest.length) return new Map(rows([...stage, ...rest], whole, gap, stage.some(isScreen)));
  const wide = width > height * 1.1;
  const long = wide ? width : height;
  const least = Math.round(Math.min(STRIP.most, long / 3, Math.max(STRIP.least, long * STRIP.share)));
  // On a phone held upright a screen needs no more than its own height: the people get the rest.
  const spare = wide || !stage.every(isScreen) ? 0 : height - least - gap - Math.round(stage.length * width * TALLEST_SCREEN);
  const strip = least + Math.max(0, spare);
  const large: Rect = wide ? { ...whole, width: width - strip - gap } : { ...whole, height: height - strip - gap };
  const small: Rect = wide ? { ...whole, x: width - strip, width: strip } : { ...whole, y: height - strip, height: strip };
  return new Map([...rows(stage, large, gap, stage.some(isScreen)), ...rows(rest, small, gap, false)]);
}
