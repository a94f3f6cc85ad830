import { expect, test } from 'vitest';

import { keptAway, type Suspension } from './suspension';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const one = (more: Partial<Suspension>): Suspension => ({ action: 'suspend', rule: 'terms-spam', until: '2026-12-01T12:00:00Z', ...more });

test('somebody is kept away by what runs and stands, the longest of it', () => {
  const longer = one({ until: '2026-12-03T12:00:00Z', rule: 'terms-violence' });
  expect(keptAway([one({}), longer], NOW)).toBe(longer);
  expect(keptAway([one({})], NOW)?.rule).toBe('terms-spam');
});

test('what is over, taken back or milder keeps nobody away', () => {
  const { until: _, ...warned } = one({ action: 'warn' });
  expect(keptAway([one({ until: '2026-11-30T11:59:59Z' }), one({ overturnedAt: '2026-11-30T09:00:00Z' }), warned], NOW)).toBeNull();
  expect(keptAway([], NOW)).toBeNull();
});
