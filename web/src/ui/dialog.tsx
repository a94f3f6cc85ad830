/** A native modal dialog: the browser keeps the focus inside, Escape closes it, and the page behind is inert. */
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // With the click that asks for it, not a picture later: whoever types on must not type behind it.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const onBackdrop = (event: MouseEvent) => event.target === dialog.current && onClose();
  return (
    <dialog ref={dialog} aria-labelledby={heading} onClose={onClose} onClick={onBackdrop}>
      <div class="dialog">
        <h2 id={heading}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
