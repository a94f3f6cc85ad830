import { expect, test } from 'vitest';

import { dragged, MOST_ZOOM, square, WHOLE } from './crop';

test('the largest square in the middle is taken first', () => {
  expect(square(400, 200, WHOLE)).toEqual({ left: 100, top: 0, size: 200 });
  expect(square(200, 400, WHOLE)).toEqual({ left: 0, top: 100, size: 200 });
});

test('farther in it is smaller, and never outside', () => {
  expect(square(400, 200, { zoom: 2, x: 1, y: 0 })).toEqual({ left: 300, top: 0, size: 100 });
  for (const crop of [{ zoom: 99, x: 5, y: -5 }, { zoom: 0, x: -1, y: 2 }]) {
    const { left, top, size } = square(300, 200, crop);
    expect(size).toBeGreaterThanOrEqual(200 / MOST_ZOOM);
    expect(left >= 0 && top >= 0 && left + size <= 300 && top + size <= 200).toBe(true);
  }
});

test('dragging keeps what was taken hold of under the finger, up to the ends', () => {
  const crop = dragged(WHOLE, 400, 200, 0.25, 0);
  expect(square(400, 200, crop)).toEqual({ left: 50, top: 0, size: 200 });
  expect(dragged(WHOLE, 400, 200, 9, 9)).toMatchObject({ x: 0 });
  expect(dragged(WHOLE, 200, 200, 1, 1)).toEqual(WHOLE);
});
