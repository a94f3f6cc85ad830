import { expect, test } from 'vitest';

import { clockTime } from './duration';

test('durations are told as on a clock', () => {
  expect([0, 7_400, 59_600, 750_000, 3_723_000, -5].map(clockTime)).toEqual(['0:00', '0:07', '1:00', '12:30', '1:02:03', '0:00']);
});
