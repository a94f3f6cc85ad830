// The keyboard goes on where something was, when that is gone; never at the top of the page again.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { LONG } from './lib/browser.mjs';
import { atFriends, makeFriends, nameOf, person } from './lib/people.mjs';
import { guest } from './lib/room.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

/** What has the focus, as it is called. */
const focused = (visitor) =>
  visitor.page.evaluate(() => {
    const at = document.activeElement;
    return at === document.body ? 'nothing' : (at.getAttribute('aria-label') ?? at.textContent).trim();
  });

async function isAt(visitor, name, why) {
  let seen;
  await until(async () => (seen = await focused(visitor)) === name, LONG, () => `${why}: the focus is at ${name}, is at ${seen}`);
}

/** As somebody without a mouse does. */
async function press(visitor, name) {
  await visitor.page.getByRole('button', { name, exact: true }).last().focus();
  await visitor.page.keyboard.press('Enter');
}

describe('the focus', () => {
  test('goes from request to request, and then to the list', { timeout: 180_000 }, async (t) => {
    const [anna, ben, cleo] = await Promise.all(['anna', 'ben', 'cleo'].map((name) => person(t, server, name)));
    await Promise.all([anna, ben, cleo].map(atFriends));
    const id = await anna.page.getByRole('textbox', { name: 'My private ID' }).inputValue();
    for (const one of [ben, cleo]) {
      await one.page.getByRole('textbox', { name: 'Their private ID' }).fill(id);
      await one.page.keyboard.press('Enter');
      await press(one, 'Add friend');
      await isAt(one, 'Add somebody by their private ID', 'asked');
    }
    const [bens, cleos] = [await nameOf(ben), await nameOf(cleo)];
    await Promise.all([bens, cleos].map((name) => anna.button(`Accept ${name}`).waitFor()));
    await press(anna, `Accept ${bens}`);
    await isAt(anna, `Accept ${cleos}`, 'the next request');
    await anna.page.keyboard.press('Enter');
    await isAt(anna, 'Your friends', 'no more requests');
    // A dialog whose opener goes with what it does.
    await press(anna, `Menu of ${bens}`);
    await press(anna, 'Remove from friends');
    await press(anna, 'Remove');
    await isAt(anna, `Call ${cleos}`, 'the next friend');
    [anna, ben, cleo].forEach((one) => one.assertNoProblems());
  });

  test('stays near what was removed, signed out or reported', { timeout: 180_000 }, async (t) => {
    const [dan, eve] = await Promise.all(['dan', 'eve'].map((name) => person(t, server, name)));
    await makeFriends(dan, eve);
    await Promise.all([dan, eve].map((one) => one.search()));
    await Promise.all([dan, eve].map((one) => one.reaches('live')));
    await press(dan, 'Report');
    await press(dan, 'Report');
    await dan.reaches('searching');
    await isAt(dan, 'Stop', 'reported: what can be done now');
    await dan.button('Stop').click();

    // The same account on another device.
    const other = await guest(t, server, 'other');
    await other.page.goto('/');
    await other.page.getByLabel('Email', { exact: true }).fill(dan.email);
    const { mailsTo, newestMail } = await import('../../tests/node/lib/mail.mjs');
    const before = (await mailsTo(server, dan.email)).length;
    await other.button('Sign in').click();
    await other.enterCode((await newestMail(server, dan.email, before)).code);
    await other.page.waitForURL('**/chat');
    await dan.page.getByRole('link', { name: 'My profile' }).click();
    const away = dan.page.getByRole('button', { name: /^Sign out \S/ });
    await away.focus();
    await dan.page.keyboard.press('Enter');
    await isAt(dan, 'Signed-in devices', 'no other device');

    await dan.page.locator('input[type=file]').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: await dan.page.screenshot() });
    await dan.page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
    await dan.button('Remove the picture').waitFor();
    await press(dan, 'Remove the picture');
    await isAt(dan, 'Choose a picture', 'no picture');

    const field = dan.page.getByRole('combobox', { name: 'Languages' });
    for (const name of ['German', 'French']) {
      await field.selectOption({ label: name });
      await press(dan, 'Add');
      await dan.button(`Take away ${name}`).waitFor();
      assert.equal(await field.inputValue(), '', 'it asks for the next one');
    }
    await press(dan, 'Take away German');
    await isAt(dan, 'Take away French', 'the next language');
    // Saved without having been added first.
    await field.selectOption({ label: 'Spanish' });
    await field.focus();
    await press(dan, 'Save');
    await dan.button('Take away Spanish').waitFor();
    assert.equal(await field.inputValue(), '', 'it asks for the next one');
    [dan, eve].forEach((one) => one.assertNoProblems());
  });

  test('comes to the heading of the next page, and to the door of a room first', { timeout: 120_000 }, async (t) => {
    const finn = await guest(t, server, 'finn');
    await finn.signIn();
    await finn.page.waitForURL('**/check');
    await isAt(finn, 'Before you start', 'the check');
    await toNewRoom(finn);
    await isAt(finn, 'Group call', 'the lobby');
    await finn.page.keyboard.press('Tab');
    await isAt(finn, 'Join', 'the door');
    assert.equal(await finn.page.locator('header nav [aria-current="page"]').count(), 0);
    await finn.page.getByRole('link', { name: 'My profile' }).click();
    await until(async () => (await finn.page.locator('header nav [aria-current="page"]').allInnerTexts()).join() === 'My profile', LONG, 'the header tells which page this is');
    finn.assertNoProblems();
  });
});

/** From the check, without loading the page anew. */
async function toNewRoom(visitor) {
  await visitor.page.getByRole('link', { name: 'Visavis, start page' }).click();
  await visitor.button('New room').click();
  await visitor.reaches('lobby');
}
