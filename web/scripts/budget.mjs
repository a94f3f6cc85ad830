// What somebody has to load before the chat page works, against its budget: scripts and styles that index.html names,
// compressed as the server sends them.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = { js: 100 * 1024, css: 12 * 1024 };

const dist = new URL('../dist/', import.meta.url);
const html = readFileSync(new URL('index.html', dist), 'utf8');
const sums = { js: 0, css: 0 };
for (const [, name, kind] of html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(js|css))"/g)) {
  sums[kind] += gzipSync(readFileSync(new URL(name, dist))).length;
}
if (!sums.js) throw new Error('dist/index.html names no script: build first');
let over = false;
for (const [kind, bytes] of Object.entries(sums)) {
  over ||= bytes > BUDGET[kind];
  console.log(`${kind}: ${(bytes / 1024).toFixed(1)} KiB gzipped of ${BUDGET[kind] / 1024} KiB${bytes > BUDGET[kind] ? ': OVER' : ''}`);
}
process.exitCode = over ? 1 : 0;
