/** Keys of a room. They act only when no dialog is open and no text is being written. */
import { useEffect, useRef } from 'preact/hooks';

import { canCaption, toggleCaptions } from '../../app/captions';
import { give, raiseHand, toggle, toggleScreen } from '../../app/room';
import * as devices from '../../media/devices';
import { isTaken, singleKeys } from '../settings';
import type { Panel } from './call';
import type { Ask } from './dialogs';
import { pinNth } from './stage';

interface Acts {
  turn: (to: Panel) => void;
  ask: (what: Ask) => void;
  isOpen: boolean;
}

/** Space presses what has the focus. */
const isPressed = (target: EventTarget | null): boolean => target instanceof HTMLElement && /^(BUTTON|A|SUMMARY)$/.test(target.tagName);

export function useKeys({ turn, ask, isOpen }: Acts): void {
  /** The microphone is on only as long as the key is held. */
  const talking = useRef(false);
  useEffect(() => {
    const letters: Record<string, () => void> = {
      m: () => toggle('audio'),
      v: () => toggle('video'),
      d: () => void toggleScreen(),
      c: () => turn('chat'),
      p: () => turn('people'),
      r: raiseHand,
      t: () => canCaption.peek() && toggleCaptions(),
      w: () => give({ is: 'layout' }),
      '?': () => ask({ ask: 'help' }),
    };
    for (let n = 1; n <= 9; n += 1) letters[n] = () => pinNth(n);
    const hush = (): void => {
      if (talking.current && devices.isOn('audio')) toggle('audio');
      talking.current = false;
    };
    const onDown = (event: KeyboardEvent): void => {
      if (isOpen || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target) || !singleKeys.value) return;
      if (event.key === ' ') {
        if (isPressed(event.target)) return;
        if (!event.repeat && !devices.isOn('audio')) {
          talking.current = true;
          toggle('audio');
        }
      } else if (event.repeat || !letters[event.key.toLowerCase()]) {
        return;
      } else {
        letters[event.key.toLowerCase()]?.();
      }
      event.preventDefault();
    };
    const onUp = (event: KeyboardEvent): void => {
      if (event.key === ' ') hush();
    };
    window.addEventListener('keydown', onDown);
    window.addEventListener('keyup', onUp);
    window.addEventListener('blur', hush);
    return () => {
      window.removeEventListener('keydown', onDown);
      window.removeEventListener('keyup', onUp);
      window.removeEventListener('blur', hush);
      hush();
    };
  }, [isOpen, turn, ask]);
}
