/** Something to pass on: a button that copies it, and says so. */
import { Check, Copy } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { type Key, t } from '../i18n';

/** The word that it was copied stands so long. */
const COPIED_MS = 4_000;

interface Props {
  /** What is copied. */
  text: string;
  /** What the button is called, and the field. */
  name: Key;
  label: Key;
}

export function CopyText({ text, name, label }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState<Key | null>(null);
  // Something else is there now, which wasn't copied.
  useEffect(() => setSaid(null), [text]);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(null), COPIED_MS);
    return () => clearTimeout(timer);
  }, [said]);

  const copy = async (): Promise<void> => {
    try {
      // Browsers give the clipboard to safe pages (https) only, and some people refuse it.
      await navigator.clipboard.writeText(text);
      setSaid('copied');
    } catch {
      field.current?.select();
      setSaid(document.execCommand('copy') ? 'copied' : 'copyByHand');
    }
  };

  const Icon = said === 'copied' ? Check : Copy;
  return (
    <div class="copy">
      <div class="copy-link">
        <input ref={field} readOnly aria-label={t(label)} value={text} onFocus={(event) => event.currentTarget.select()} />
        <button type="button" onClick={() => void copy()}>
          <Icon aria-hidden="true" />
          {t(name)}
        </button>
      </div>
      <p class="copied" role="status">
        {said ? t(said) : ''}
      </p>
    </div>
  );
}

export function CopyLink({ link }: { link: string }) {
  return <CopyText text={link} name="copyLink" label="roomLink" />;
}
