import { describe, expect, test } from 'vitest';

import { type Room, START, type State } from './chat';
import { reduced, sampledIn, shows, waitFor } from './sampling';

const ROOM: Room = {
  id: 'rm_1',
  self: 'par_me',
  peerId: 'par_they',
  initiator: true,
  peer: { userId: 'usr_1', displayName: 'They', avatarUrl: null, band: 'good', commonInterests: [] },
  peerIn: true,
  transport: 'p2p',
  movable: true,
  moving: false,
  linked: false,
};
const live = (room: Partial<Room> = {}): State => ({ ...START, phase: 'live', online: true, room: { ...ROOM, ...room } });

describe('what is sent in of a call', () => {
  test('is of the partner, in a direct call that runs, where programs look at it', () => {
    expect(sampledIn(live(), true)).toEqual({ roomId: 'rm_1', of: 'par_they' });
    expect(sampledIn(live(), false)).toBeNull();
    expect(sampledIn({ ...live(), phase: 'connecting' }, true)).toBeNull();
    expect(sampledIn({ ...live(), online: false }, true)).toBeNull();
    expect(sampledIn({ ...START, online: true }, true)).toBeNull();
  });

  test('ends as soon as the call is on its way to the server', () => {
    expect(sampledIn(live({ moving: true }), true)).toBeNull();
    expect(sampledIn(live({ transport: 'sfu' }), true)).toBeNull();
  });

  test('is nothing while the camera is off or nobody looks at the page', () => {
    expect(shows(null, false)).toBe(true);
    expect(shows({ audio: true, video: true, screen: false }, false)).toBe(true);
    expect(shows({ audio: true, video: false, screen: false }, false)).toBe(false);
    expect(shows({ audio: true, video: true, screen: false }, true)).toBe(false);
  });

  test('comes as often as the server takes it, never earlier, and spread', () => {
    expect([0, 0.5, 1].map((chance) => waitFor(5_000, false, chance))).toEqual([5_000, 5_500, 6_000]);
    expect([0, 1].map((chance) => waitFor(5_000, true, chance))).toEqual([1_500, 3_000]);
  });

  test('is small, and keeps its shape', () => {
    expect(reduced(1280, 720)).toEqual([320, 180]);
    expect(reduced(720, 1280)).toEqual([320, 569]);
    expect(reduced(160, 90)).toEqual([160, 90]);
    expect(reduced(4_000, 1)).toEqual([320, 1]);
  });
});
