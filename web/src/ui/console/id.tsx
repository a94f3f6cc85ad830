/** An id in full, to be read, selected and copied: commands of whoever runs the place want it. */
import { Check, Copy } from 'lucide-preact';
import { useRef, useState } from 'preact/hooks';

import { t } from '../../i18n';
import { c } from '../../i18n/console';

export function Id({ of, label }: { of: string; label: 'caseId' | 'personId' }) {
  const code = useRef<HTMLElement>(null);
  const [said, setSaid] = useState<'copied' | 'copyByHand' | null>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(of);
      setSaid('copied');
    } catch {
      // Browsers give the clipboard to safe pages only: what is selected can be copied all the same.
      if (code.current) getSelection()?.selectAllChildren(code.current);
      setSaid(document.execCommand('copy') ? 'copied' : 'copyByHand');
    }
  };
  const Icon = said === 'copied' ? Check : Copy;
  return (
    <div>
      <dt>{c(label)}</dt>
      <dd>
        <code ref={code}>{of}</code>
        <button type="button" class="icon" aria-label={`${t('copy')}: ${c(label)}`} title={t('copy')} onClick={() => void copy()}>
          <Icon aria-hidden="true" />
        </button>
        <span class="quiet" role="status">
          {said ? t(said) : ''}
        </span>
      </dd>
    </div>
  );
}
