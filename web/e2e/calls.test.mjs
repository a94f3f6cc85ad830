// Friends call one another: it rings on every page, is taken on one, and a third comes in without anybody hanging up.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { signIn } from '../../tests/node/lib/person.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { DESKTOP, LONG, PHONE } from './lib/browser.mjs';
import { atFriends, befriended, friend, hears, makeFriends, nameOf, person } from './lib/people.mjs';
import { join, plays, sees } from './lib/room.mjs';

let server;
before(async () => {
  server = await startServer({ settings: { 'rooms.ring_s': 20 } });
});
after(() => server.end());

/** What both are told before it is answered. */
const DIRECT = 'This call goes directly between your devices where possible: nobody watches or records it, and each device learns the other’s internet address.';

const called = (page, name) => page.getByRole('dialog', { name: `${name} is calling`, exact: true });
const shows = (page, words) => page.getByText(words).filter({ visible: true }).first().waitFor();

/** Two are in the call and see each other. */
async function talk(...all) {
  await Promise.all(all.map((one) => one.reaches('in')));
  await Promise.all(all.map((one) => plays(one, 'picture', all.length - 1)));
}

describe('a call to a friend', () => {
  test('made of two who met at random: it rings on both tabs, is taken on one, a third friend comes, and a block ends it', { timeout: 400_000 }, async (t) => {
    const [anna, ben, cleo] = await Promise.all([
      person(t, server, 'anna'),
      person(t, server, 'ben', { viewport: PHONE }),
      person(t, server, 'cleo'),
    ]);
    const [annas, bens] = await befriended(anna, ben);
    const cleos = await nameOf(cleo);
    await makeFriends(anna, cleo);
    await makeFriends(ben, cleo);

    // Ben has two tabs open, neither of them at the friends.
    await ben.page.goto('/me');
    const second = await ben.context.newPage();
    await second.goto('/');
    await atFriends(anna);
    await friend(anna, bens, 'online');
    await anna.button(`Call ${bens}`).click();
    await anna.reaches('in');
    await shows(anna.page, `Calling ${bens}…`);
    await shows(anna.page, DIRECT);
    await anna.picture('call-rings-out');
    await accessible(anna, 'it rings at a friend');
    await Promise.all([ben.page, second].map((page) => called(page, annas).getByText(DIRECT).waitFor()));
    await ben.picture('call-rings-phone');
    await accessible(ben, 'it rings');
    // Nothing that is typed on answers by accident.
    await ben.page.keyboard.press('Space');
    await ben.page.keyboard.press('Enter');
    await called(ben.page, annas).waitFor();

    // By keyboard, on the first tab.
    await ben.button('Accept').focus();
    await ben.page.keyboard.press('Enter');
    await called(second, annas).waitFor({ state: 'detached' });
    await second.locator('.notices').getByText(`You have answered ${annas}’s call on another page.`).waitFor();
    await talk(anna, ben);
    assert.equal(await anna.page.evaluate(() => window.__visavisPc.getTransceivers().length), 4, 'directly, between the two');
    await anna.picture('call-two');
    await ben.picture('call-two-phone');
    await Promise.all([accessible(anna, 'a call of two'), accessible(ben, 'a call of two, phone')]);
    await anna.button('Chat').click();
    await anna.say('only for you');
    await ben.button('Chat').click();
    await ben.reads('only for you');
    await ben.button('Chat').click();

    // A screen goes the same way.
    await anna.button('Share screen').click();
    await plays(ben, 'screen', 1);
    await ben.picture('call-screen-phone');
    await anna.button('Share screen').click();
    await until(async () => (await ben.page.getByTestId('screen').count()) === 0, LONG, 'the screen is gone');

    // A third: the two never leave each other's sight.
    await anna.button('People').click();
    await anna.button(`Add ${cleos} to the call`).click();
    await shows(anna.page, 'ringing…');
    await anna.picture('call-add');
    await accessible(anna, 'calling somebody in');
    await called(cleo.page, annas).getByText(/^2 people are in this call already\./).waitFor();
    await cleo.picture('call-rings-running');
    await accessible(cleo, 'a running call rings');
    await cleo.button('Accept').click();
    await talk(anna, ben, cleo);
    await Promise.all([anna, ben, cleo].map((one) => sees(one, 2)));
    await anna.picture('call-three');
    await ben.picture('call-three-phone');
    await cleo.button('Leave').click();
    await cleo.reaches('left');
    for (const one of [anna, ben]) await until(async () => (await one.page.locator('figure.tile').count()) === 2, LONG, `${one.name}: two again`);
    await ben.button('Leave').click();
    await anna.button('Leave').click();

    // Later once more; a block ends it for both at once, and nobody finds the other any more.
    await atFriends(ben);
    await friend(ben, annas, 'online');
    await ben.button(`Call ${annas}`).click();
    await called(anna.page, bens).waitFor();
    await anna.button('Accept').click();
    await talk(anna, ben);
    await anna.button('People').click();
    await anna.button(`About ${bens}`).click();
    await anna.button('Block').click();
    await anna.page.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
    await Promise.all([anna, ben].map((one) => one.reaches('over')));
    await ben.picture('call-over-phone');
    await accessible(ben, 'over');
    await Promise.all([anna, ben].map((one) => atFriends(one)));
    await until(async () => (await ben.button(`Call ${annas}`).count()) + (await anna.button(`Call ${bens}`).count()) === 0, LONG, 'no friends any more');
    [anna, ben, cleo].forEach((one) => one.assertNoProblems());
  });

  test('is declined, called off, missed and refused, each in words', { timeout: 300_000 }, async (t) => {
    const [dan, eve] = await Promise.all([person(t, server, 'dan'), person(t, server, 'eve')]);
    const [dans, eves] = [await nameOf(dan), await nameOf(eve)];
    await makeFriends(dan, eve);
    await atFriends(dan);
    await friend(dan, eves, 'online');

    await dan.button(`Call ${eves}`).click();
    await called(eve.page, dans).waitFor();
    await eve.button('Decline').click();
    await dan.reaches('declined');
    await shows(dan.page, `${eves} can’t talk right now`);
    await dan.picture('call-declined');
    await accessible(dan, 'declined');

    await dan.button('Call again').click();
    await called(eve.page, dans).waitFor();
    await dan.button('Cancel').waitFor();
    assert.equal(await dan.button('Leave').count(), 0, 'one way to stop it');
    await dan.button('Cancel').click();
    await dan.reaches('cancelled');
    await shows(dan.page, 'You called off the call');
    await called(eve.page, dans).waitFor({ state: 'detached' });
    await hears(eve, `Missed call from ${dans}.`);

    await dan.button('Call again').click();
    await dan.reaches('unanswered');
    await shows(dan.page, `${eves} didn’t answer`);
    await hears(eve, `Missed call from ${dans}.`);

    // What was missed is told of on every page until it was looked at, and can be called back.
    const toFriends = eve.page.getByRole('link', { name: /^Friends/ });
    await until(async () => /missed calls: 2/.test(await toFriends.innerText()), LONG, 'missed calls are told of');
    await eve.picture('header-missed');
    await atFriends(eve);
    const missed = eve.page.getByTestId('missed').getByRole('listitem');
    await missed.filter({ hasText: dans }).getByText(/2 times/).waitFor();
    await until(async () => !/missed/.test(await toFriends.innerText()), LONG, 'seen');
    await eve.picture('friends-missed');
    await accessible(eve, 'missed calls');
    await eve.button(`Call back ${dans}`).click();
    await eve.reaches('in');
    await called(dan.page, eves).waitFor();
    await dan.button('Decline').click();
    await eve.reaches('declined');
    await atFriends(eve);
    await until(async () => (await missed.count()) === 0, LONG, 'called back');

    // It is among the last calls.
    await eve.page.goto('/me');
    const past = eve.page.getByTestId('calls').getByRole('listitem');
    await until(async () => (await past.count()) === 4, LONG, 'four calls');
    assert.deepEqual((await past.allInnerTexts()).map((text) => /missed call/.test(text)), [false, true, true, false]);
    await past.first().scrollIntoViewIfNeeded();
    await eve.picture('me-calls');
    await accessible(eve, 'last calls');

    // Not to be disturbed, one is offline to friends: there is nothing to press.
    await eve.page.getByRole('switch', { name: 'Do not disturb' }).check();
    await atFriends(dan);
    await friend(dan, eves, 'offline');
    assert.ok(!(await dan.button(`Call ${eves}`).isEnabled()));
    [dan, eve].forEach((one) => one.assertNoProblems());
  });

  test('that comes while one talks is told of as soon as that call is over, on every tab', { timeout: 180_000 }, async (t) => {
    const lea = await person(t, server, 'lea');
    const max = await signIn(server, { test: t });
    await atFriends(lea);
    const privateId = await lea.page.getByRole('textbox', { name: 'My private ID' }).inputValue();
    assert.equal((await max.ask('POST', '/api/friends/requests', { json: { privateId } })).status, 201);
    await lea.button(`Accept ${max.user.displayName}`).click();
    await friend(lea, max.user.displayName, 'offline');
    const other = await lea.context.newPage();
    await other.goto('/me');
    await lea.page.bringToFront();
    await lea.page.getByRole('link', { name: 'Visavis, start page' }).click();
    await lea.button('New room').click();
    await lea.reaches('lobby');
    await join(lea);
    const [{ user }] = (await max.ask('GET', '/api/friends')).body;
    const socket = await max.open();
    assert.equal((await socket.call('call-user', { userId: user.id })).error?.code, 'busy');
    // Of what is said meanwhile nothing lies over the pictures, whose names and buttons are at their edges.
    const nell = await signIn(server, { test: t });
    assert.equal((await nell.ask('POST', '/api/friends/requests', { json: { privateId } })).status, 201);
    await hears(lea, `${nell.user.displayName} would like to be friends with you.`);
    for (const size of [PHONE, DESKTOP]) {
      await lea.page.setViewportSize(size);
      const [over, tiles] = await lea.page.evaluate(() => ['.notices p:last-child', '.tiles'].map((what) => document.querySelector(what)?.getBoundingClientRect().toJSON()));
      assert.ok(over && tiles && over.bottom <= tiles.top, `${JSON.stringify(over)} over ${JSON.stringify(tiles)}`);
    }
    await lea.button('Leave').click();
    await lea.reaches('left');
    for (const page of [lea.page, other]) {
      const toFriends = page.getByRole('link', { name: /^Friends/ });
      await until(async () => /missed calls: 1/.test(await toFriends.innerText()), LONG, 'the missed call is told of');
    }
    lea.assertNoProblems();
  });

  test('is declined before the page of whoever calls has come: that is what they read', { timeout: 180_000 }, async (t) => {
    const [jan, kim] = await Promise.all([person(t, server, 'jan'), person(t, server, 'kim')]);
    const [jans, kims] = await Promise.all([jan, kim].map((one) => nameOf(one)));
    await makeFriends(jan, kim);
    await atFriends(jan);
    await friend(jan, kims, 'online');
    // Jan's line is slow: the page of the call is on its way.
    let [asked, go] = [0];
    const gate = new Promise((open) => (go = open));
    await jan.page.route('**/assets/*.js', async (route) => {
      asked += 1;
      await gate;
      await route.continue();
    });
    await jan.button(`Call ${kims}`).click();
    await called(kim.page, jans).waitFor();
    await until(() => asked > 0, LONG, 'the page is asked for');
    await kim.button('Decline').click();
    await called(kim.page, jans).waitFor({ state: 'detached' });
    go();
    await jan.reaches('declined');
    await shows(jan.page, `${kims} can’t talk right now`);
    [jan, kim].forEach((one) => one.assertNoProblems());
  });

  test('is answered without a camera too, and whoever does so is told why', { timeout: 300_000 }, async (t) => {
    const [hal, ida] = await Promise.all([person(t, server, 'hal'), person(t, server, 'ida', { devices: false })]);
    const [hals, idas] = await Promise.all([hal, ida].map((one) => nameOf(one)));
    await makeFriends(hal, ida);
    await atFriends(hal);
    await friend(hal, idas, 'online');
    await hal.button(`Call ${idas}`).click();
    await called(ida.page, hals).waitFor();
    await ida.button('Accept').click();
    await ida.page.locator('.notices').getByText(/has blocked camera and microphone/).waitFor();
    await plays(ida, 'picture', 1);
    await hal.page.getByRole('figure', { name: idas }).waitFor();
    [hal, ida].forEach((one) => one.assertNoProblems());
  });

  test('goes over the server when the two can’t reach each other', { timeout: 300_000 }, async (t) => {
    const two = await Promise.all([person(t, server, 'finn'), person(t, server, 'gil')]);
    const [finn, gil] = two;
    const names = await Promise.all(two.map((one) => nameOf(one)));
    await makeFriends(finn, gil);
    for (const one of two) {
      // Neither learns where the other is, so that no direct way can be found.
      await one.page.evaluate(() => {
        RTCPeerConnection.prototype.addIceCandidate = () => Promise.resolve();
      });
    }
    await atFriends(finn);
    await friend(finn, names[1], 'online');
    await finn.button(`Call ${names[1]}`).click();
    await gil.button('Accept').click();
    await talk(finn, gil);
    for (const one of two) await until(() => one.page.evaluate(() => window.__visavisPc.getTransceivers().length > 4), LONG, `${one.name} talks through the server`);
    await Promise.all(two.map((one) => sees(one, 1)));
    two.forEach((one) => one.assertNoProblems());
  });
});
