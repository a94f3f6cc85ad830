// Nobody ends a call by accident, and whoever was left has time: for a report, a word, a star, or the next one.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startServer } from '../../tests/node/lib/server.mjs';
import { pause, until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { LONG, PHONE } from './lib/browser.mjs';
import { atFriends, hears, nameOf, person } from './lib/people.mjs';
import { guest, join, makeRoom } from './lib/room.mjs';

/** Longer than any search ever waited after a call. */
const WHILE_MS = 5_000;

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

const asks = (visitor, title) => visitor.page.getByRole('dialog', { name: title, exact: true });
const at = (visitor) => new URL(visitor.page.url()).pathname;

async function call(...pair) {
  await Promise.all(pair.map((one) => one.search()));
  await Promise.all(pair.map((one) => one.reaches('live')));
}

describe('whoever leaves the page', () => {
  test('in a random call is asked first, by a link and by the way back, and by the browser when the tab closes', { timeout: 180_000 }, async (t) => {
    const [anna, ben] = await Promise.all([person(t, server, 'anna'), person(t, server, 'ben', { viewport: PHONE })]);
    // A way there to go back on.
    await anna.page.getByRole('link', { name: 'Visavis, start page' }).click();
    await anna.button('Start').click();
    await anna.reaches('searching');
    await anna.page.getByRole('link', { name: 'My profile' }).click();
    await asks(anna, 'Leave this page?').waitFor();
    await anna.button('Stay').click();
    assert.deepEqual([at(anna), await anna.state()], ['/chat', 'searching']);

    await ben.search();
    await Promise.all([anna, ben].map((one) => one.reaches('live')));
    await anna.page.getByRole('link', { name: /^Friends/ }).click();
    await asks(anna, 'Leave this call?').waitFor();
    await accessible(anna, 'leave?');
    await anna.picture('chat-leave');
    await anna.page.keyboard.press('Escape');
    await asks(anna, 'Leave this call?').waitFor({ state: 'detached' });
    assert.equal(await anna.state(), 'live', 'Escape has closed the question, nothing else');

    await anna.page.goBack();
    await asks(anna, 'Leave this call?').waitFor();
    assert.equal(at(anna), '/chat');
    await anna.button('Stay').click();
    assert.equal(await anna.state(), 'live');

    // The browser's own question, answered with no.
    const asked = anna.page.waitForEvent('dialog');
    await anna.page.close({ runBeforeUnload: true });
    const dialog = await asked;
    assert.equal(dialog.type(), 'beforeunload');
    await dialog.dismiss();
    assert.equal(await anna.state(), 'live');

    await anna.page.goBack();
    await anna.button('Leave').click();
    await until(() => at(anna) === '/', LONG, 'the page before');
    await ben.reaches('left');
    // Nothing is lost any more: nobody asks.
    await anna.page.goForward();
    await anna.reaches('idle');
    await atFriends(anna);
    [anna, ben].forEach((one) => one.assertNoProblems());
  });

  test('in a room is asked on the way back too', { timeout: 120_000 }, async (t) => {
    const cleo = await guest(t, server, 'cleo');
    await makeRoom(cleo);
    await join(cleo);
    await cleo.page.goBack();
    await asks(cleo, 'Leave this call?').waitFor();
    await accessible(cleo, 'leave the room?');
    await cleo.button('Stay').click();
    await cleo.reaches('in');
    await cleo.page.goBack();
    await asks(cleo, 'Leave this call?').getByRole('button', { name: 'Leave', exact: true }).click();
    await until(() => at(cleo) === '/', LONG, 'the page before');
    cleo.assertNoProblems();
  });
});

describe('whoever was left', () => {
  test('is searched for by nobody until they say so, and reports with two presses', { timeout: 180_000 }, async (t) => {
    const [dan, eve] = await Promise.all([person(t, server, 'dan', { viewport: PHONE }), person(t, server, 'eve')]);
    await call(dan, eve);
    await eve.button('Stop').click();
    await dan.reaches('left');
    await pause(WHILE_MS);
    assert.equal(await dan.state(), 'left', 'there is time');
    await dan.button('4 of 5 stars').click();
    await dan.page.getByText('Thank you.', { exact: true }).waitFor();
    await dan.picture('chat-left-phone');
    await accessible(dan, 'left');
    await dan.button('Report').click();
    await dan.page.getByRole('dialog').getByRole('button', { name: 'Report', exact: true }).click();
    await dan.page.getByText(/Thank you for telling us/).first().waitFor();
    await dan.reaches('searching');
    [dan, eve].forEach((one) => one.assertNoProblems());
  });

  test('asks to be friends, and is told of the answer, whoever gives it', { timeout: 180_000 }, async (t) => {
    const [fay, gus] = await Promise.all([person(t, server, 'fay'), person(t, server, 'gus', { viewport: PHONE })]);
    const [fays, guses] = [await nameOf(fay), await nameOf(gus)];
    await call(fay, gus);
    await gus.button('Stop').click();
    await fay.reaches('left');
    await fay.button('Add friend').click();
    await hears(fay, `${guses} was asked.`);
    assert.ok(!(await fay.button('Asked').isEnabled()));
    await gus.button(`Accept ${fays}`).waitFor();
    await gus.picture('chat-accept-phone');
    await accessible(gus, 'asked to be friends');
    await gus.button(`Accept ${fays}`).click();
    await hears(fay, `${guses} has accepted: you are friends now.`);
    for (const one of [fay, gus]) await one.button('Friends').waitFor();
    [fay, gus].forEach((one) => one.assertNoProblems());
  });
});

describe('somebody new', () => {
  test('presses Start once: the search begins after the check', { timeout: 120_000 }, async (t) => {
    const hal = await guest(t, server, 'hal');
    await hal.signIn();
    await hal.page.waitForURL('**/check');
    await hal.page.getByRole('link', { name: 'Visavis, start page' }).click();
    await hal.button('Start').click();
    await hal.page.getByRole('checkbox', { name: 'I am 18 or older' }).check();
    await hal.button('Continue').click();
    await hal.reaches('searching');
    hal.assertNoProblems();
  });
});
