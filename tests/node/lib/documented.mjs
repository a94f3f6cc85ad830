// Settings as the documentation shows them, to be tried as they stand there.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { ROOT } from './process.mjs';

/** The first block of `docs/NAME.md` after a heading; its own indentation is taken off. */
export async function block(name, heading) {
  const text = await readFile(path.join(ROOT, 'docs', `${name}.md`), 'utf8');
  const below = text.slice(text.indexOf(`\n## ${heading}\n`) + 1);
  const [, indent, lines] = /^( *)```\w*\n([^]*?)^\1```$/m.exec(below) ?? [];
  if (!lines) throw new Error(`docs/${name}.md shows nothing below "${heading}"`);
  return lines.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

/** The text with each of these put in another one's place; what isn't there any more is said. */
export function changed(text, changes) {
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`it no longer says ${JSON.stringify(from)}:\n${text}`);
    text = text.replaceAll(from, to);
  }
  return text;
}
