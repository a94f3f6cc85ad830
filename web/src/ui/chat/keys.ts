/** Keys of the chat page. They act only when no dialog is open and no text is being written. */
import { useEffect, useState } from 'preact/hooks';

import { canCaption, toggleCaptions } from '../../app/captions';
import { chat, give, toggle } from '../../app/random';
import { canGoOn } from '../../state/chat';
import { isTaken, singleKeys } from '../settings';
import type { Ask } from './dialogs';

/** Within this time a second Escape goes on. */
const ARMED_MS = 1_500;

/** Whether a first Escape waits for the second. */
export function useKeys({ ask, isOpen }: { ask: (what: Ask) => void; isOpen: boolean }): boolean {
  const [armed, setArmed] = useState(false);
  useEffect(() => {
    if (!armed) return;
    const timer = setTimeout(() => setArmed(false), ARMED_MS);
    return () => clearTimeout(timer);
  }, [armed]);
  useEffect(() => {
    const letters: Record<string, () => void> = {
      m: () => toggle('audio'),
      v: () => toggle('video'),
      r: () => ask('report'),
      t: () => canCaption.peek() && toggleCaptions(),
      '?': () => ask('help'),
    };
    const onKey = (event: KeyboardEvent): void => {
      if (isOpen || event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
      const letter = singleKeys.value ? letters[event.key.toLowerCase()] : undefined;
      if (event.key === 'Escape' && canGoOn(chat.value)) {
        setArmed(!armed);
        if (armed) give({ is: 'next' });
      } else if (letter) {
        letter();
      } else {
        return;
      }
      event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [armed, isOpen, ask]);
  return armed;
}
