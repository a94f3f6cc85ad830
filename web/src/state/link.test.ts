import { describe, expect, test } from 'vitest';

import { figuresOf, type LineFigures } from '../protocol/rtc';
import { isOverloaded, layers, type Load, myQuality, quality, RESTED, strain } from './link';

const line = (more: Partial<LineFigures> = {}): LineFigures => ({ kind: 'video', packets: 0, lost: 0, frames: 0, dropped: 0, freezes: 0, ...more });

describe('how good a picture is', () => {
  test('a picture that flows is good, one that stutters fair, one that stands poor', () => {
    expect(quality(line(), line({ packets: 100, frames: 40 }), 2, true)).toBe('good');
    expect(quality(line(), line({ packets: 100, frames: 8 }), 2, true)).toBe('fair');
    expect(quality(line(), line({ packets: 100, frames: 40, freezes: 1 }), 2, true)).toBe('fair');
    expect(quality(line(), line(), 2, true)).toBe('poor');
  });

  test('no picture is expected of a camera that is off', () => {
    expect(quality(line(), line(), 2, false)).toBe('good');
  });

  test('lost packets tell, of sound too; a line seen for the first time tells nothing', () => {
    expect(quality(line({ kind: 'audio' }), line({ kind: 'audio', packets: 95, lost: 5 }), 2, true)).toBe('fair');
    expect(quality(line(), line({ packets: 80, lost: 20, frames: 40 }), 2, true)).toBe('poor');
    expect(quality(undefined, line(), 2, true)).toBe('good');
  });

  test('how well I am seen: the way, what gets lost on it, and its width', () => {
    const all = (...reports: object[]) => figuresOf(reports as never);
    expect(myQuality(all())).toBe('good');
    expect(myQuality(all({ type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.5 }))).toBe('fair');
    expect(myQuality(all({ type: 'remote-inbound-rtp', fractionLost: 0.2 }))).toBe('poor');
    expect(myQuality(all({ type: 'outbound-rtp', qualityLimitationReason: 'bandwidth' }))).toBe('fair');
    expect(myQuality(all({ type: 'candidate-pair', nominated: false, currentRoundTripTime: 5 }))).toBe('good');
  });

  test('what a tired machine says comes before what a narrow link says', () => {
    const reports = [{ type: 'outbound-rtp', qualityLimitationReason: 'cpu' }, { type: 'outbound-rtp', qualityLimitationReason: 'bandwidth' }];
    expect(figuresOf(reports as never).limit).toBe('cpu');
  });
});

describe('an overloaded machine', () => {
  const after = (load: Load, looks: boolean[]): Load => looks.reduce(strain, load);
  const times = (n: number, bad: boolean): boolean[] => Array.from({ length: n }, () => bad);

  test('is one that holds the camera back, or can’t show what comes', () => {
    const looks = (limit: 'none' | 'cpu', dropped: number) => ({ lines: { 8: line({ frames: 40, dropped }) }, roundTrip: 0, lostByMe: 0, limit });
    expect(isOverloaded(looks('none', 0), looks('none', 0))).toBe(false);
    expect(isOverloaded(looks('none', 0), looks('cpu', 0))).toBe(true);
    const later = { ...looks('none', 20), lines: { 8: line({ frames: 60, dropped: 20 }) } };
    expect(isOverloaded(looks('none', 0), later)).toBe(true);
    expect(isOverloaded(looks('none', 18), later)).toBe(false);
  });

  test('steps down when it stays so, not at once, and at most twice', () => {
    expect(after(RESTED, [true, true, false, true, true]).level).toBe(0);
    expect(after(RESTED, times(3, true)).level).toBe(1);
    expect(after(RESTED, times(20, true)).level).toBe(2);
  });

  test('comes back when it has rested, the longer the more often it was tired', () => {
    const tired = after(RESTED, times(3, true));
    expect(after(tired, times(29, false)).level).toBe(1);
    const rested = after(tired, times(30, false));
    expect(rested.level).toBe(0);
    const again = after(rested, times(3, true));
    expect(after(again, times(59, false)).level).toBe(1);
    expect(after(again, times(60, false)).level).toBe(0);
  });
});

describe('how the camera is sent', () => {
  const heights = (height: number, level: Load['level']): number[] =>
    layers(height, { level }).filter(({ active }) => active).map(({ scaleResolutionDownBy }) => height / scaleResolutionDownBy);

  test('a large picture in three layers, a small one in two', () => {
    expect(heights(720, 0)).toEqual([180, 360, 720]);
    expect(heights(360, 0)).toEqual([180, 360]);
  });

  test('a tired machine leaves the largest out, and always sends the lowest', () => {
    expect(heights(720, 1)).toEqual([180, 360]);
    expect(heights(720, 2)).toEqual([180]);
    expect(heights(360, 2)).toEqual([180]);
  });
});
