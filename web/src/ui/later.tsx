/** A page that isn't needed for a first call is loaded when somebody goes there. */
import { signal } from '@preact/signals';
import type { ComponentChildren, ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';

import { t } from '../i18n';
import { Trouble } from '../protocol/types';
import { Alert } from './trouble';

/** `around` is what stands around the words until it is there, for pages that bring their own `main`. */
export function later(load: () => Promise<ComponentType>, around?: (words: ComponentChildren) => JSX.Element): ComponentType {
  const page = signal<ComponentType | null>(null);
  const failed = signal(false);
  const fetchIt = (): void => {
    failed.value = false;
    load().then((found) => (page.value = found), () => (failed.value = true));
  };
  return function Later() {
    useEffect(() => {
      if (!page.value) fetchIt();
    }, []);
    const Page = page.value;
    if (Page) return <Page />;
    const words = failed.value ? <Failed again={fetchIt} /> : <p class="quiet center">{t('loading')}</p>;
    return around ? around(words) : words;
  };
}

function Failed({ again }: { again: () => void }) {
  return (
    <div class="center">
      <Alert error={new Trouble('network', '')} />
      <p>
        <button type="button" onClick={again}>
          {t('tryNow')}
        </button>
      </p>
    </div>
  );
}
