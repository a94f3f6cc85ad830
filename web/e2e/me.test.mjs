// What belongs to a person: their picture, how a call was, what was decided about them, what is held of them, and its end.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { mailsTo, newestMail } from '../../tests/node/lib/mail.mjs';
import { suspended } from '../../tests/node/lib/moderators.mjs';
import { people } from '../../tests/node/lib/person.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { DESKTOP, LONG, PHONE, Visitor } from './lib/browser.mjs';
import { atFriends, friend, makeFriends, nameOf, person } from './lib/people.mjs';

const MINUTE = 60_000;

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

/** A file that the page may choose. */
const choose = (visitor, buffer) => visitor.page.locator('input[type=file]').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer });

const seen = (image) => image.evaluate((one) => (one.complete ? one.naturalWidth : 0));

describe('a picture', () => {
  test('is chosen, cut by keyboard, seen by friends, and removed', { timeout: 180_000 }, async (t) => {
    const [anna, ben] = await Promise.all([person(t, server, 'anna', { viewport: PHONE }), person(t, server, 'ben')]);
    const annas = await nameOf(anna);
    await makeFriends(anna, ben);
    await anna.page.goto('/me');
    await anna.button('Choose a picture').waitFor();
    await choose(anna, Buffer.from('no picture at all'));
    await anna.page.getByRole('alert').filter({ hasText: /can be read/ }).waitFor();
    await choose(anna, await anna.page.screenshot());
    const dialog = anna.page.getByRole('dialog');
    await dialog.waitFor();
    await accessible(anna, 'cutting a picture');
    const zoom = dialog.getByLabel('Zoom');
    const before = await zoom.inputValue();
    await zoom.press('ArrowRight');
    assert.notEqual(await zoom.inputValue(), before);
    await anna.picture('me-crop-phone');
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    const mine = anna.page.locator('main .avatar img');
    await until(async () => (await seen(mine)) === 64, LONG, 'my picture');
    await anna.picture('me-picture-phone');
    await accessible(anna, 'a profile with a picture');

    await atFriends(ben);
    await friend(ben, annas, 'online');
    const theirs = ben.page.getByTestId('friends').locator('img');
    await until(async () => (await seen(theirs)) === 64, LONG, 'their picture');
    assert.match(await theirs.getAttribute('src'), /^\/api\/avatars\/[0-9a-f]{64}-64\.webp$/);

    await anna.button('Remove the picture').click();
    await mine.waitFor({ state: 'detached' });
    [anna, ben].forEach((one) => one.assertNoProblems());
  });
});

describe('a random call', () => {
  test('is rated by whoever likes', { timeout: 120_000 }, async (t) => {
    const [carla, dan] = await Promise.all([person(t, server, 'carla'), person(t, server, 'dan')]);
    await Promise.all([carla, dan].map((one) => one.search()));
    await Promise.all([carla, dan].map((one) => one.reaches('live')));
    await carla.button('Stop').click();
    await carla.button('4 of 5 stars').click();
    await carla.page.getByText('Thank you.').waitFor();
    await carla.picture('chat-rated');
    await accessible(carla, 'rated');
    carla.assertNoProblems();
  });
});

describe('a decision', () => {
  test('who is suspended reads the rule, the end and the way to appeal wherever they are', { timeout: 180_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    const sid = await Visitor.start(server, { name: 'sid', test: t });
    const { page } = sid;
    await page.goto('/');
    await page.getByLabel('Email', { exact: true }).fill(eve.email);
    await sid.button('Sign in').click();
    await sid.enterCode((await newestMail(server, eve.email, 1)).code);
    await page.getByRole('link', { name: 'My profile' }).click();
    await page.getByText('Nothing was decided about you.').waitFor();
    const { moderator: judge, caseId } = await suspended(server, t, eve, ada);
    const told = page.getByRole('alert').filter({ hasText: 'Your account is suspended until' });
    await told.waitFor();
    assert.doesNotMatch(await told.innerText(), /taken out of/, 'of somebody in no call');
    await page.goto('/chat');
    const words = page.locator('.tile.partner');
    await words.getByText(/^Your account is suspended until .*, by the rule “terms-harassment”\.$/).waitFor();
    await sid.picture('suspended-chat');
    await accessible(sid, 'a suspension in the chat');
    await page.setViewportSize(PHONE);
    await sid.picture('suspended-chat-phone');
    await page.setViewportSize(DESKTOP);
    await words.getByRole('link', { name: 'Why, and what I can do' }).click();
    const list = page.locator('#decisions');
    await list.getByRole('heading', { name: /^You are suspended until/ }).waitFor();
    await list.getByText(/^Decided on /).waitFor();
    await sid.picture('suspended-profile');
    await list.getByText('The whole statement').click();
    await list.getByRole('link', { name: 'The rules here, in plain words' }).click();
    await page.waitForURL('**/rules#terms-harassment');
    await until(() => page.locator('#terms-harassment').evaluate((it) => it === document.activeElement), LONG, 'at the rule');
    await sid.picture('rules');
    assert.equal((await judge.ask('POST', `/api/moderation/cases/${caseId}/decision/undo`)).status, 204);
    await page.goto('/me#decisions');
    await list.getByRole('heading', { name: /^A suspension until/ }).waitFor();
    await list.getByText(/^Taken back on/).waitFor();
    await page.goto('/chat');
    await words.getByText('Press Start to meet somebody.').waitFor();
    sid.assertNoProblems();
  });
});

describe('an account', () => {
  test('is taken along as a file, and erased for good', { timeout: 180_000 }, async (t) => {
    const eve = await person(t, server, 'eve');
    const eves = await nameOf(eve);
    await eve.page.goto('/me');
    const [download] = await Promise.all([eve.page.waitForEvent('download'), eve.button('Download my data').click()]);
    const held = await readFile(await download.path(), 'utf8');
    JSON.parse(held);
    for (const word of [eves, eve.email]) assert.ok(held.includes(word), `${word} in ${held.slice(0, 500)}`);

    await eve.button('Delete my account').click();
    await accessible(eve, 'sure?');
    await eve.picture('me-erase');
    await eve.button('Delete for good').click();
    await eve.page.waitForURL((url) => url.pathname === '/');
    await eve.page.getByText(/Your account is being erased/).waitFor();
    await eve.picture('me-erased');
    await accessible(eve, 'erased');
    // Their mails are gone within a minute, and whoever comes again is new.
    await until(async () => (await mailsTo(server, eve.email)).length === 0, MINUTE, 'no mail to them is left');
    await again(eve);
    assert.notEqual(await nameOf({ context: eve.context }), eves);
  });
});

/** Signs in with the same address; whether the age has to be declared, as by everybody who is new. */
async function again(visitor) {
  const { page } = visitor;
  await page.getByLabel('Email', { exact: true }).fill(visitor.email);
  await visitor.button('Sign in').click();
  await visitor.enterCode((await newestMail(server, visitor.email)).code);
  await page.getByRole('checkbox', { name: 'I am 18 or older' }).waitFor();
}
