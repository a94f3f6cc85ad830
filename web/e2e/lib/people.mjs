// People who know one another, in browsers of their own.

import { until } from '../../../tests/node/lib/wait.mjs';
import { LONG, Visitor } from './browser.mjs';

/** Somebody signed in and old enough. */
export async function person(t, server, name, options = {}) {
  const visitor = await Visitor.start(server, { name, test: t, ...options });
  await visitor.signIn();
  await visitor.passCheck();
  return visitor;
}

export async function atFriends(visitor) {
  await visitor.page.getByRole('link', { name: /^Friends/ }).click();
  await visitor.page.getByRole('heading', { level: 1, name: 'Friends' }).waitFor();
  await visitor.page.getByRole('textbox', { name: 'My private ID' }).waitFor();
}

/** What others call somebody: as the start page says. */
export async function nameOf(visitor) {
  if (!visitor.shownAs) {
    const page = await visitor.context.newPage();
    await page.goto('/me');
    visitor.shownAs = await page.getByLabel('Name', { exact: true }).inputValue();
    await page.close();
  }
  return visitor.shownAs;
}

/** That a friend is in the list, and where. */
export async function friend(visitor, name, presence) {
  const line = visitor.page.getByTestId('friends').getByRole('listitem').filter({ hasText: name });
  await until(async () => (await line.locator('small').allInnerTexts()).join() === presence, LONG, () => `${visitor.name} sees ${name} ${presence}`);
}

/** That something is said over the page. */
export async function hears(visitor, words) {
  await visitor.page.locator('.notices').getByText(words, { exact: true }).waitFor();
}

/** Two meet at random and become friends. Their names. */
export async function befriended(a, b, { pictures = false } = {}) {
  const names = [await nameOf(a), await nameOf(b)];
  await Promise.all([a, b].map((one) => one.page.goto('/chat')));
  await Promise.all([a, b].map((one) => one.search()));
  await Promise.all([a, b].map((one) => one.reaches('live')));
  await a.button('Add friend').click();
  await hears(a, `${names[1]} was asked.`);
  await hears(b, `${names[0]} would like to be friends with you.`);
  if (pictures) {
    await a.picture('chat-add-friend');
    await b.picture('chat-add-friend-phone');
  }
  await b.button(`Accept ${names[0]}`).click();
  await hears(b, `${names[0]} and you are friends now.`);
  await hears(a, `${names[1]} has accepted: you are friends now.`);
  await until(async () => !(await a.button('Friends').isEnabled()), LONG, 'friends already');
  await Promise.all([a, b].map((one) => one.button('Stop').click()));
  return names;
}

/** Two who know each other's private ID become friends; both stay where they are. */
export async function makeFriends(a, b) {
  const [pageA, pageB] = await Promise.all([a, b].map((one) => one.context.newPage()));
  await Promise.all([pageA, pageB].map((page) => page.goto('/friends')));
  const mine = (page) => page.getByRole('textbox', { name: 'My private ID' });
  await Promise.all([pageA, pageB].map((page) => mine(page).waitFor()));
  const ask = async (page, id, press = 'Add friend') => {
    await page.getByRole('textbox', { name: 'Their private ID' }).fill(id);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: press, exact: true }).click();
  };
  await ask(pageA, await mine(pageB).inputValue());
  await pageA.getByText('hasn’t answered yet', { exact: true }).waitFor();
  await ask(pageB, await mine(pageA).inputValue(), 'Accept');
  await Promise.all([pageA, pageB].map((page) => page.getByTestId('friends').getByRole('listitem').first().waitFor()));
  await Promise.all([pageA, pageB].map((page) => page.close()));
}
