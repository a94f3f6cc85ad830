// What a fake camera sees and a fake microphone hears: a moving picture of 640x360, which every machine can encode four
// times, and a voice, or none.

import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const [WIDTH, HEIGHT, FRAMES_PER_S] = [640, 360, 15];
const RATE = 48_000;

/** A box that wanders through a picture of one colour, for a second, again and again. */
function picture(hue) {
  const [u, v] = [128 + 90 * Math.cos(hue), 128 + 90 * Math.sin(hue)].map(Math.round);
  const parts = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_S}:1 Ip A1:1 C420\n`)];
  for (let n = 0; n < FRAMES_PER_S; n += 1) {
    const y = Buffer.alloc(WIDTH * HEIGHT);
    for (let row = 0; row < HEIGHT; row += 1) y.fill(70 + (row * 60) / HEIGHT, row * WIDTH, (row + 1) * WIDTH);
    const left = Math.round((n / FRAMES_PER_S) * (WIDTH - 120));
    for (let row = 120; row < 240; row += 1) y.fill(220, row * WIDTH + left, row * WIDTH + left + 120);
    const chroma = (WIDTH / 2) * (HEIGHT / 2);
    parts.push(Buffer.from('FRAME\n'), y, Buffer.alloc(chroma, u), Buffer.alloc(chroma, v));
  }
  return Buffer.concat(parts);
}

/** Syllables of a few tones, as loud as somebody who speaks; or silence. */
function sound(speaks) {
  const samples = RATE * 2;
  const data = Buffer.alloc(samples * 2);
  for (let i = 0; speaks && i < samples; i += 1) {
    const t = i / RATE;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 4 * t)) ** 0.5;
    const tone = [140, 280, 560, 1_120].reduce((sum, hz, n) => sum + Math.sin(2 * Math.PI * hz * t) / (n + 1), 0) / 2;
    data.writeInt16LE(Math.round(12_000 * syllable * tone), i * 2);
  }
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

/** Says a text into a file, as it is said in a call: again and again. */
export async function say(file, text) {
  await promisify(execFile)(process.env.ESPEAK ?? 'espeak-ng', ['-v', 'en-us', '-s', '145', '-g', '4', '-w', file, text]);
}

/** The angle of red in the plane of colours. */
export const RED = Math.PI / 2;

/** Files for that many people, of whom those who speak have a voice: what `Visitor.start` takes as `fake`. */
export async function fakes(number, speaks = () => false, hue = (i) => (i * 2 * Math.PI) / number) {
  const folder = await mkdtemp(path.join(tmpdir(), 'visavis-fake-'));
  const files = Array.from({ length: number }, async (_, i) => {
    const fake = { folder, picture: path.join(folder, `${i}.y4m`), voice: path.join(folder, `${i}.wav`) };
    await writeFile(fake.picture, picture(hue(i)));
    await writeFile(fake.voice, sound(speaks(i)));
    return fake;
  });
  return Promise.all(files);
}
