// Whether a page can be used by everybody, as far as a machine can tell.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** WCAG 2.2 AA as far as a machine can tell. */
export async function accessible(visitor, where) {
  const source = await axe();
  await visitor.page.evaluate(source);
  // What is still fading in has other colours than those that people read; what moves for good isn't waited for.
  await visitor.page.evaluate(() => {
    const ends = (one) => Number.isFinite(one.effect?.getComputedTiming().endTime);
    return Promise.allSettled(document.getAnimations().filter(ends).map(({ finished }) => finished));
  });
  const { violations } = await visitor.page.evaluate(() =>
    window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }),
  );
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 120)} ${failureSummary}`).join(' | ')}`);
  assert.deepEqual(told, [], where);
}

const axe = () => readFile(createRequire(new URL('../../package.json', import.meta.url)).resolve('axe-core/axe.min.js'), 'utf8');
