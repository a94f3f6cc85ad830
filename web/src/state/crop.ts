/** Which square of a picture is taken: how far in, and where between its ends. */
export interface Crop {
  /** 1 takes as much as there is. */
  zoom: number;
  /** 0 is at the left or top end, 1 at the other. */
  x: number;
  y: number;
}

export const MOST_ZOOM = 4;
export const WHOLE: Crop = { zoom: 1, x: 0.5, y: 0.5 };

const between = (least: number, value: number, most: number): number => Math.min(most, Math.max(least, value));

/** The square, in the picture's own pixels. */
export function square(width: number, height: number, { zoom, x, y }: Crop): { left: number; top: number; size: number } {
  const size = Math.min(width, height) / between(1, zoom, MOST_ZOOM);
  return { left: (width - size) * between(0, x, 1), top: (height - size) * between(0, y, 1), size };
}

/** After the picture was dragged by so much of the square's side: what was taken hold of stays under the finger. */
export function dragged(crop: Crop, width: number, height: number, dx: number, dy: number): Crop {
  const { left, top, size } = square(width, height, crop);
  const share = (at: number, room: number): number => (room > 0 ? between(0, at / room, 1) : 0.5);
  return { ...crop, x: share(left - dx * size, width - size), y: share(top - dy * size, height - size) };
}
