// A group's room as people use it: separate browsers, the page that the binary carries. Pictures of 640x360, so that four
// browsers fit on a small machine. Nothing is known here of the page's code but its accessible names, test ids and
// `window.__visavisPc`.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { newestMail } from '../../tests/node/lib/mail.mjs';
import { newAddress, signIn as person } from '../../tests/node/lib/person.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { DESKTOP, LONG, TALL_PHONE } from './lib/browser.mjs';
import { carrier } from './lib/connections.mjs';
import { fakes } from './lib/fake.mjs';
import { nameOf } from './lib/people.mjs';
import { fits, guest, join, makeRoom, names, places, plays, sees, signIn, tile, together, toLobby } from './lib/room.mjs';

/** A seat is kept so long, in milliseconds. */
const GRACE = 15_000;

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

describe('a room', () => {
  test('four browsers see and hear each other, talk, point and come back, with one description each', { timeout: 420_000 }, async (t) => {
    const { guests, link, fake } = await together(t, server, 4, { speaks: (i) => i < 2, viewports: [DESKTOP, DESKTOP, DESKTOP, TALL_PHONE] });
    const [anna, ben, cleo, dan] = guests;
    // Whoever comes last has everybody in the order they came.
    const [annaName, benName, cleoName, danName] = await names(anna);
    await ben.button('Microphone').click();

    await t.test('all decode each other: three pictures with each of four', async () => {
      await Promise.all(guests.map((one) => sees(one, 3)));
      await Promise.all(guests.map((one) => plays(one, 'picture', 3)));
      for (const one of guests) {
        await fits(one);
        assert.equal(await carrier(one), 'udp', one.name);
      }
      await anna.picture('room-4');
      await dan.picture('room-4-phone');
      await accessible(anna, 'four in a room');
      await accessible(dan, 'four in a room on a phone');
    });

    await t.test('whoever speaks is ringed, at everybody else, and it follows the voice', async () => {
      const ringed = (viewer, name) =>
        until(() => tile(viewer, name).evaluate((element) => element.classList.contains('speaking')), LONG, `${viewer.name} sees ${name} speak`);
      await Promise.all([ben, cleo, dan].map((one) => ringed(one, annaName)));
      await anna.button('Microphone').click();
      await ben.button('Microphone').click();
      await Promise.all([anna, cleo, dan].map((one) => ringed(one, benName)));
      assert.equal(await tile(cleo, annaName).evaluate((element) => element.classList.contains('speaking')), false);
      await cleo.button('Speaker view').click();
      const large = async () => {
        const all = await places(cleo);
        return all.toSorted((a, b) => b.width * b.height - a.width * a.height)[0].name;
      };
      await until(async () => (await large()) === benName, LONG, 'the speaker has the stage');
      await cleo.picture('room-speaker');
      await cleo.button('Speaker view').click();
    });

    await t.test('what is written is read by all, with its author; a hand is seen in its place', async () => {
      await anna.button('Chat').click();
      await dan.button('Chat').click();
      await anna.say('Hello everybody');
      await dan.reads('Hello everybody');
      assert.match(await dan.page.getByTestId('message').first().innerText(), new RegExp(annaName));
      await dan.picture('room-chat-phone');
      await accessible(dan, 'the chat on a phone');
      await dan.button('Chat').click();
      await anna.page.keyboard.press('Escape');
      assert.equal(await anna.button('Chat').evaluate((element) => element === document.activeElement), true, 'the keyboard is where it was');
      await dan.button('Raise hand').click();
      await cleo.button('Raise hand').click();
      for (const [name, n] of [[danName, 1], [cleoName, 2]]) {
        await tile(anna, name).getByText(`Hand raised, number ${n}`).waitFor();
      }
      await anna.button('React').click();
      await anna.button('Applause').click();
      await tile(ben, annaName).getByRole('img', { name: 'Applause' }).waitFor();
      await anna.button('People').click();
      await anna.picture('room-people');
      await accessible(anna, 'the people list');
      await anna.button('People').click();
      await dan.button('Raise hand').click();
      await cleo.button('Raise hand').click();
    });

    await t.test('a screen takes the stage of the others, and leaves it', async () => {
      await ben.button('Share screen').click();
      await Promise.all([anna, cleo, dan].map((one) => plays(one, 'screen', 1)));
      const stage = await places(anna);
      const shared = stage.find(({ name }) => name === `Screen of ${benName}`);
      for (const other of stage) assert.ok(other === shared || other.width * other.height < (shared.width * shared.height) / 3, JSON.stringify(other));
      await fits(anna);
      await fits(dan);
      await anna.picture('room-screen');
      await dan.picture('room-screen-phone');
      await accessible(anna, 'a shared screen');
      await ben.button('Share screen').click();
      await Promise.all([anna, cleo, dan].map((one) => until(async () => (await one.page.getByTestId('screen').count()) === 0, LONG, `${one.name}: the screen is gone`)));
      await Promise.all(guests.map((one) => sees(one, 3)));
    });

    await t.test('a browser that dies and is back in time keeps its tile', async () => {
      const cookies = (await cleo.context.cookies()).filter(({ name }) => name === 'refresh');
      const before = (await places(anna)).map(({ name }) => name);
      await cleo.kill();
      const died = performance.now();
      const back = await guest(t, server, 'cleo-again', { fake: fake[2], cookies });
      back.email = cleo.email;
      await toLobby(back, link);
      await join(back);
      assert.ok(performance.now() - died < GRACE, `back within ${GRACE} ms`);
      assert.deepEqual((await places(anna)).map(({ name }) => name), before);
      await Promise.all([anna, ben, dan, back].map((one) => sees(one, 3)));
      assert.deepEqual((await places(anna)).map(({ name }) => name), before);
    });

    await t.test('and all that with one description of the other side', async () => {
      for (const one of [anna, ben, dan]) {
        assert.equal(await one.page.evaluate(() => window.descriptions), 1, one.name);
        one.assertNoProblems();
      }
    });
  });

  test('the host mutes, forbids, locks, hands over and removes; each hears what it means', { timeout: 240_000 }, async (t) => {
    const { guests, link } = await together(t, server, 2, { viewports: [DESKTOP, TALL_PHONE] });
    const [host, other] = guests;
    await Promise.all(guests.map((one) => plays(one, 'picture', 1)));
    await host.picture('room-2');
    await other.picture('room-2-phone');
    const [hostName, name] = await names(host);
    await host.button('People').click();
    const about = async (what) => {
      await host.button(`About ${name}`).click();
      await host.page.getByRole('dialog').getByRole('button', { name: what, exact: true }).click();
    };

    await about('Mute');
    await other.page.getByText('You were muted, by the host or for safety.').first().waitFor();
    assert.equal(await other.button('Microphone').getAttribute('aria-pressed'), 'false');
    await other.button('Microphone').click();
    assert.equal(await other.button('Microphone').getAttribute('aria-pressed'), 'false', 'stays off');
    await about('Let them talk');
    await other.page.getByText('You may talk again').first().waitFor();
    await other.button('Microphone').click();
    await host.page.locator('.people-list li').nth(1).getByText('Microphone is on').waitFor();

    await host.page.getByRole('checkbox', { name: 'Only I may share a screen' }).check();
    await other.page.getByText('Only the host may share a screen now.').first().waitFor();
    await host.page.getByRole('checkbox', { name: 'Lock the room' }).check();
    await other.page.getByText('The room is locked now.').first().waitFor();
    await host.picture('room-host');
    await host.button(`About ${name}`).click();
    await host.picture('room-about');
    await accessible(host, 'about somebody');
    await host.page.keyboard.press('Escape');

    // Somebody who comes now is told, and what to do.
    const late = await guest(t, server, 'late');
    await late.page.goto(link);
    await late.page.getByLabel('Email', { exact: true }).waitFor();
    await late.picture('room-invited');
    await signIn(late);
    await late.reaches('lobby');
    await late.page.getByText('This room is locked').waitFor();
    await late.button('Join').click();
    await late.reaches('locked');
    await late.picture('room-locked');
    await accessible(late, 'a locked room');
    await host.page.getByRole('checkbox', { name: 'Lock the room' }).uncheck();
    await late.button('Try again').click();
    await late.reaches('in');
    await late.button('Leave').click();
    await late.reaches('left');

    await about('Make host');
    await other.page.getByText('You are the host now.').first().waitFor();
    await host.page.getByRole('checkbox', { name: 'Lock the room' }).waitFor({ state: 'detached' });
    await other.button('People').click();
    await other.picture('room-people-phone');
    await other.button(`About ${hostName}`).click();
    await other.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await other.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await host.reaches('removed');
    await host.picture('room-removed');
    await accessible(host, 'removed');
    await host.page.goto(link);
    await host.reaches('lobby');
    await host.button('Join').click();
    await host.reaches('removed');
    for (const one of [...guests, late]) one.assertNoProblems();
  });

  test('whoever is reported and whoever did it are gone for one another, and stay so', { timeout: 240_000 }, async (t) => {
    const { guests, link } = await together(t, server, 3, { viewports: [DESKTOP, TALL_PHONE, DESKTOP] });
    const [host, anna, ben] = [guests[0], guests[2], guests[1]];
    await Promise.all(guests.map((one) => plays(one, 'picture', 2)));
    const [hostName, annaName, benName] = await Promise.all([host, anna, ben].map(nameOf));
    // Two taps: the person's menu, and what is wished.
    await ben.button(`Menu of ${annaName}`).click();
    await ben.picture('room-about-phone');
    await accessible(ben, 'the menu of somebody, on a phone');
    const dialog = ben.page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Report', exact: true }).click();
    await ben.page.getByRole('dialog', { name: `Report ${annaName}` }).waitFor();
    await ben.picture('room-report-phone');
    await accessible(ben, 'a report from a room');
    await dialog.getByLabel('Insults, threats or hate').check();
    await dialog.getByRole('button', { name: 'Report', exact: true }).click();
    await ben.page.getByText(`You no longer see or hear ${annaName}`).first().waitFor();
    await tile(ben, annaName).waitFor({ state: 'detached' });
    await tile(anna, benName).waitFor({ state: 'detached' });
    await fits(ben);
    // The third sees both; neither reads the other.
    await sees(host, 2);
    for (const one of [anna, ben]) await one.button('Chat').click();
    await anna.say('Are you there?');
    await ben.say('Hello');
    await host.button('Chat').click();
    for (const text of ['Are you there?', 'Hello']) await host.reads(text);
    await ben.picture('room-apart-phone');
    assert.equal(await ben.page.getByTestId('message').filter({ hasText: 'Are you there?' }).count(), 0);
    assert.equal(await anna.page.getByTestId('message').filter({ hasText: 'Hello' }).count(), 0);
    // It stays so when the page is opened anew.
    await ben.page.goto(link);
    await join(ben);
    await until(async () => (await places(ben)).map(({ name }) => name).sort().join() === [hostName, 'You'].sort().join(), LONG, 'anna stays out of sight');
    // Who blocks the host can't stay, and is told.
    await ben.button(`Menu of ${hostName}`).click();
    await dialog.getByRole('button', { name: 'Block', exact: true }).click();
    await ben.page.getByRole('dialog').getByRole('button', { name: 'Block', exact: true }).click();
    await ben.reaches('blocked');
    await ben.picture('room-blocked-phone');
    await accessible(ben, 'out of a room, because of a block');
    for (const one of guests) one.assertNoProblems();
  });

  test('its link leads there through the sign-in, by code and by mail, and says so when the room has gone meanwhile', { timeout: 180_000 }, async (t) => {
    const host = await person(server, { test: t });
    const { room, joinUrl } = (await host.ask('POST', '/api/rooms', { json: { name: 'Lunch' } })).body;
    const inLobby = async (one) => {
      await one.reaches('lobby');
      assert.equal(new URL(one.page.url()).pathname, `/room/${room.id}`);
      await one.page.getByRole('heading', { level: 1, name: 'Lunch' }).waitFor();
    };
    const eve = await guest(t, server, 'eve');
    await eve.page.goto(joinUrl);
    await signIn(eve);
    await inLobby(eve);

    // By the link of the mail, in the same tab.
    const finn = await guest(t, server, 'finn');
    finn.email = newAddress('finn');
    await finn.page.goto(joinUrl);
    await finn.page.getByLabel('Email', { exact: true }).fill(finn.email);
    await finn.button('Sign in').click();
    await finn.page.goto((await newestMail(server, finn.email)).link);
    await finn.page.getByRole('button', { name: /^Sign in as/ }).click();
    await inLobby(finn);

    // Whoever takes their time.
    const [gus, hal] = [await guest(t, server, 'gus', { viewport: TALL_PHONE }), await guest(t, server, 'hal')];
    for (const one of [gus, hal]) {
      one.email = newAddress(one.name);
      await one.page.goto(joinUrl);
      await one.page.getByLabel('Email', { exact: true }).fill(one.email);
      await one.button('Sign in').click();
    }
    assert.equal((await host.ask('DELETE', `/api/rooms/${room.id}`)).status, 204);
    await gus.enterCode((await newestMail(server, gus.email)).code);
    await gus.reaches('gone');
    await gus.page.getByRole('heading', { level: 1, name: 'This link leads to no room' }).waitFor();
    await gus.page.getByText(/Ask for a new link, or open a room of your own\./).waitFor();
    await gus.page.getByRole('link', { name: 'To the start page' }).waitFor();
    await gus.picture('room-gone-phone');
    await gus.button('New room').click();
    await gus.reaches('lobby');
    await hal.page.goto((await newestMail(server, hal.email)).link);
    await hal.page.getByRole('button', { name: /^Sign in as/ }).click();
    await hal.page.locator('.notices').getByText(/The room of your link is gone/).waitFor();
    await hal.button('New room').waitFor();
    [eve, finn, gus, hal].forEach((one) => one.assertNoProblems());
  });

  test('has captions to be switched on when the models have come up after the page', { timeout: 120_000 }, async (t) => {
    const ivy = await guest(t, server, 'ivy');
    let watched = false;
    await ivy.page.route('**/api/info', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), watched } });
    });
    await makeRoom(ivy);
    await ivy.page.getByText(/Programs look for nudity/).waitFor({ state: 'detached' });
    watched = true;
    await join(ivy);
    await ivy.button('Captions').waitFor();
    await ivy.page.keyboard.press('?');
    await ivy.page.getByRole('dialog', { name: 'Keys' }).locator('div', { hasText: /^Tcaptions/ }).waitFor();
    ivy.assertNoProblems();
  });

  test('the lobby shows how I will be seen; alone I am given the link; a link that leads nowhere says so', { timeout: 180_000 }, async (t) => {
    const [fake] = await fakes(1);
    t.after(() => rm(fake.folder, { recursive: true, force: true }));
    const anna = await guest(t, server, 'anna', { fake });
    const link = await makeRoom(anna);
    await anna.page.locator('.preview video').waitFor();
    await anna.page.getByText(/The others will see and hear you/).waitFor();
    await anna.picture('room-lobby');
    await accessible(anna, 'the lobby');
    await anna.button('Camera').click();
    await anna.page.getByText(/hear you, but not see you/).waitFor();
    await anna.page.setViewportSize(TALL_PHONE);
    await anna.picture('room-lobby-phone');
    await accessible(anna, 'the lobby on a phone');
    await join(anna);
    await anna.picture('room-1-phone');
    assert.equal(await anna.page.locator('.alone').getByLabel('Link of this room').inputValue(), link);
    // A page that is made four times as large as on a desk has so little room (WCAG 1.4.10).
    await anna.page.setViewportSize({ width: 320, height: 640 });
    await until(() => fits(anna).then(() => true, () => false), LONG, 'everything can be reached in 320 points');
    await anna.page.setViewportSize(DESKTOP);
    await anna.page.keyboard.press('v');
    assert.equal(await anna.button('Camera').getAttribute('aria-pressed'), 'true');
    await anna.picture('room-1');
    await fits(anna);
    await accessible(anna, 'alone in a room');
    await anna.page.keyboard.press('?');
    await anna.page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await anna.picture('room-keys');
    await anna.page.keyboard.press('Escape');
    await anna.button('More').click();
    await anna.picture('room-more');
    await accessible(anna, 'more');
    await anna.page.keyboard.press('Escape');
    assert.equal(await anna.button('More').evaluate((element) => element === document.activeElement), true, 'the keyboard is where it was');
    await anna.button('Leave').click();
    await anna.reaches('left');
    await anna.picture('room-left');
    assert.equal(await anna.page.evaluate(() => document.querySelectorAll('video').length), 0);
    await anna.button('Join again').click();
    await anna.reaches('in');
    await anna.button('People').click();
    await anna.button('End for everybody').click();
    await anna.page.getByRole('dialog').getByRole('button', { name: 'End for everybody' }).click();
    await anna.reaches('deleted');
    await accessible(anna, 'a room that was ended');
    await anna.page.goto('/room/rm_00000000000000000000000000');
    await anna.reaches('gone');
    await anna.picture('room-gone');
    await accessible(anna, 'no such room');
    await anna.button('New room').click();
    await anna.reaches('lobby');
    anna.assertNoProblems();
  });
});
