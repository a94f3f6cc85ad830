// What belongs to a person: their picture, how a call was, what is held of them, and its end.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { mailsTo, newestMail } from '../../tests/node/lib/mail.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { LONG, PHONE } from './lib/browser.mjs';
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
