// A group's room as its guests use it, in browsers of their own.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';

import { newestMail } from '../../../tests/node/lib/mail.mjs';
import { newAddress } from '../../../tests/node/lib/person.mjs';
import { until } from '../../../tests/node/lib/wait.mjs';
import { DESKTOP, LONG, Visitor } from './browser.mjs';
import { fakes } from './fake.mjs';

/** Frames that must be decoded anew of everybody, to say that they are seen. */
const MORE_FRAMES = 10;

/** Counts descriptions of the other side, from before the page's own scripts. */
const COUNT = () => {
  const real = RTCPeerConnection.prototype.setRemoteDescription;
  window.descriptions = 0;
  RTCPeerConnection.prototype.setRemoteDescription = function set(...args) {
    window.descriptions += 1;
    return real.apply(this, args);
  };
};

const NAMES = ['anna', 'ben', 'cleo', 'dan'];

/** Somebody in a browser of their own, signed in. */
export async function guest(t, server, name, options = {}) {
  const visitor = await Visitor.start(server, { name, test: t, ...options });
  await visitor.page.addInitScript(COUNT);
  return visitor;
}

/** Signs in where the page asks for it: in front of a room too. */
export async function signIn(visitor) {
  const { page } = visitor;
  visitor.email ??= newAddress(visitor.name);
  await page.getByLabel('Email', { exact: true }).fill(visitor.email);
  await visitor.button('Sign in').click();
  await visitor.enterCode((await newestMail(visitor.server, visitor.email)).code);
}

/** Makes a room on the start page, and gives its link. */
export async function makeRoom(host) {
  await host.page.goto('/');
  await signIn(host);
  await host.page.waitForURL('**/check');
  await host.page.goto('/');
  await host.button('New room').click();
  await host.reaches('lobby');
  return host.page.getByLabel('Link of this room').inputValue();
}

/** Opens the link, signs in if needed, and stands in the lobby with a picture of oneself. */
export async function toLobby(visitor, link) {
  await visitor.page.goto(link);
  const email = visitor.page.getByLabel('Email', { exact: true });
  await email.or(visitor.button('Join')).waitFor();
  if (await email.isVisible()) await signIn(visitor);
  await visitor.reaches('lobby');
  await visitor.page.locator('.preview video').waitFor();
}

export async function join(visitor) {
  await visitor.page.locator('.preview video').waitFor();
  await visitor.button('Join').click();
  await visitor.reaches('in');
  await until(() => visitor.page.evaluate(() => document.querySelector('[data-link]')?.dataset.link === 'connected'), LONG, `${visitor.name}'s connection`);
}

/** A room of that many, all in; whoever `speaks` has a voice, the others silence. */
export async function together(t, server, number, { speaks = () => false, viewports = [], ...more } = {}) {
  const fake = await fakes(number, speaks);
  t.after(() => rm(fake[0].folder, { recursive: true, force: true }));
  const guests = [];
  for (let i = 0; i < number; i += 1) {
    guests.push(await guest(t, server, NAMES[i], { fake: fake[i], viewport: viewports[i] ?? DESKTOP, ...more }));
  }
  const link = await makeRoom(guests[0]);
  for (const one of guests) {
    if (one !== guests[0]) await toLobby(one, link);
    await join(one);
  }
  return { guests, link, fake };
}

/** Frames decoded and sound received so far, by receiving line. */
export const figures = (visitor) =>
  visitor.page.evaluate(async () => {
    const lines = {};
    for (const report of (await window.__visavisPc.getStats()).values()) {
      if (report.type === 'inbound-rtp') lines[report.mid] = { kind: report.kind, frames: report.framesDecoded ?? 0, packets: report.packetsReceived };
    }
    return lines;
  });

/** That this many pictures come in at the same time, each with new frames. */
export async function sees(visitor, number) {
  const before = await figures(visitor);
  let grown = [];
  await until(async () => {
    const now = await figures(visitor);
    grown = Object.entries(now).filter(([mid, { kind, frames }]) => kind === 'video' && frames >= (before[mid]?.frames ?? 0) + MORE_FRAMES);
    return grown.length >= number;
  }, LONG, () => `${visitor.name} sees ${number}, has ${grown.length}`);
}

/** Pictures on the page that really play: a size, and a time that goes on. */
export async function plays(visitor, testId, number) {
  const times = () => visitor.page.getByTestId(testId).evaluateAll((videos) => videos.map((video) => (video.videoWidth > 0 && !video.paused ? video.currentTime : -1)));
  const first = await until(async () => {
    const now = await times();
    return now.length === number && now.every((time) => time >= 0) && now;
  }, LONG, () => `${visitor.name}: ${number} × ${testId}`);
  await until(async () => (await times()).every((time, i) => time > first[i]), LONG, `${visitor.name}: ${testId} moves`);
}

/** Each tile's place, by name. */
export const places = (visitor) =>
  visitor.page.locator('figure.tile').evaluateAll((tiles) =>
    tiles.map((tile) => {
      const { x, y, width, height } = tile.getBoundingClientRect();
      return { name: tile.getAttribute('aria-label'), x, y, width, height };
    }),
  );

/** Nothing sticks out, and no two pictures lie over each other. */
export async function fits(visitor) {
  const size = visitor.page.viewportSize();
  const tiles = await places(visitor);
  tiles.forEach((a, i) => {
    assert.ok(a.x >= 0 && a.y >= 0 && a.x + a.width <= size.width && a.y + a.height <= size.height, `${visitor.name}: ${JSON.stringify(a)}`);
    for (const b of tiles.slice(i + 1)) {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      assert.ok(apart, `${visitor.name}: ${JSON.stringify(a)} over ${JSON.stringify(b)}`);
    }
  });
  for (const name of ['Microphone', 'Camera', 'Chat', 'People', 'More', 'Leave']) {
    const box = await visitor.button(name).boundingBox();
    assert.ok(box && box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height, `${visitor.name}: ${name} ${JSON.stringify(box)}`);
    assert.ok(box.width >= 24 && box.height >= 24, `${name} is large enough to hit`);
  }
}


/** Everybody's name as the others read it, from the people list. */
export async function names(visitor) {
  await visitor.button('People').click();
  const all = await visitor.page.locator('.people-list li .who b').allInnerTexts();
  await visitor.button('People').click();
  return all;
}

export const tile = (visitor, name) => visitor.page.getByRole('figure', { name, exact: true });
