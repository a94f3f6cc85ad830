// Models that find the colour red where others look for nudity, and pictures of one colour: what anybody may look at.

import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { ROOT } from './server.mjs';
import { until } from './wait.mjs';

/** Models take a while to load, on a machine that does other things too. */
const LOADED_MS = 60_000;

export const RED = [255, 0, 0];
export const BLUE = [0, 0, 255];

/** A folder of such models, or of some that flag every picture; whoever makes it removes it. */
export async function redModels({ all = false } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'visavis-models-'));
  const python = path.join(ROOT, 'target/venv/bin/python');
  await promisify(execFile)(python, [path.join(ROOT, 'web/e2e/lib/red_models.py'), path.join(ROOT, 'models'), folder, ...(all ? ['all'] : [])]);
  return folder;
}

/** Waits until this place's models for pictures are loaded: before that it says that it looks, but nothing is seen yet. */
export async function looks(server) {
  const seen = async () => (await (await fetch(`${server.url}/readyz`)).json()).watching?.on.includes('nudity');
  await until(seen, LOADED_MS, 'somebody looks');
}

/** Bits, the lowest first. */
class Bits {
  #bits = [];

  put(value, count) {
    for (let i = 0; i < count; i += 1) this.#bits.push((value >> i) & 1);
    return this;
  }

  bytes() {
    const bytes = Buffer.alloc(Math.ceil(this.#bits.length / 8));
    this.#bits.forEach((bit, i) => (bytes[i >> 3] |= bit << (i & 7)));
    return bytes;
  }
}

/** A WebP of one colour and any size, without loss: one symbol for each of green, red, blue and alpha, and no bit for a point. */
export function webp([red, green, blue], width = 320, height = 180) {
  const bits = new Bits().put(0x2f, 8).put(width - 1, 14).put(height - 1, 14).put(0, 1 + 3).put(0, 3);
  for (const symbol of [green, red, blue, 255]) bits.put(0b101, 3).put(symbol, 8);
  bits.put(0b001, 3).put(0, 1);
  const data = bits.bytes();
  const padded = Buffer.concat([data, Buffer.alloc(data.length % 2)]);
  const head = Buffer.alloc(20);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(12 + padded.length, 4);
  head.write('WEBPVP8L', 8, 'latin1');
  head.writeUInt32LE(data.length, 16);
  return Buffer.concat([head, padded]);
}

/** The beginning of a JPEG that says how large it is, and little more. */
export function jpegHead(width, height) {
  const frame = Buffer.from([0xff, 0xc0, 0, 17, 8, 0, 0, 0, 0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), frame, Buffer.from([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 0x3f, 0]), Buffer.alloc(64, 0x55)]);
}
