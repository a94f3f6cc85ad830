// Calls of people who reach nobody but a TURN service: coturn, with the settings that docs/operations.md shows.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { block, changed } from '../../tests/node/lib/documented.mjs';
import { freePort } from '../../tests/node/lib/port.mjs';
import { startServer } from '../../tests/node/lib/server.mjs';
import { until } from '../../tests/node/lib/wait.mjs';
import { DESKTOP, LONG, TALL_PHONE, Visitor } from './lib/browser.mjs';

const COTURN = process.env.COTURN ?? '/usr/bin/turnserver';
const SECRET = 'shared by the two of them';
/** For its relays, beside those of other programs. */
const [LEAST_PORT, MOST_PORT] = [33_000, 33_999];

let folder;
let port;
let coturn;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'visavis-coturn-'));
  port = await freePort();
  // This machine is all the internet there is: what protects its own networks has to go for once.
  const shown = changed(await block('operations', 'TURN: coturn'), [
    ['THE-SECRET', SECRET],
    ['listening-port=3478', `listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port=${port}\nallow-loopback-peers`],
    ['tls-listening-port=443', 'no-tls\nno-dtls'],
    ['cert=/etc/turnserver/fullchain.pem', ''],
    ['pkey=/etc/turnserver/privkey.pem', ''],
    ['min-port=49152', `min-port=${LEAST_PORT}`],
    ['max-port=65535', `max-port=${MOST_PORT}`],
    ['denied-peer-ip=127.0.0.0-127.255.255.255', ''],
  ]);
  const conf = path.join(folder, 'turnserver.conf');
  await writeFile(conf, `${shown}\nuserdb=${folder}/db\npidfile=${folder}/pid\nlog-file=stdout\n`);
  coturn = spawn(COTURN, ['-c', conf], { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
  coturn.said = '';
  for (const stream of [coturn.stdout, coturn.stderr]) stream.setEncoding('utf8').on('data', (text) => (coturn.said += text));
  coturn.on('error', (error) => (coturn.said += error.message));
  await until(listens, LONG, () => `coturn listens; it says ${coturn.said}`);
});
after(async () => {
  coturn?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const listens = () =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** Runs before the page's own scripts: a network that lets nothing pass but what goes to the TURN service. */
const WALLED = () => {
  const Real = window.RTCPeerConnection;
  const walled = (config) => ({ ...config, iceTransportPolicy: 'relay' });
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(config) {
      super(walled(config));
      window.connections.push(this);
    }
    setConfiguration(config) {
      super.setConfiguration(walled(config));
    }
  };
};

/** The pairs that carry the newest connection: kinds of their two ends, and frames that have come. */
const carried = ({ page }) =>
  page.evaluate(async () => {
    const all = [...(await window.connections.at(-1).getStats()).values()];
    const frames = all.filter(({ type, kind }) => type === 'inbound-rtp' && kind === 'video').reduce((sum, { framesDecoded }) => sum + (framesDecoded ?? 0), 0);
    const pair = all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
    const kind = (id) => all.find((one) => one.id === id)?.candidateType;
    return { frames, ends: pair && `${kind(pair.localCandidateId)} ${kind(pair.remoteCandidateId)}` };
  });

async function call(t, transport, names) {
  const server = await startServer({ test: t, settings: { 'turn.urls': `turn:127.0.0.1:${port}`, 'turn.secret': SECRET, 'strangers.transport': transport } });
  const two = await Promise.all(
    names.map(async (name, i) => {
      const visitor = await Visitor.start(server, { name, viewport: i ? DESKTOP : TALL_PHONE, test: t });
      await visitor.page.addInitScript(WALLED);
      await visitor.signIn();
      return visitor.passCheck();
    }),
  );
  await Promise.all(two.map((one) => one.search()));
  await Promise.all(two.map((one) => one.reaches('live')));
  return two;
}

describe('behind a wall, with coturn as documented', () => {
  for (const [how, transport, names, ends] of [
    ['directly, from relay to relay', 'p2p', ['walt', 'wilma'], /^relay relay$/],
    ['over the server, by a relay', 'sfu', ['wanda', 'wim'], /^relay host$/],
  ]) {
    test(`two talk ${how}`, { timeout: 120_000 }, async (t) => {
      const two = await call(t, transport, names);
      for (const one of two) {
        let seen;
        await until(async () => (seen = await carried(one)).frames >= 20 && ends.test(seen.ends), LONG, () => `${one.name} sees the other: ${JSON.stringify(seen)}; ${coturn.said.slice(-2_000)}`);
        one.assertNoProblems();
      }
    });
  }
});
