// What those who run a place see of it: how many calls, how long, how they ended; and nothing of anybody.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ask } from './lib/http.mjs';
import { withRole } from './lib/moderators.mjs';
import { meet, people } from './lib/person.mjs';
import { startServer } from './lib/server.mjs';
import { SOON, until } from './lib/wait.mjs';

/** A lost connection is given up after the grace of its seat, and then the call. */
const GRACE_S = 1;

let server;
before(async () => {
  server = await startServer({ settings: { 'rooms.seat_grace_s': GRACE_S } });
});
after(() => server.end());

const figures = async (who, what, days = 7) => {
  const { status, body } = await who.ask('GET', `/api/analytics/${what}?days=${days}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
};

describe('figures', () => {
  test('count the calls of today, how they ended, and the reports about them', { timeout: 120_000 }, async (t) => {
    const admin = await withRole(server, t, 'admin');
    const none = await figures(admin, 'summary');
    assert.deepEqual([none.calls, none.reports, none.rules], [{ random: 0, friends: 0 }, 0, []]);
    assert.equal('reportsPerThousandCalls' in none, false, 'of no calls there is no share');

    const all = await people(server, 10, { test: t });
    for (let n = 0; n < all.length; n += 2) {
      const [ada, bob] = [all[n], all[n + 1]];
      const [a, b] = [await ada.open(), await bob.open()];
      const { roomId } = await meet(a, b);
      if (n === 0) {
        const json = { roomId, userId: bob.id, reason: 'spam' };
        assert.equal((await ada.ask('POST', '/api/reports', { json })).status, 201);
      } else if (n === 2) {
        a.cut();
        a.close();
        await b.event('participant-left', ({ reason }) => reason === 'lost', SOON + GRACE_S * 1_000);
      } else {
        await a.do('leave-room', { roomId });
        await b.event('participant-left');
      }
    }
    const told = await until(
      async () => {
        const now = await figures(admin, 'summary');
        return now.calls.random === 5 && now;
      },
      SOON,
      'five calls are over',
    );
    assert.deepEqual([told.abrupt, told.reports, told.reportsOfCalls, told.reportsPerThousandCalls], [1, 1, 1, 200]);
    assert.equal(told.durationMs.count, 5);
    assert.ok(told.durationMs.p50 <= told.durationMs.p95 && told.durationMs.p95 < 60_000, JSON.stringify(told.durationMs));
    assert.equal(told.matchWaitMs.count, 10, 'each of the two has waited');
    assert.ok(told.matchWaitMs.p50 <= told.matchWaitMs.p95);

    const { days } = await figures(admin, 'series', 90);
    assert.equal(days.length, 90);
    assert.equal(new Set(days.map(({ day }) => day)).size, 90);
    assert.equal(days.reduce((sum, day) => sum + day.calls.random, 0), 5);
    assert.equal(days.at(-1).over, false, 'today goes on');
    const text = JSON.stringify([told, days]);
    for (const { id, email, user } of all) for (const of of [id, email, user.privateId, user.displayName]) assert.ok(!text.includes(of));
    assert.doesNotMatch(text, /usr_|rm_|@/);
  });

  test('are for admins, and of the last ninety days', async (t) => {
    const [admin, moderator, ned] = [await withRole(server, t, 'admin'), await withRole(server, t, 'moderator'), await withRole(server, t, 'user')];
    for (const what of ['summary', 'series']) {
      assert.equal((await ask(server, 'GET', `/api/analytics/${what}`)).status, 401);
      for (const who of [moderator, ned]) {
        const { status, body } = await who.ask('GET', `/api/analytics/${what}`);
        assert.deepEqual([status, body.code], [403, 'forbidden']);
      }
      for (const days of ['0', '91', '-1', 'all', '1.5', '']) {
        assert.equal((await admin.ask('GET', `/api/analytics/${what}?days=${days}`)).status, 400, days);
      }
    }
    assert.equal((await figures(admin, 'series', 1)).days.length, 1);
    const { body } = await admin.ask('GET', '/api/analytics/series');
    assert.equal(body.days.length, 30, 'unless a number is asked for');
  });
});
