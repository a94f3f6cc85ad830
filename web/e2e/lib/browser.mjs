// A person with a browser of their own: a separate Chromium process with a fresh profile, a fake camera and microphone.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { newestMail } from '../../../tests/node/lib/mail.mjs';
import { newAddress } from '../../../tests/node/lib/person.mjs';
import { ROOT } from '../../../tests/node/lib/server.mjs';
import { until } from '../../../tests/node/lib/wait.mjs';

const { chromium } = need('playwright-core');

/** From the page's own packages or, if it has none of that name, from those of the tests. */
function need(name) {
  for (const home of ['../../package.json', '../../../tests/node/package.json']) {
    try {
      return createRequire(new URL(home, import.meta.url))(name);
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error(`${name} is not installed: npm ci in web and tests/node`);
}

/** One page of a busy machine with four browsers: everything takes its time. */
export const LONG = 30_000;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Half as many pictures as it would make by itself: encoding them is most of what two cores do here.
  '--use-fake-device-for-media-stream=fps=10',
  '--autoplay-policy=no-user-gesture-required',
];

/** Says yes to every question for camera and microphone; without it they are refused. */
const ALLOW = '--use-fake-ui-for-media-stream';

/** Runs in the page: how its connection stands, and each pair of addresses that it tried. */
const WAY = async () => {
  const pc = window.__visavisPc;
  if (!pc) return '';
  const all = [...(await pc.getStats()).values()];
  const of = (id) => all.find((report) => report.id === id) ?? {};
  const pairs = all.filter(({ type }) => type === 'candidate-pair').map((pair) => {
    const [mine, theirs] = [of(pair.localCandidateId), of(pair.remoteCandidateId)];
    return `${mine.protocol} ${mine.candidateType} to ${theirs.port} ${pair.state}, ${pair.requestsSent} asked, ${pair.responsesReceived} answered`;
  });
  return [`${pc.connectionState}, ICE ${pc.iceConnectionState}`, ...pairs].join('; ');
};

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };
/** A phone as most have it. */
export const TALL_PHONE = { width: 390, height: 844 };

/** Own files in place of the browser's picture and beeps. */
const heard = (fake) =>
  fake ? [`--use-file-for-fake-video-capture=${fake.picture}`, `--use-file-for-fake-audio-capture=${fake.voice}`] : [];

const PICTURES = path.join(ROOT, 'target/screenshots');

export class Visitor {
  problems = [];

  /** Starts a browser and opens the first page. */
  static async start(server, { name, viewport = DESKTOP, reducedMotion = false, devices = true, cable = false, fake, cookies, test } = {}) {
    const profile = await mkdtemp(path.join(tmpdir(), 'visavis-chromium-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      args: [...FLAGS, ...(devices ? [ALLOW] : []), ...heard(fake)],
      viewport,
      baseURL: server.url,
      ...(reducedMotion ? { reducedMotion: 'reduce' } : {}),
    });
    const visitor = new Visitor(server, name, profile, context);
    test?.after(async () => {
      if (test.passed === false) await visitor.#tellWhere(test);
      await visitor.end();
    });
    if (cookies) await context.addCookies(cookies);
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(LONG);
    visitor.page = page;
    if (cable) await visitor.#layCable();
    page.on('pageerror', (error) => visitor.problems.push(`error on the page: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      // A refused request (a first refresh without a cookie) is noted by the browser itself, and is no fault.
      if (/Failed to load resource/.test(message.text())) return;
      visitor.problems.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol) && url.host !== new URL(server.url).host) {
        visitor.problems.push(`a request to elsewhere: ${url.origin}`);
      }
    });
    return visitor;
  }

  constructor(server, name, profile, context) {
    Object.assign(this, { server, name, profile, context });
  }

  /** Of a story that failed: what somebody looking at the page would have seen. */
  async #tellWhere(test) {
    const seen = await this.page?.evaluate(() => `${location.pathname}: ${document.body.innerText.slice(0, 600)}`).catch(String);
    test.diagnostic(`${this.name} at ${seen?.replaceAll('\n', ' | ')} (${this.problems.join('; ') || 'no problems'})`);
    const way = await this.page?.evaluate(WAY).catch(String);
    if (way) test.diagnostic(`${this.name}'s media: ${way}`);
    const complaints = (this.server.output ?? '').split('\n').filter((line) => /\b(WARN|ERROR)\b/.test(line));
    for (const line of complaints.slice(-5)) test.diagnostic(`the server: ${line}`);
  }

  /** Puts the page's sockets on a wire that can be pulled. */
  async #layCable() {
    this.wires = new Set();
    this.pulled = false;
    await this.page.routeWebSocket(/socket\.io/, (wire) => {
      if (this.pulled) return void wire.close({ code: 1011, reason: 'pulled' });
      this.wires.add(wire);
      wire.connectToServer();
    });
  }

  /** Pulls the wire: sockets break, new ones too, until it is plugged in again. */
  async pull() {
    this.pulled = true;
    const wires = [...this.wires];
    this.wires.clear();
    await Promise.all(wires.map((wire) => wire.close({ code: 1011, reason: 'pulled' })));
  }

  plug() {
    this.pulled = false;
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** In which state the page says it is: `data-state` of the root. */
  state() {
    return this.page.evaluate(() => document.querySelector('[data-state]')?.getAttribute('data-state') ?? null);
  }

  async reaches(...states) {
    let seen;
    await until(async () => states.includes((seen = await this.state())), LONG, () => `${this.name}: state ${states.join(' or ')}, is ${seen}`);
    return seen;
  }

  async picture(name) {
    await mkdir(PICTURES, { recursive: true });
    await this.page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
  }

  /** Signs in through the page with the code of the mail, as a new person. */
  async signIn({ pictures } = {}) {
    this.email = newAddress(this.name);
    const { page } = this;
    await page.goto('/');
    if (pictures) await this.picture(`${pictures}-start`);
    const email = page.getByLabel('Email', { exact: true });
    await email.or(this.button('Start')).first().waitFor();
    if (!(await email.isVisible())) await this.button('Start').click();
    await email.fill(this.email);
    await this.button('Sign in').click();
    const { code } = await newestMail(this.server, this.email);
    await this.enterCode(code, pictures);
    return this;
  }

  async enterCode(code, pictures) {
    const boxes = this.page.getByLabel('Code');
    await boxes.first().waitFor();
    if (pictures) await this.picture(`${pictures}-code`);
    await boxes.first().focus();
    await this.page.keyboard.type(code);
  }

  /** Confirms the age and passes the check of camera and microphone, up to the chat page. */
  async passCheck({ pictures } = {}) {
    const { page } = this;
    const adult = page.getByRole('checkbox', { name: 'I am 18 or older' });
    await adult.waitFor();
    if (pictures) await this.picture(`${pictures}-check`);
    await adult.check();
    const next = this.button('Continue');
    await next.click();
    await page.waitForURL('**/chat');
    return this;
  }

  async search() {
    await this.button('Start').click();
    return this;
  }

  /** What the connection carries: sums over the reports of `window.__visavisPc`. */
  stats() {
    return this.page.evaluate(async () => {
      const pc = window.__visavisPc;
      if (!pc || pc.connectionState === 'closed') return null;
      const sums = { framesDecoded: 0, audioPackets: 0, framesSent: 0, state: pc.connectionState };
      for (const report of (await pc.getStats()).values()) {
        if (report.type === 'inbound-rtp' && report.kind === 'video') sums.framesDecoded += report.framesDecoded ?? 0;
        if (report.type === 'inbound-rtp' && report.kind === 'audio') sums.audioPackets += report.packetsReceived ?? 0;
        if (report.type === 'outbound-rtp' && report.kind === 'video') sums.framesSent += report.framesSent ?? 0;
      }
      return sums;
    });
  }

  async say(text) {
    const field = this.page.getByLabel('Message', { exact: true });
    await field.fill(text);
    await field.press('Enter');
  }

  async reads(text) {
    await this.page.getByTestId('message').filter({ hasText: text }).first().waitFor();
  }

  /** The browser dies: nothing can be said to anybody. */
  async kill() {
    const { execFileSync } = await import('node:child_process');
    const pids = execFileSync('pgrep', ['-f', '--', `--user-data-dir=${this.profile}`]).toString().trim().split('\n');
    for (const pid of pids) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It went with its parent.
      }
    }
  }

  assertNoProblems() {
    assert.deepEqual(this.problems, [], `${this.name}'s page`);
  }

  async end() {
    await this.context.close().catch(() => {});
    await rm(this.profile, { recursive: true, force: true }).catch(() => {});
  }
}
