// Those who decide, and what they do in many stories.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { meet, signIn } from './person.mjs';
import { BINARY, SHAPE } from './server.mjs';

/** A command of an operator, on the place's own machine. */
export async function command(server, ...args) {
  const env = { ...process.env, ...(SHAPE === 'split' ? { VISAVIS_DATABASE: server.database.url } : {}) };
  const { stdout } = await promisify(execFile)(BINARY, [...args, '--data', server.data], { env });
  return stdout;
}

/** Somebody with this role, whose token says so. */
export async function withRole(server, t, role) {
  const person = await signIn(server, { test: t });
  if (role !== 'user') {
    await command(server, 'admin', 'grant', person.email, role);
    await person.refresh();
    assert.equal((await person.ask('GET', '/api/users/me')).body.role, role);
  }
  return person;
}

/** The case of somebody who was reported, among those that wait. */
export async function caseOf(moderator, person) {
  let cursor = '';
  for (let page = 0; page < 100; page += 1) {
    const { status, body } = await moderator.ask('GET', `/api/moderation/cases?state=open${cursor}`);
    assert.equal(status, 200, JSON.stringify(body));
    const found = body.cases.find((one) => one.userId === person.id);
    if (found) return found;
    assert.ok(body.cursor, 'their case is in the queue');
    cursor = `&cursor=${encodeURIComponent(body.cursor)}`;
  }
  throw new Error('the queue has no end');
}

/** `reporter` meets `person`, reports them, and a moderator suspends them. */
export async function suspended(server, t, person, reporter) {
  const [page, other] = [await person.open(), await reporter.open()];
  const { roomId } = await meet(page, other);
  const report = await reporter.ask('POST', '/api/reports', { json: { roomId, userId: person.id, reason: 'harassment', note: 'rude' } });
  assert.equal(report.status, 201, JSON.stringify(report.body));
  const moderator = await withRole(server, t, 'moderator');
  const { id } = await caseOf(moderator, person);
  const json = { action: 'suspend', reason: 'harassment', hours: 48, note: 'Please be kind.' };
  const decided = await moderator.ask('POST', `/api/moderation/cases/${id}/decision`, { json });
  assert.equal(decided.status, 200, JSON.stringify(decided.body));
  await page.event('disconnect');
  return { page: await person.open(), first: page, moderator, caseId: id, decision: decided.body, roomId };
}
