/**
 * Where the keyboard goes on when what had the focus is gone: a row that was dealt with, a dialog whose opener went
 * meanwhile. Left to the browser it would begin at the top of the page again.
 */

/** What is disabled for no longer than this is only busy. */
const BUSY_MS = 1_000;
const ACTS = 'button:not(:disabled), a[href], summary';

/** An element, and the elements around it with its place among their children, as they were. */
export interface Spot {
  element: HTMLElement;
  around: { parent: Element; index: number }[];
}

const indexOf = (element: Element): number => [...(element.parentElement?.children ?? [])].indexOf(element);

export function spotOf(element: HTMLElement): Spot {
  const around: Spot['around'] = [];
  for (let at: Element = element; at.parentElement; at = at.parentElement) around.push({ parent: at.parentElement, index: indexOf(at) });
  return { element, around };
}

const canHaveIt = (element: HTMLElement): boolean => element.isConnected && !element.matches(':disabled') && element.getClientRects().length > 0;

/** Gives the focus back to where it was, or to what is there now. */
export function goOnAt({ element, around }: Spot): void {
  (canHaveIt(element) ? element : successor(element, around))?.focus();
}

function successor(element: HTMLElement, around: Spot['around']): HTMLElement | null {
  const here = around.find(({ parent }) => parent.isConnected);
  const home = here?.parent.closest('main, dialog');
  // Another page by now, which sees to it itself.
  if (!here || !home) return null;
  const { parent, index } = here;
  const rest = parent.closest('[data-rest]');
  // What stood behind it has moved up; a thing that is only disabled stands where it stood.
  const near = nearest(parent, element.isConnected ? index + 1 : index);
  const row = parent.closest('li');
  if (row?.parentElement && row.contains(parent)) near.push(...nearest(row.parentElement, indexOf(row) + 1));
  for (const one of rest ? [rest] : near) {
    const found = one.matches('section') ? headingOf(one) : first(one);
    if (found) return found;
  }
  return headingOf(parent.closest('section') ?? home) ?? headingOf(home);
}

/** The children from there on, then those before, the nearest first. */
function nearest(parent: Element, index: number): Element[] {
  const all = [...parent.children];
  return [...all.slice(index), ...all.slice(0, index).reverse()];
}

/** The first thing in it that can be pressed, or it itself. */
function first(of: Element): HTMLElement | null {
  const all = [...(of.matches(ACTS) ? [of] : []), ...of.querySelectorAll(ACTS)] as HTMLElement[];
  return all.find(canHaveIt) ?? null;
}

/** A heading is read, not pressed: it can have the focus, but isn't on the way of the tab key. */
export function headingOf(of: Element): HTMLElement | null {
  const heading = of.querySelector<HTMLElement>('h1, h2, h3');
  if (heading && !heading.hasAttribute('tabindex')) heading.tabIndex = -1;
  return heading;
}

/** After a step from page to page: to its heading, as soon as it has one. Gives what no longer waits for that. */
export function enter(main: HTMLElement): () => void {
  const waiting = new MutationObserver(() => go());
  const go = (): void => {
    const heading = headingOf(main);
    if (heading && document.activeElement === main) heading.focus({ preventScroll: true });
    if (heading || document.activeElement !== main) waiting.disconnect();
  };
  main.focus({ preventScroll: true });
  waiting.observe(main, { subtree: true, childList: true });
  go();
  return () => waiting.disconnect();
}

/** Whether it went with a dialog: that gives the focus back itself. */
const wasInDialog = ({ around }: Spot): boolean => around.some(({ parent }) => parent.tagName === 'DIALOG' && !parent.isConnected);

/** Looks after the focus on all pages, as long as the tab lives. */
export function keepFocus(): void {
  let last: Spot | null = null;
  let lostAt: number | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener('focusin', ({ target }) => {
    if (target instanceof HTMLElement) [last, lostAt] = [spotOf(target), null];
  });
  // Whoever clicks beside it, or goes to another window, has let go of it by themselves.
  document.addEventListener('focusout', ({ target }) => {
    queueMicrotask(() => {
      if (last?.element === target && canHaveIt(last.element)) last = null;
    });
  });
  const look = (): void => {
    const at = document.activeElement;
    // A browser may take a while to let go of what was disabled.
    if (!last || (at !== document.body && (at !== last.element || canHaveIt(last.element)))) return;
    lostAt ??= Date.now();
    if (last.element.isConnected && !canHaveIt(last.element) && Date.now() - lostAt < BUSY_MS) return soon(BUSY_MS);
    const spot = last;
    last = null;
    if (!wasInDialog(spot)) goOnAt(spot);
  };
  // When all that belongs to the change is done: rows that were busy together can be pressed again.
  const soon = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(look, ms);
  };
  new MutationObserver(() => soon(0)).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['disabled'] });
}
