/** Something to pass on: a button that copies it, and says so. */
import { Check, Copy } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';

import { t } from '../i18n';

/** The word that it was copied stands so long. */
const COPIED_MS = 3_000;

export function CopyLink({ link }: { link: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const Icon = copied ? Check : Copy;
  return (
    <div class="copy-link">
      <input readOnly aria-label={t('roomLink')} value={link} onFocus={(event) => event.currentTarget.select()} />
      {/* Browsers give it to safe pages (https) only; the field can be copied from in any case. */}
      {'clipboard' in navigator && (
        <button type="button" onClick={() => void navigator.clipboard.writeText(link).then(() => setCopied(true), () => undefined)}>
          <Icon aria-hidden="true" />
          {t('copyLink')}
        </button>
      )}
      <span class="sr-only" role="status">
        {copied ? t('copied') : ''}
      </span>
    </div>
  );
}
