/** Which page is shown. Links are real links; this only spares the reload. */
import { signal } from '@preact/signals';

export const path = signal(location.pathname);

export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (to !== location.pathname + location.hash) {
    if (how === 'push') history.pushState(null, '', to);
    else history.replaceState(null, '', to);
  }
  path.value = location.pathname;
  window.scrollTo(0, 0);
}

window.addEventListener('popstate', () => (path.value = location.pathname));

/** For a link's click: stays on the page unless a new tab is wanted. */
export function follow(event: MouseEvent): void {
  const link = event.currentTarget as HTMLAnchorElement;
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.pathname + link.hash);
}
