/** On a phone: a swipe up over the picture goes on to the next person. */
import { type RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** So far up, in pixels, and hardly sideways: nothing a scrolling finger does by accident. */
const LEAST = 120;

export function useSwipeUp(act: () => void): RefObject<HTMLDivElement> {
  const area = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = area.current;
    let from: { x: number; y: number } | null = null;
    const down = (event: PointerEvent): void => {
      from = event.pointerType === 'touch' && event.isPrimary ? { x: event.clientX, y: event.clientY } : null;
    };
    const up = (event: PointerEvent): void => {
      if (from && from.y - event.clientY > LEAST && Math.abs(event.clientX - from.x) < LEAST / 2) act();
      from = null;
    };
    element?.addEventListener('pointerdown', down);
    element?.addEventListener('pointerup', up);
    return () => {
      element?.removeEventListener('pointerdown', down);
      element?.removeEventListener('pointerup', up);
    };
  }, []);
  return area;
}
