/** Which page is shown. Links are real links; this only spares the reload. */
import { signal } from '@preact/signals';

export const path = signal(location.pathname);

/** Somebody has gone from page to page since this tab was opened, or loaded anew. */
let moved = false;
export const hasMoved = (): boolean => moved;

function show(): void {
  moved ||= path.peek() !== location.pathname;
  path.value = location.pathname;
}

/** Whether this step has to be agreed to first. Once nothing is in its way any more, `leave` takes it. */
type Guard = (leave: () => void) => boolean;

let guard: Guard | null = null;

/** From now on the page is asked before somebody leaves it by a link, or by the browser's buttons. Gives what ends that. */
export function guarded(by: Guard): () => void {
  guard = by;
  return () => {
    if (guard === by) guard = null;
  };
}

/** Does something that leaves this page, at once or when it is agreed to. */
export function leaving(act: () => void): void {
  if (!guard?.(act)) act();
}

/** Places of this tab's history are numbered, so that it is known which way a step went, and it can be taken back. */
const placeOf = (state: unknown): number | null => (state as { place?: number } | null)?.place ?? null;

let place = placeOf(history.state) ?? 0;
history.replaceState({ place }, '');

export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (to !== location.pathname + location.hash) {
    if (how === 'push') history.pushState({ place: (place += 1) }, '', to);
    else history.replaceState({ place }, '', to);
  }
  show();
  window.scrollTo(0, 0);
}

window.addEventListener('popstate', ({ state }) => {
  const there = placeOf(state);
  // Typed behind the #: a new place, on the same page.
  if (there === null) return history.replaceState({ place: (place += 1) }, '');
  const step = there - place;
  // The browser is there already: it is sent back, and goes again when somebody agrees.
  if (step !== 0 && location.pathname !== path.value && guard?.(() => history.go(step))) return history.go(-step);
  place = there;
  show();
});

/** For a link's click: stays on the page unless a new tab is wanted. */
export function follow(event: MouseEvent): void {
  const link = event.currentTarget as HTMLAnchorElement;
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const to = link.pathname + link.hash;
  if (link.pathname === location.pathname) go(to);
  else leaving(() => go(to));
}
