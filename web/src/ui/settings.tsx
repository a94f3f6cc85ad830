/** Dialogs of every call: camera and microphone, and the keys. */
import { signal } from '@preact/signals';

import { type Key, t } from '../i18n';
import { Devices } from './devices';
import { Dialog } from './dialog';

const STORED = 'visavis-single-keys';

/** Single letters as commands can be turned off (WCAG 2.1.4): speech input types them by accident. */
export const singleKeys = signal(localStorage.getItem(STORED) !== 'off');

function setSingleKeys(on: boolean): void {
  singleKeys.value = on;
  localStorage.setItem(STORED, on ? 'on' : 'off');
}

/** Keys do nothing else where a text is being written. */
export const isWriting = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Nor where a dialog is open, whoever has opened it. */
export const isTaken = (target: EventTarget | null): boolean => isWriting(target) || (target instanceof Element && target.closest('dialog') !== null);

export function MyDevices({ close }: { close: () => void }) {
  return (
    <Dialog title={t('devicesLink')} onClose={close}>
      <Devices />
      <Done close={close} />
    </Dialog>
  );
}

/** A key and what it does. */
export type KeyWords<K = Key> = [string, K];

interface HelpProps<K> {
  keys: KeyWords<K>[];
  /** Parts of the page that bring their own words. */
  words: (what: K) => string;
  close: () => void;
}

export function Help<K>({ keys, words, close }: HelpProps<K>) {
  return (
    <Dialog title={t('keysTitle')} onClose={close}>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{words(what)}</dd>
          </div>
        ))}
      </dl>
      <label class="tick">
        <input type="checkbox" checked={singleKeys.value} onChange={(event) => setSingleKeys(event.currentTarget.checked)} />
        {t('singleKeys')}
      </label>
      <Done close={close} />
    </Dialog>
  );
}

export function Done({ close }: { close: () => void }) {
  return (
    <div class="row end-row">
      <button type="button" class="primary" onClick={close}>
        {t('close')}
      </button>
    </div>
  );
}
