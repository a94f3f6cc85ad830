// A person with Firefox: Debian's, driven over WebDriver BiDi, with a fake camera and microphone of its own.

import { createRequire } from 'node:module';

import { newestMail } from '../../../tests/node/lib/mail.mjs';
import { newAddress } from '../../../tests/node/lib/person.mjs';
import { until } from '../../../tests/node/lib/wait.mjs';
import { DESKTOP, LONG, Visitor } from './browser.mjs';

/** From its first start with a fresh profile; two cores have more to do. */
const START_MS = 60_000;

/** A camera and a microphone that nobody is asked for; sound by itself; a way to a server on this very machine. */
const PREFS = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
};

export class Fox {
  problems = [];

  static async start(server, { name, test } = {}) {
    const { default: puppeteer } = await import(createRequire(new URL('../../package.json', import.meta.url)).resolve('puppeteer-core'));
    const browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
      headless: true,
      extraPrefsFirefox: PREFS,
      defaultViewport: DESKTOP,
      timeout: START_MS,
    });
    const fox = new Fox();
    test?.after(() => browser.close().catch(() => {}));
    const page = await browser.newPage();
    page.setDefaultTimeout(LONG);
    page.on('pageerror', (error) => fox.problems.push(`error on the page: ${error.message}`));
    Object.assign(fox, { server, name, browser, page });
    return fox;
  }

  /** Presses what has this name, as soon as it is there. */
  async press(name) {
    const found = await this.page.waitForFunction(
      (name) =>
        [...document.querySelectorAll('button, [role="button"], input[type="checkbox"]')].find((element) => {
          const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
          return label.trim() === name && element.checkVisibility() && !element.disabled;
        }),
      {},
      name,
    );
    await found.asElement().click();
  }

  async goto(where) {
    await this.page.goto(new URL(where, this.server.url).href);
  }

  /** Signs in where the page asks for it, as a new person. */
  async signIn() {
    this.email = newAddress(this.name);
    const field = await this.page.waitForSelector('input[type="email"]', { visible: true });
    await field.type(this.email);
    await this.press('Sign in');
    const { code } = await newestMail(this.server, this.email);
    const first = await this.page.waitForSelector('input[autocomplete="one-time-code"], .code input', { visible: true });
    await first.focus();
    await this.page.keyboard.type(code);
  }

  async passCheck() {
    await this.press('I am 18 or older');
    await this.press('Continue');
    await until(() => new URL(this.page.url()).pathname === '/chat', LONG, () => `${this.name} at the chat, is at ${this.page.url()}`);
  }

  /** What it sends of its camera, by layer: frames so far. */
  sends() {
    return this.page.evaluate(async () => {
      const layers = {};
      for (const { type, kind, rid, framesSent } of (await window.__visavisPc.getStats()).values()) {
        if (type === 'outbound-rtp' && kind === 'video' && rid && framesSent) layers[rid] = (layers[rid] ?? 0) + framesSent;
      }
      return layers;
    });
  }
}

// What only asks the page is the same for every browser.
const { state, reaches, stats, assertNoProblems } = Visitor.prototype;
Object.assign(Fox.prototype, { state, reaches, stats, assertNoProblems });
