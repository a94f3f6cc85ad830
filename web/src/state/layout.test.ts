import { describe, expect, test } from 'vitest';

import { arrange, fit, floated, keyOf, place, type Rect, type Scene, wanted } from './layout';

const person = (id: string, screen = false) => ({ id, media: { audio: true, video: true, screen } });
const scene = (more: Partial<Scene> = {}): Scene => ({
  people: [person('me'), person('ann'), person('ben')], self: 'me', pins: [], layout: 'grid', floor: null, ...more,
});
const shown = (more?: Partial<Scene>): string[][] => {
  const { stage, rest } = arrange(scene(more));
  return [stage.map(keyOf), rest.map(keyOf)];
};

describe('who is where', () => {
  test('in a grid all are equal, in the order they came, me last', () => {
    expect(shown()).toEqual([[], ['ann/camera', 'ben/camera', 'me/camera']]);
  });

  test('a shared screen takes the stage, and the cameras stand beside it', () => {
    const people = [person('me'), person('ann', true), person('ben')];
    expect(shown({ people })).toEqual([['ann/screen'], ['ann/camera', 'ben/camera', 'me/camera']]);
  });

  test('whoever speaks has the stage if that is wished; I never have it myself', () => {
    expect(shown({ layout: 'speaker', floor: 'ben' })).toEqual([['ben/camera'], ['ann/camera', 'me/camera']]);
    expect(shown({ layout: 'speaker', floor: 'me' })[0]).toEqual(['ann/camera']);
    expect(shown({ layout: 'speaker', floor: 'gone' })[0]).toEqual(['ann/camera']);
  });

  test('what is pinned comes before everything, also several', () => {
    const people = [person('me'), person('ann', true), person('ben')];
    expect(shown({ people, pins: ['ben/camera'] })).toEqual([['ben/camera'], ['ann/screen', 'ann/camera', 'me/camera']]);
    expect(shown({ pins: ['ben/camera', 'me/camera'] })[0]).toEqual(['ben/camera', 'me/camera']);
  });

  test('a small window has the screen or the speaker, and never anybody who is blurred', () => {
    const blurred = (id: string, screen = false) => ({ ...person(id, screen), blurred: true });
    const said = (people: Scene['people'], floor: string | null = null) => {
      const { shown, covered } = floated(scene({ people, floor }));
      return [shown && keyOf(shown), covered];
    };
    const [me, ann, ben] = [person('me'), person('ann'), person('ben')];
    expect(said([me, ann, ben])).toEqual(['ann/camera', false]);
    expect(said([me, ann, ben], 'ben')).toEqual(['ben/camera', false]);
    expect(said([me, person('ann', true), ben], 'ben')).toEqual(['ann/screen', false]);
    expect(said([me, blurred('ann', true), ben], 'ann')).toEqual(['ben/camera', true]);
    expect(said([me, blurred('ann')], 'ann')).toEqual([null, true]);
    expect(said([blurred('me'), ann])).toEqual(['ann/camera', false]);
    expect(said([me])).toEqual([null, false]);
  });

  test('with nobody else there is no stage', () => {
    expect(shown({ people: [person('me')], layout: 'speaker' })).toEqual([[], ['me/camera']]);
    expect(shown({ people: [person('me')], pins: ['me/camera'] })).toEqual([[], ['me/camera']]);
  });
});

describe('how large', () => {
  test('from one to ten all are in sight, and fill the window well', () => {
    for (const [width, height] of [[1280, 640], [390, 600], [844, 300], [2560, 1300]] as const) {
      for (let n = 1; n <= 10; n += 1) {
        const tile = fit(n, width, height, 8);
        const rows = Math.ceil(n / tile.columns);
        expect(tile.columns * tile.width + 8 * (tile.columns - 1), `${n} in ${width}`).toBeLessThanOrEqual(width);
        expect(rows * tile.height + 8 * (rows - 1), `${n} in ${height}`).toBeLessThanOrEqual(height);
        expect((n * tile.width * tile.height) / (width * height), `${n} in ${width} x ${height}`).toBeGreaterThan(0.5);
      }
    }
  });

  test('two stand side by side at a desk and one above the other on a phone', () => {
    expect(fit(2, 1280, 640, 8).columns).toBe(2);
    expect(fit(2, 390, 640, 8).columns).toBe(1);
  });
});

describe('where', () => {
  const apart = (a: Rect, b: Rect): boolean =>
    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

  test('no two overlap and none sticks out, from one to ten, with and without a stage', () => {
    for (const [width, height] of [[1280, 640], [390, 600], [844, 300], [360, 360]] as const) {
      for (let n = 1; n <= 10; n += 1) {
        const people = [person('me'), ...Array.from({ length: n - 1 }, (_, i) => person(`p${i}`, i === 0))];
        for (const more of [{}, { layout: 'speaker' as const }, { pins: ['p0/camera', 'p1/camera'] }]) {
          const places = [...place(arrange(scene({ people, ...more })), width, height, 8).values()];
          const told = `${n} in ${width} x ${height} ${JSON.stringify(more)}`;
          places.forEach((a, i) => {
            expect(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height, `${told}: ${JSON.stringify(a)}`).toBe(true);
            expect(a.width > 20 && a.height > 20, told).toBe(true);
            places.slice(i + 1).forEach((b) => expect(apart(a, b), told).toBe(true));
          });
        }
      }
    }
  });

  test('a shared screen is much larger than the cameras', () => {
    const people = [person('me'), person('ann', true), person('ben')];
    const places = place(arrange(scene({ people })), 1280, 640, 8);
    expect(places.get('ann/screen')!.width).toBeGreaterThan(3 * places.get('ann/camera')!.width);
  });
});

test('on a phone held upright a screen leaves what it doesn’t need to the people', () => {
  const people = [person('me'), person('ann', true), person('ben')];
  const places = place(arrange(scene({ people })), 390, 780, 8);
  expect(places.get('ann/screen')).toMatchObject({ width: 390, height: 293 });
  expect(places.get('ann/camera')!.height).toBeGreaterThan(140);
});

describe('what the server is asked for', () => {
  const ann = { id: 'ann', source: 'camera' } as const;

  test('a layer as high as the tile, and nothing of mine', () => {
    expect(wanted([{ tile: ann, lines: 170 }, { tile: { id: 'me', source: 'camera' }, lines: 170 }], 'me', 720)).toEqual([
      { participantId: 'ann', source: 'camera', maxHeight: 180 },
    ]);
    expect(wanted([{ tile: ann, lines: 600 }], 'me', 720)[0]?.maxHeight).toBe(720);
  });

  test('a tired machine asks for less of cameras, and a screen stays readable', () => {
    expect(wanted([{ tile: ann, lines: 600 }], 'me', 180)[0]?.maxHeight).toBe(180);
    expect(wanted([{ tile: { id: 'ann', source: 'screen' }, lines: 200 }], 'me', 180)[0]?.maxHeight).toBe(720);
  });

  test('what isn’t in sight isn’t asked for', () => {
    expect(wanted([{ tile: ann, lines: 0 }], 'me', 720)).toEqual([]);
  });
});
