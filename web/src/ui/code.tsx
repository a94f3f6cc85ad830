/** Six boxes for the six digits of a code: typing goes on by itself, pasting fills all. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { t } from '../i18n';
import { isWriting } from './settings';

const DIGITS = 6;

interface Props {
  onFull: (code: string) => void;
  busy: boolean;
  /** The last one was. */
  wrong: boolean;
}

export function CodeBoxes({ onFull, busy, wrong }: Props) {
  const [digits, setDigits] = useState<string[]>(Array(DIGITS).fill(''));
  const boxes = useRef<(HTMLInputElement | null)[]>([]);

  const put = (at: number, text: string): void => {
    const typed = text.replace(/\D/g, '').slice(0, DIGITS - at);
    const next = digits.map((digit, i) => (i >= at && i < at + typed.length ? (typed[i - at] ?? '') : digit));
    if (!typed) next[at] = '';
    setDigits(next);
    boxes.current[Math.min(at + typed.length, DIGITS - 1)]?.focus();
    if (typed && next.every(Boolean)) onFull(next.join(''));
  };

  /** The first box that is still empty. */
  const open = (): number => Math.max(0, digits.indexOf(''));
  useElsewhere(open, put, (at) => boxes.current[at]);

  const onKeyDown = (at: number, event: KeyboardEvent): void => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Backspace: digits[at] ? at : at - 1 }[event.key];
    if (to === undefined || to === at) return;
    event.preventDefault();
    if (event.key === 'Backspace' && to >= 0) setDigits(digits.map((digit, i) => (i === to ? '' : digit)));
    boxes.current[to]?.focus();
  };

  return (
    <fieldset class="code" disabled={busy}>
      <legend>{t('code')}</legend>
      {digits.map((digit, at) => (
        <input
          key={at}
          ref={(box) => {
            boxes.current[at] = box;
          }}
          aria-label={t('digit', { n: at + 1 })}
          aria-invalid={wrong}
          inputMode="numeric"
          autocomplete={at === 0 ? 'one-time-code' : 'off'}
          value={digit}
          onFocus={(event) => event.currentTarget.select()}
          onInput={(event) => put(at, event.currentTarget.value)}
          onPaste={(event) => {
            event.preventDefault();
            put(at, event.clipboardData?.getData('text') ?? '');
          }}
          onKeyDown={(event) => onKeyDown(at, event)}
        />
      ))}
    </fieldset>
  );
}

/** Whoever was at the mail meanwhile comes back and types: what they type goes into the boxes, wherever the focus was. */
function useElsewhere(open: () => number, put: (at: number, text: string) => void, box: (at: number) => HTMLInputElement | null | undefined): void {
  const now = useRef({ open, put });
  now.current = { open, put };
  // Before anybody can type: a focus that comes after the first digits would let the next one overwrite the first.
  useLayoutEffect(() => box(0)?.focus(), []);
  useEffect(() => {
    const take = (event: Event, text: string): void => {
      if (isWriting(event.target) || !/\d/.test(text)) return;
      event.preventDefault();
      now.current.put(now.current.open(), text);
    };
    const onKey = (event: KeyboardEvent): void => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key.length === 1) take(event, event.key);
    };
    const onPaste = (event: ClipboardEvent): void => take(event, event.clipboardData?.getData('text') ?? '');
    // The link to the mails, in another tab, has had the focus; a button that somebody has moved to keeps it.
    const onReturn = (): void => {
      const at = document.activeElement;
      if (!at || at === document.body || at.tagName === 'A') box(now.current.open())?.focus();
    };
    window.addEventListener('keydown', onKey);
    window.addEventListener('paste', onPaste);
    window.addEventListener('focus', onReturn);
    return () => {
      window.removeEventListener('keydown', onKey);
      window.removeEventListener('paste', onPaste);
      window.removeEventListener('focus', onReturn);
    };
  }, []);
}
