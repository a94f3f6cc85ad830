/** Single keys for what is done all day. Never while somebody types, or in a dialog, or when they are turned off. */
import { useEffect, useRef } from 'preact/hooks';

import { singleKeys } from '../settings';

const TYPED = 'input, textarea, select, [contenteditable]';

export function useDeskKeys(keys: Record<string, () => void>, on = true): void {
  const newest = useRef(keys);
  newest.current = keys;
  useEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !singleKeys.value) return;
      if (event.target instanceof Element && event.target.closest(TYPED)) return;
      // Also one that the browser has closed, as long as what it was about isn't.
      if (document.querySelector('dialog')) return;
      const act = newest.current[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [on]);
}
