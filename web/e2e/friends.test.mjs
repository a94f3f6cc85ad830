// Friends as people have them: found by a private ID or after a random chat, seen where they are, removed and blocked.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { signIn } from '../../tests/node/lib/person.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { DESKTOP, LONG, PHONE } from './lib/browser.mjs';
import { atFriends, befriended, friend, hears, nameOf, person } from './lib/people.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

const fits = async (visitor) => assert.ok((await visitor.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)) <= 0, `${visitor.name} is too wide`);

describe('friends', () => {
  test('are found by their private ID, asked, and seen where they are', { timeout: 180_000 }, async (t) => {
    const [anna, ben] = await Promise.all([person(t, server, 'anna'), person(t, server, 'ben', { viewport: PHONE })]);
    await Promise.all([anna, ben].map((one) => atFriends(one)));
    const [annas, bens] = [await nameOf(anna), await nameOf(ben)];
    const id = await ben.page.getByRole('textbox', { name: 'My private ID' }).inputValue();

    // First a slip of the pen, then nobody's, then the right one.
    const field = anna.page.getByRole('textbox', { name: 'Their private ID' });
    await field.fill(`${id.slice(0, -1)}${id.endsWith('2') ? '3' : '2'}`);
    await anna.button('Look up').click();
    await anna.page.getByRole('alert').filter({ hasText: /a private ID is nine letters and digits/ }).waitFor();
    await accessible(anna, 'a wrong private ID');
    await field.fill(id.toLowerCase());
    await field.press('Enter');
    await anna.page.locator('.found').getByText(bens).waitFor();
    await anna.picture('friends-found');
    await anna.button('Add friend').click();
    await anna.page.getByText('hasn’t answered yet', { exact: true }).waitFor();

    await hears(ben, `${annas} would like to be friends with you.`);
    await ben.button(`Accept ${annas}`).waitFor();
    assert.match(await ben.page.getByRole('link', { name: /^Friends/ }).innerText(), /1 waiting/);
    await ben.picture('friends-request-phone');
    await accessible(ben, 'a request');
    await fits(ben);
    await ben.button(`Accept ${annas}`).click();
    await Promise.all([friend(anna, bens, 'online'), friend(ben, annas, 'online')]);
    await anna.picture('friends');
    await Promise.all([accessible(anna, 'friends'), accessible(ben, 'friends, phone')]);
    await fits(anna);

    // Where somebody is comes by itself.
    await ben.page.goto('/me');
    await ben.page.getByRole('switch', { name: 'Do not disturb' }).check();
    await friend(anna, bens, 'offline');
    await accessible(ben, 'profile');
    await ben.picture('me-phone');
    await ben.page.getByRole('switch', { name: 'Do not disturb' }).uncheck();
    await friend(anna, bens, 'online');

    // Another private ID: the one before finds nobody, friends stay.
    await atFriends(ben);
    await ben.button('Get a new ID').click();
    await ben.page.getByRole('dialog').getByRole('button', { name: 'Get a new ID' }).click();
    await ben.page.getByText('You have a new ID.').waitFor();
    assert.notEqual(await ben.page.getByRole('textbox', { name: 'My private ID' }).inputValue(), id);
    await field.fill(id);
    await field.press('Enter');
    await anna.page.getByRole('alert').filter({ hasText: /Nobody has this ID/ }).waitFor();
    await friend(anna, bens, 'online');

    // Removed, both see it.
    await anna.button(`Menu of ${bens}`).click();
    await anna.button('Remove from friends').click();
    await accessible(anna, 'sure?');
    await anna.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    for (const one of [anna, ben]) await one.page.getByText(/^Nobody yet\./).waitFor();
    anna.assertNoProblems();
    ben.assertNoProblems();
  });

  test('are told of without that anything moves under a finger', { timeout: 120_000 }, async (t) => {
    const ida = await person(t, server, 'ida', { viewport: PHONE });
    const privateId = await ida.page.evaluate(async () => {
      const { accessToken } = await (await fetch('/api/auth/refresh', { method: 'POST' })).json();
      return (await (await fetch('/api/users/me', { headers: { authorization: `Bearer ${accessToken}` } })).json()).privateId;
    });
    /** Where everything is that can be pressed, and whether a finger comes to it. */
    const buttons = () =>
      ida.page.locator('header :is(a, button), main :is(a, button, input)').evaluateAll((all) =>
        all.filter((one) => one.checkVisibility() && one.getBoundingClientRect().bottom < innerHeight).map((one) => {
          const { x, y, width, height } = one.getBoundingClientRect();
          const top = document.elementFromPoint(x + width / 2, y + height / 2);
          return [one.getAttribute('aria-label') ?? one.textContent, Math.round(x), Math.round(y), one.contains(top)].join(' ');
        }));
    for (const where of ['/', '/chat']) {
      await ida.page.goto(where);
      await ida.button('Start').waitFor();
      const before = await buttons();
      assert.ok(before.length > 5, before.join());
      const other = await signIn(server, { test: t });
      assert.equal((await other.ask('POST', '/api/friends/requests', { json: { privateId } })).status, 201);
      await hears(ida, `${other.user.displayName} would like to be friends with you.`);
      // The badge of the header counts it; it stands where it was.
      const told = (lines) => lines.map((line) => line.replace(/\(.*waiting.*?\)/, ''));
      assert.deepEqual(told(await buttons()), told(before), where);
      await ida.picture(`notice-phone${where === '/' ? '' : '-chat'}`);
      await accessible(ida, `a notice at ${where}`);
    }
    ida.assertNoProblems();
  });

  test('are made of two who met at random; a block ends it for both', { timeout: 180_000 }, async (t) => {
    const two = await Promise.all([person(t, server, 'carla', { viewport: DESKTOP }), person(t, server, 'dan', { viewport: PHONE })]);
    const [carla, dan] = two;
    const names = await befriended(carla, dan, { pictures: true });
    await Promise.all(two.map((one) => atFriends(one)));
    await Promise.all([friend(carla, names[1], 'online'), friend(dan, names[0], 'online')]);
    await dan.button(`Menu of ${names[0]}`).click();
    await dan.button('Block').click();
    await dan.page.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
    await dan.button(`Unblock ${names[0]}`).waitFor();
    for (const one of two) await one.page.getByText(/^Nobody yet\./).waitFor();
    // Whoever is blocked finds nobody there.
    const field = carla.page.getByRole('textbox', { name: 'Their private ID' });
    await field.fill(await dan.page.getByRole('textbox', { name: 'My private ID' }).inputValue());
    await field.press('Enter');
    await carla.page.getByRole('alert').filter({ hasText: /Nobody has this ID/ }).waitFor();
    await dan.button(`Unblock ${names[0]}`).click();
    await dan.page.getByText('You have blocked nobody.').waitFor();
    two.forEach((one) => one.assertNoProblems());
  });

  test('are asked, refused and taken back without a mouse', { timeout: 180_000 }, async (t) => {
    const [eve, finn] = await Promise.all([person(t, server, 'eve'), person(t, server, 'finn')]);
    await Promise.all([eve, finn].map((one) => atFriends(one)));
    const id = await finn.page.getByRole('textbox', { name: 'My private ID' }).inputValue();
    const press = async (visitor, name) => {
      const button = visitor.button(name);
      await button.focus();
      await visitor.page.keyboard.press('Enter');
    };
    const [eves, finns] = [await nameOf(eve), await nameOf(finn)];
    const ask = async () => {
      await eve.page.getByRole('textbox', { name: 'Their private ID' }).fill(id);
      await eve.page.keyboard.press('Enter');
      await press(eve, 'Add friend');
      await eve.button(`Withdraw the request to ${finns}`).waitFor();
    };
    await ask();
    await finn.button(`Accept ${eves}`).waitFor();
    await press(eve, `Withdraw the request to ${finns}`);
    await until(async () => (await finn.button(`Accept ${eves}`).count()) === 0, LONG, 'taken back');
    await ask();
    await finn.button(`Decline ${eves}`).waitFor();
    await press(finn, `Decline ${eves}`);
    await until(async () => (await finn.button(`Decline ${eves}`).count()) === 0, LONG, 'declined');
    await eve.button(`Withdraw the request to ${finns}`).waitFor();
    [eve, finn].forEach((one) => one.assertNoProblems());
  });
});
