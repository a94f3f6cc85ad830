// The people who decide, at their desk: what waits, the next case by keyboard, what the person will read, a step back.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { command, suspended } from '../../tests/node/lib/moderators.mjs';
import { meet, people, signIn } from '../../tests/node/lib/person.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { accessible } from './lib/axe.mjs';
import { DESKTOP, LONG, PHONE, TALL_PHONE, Visitor } from './lib/browser.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.end());

async function moderator(t, name, role = 'moderator') {
  const one = await Visitor.start(server, { name, test: t });
  await one.signIn();
  await one.page.waitForURL('**/check');
  await command(server, 'admin', 'grant', one.email, role);
  await one.page.reload();
  await one.page.getByRole('link', { name: 'Moderation' }).click();
  await one.page.waitForURL('**/console');
  return one;
}

/** `by` meets `whom` and reports them. */
async function report(by, whom, reason, note) {
  const [page, other] = [await whom.open(), await by.open()];
  const { roomId } = await meet(page, other);
  const answer = await by.ask('POST', '/api/reports', { json: { roomId, userId: whom.id, reason, note } });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return page;
}

/** Of two colours as browsers tell them, by WCAG. */
function contrast(...colours) {
  const lights = colours.map((colour) => {
    const [r, g, b] = colour.match(/\d+/g).map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  });
  return (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
}

/** Whether all of it is in the window, and the keyboard is there. */
const isAt = (locator) =>
  locator.evaluate((it) => {
    const { top, bottom } = it.getBoundingClientRect();
    return it === document.activeElement && top >= 0 && bottom <= innerHeight;
  });

/** As when somebody comes back to the tab. */
const comesBack = (page) => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));

describe('the console', () => {
  test('is nobody’s who isn’t a moderator', async (t) => {
    const ned = await Visitor.start(server, { name: 'ned', test: t });
    await ned.signIn();
    await ned.page.waitForURL('**/check');
    assert.equal((await ned.page.goto('/console')).status(), 200, 'an address that there is');
    await ned.page.getByText('This page is for moderators.').waitFor();
    assert.equal(await ned.page.getByRole('link', { name: 'Moderation' }).count(), 0);
  });

  test('gives the next case, shows what the person will read, and takes a step back, all by keyboard', { timeout: 120_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    const mia = await moderator(t, 'mia');
    const { page } = mia;
    await page.getByText('Nothing waits here.').waitFor();
    await mia.picture('console-empty');
    await page.setViewportSize({ width: 320, height: 640 });
    await until(() => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), LONG, 'it fits 320 points');
    await page.setViewportSize(DESKTOP);
    const eves = await report(ada, eve, 'harassment', 'called me names');
    await page.keyboard.press('n');
    const found = page.locator('article.case');
    await found.waitFor();
    await until(() => found.locator('h2').evaluate((it) => it === document.activeElement), LONG, 'the case has the focus');
    await found.getByText('Reported: Insults, threats or hate – “called me names”').waitFor();
    await found.getByText('Nothing is kept of this case.').waitFor();
    await accessible(mia, 'a case');

    await page.getByRole('button', { name: 'Deutsch' }).click();
    await found.getByText('Gemeldet: Beleidigung, Drohung oder Hass – „called me names“').waitFor();
    await found.getByText(/ · bei dir bis /).waitFor();
    await mia.picture('console-german');
    await page.getByRole('button', { name: 'English' }).click();

    await page.keyboard.press('4');
    const hours = page.getByLabel('Hours');
    await hours.press('ControlOrMeta+a');
    await hours.press('Backspace');
    assert.equal(await hours.inputValue(), '', 'it may be empty while somebody types');
    await hours.press('Tab');
    await page.getByRole('alert').filter({ hasText: 'Whole hours, 1 to 8760' }).waitFor();
    await page.setViewportSize(PHONE);
    await hours.scrollIntoViewIfNeeded();
    await mia.picture('console-hours-phone');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
    await page.setViewportSize(DESKTOP);
    await page.keyboard.press('Shift+Tab');
    await hours.pressSequentially('48');
    assert.equal(await hours.inputValue(), '48');
    assert.equal(await page.getByRole('alert').filter({ hasText: 'Whole hours' }).count(), 0);
    await page.getByLabel('A word to this person').fill('Please be kind.');
    // What is typed into a field is no command.
    await page.keyboard.type(' d p 1 n');
    await page.getByLabel('A word to this person').fill('Please be kind.');
    await page.keyboard.press('Tab');
    await page.keyboard.press('d');
    assert.equal(await page.getByText('Decided.').count(), 0, 'nothing is sent that wasn’t seen before');
    await page.keyboard.press('p');
    const preview = page.locator('.will-read');
    await preview.getByText('your account is suspended. The reason is insults, threats or hate.').waitFor();
    await preview.getByText('Please be kind.').waitFor();
    await until(() => isAt(preview.getByRole('heading', { name: 'This is what they will read' })), LONG, 'who previews by key sees it');
    assert.ok(await preview.getByRole('button', { name: /^Decide/ }).evaluate((it) => it.getBoundingClientRect().bottom <= innerHeight), 'with what sends it');
    await preview.getByRole('button', { name: 'Deutsch' }).click();
    await preview.getByText('Dein Konto ist gesperrt.').waitFor();
    await mia.picture('console-preview');
    await accessible(mia, 'a preview');
    // Any change needs a new look.
    await page.keyboard.press('2');
    assert.equal(await preview.count(), 0);
    await page.keyboard.press('4');
    await page.keyboard.press('p');
    await preview.waitFor();
    await page.keyboard.press('d');
    await page.getByText('Decided.').waitFor();
    await until(() => isAt(found.locator('#decide')), LONG, 'who decides by key is at what comes next');
    assert.ok(await page.getByRole('button', { name: /^Take it back/ }).evaluate((it) => it.getBoundingClientRect().bottom <= innerHeight), 'the step back is in view');
    await until(async () => (await page.locator('.case-row', { hasText: eve.id.slice(-6) }).count()) === 0, LONG, 'what is decided doesn’t wait');
    await eves.event('disconnect');
    const back = await eve.open();
    const { ok, error } = await back.call('find-match', {});
    assert.deepEqual([ok, error.code], [false, 'suspended']);
    await mia.picture('console-decided');
    await page.keyboard.press('u');
    await page.getByText('Taken back: the case waits again.').waitFor();
    await until(() => isAt(found.locator('#decide')), LONG, 'and again');
    await page.locator('.case-row', { hasText: eve.id.slice(-6) }).waitFor();
    await back.do('find-match', {});
    await back.do('cancel-match', {});

    await page.setViewportSize(TALL_PHONE);
    await page.reload();
    const row = page.locator('.case-row').first();
    await row.waitFor();
    await mia.picture('console-queue-phone');
    await row.click();
    await found.waitFor();
    await mia.picture('console-case-phone');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
    await page.getByRole('button', { name: 'Back to the list' }).click();
    await row.waitFor();
    await page.setViewportSize(DESKTOP);
    // Light only here.
    await page.getByRole('link', { name: 'Visavis' }).click();
    await until(() => page.evaluate(() => !document.documentElement.classList.contains('light')), LONG, 'the rest stays dark');
    mia.assertNoProblems();
  });

  test('sends only what was shown: a preview that comes after another choice was made counts for nothing', { timeout: 120_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    await report(ada, eve, 'spam', 'sells watches');
    const mia = await moderator(t, 'mia3');
    const { page } = mia;
    const held = [];
    const sent = [];
    await page.route('**/decision/preview', (route) => void held.push(route));
    page.on('request', (request) => request.url().endsWith('/decision') && sent.push(request.postDataJSON()));
    await page.locator('.case-row', { hasText: eve.id.slice(-6) }).click();
    await page.locator('article.case').waitFor();
    const preview = page.locator('.will-read');
    const asked = (n) => until(() => held.length === n, LONG, `${n} previews are on their way`);
    const answer = async (route) => {
      const came = page.waitForResponse('**/decision/preview');
      await route.continue();
      await (await came).finished();
      // Whatever follows from it is on the page by then.
      await page.evaluate(() => new Promise((go) => requestAnimationFrame(() => setTimeout(go))));
    };
    await page.keyboard.press('2');
    await page.keyboard.press('p');
    await asked(1);
    await page.keyboard.press('4');
    await answer(held[0]);
    assert.equal(await preview.count(), 0, 'a warning isn’t shown where a suspension is chosen');
    await page.keyboard.press('d');
    // Whoever asks again meanwhile needn't wait for the first answer, and gets the second.
    await page.keyboard.press('2');
    await page.keyboard.press('p');
    await asked(2);
    await page.keyboard.press('4');
    await page.keyboard.press('p');
    await asked(3);
    await answer(held[2]);
    await answer(held[1]);
    await preview.getByText('your account is suspended').waitFor();
    await page.keyboard.press('2');
    assert.equal(await preview.count(), 0, 'another choice takes it away');
    await page.keyboard.press('d');
    await page.keyboard.press('p');
    await asked(4);
    await answer(held[3]);
    await preview.waitFor();
    assert.deepEqual(sent, [], 'nothing was sent so far');
    await page.keyboard.press('d');
    await page.getByText('Decided.').waitFor();
    assert.deepEqual(sent, [held[3].request().postDataJSON()], 'what was shown, and once');
    assert.equal(sent[0].action, 'warn');
    mia.assertNoProblems();
  });

  test('gives each case that waits in its turn', { timeout: 120_000 }, async (t) => {
    const waiting = [];
    for (let n = 0; n < 4; n += 1) {
      const [eve, ada] = await people(server, 2, { test: t });
      await report(ada, eve, 'spam', '');
      waiting.push(eve);
    }
    const mia = await moderator(t, 'mia4');
    const { page } = mia;
    await until(async () => (await page.locator('.case-row').count()) >= waiting.length, LONG, 'they wait');
    const all = await page.locator('.case-row').count();
    const inHand = () => page.locator('article.case h2').first().innerText();
    const seen = [];
    for (let n = 0; n < all + 2; n += 1) {
      await page.keyboard.press('n');
      await until(async () => (await page.locator('article.case').count()) === 1 && (await inHand()) !== seen.at(-1), LONG, `case ${n + 1}`);
      seen.push(await inHand());
    }
    assert.equal(new Set(seen.slice(0, all)).size, all, `each had its turn: ${seen}`);
    assert.deepEqual(seen.slice(all), seen.slice(0, 2), 'and then they begin again');
    for (const one of waiting) assert.ok(seen.includes(`Person ${one.id.slice(-6)}`));
    mia.assertNoProblems();
  });

  test('gives nobody what somebody else has', { timeout: 120_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    await report(ada, eve, 'minor', '');
    const [mia, max] = [await moderator(t, 'mia2'), await moderator(t, 'max')];
    await mia.page.locator('.case-row').first().waitFor();
    const rows = max.page.locator('.case-row');
    await rows.first().waitFor();
    assert.match(await rows.first().innerText(), /Under 18\?/, 'the gravest is first');
    await mia.page.keyboard.press('n');
    await mia.page.locator('article.case').waitFor();
    // A list that is out of date meanwhile.
    await rows.first().click();
    await max.page.getByText('Somebody else has this case at the moment.').waitFor();
    // Whoever took too long, and has lost it meanwhile.
    const lost = { code: 'busy', title: 'The person is in another call', detail: 'Somebody else has this case.', status: 409 };
    await mia.page.route('**/decision/preview', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify(lost) }));
    await mia.page.keyboard.press('2');
    await mia.page.keyboard.press('p');
    await mia.page.locator('article.case').getByText('Somebody else has this case at the moment. It is theirs until ten minutes after').waitFor();
    assert.equal(await mia.page.getByText(/another call/).count(), 0, 'it isn’t about a call');
    assert.equal(await mia.page.locator('article.case').getByText(/Mine until/).count(), 0, 'nor is it mine any more');
    await mia.page.getByText('no longer yours').waitFor();
    await until(
      () => mia.page.locator('article.case [role=alert]').filter({ hasText: 'Somebody else' }).evaluate((it) => it.getBoundingClientRect().bottom <= innerHeight),
      LONG,
      'what went wrong is in view',
    );
    // Whoever seems too young is kept away as long as can be, unless somebody says otherwise.
    await mia.page.keyboard.press('4');
    assert.equal(await mia.page.getByLabel('About what').inputValue(), 'minor');
    assert.equal(await mia.page.getByLabel('Hours').inputValue(), '8760');
    await mia.page.getByText('an appeal ends it earlier').waitFor();
    await mia.page.getByLabel('About what').selectOption('spam');
    assert.equal(await mia.page.getByLabel('Hours').inputValue(), '24');
    assert.equal(await max.page.getByRole('button', { name: 'Figures' }).count(), 0, 'figures are for admins');
    for (const one of [mia, max]) one.assertNoProblems();
  });

  test('tells pieces of evidence apart, and puts away what says little', { timeout: 120_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    await report(ada, eve, 'other', '');
    const mia = await moderator(t, 'mia6');
    const { page } = mia;
    // A case with more in it than a story can make without models.
    await page.route(/\/api\/moderation\/cases\/[^/?]+$/, async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      const [heard] = json.reports;
      const at = (s) => new Date(Date.parse(heard.at) + s * 1_000).toISOString();
      const kept = { kind: 'picture', expiresAt: at(864_000), held: false };
      json.decisions = [{ id: 'dec_1', at: at(7), action: 'blur', concern: 'nudity', rule: 'nudity-once', version: '1', automated: true, dryRun: false, mine: false, facts: [] }];
      json.evidence = [1, 2].map((n) => ({ ...kept, id: `evd_${n}`, source: 'dec_1', at: at(6) })).concat([
        { ...kept, id: 'evd_3', source: heard.id, at: at(0) },
        { ...kept, kind: 'transcript', id: 'evd_4', source: heard.id, at: at(0) },
      ]);
      const noticed = { modality: 'sound', server: true };
      json.signals = [[3, 'violence', 0, [['ced', 0]]], [4, 'weapon', 12, [['lite', 12]]], [5, 'nudity', 930, [['nsfwjs', 930]]], [6, 'violence', 20, [['ced', 310]]]].map(
        ([s, concern, score, scores]) => ({ ...noticed, id: `sig_${s}`, at: at(s), concern, score, scores }),
      );
      await route.fulfill({ response, json });
    });
    await page.locator('.case-row', { hasText: eve.id.slice(-6) }).click();
    const found = page.locator('article.case');
    await found.waitFor();
    const names = await found.getByRole('button', { name: /^Show picture/ }).allInnerTexts();
    assert.deepEqual(names.map((name) => name.replace(/: .*/, '')), ['Show picture 1 of 3', 'Show picture 2 of 3', 'Show picture 3 of 3']);
    for (const name of names) assert.match(name, /\d:\d\d:\d\d/, 'to the second');
    const pieces = await found.locator('.evidence li').allInnerTexts();
    assert.match(pieces[0], /belongs to the decision of .*\d:\d\d:\d\d.*: blurred pictures/);
    assert.match(pieces[2], /belongs to the report of .*\d:\d\d:\d\d.*: Something else/);
    for (const time of await found.locator('.timeline time').allTextContents()) assert.match(time, /\d:\d\d:\d\d/);
    await found.getByText('Sound: nudity or sexual acts, 93 of 100').waitFor();
    assert.equal(await found.getByText('Sound: violence, 2 of 100').isVisible(), true, 'one model thought otherwise');
    assert.equal(await found.getByText('Sound: violence, 0 of 100').isVisible(), false);
    await mia.picture('console-case');
    const tomorrow = 'You have looked at enough for today. Please let somebody else go on.';
    const enough = { code: 'rate-limited', title: 'Too fast', detail: tomorrow, status: 429 };
    await page.route('**/snapshot?*', (route) =>
      route.fulfill({ status: 429, headers: { 'retry-after': '40000' }, contentType: 'application/problem+json', body: JSON.stringify(enough) }),
    );
    await page.route('**/transcript?*', (route) => route.fulfill({ contentType: 'text/plain', body: 'you are a fool\nwritten: go away' }));
    await found.getByLabel('Why do you look?').fill('To decide this case');
    await found.getByRole('button', { name: /^Show picture 1/ }).click();
    await found.getByText(tomorrow).waitFor();
    assert.ok(await found.getByRole('button', { name: /^Show picture 2/ }).isDisabled(), 'nor another one');
    assert.equal(await found.getByText('You have seen enough pictures for today: tomorrow again').count(), 3);
    await found.getByRole('button', { name: /^Show what was said/ }).click();
    await found.getByText('you are a fool').waitFor();
    await mia.picture('console-words');
    // What is shown lies over nothing else.
    await page.getByRole('button', { name: 'Appeals' }).click();
    await page.locator('.appeals').waitFor();
    await page.getByRole('button', { name: 'Cases' }).click();
    await found.waitFor();
    const caseId = await found.locator('.ids code').first().innerText();
    assert.match(caseId, /^cas_/);
    assert.equal(await found.locator('.ids code').nth(1).innerText(), eve.id);
    await found.getByRole('button', { name: 'Copy: Case' }).click();
    await found.getByText('Copied.').waitFor();
    const note = found.getByLabel('A word to this person');
    await note.press('ControlOrMeta+v');
    assert.equal(await note.inputValue(), caseId);
    await note.fill('');
    await page.getByText('and 2 that say little').scrollIntoViewIfNeeded();
    await mia.picture('console-case-little');
    await page.getByText('and 2 that say little').click();
    await found.getByText('Sound: violence, 0 of 100').waitFor();
    await found.getByText('Sound: something like a weapon, 1 of 100').waitFor();
    await accessible(mia, 'a case with evidence');
    await page.setViewportSize(PHONE);
    await page.getByRole('heading', { name: 'Evidence' }).scrollIntoViewIfNeeded();
    await mia.picture('console-evidence-phone');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
    mia.assertNoProblems();
  });

  test('looks again by itself, moves nothing, and says how many wait', { timeout: 120_000 }, async (t) => {
    const [eve, ada, zoe, bob] = await people(server, 4, { test: t });
    await report(ada, eve, 'spam', '');
    const mia = await moderator(t, 'mia7');
    const { page } = mia;
    const row = (person) => page.locator('.case-row', { hasText: person.id.slice(-6) });
    await row(eve).click();
    const heading = page.locator('article.case h2').first();
    await until(() => heading.evaluate((it) => it === document.activeElement), LONG, 'the case has the focus');
    await report(bob, zoe, 'minor', '');
    assert.equal(await row(zoe).count(), 0);
    // While somebody types nothing comes.
    await page.getByLabel('A word to this person').focus();
    const asked = [];
    page.on('request', (request) => request.url().includes('/api/moderation/cases?') && asked.push(request.url()));
    await comesBack(page);
    await heading.focus();
    assert.deepEqual(asked, []);
    await comesBack(page);
    await row(zoe).waitFor();
    assert.match(await heading.innerText(), new RegExp(eve.id.slice(-6)), 'the case in hand is the same');
    assert.ok(await heading.evaluate((it) => it === document.activeElement), 'and so is the focus');
    await page.getByRole('button', { name: /^Cases.*\((\d\+?|9\+) waiting\)/ }).waitFor();
    mia.assertNoProblems();
  });

  test('has its keys in a list, where they can be turned off', { timeout: 120_000 }, async (t) => {
    const [eve, ada] = await people(server, 2, { test: t });
    await report(ada, eve, 'spam', '');
    const mia = await moderator(t, 'mia8');
    const { page } = mia;
    await page.locator('.case-row').first().waitFor();
    await page.keyboard.press('?');
    const list = page.getByRole('dialog', { name: 'Keys' });
    await list.getByText('decide, as the preview shows').waitFor();
    await mia.picture('console-keys');
    await accessible(mia, 'keys');
    await list.getByLabel('Use single keys').uncheck();
    await list.getByRole('button', { name: 'Close' }).click();
    await list.waitFor({ state: 'detached' });
    await page.keyboard.press('n');
    await page.keyboard.press('?');
    assert.equal(await list.count(), 0);
    await page.locator('.case-row').first().click();
    const decide = page.getByRole('button', { name: 'Warn' });
    await decide.waitFor();
    await page.keyboard.press('2');
    assert.equal(await decide.getAttribute('aria-pressed'), 'false', 'a key is no command any more');
    assert.equal(await page.locator('.measures kbd').first().isVisible(), false, 'and isn’t shown as one');
    await page.getByRole('button', { name: 'Keys' }).click();
    await list.getByLabel('Use single keys').check();
    await page.keyboard.press('Escape');
    await list.waitFor({ state: 'detached' });
    await page.keyboard.press('2');
    assert.equal(await decide.getAttribute('aria-pressed'), 'true');
    mia.assertNoProblems();
  });

  test('leads from an appeal to its case and back, asks once, and goes on with the next', { timeout: 180_000 }, async (t) => {
    const appealing = [];
    for (const text of ['It was a quotation.', 'It wasn’t me.']) {
      const [eve, ada] = await people(server, 2, { test: t });
      const { decision } = await suspended(server, t, eve, ada);
      const again = await signIn(server, { email: eve.email, adult: false, test: t });
      const { status } = await again.ask('POST', '/api/appeals', { json: { decisionId: decision.decisionId, text } });
      assert.equal(status, 201);
      appealing.push(again);
    }
    const mia = await moderator(t, 'mia5');
    const { page } = mia;
    // As if a whole page of them was against what this moderator has decided.
    await page.route('**/api/moderation/appeals', (route) => route.fulfill({ json: { appeals: [], cursor: '0 a' } }));
    await page.getByRole('button', { name: 'Appeals' }).click();
    const all = page.locator('.appeals article');
    await all.nth(1).waitFor();
    const hasFocus = (at, what) => until(() => at.locator('h2').first().evaluate((it) => it === document.activeElement), LONG, what);
    await page.keyboard.press('n');
    await hasFocus(all.nth(0), 'the first has the focus');
    await page.keyboard.press('n');
    await hasFocus(all.nth(1), 'then the second');
    await page.keyboard.press('n');
    await hasFocus(all.nth(0), 'and the first again');
    const [first, second] = await all.locator('h2').allInnerTexts();
    await all.nth(0).getByLabel('Your answer').fill('You were right.');
    await all.nth(0).locator('h2').focus();
    await mia.picture('console-appeals');
    await accessible(mia, 'appeals');
    await page.keyboard.press('l');
    await page.locator('article.case').getByText('Appealed: “It was a quotation.”').waitFor();
    await page.getByRole('button', { name: 'Back to the appeal' }).scrollIntoViewIfNeeded();
    await mia.picture('console-appealed-case');
    await page.keyboard.press('b');
    await hasFocus(all.nth(0), 'back at the appeal');
    assert.equal(await all.nth(0).getByLabel('Your answer').inputValue(), 'You were right.', 'what was written is still there');
    await page.keyboard.press('t');
    const sure = page.getByRole('dialog', { name: 'Take the decision back?' });
    await sure.getByText('You were right.').waitFor();
    await mia.picture('console-appeal-sure');
    await accessible(mia, 'the question');
    await page.keyboard.press('Escape');
    await sure.waitFor({ state: 'detached' });
    assert.deepEqual(await all.locator('h2').allInnerTexts(), [first, second], 'nothing is judged by one key');
    // However fast somebody types: what was closed doesn't take with it what is asked next.
    await page.keyboard.press('t');
    for (let n = 0; n < 5; n += 1) {
      await sure.waitFor();
      await Promise.all([page.keyboard.press('Escape'), page.keyboard.press('t')]);
    }
    await sure.waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('Judged. They are told.').waitFor();
    await until(async () => (await all.count()) === 1, LONG, 'one is left');
    await hasFocus(all.nth(0), 'the next one has the focus');
    assert.equal(await all.locator('h2').innerText(), second);
    await page.getByRole('button', { name: 'Cases' }).click();
    await page.locator('article.case #decide').getByText('Closed').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Back to the appeal' }).count(), 0, 'nothing leads back to what is judged');
    await page.getByRole('button', { name: 'Appeals' }).click();
    await until(async () => (await all.count()) === 1, LONG, 'one is still left');
    await page.setViewportSize(PHONE);
    await mia.picture('console-appeals-phone');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
    await page.keyboard.press('s');
    await page.getByRole('dialog', { name: 'Does the decision stand?' }).getByRole('button', { name: 'The decision stands' }).click();
    await page.getByText('No appeal waits for you.').waitFor();
    const states = await Promise.all(appealing.map(async (one) => (await one.ask('GET', '/api/users/me/decisions')).body.decisions[0].appeal));
    assert.deepEqual(states.map(({ state, note }) => [state, note]), [['overturned', 'You were right.'], ['upheld', undefined]]);
    mia.assertNoProblems();
  });

  test('lets an admin look somebody up and say what they may do, which their page shows at once', { timeout: 120_000 }, async (t) => {
    const [ann, bob] = [await moderator(t, 'ann2', 'admin'), await Visitor.start(server, { name: 'bob', test: t })];
    await bob.signIn();
    await bob.page.waitForURL('**/check');
    const { page } = ann;
    await page.getByRole('button', { name: 'Users and roles' }).click();
    const look = page.getByRole('button', { name: 'Look up' });
    await page.getByLabel('Email, private ID or ID').fill('bob');
    assert.equal(await look.isDisabled(), true, 'not without a reason');
    const shades = await look.evaluate((it) => [getComputedStyle(it).color, getComputedStyle(it).backgroundColor]);
    assert.ok(contrast(...shades) >= 4.5, `it can be read all the same: ${shades}`);
    await ann.picture('console-people-disabled');
    await page.getByLabel('Why?').fill('wants to help');
    await page.keyboard.press('Enter');
    await page.getByText('All of it: a part finds nobody.').nth(1).waitFor();
    await page.getByLabel('Email, private ID or ID').fill(bob.email);
    await page.keyboard.press('Enter');
    const found = page.locator('section[aria-labelledby="found"]');
    await found.waitFor();
    await until(() => found.locator('h2').evaluate((it) => it === document.activeElement), LONG, 'who was found has the focus');
    assert.ok(!(await found.innerText()).includes(bob.email), 'what was typed isn’t repeated');
    await accessible(ann, 'somebody who was looked up');
    await found.getByLabel('Role').selectOption('moderator');
    await found.getByRole('button', { name: 'Change role' }).click();
    const sure = page.getByRole('dialog');
    await sure.getByText('decides about people').waitFor();
    await sure.getByLabel('Why?').fill('wants to help');
    await ann.picture('console-people-sure');
    await sure.getByRole('button', { name: 'Change role' }).click();
    await found.getByText(/is “Moderator” from now on/).waitFor();
    await until(() => found.locator('h2').evaluate((it) => it === document.activeElement), LONG, 'the focus is with them');
    await ann.picture('console-people');
    await bob.page.getByRole('link', { name: 'Moderation' }).click();
    await bob.page.getByRole('button', { name: 'Appeals' }).waitFor();
    await found.getByLabel('Role').selectOption('user');
    await found.getByRole('button', { name: 'Change role' }).click();
    await sure.getByLabel('Why?').fill('no time any more');
    await page.keyboard.press('Enter');
    await bob.page.getByText('This page is for moderators.').waitFor();
    await page.setViewportSize(PHONE);
    await ann.picture('console-people-phone');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
    for (const one of [ann, bob]) one.assertNoProblems();
  });

  test('shows admins how the place is doing, by picture, by keyboard and as a table', { timeout: 120_000 }, async (t) => {
    for (let n = 0; n < 5; n += 1) {
      const [ada, bob] = await people(server, 2, { test: t });
      const [a, b] = [await ada.open(), await bob.open()];
      const { roomId } = await meet(a, b);
      await a.do('leave-room', { roomId });
      await b.event('participant-left');
    }
    const ann = await moderator(t, 'ann', 'admin');
    const { page } = ann;
    await page.getByRole('button', { name: 'Figures' }).click();
    const calls = page.locator('.chart').first();
    await calls.getByRole('heading', { name: 'Calls' }).waitFor();
    assert.ok(Number(await calls.locator('.sum').innerText()) >= 5);
    assert.match(await page.locator('.chart').nth(1).locator('.sum').innerText(), /^half within .* · 95 of 100 within .*/);
    await page.getByText('Nothing was decided in these days.').or(page.locator('.rules li').first()).first().waitFor();
    const days = page.getByRole('slider', { name: /^Calls/ });
    await days.focus();
    const today = await days.getAttribute('aria-valuetext');
    assert.match(today, /with strangers [1-9]\d* · among friends 0/);
    await page.keyboard.press('ArrowLeft');
    assert.match(await days.getAttribute('aria-valuetext'), /with strangers 0 · among friends 0/, 'yesterday there was nobody');
    await calls.getByText('As a table').click();
    assert.equal(await calls.locator('tbody tr').count(), 30);
    await ann.picture('console-figures');
    await accessible(ann, 'figures');
    await page.setViewportSize(PHONE);
    await page.getByRole('button', { name: '7 days' }).click();
    await until(async () => (await calls.locator('tbody tr').count()) === 7, LONG, 'a week');
    await ann.picture('console-figures-phone');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
    ann.assertNoProblems();
  });
});
