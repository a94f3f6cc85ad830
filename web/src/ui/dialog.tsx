/** A native modal dialog: the browser keeps the focus inside, Escape closes it, and the page behind is inert. */
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

import { goOnAt, type Spot, spotOf } from './focus';

/** Where the keyboard was before; one dialog that leads to another changes nothing in that. */
let opener: Spot | null = null;

function giveBack(): void {
  if (opener && !document.querySelector('dialog[open]')) goOnAt(opener);
}

interface Props {
  title: string;
  onClose: () => void;
  /** A click beside it isn't an answer. */
  firm?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, firm = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => {
    const before = document.activeElement;
    if (before instanceof HTMLElement && before !== document.body && !before.closest('dialog')) opener = spotOf(before);
    // With the click that asks for it, not a picture later: whoever types on must not type behind it.
    dialog.current?.showModal();
    return () => queueMicrotask(giveBack);
  }, []);
  // At once, and not a task later as a close of the browser's own: a key that comes right behind finds the page as it is.
  const onCancel = (event: Event): void => {
    if (event.target !== dialog.current || !event.cancelable) return;
    event.preventDefault();
    onClose();
  };
  const onBackdrop = (event: MouseEvent) => !firm && event.target === dialog.current && onClose();
  return (
    <dialog ref={dialog} aria-labelledby={heading} onCancel={onCancel} onClose={onClose} onClick={onBackdrop}>
      <div class="dialog">
        <h2 id={heading}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
