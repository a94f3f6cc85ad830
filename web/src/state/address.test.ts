import { expect, test } from 'vitest';

import { roomOf, roomPath } from './address';

test('a link is understood as it was copied, whole or in part', () => {
  for (const text of ['https://example.test/room/rm_01ab', ' https://example.test/room/rm_01ab?x=1#y ', 'rm_01ab', 'Join: https://example.test/room/rm_01ab.']) {
    expect(roomPath(text), text).toBe('/room/rm_01ab');
  }
  for (const text of ['', 'https://example.test/', 'farm_01']) expect(roomPath(text), text).toBe(null);
});

test('only a room’s address is one', () => {
  expect(roomOf('/room/rm_01ab')).toBe('rm_01ab');
  for (const path of ['/room/', '/room', '/chat', '/room/a/b']) expect(roomOf(path), path).toBe(null);
});
