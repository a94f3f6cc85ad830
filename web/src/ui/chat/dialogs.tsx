/** What can be asked for in a dialog. Report and block are about whoever was there when they were opened. */
import { useState } from 'preact/hooks';

import { block, report } from '../../app/random';
import { type Key, t } from '../../i18n';
import { REPORT_REASONS, type ReportReason } from '../../protocol/types';
import type { Met } from '../../state/chat';
import { Dialog } from '../dialog';
import { Help, type KeyWords, MyDevices } from '../settings';
import { Alert } from '../trouble';

const KEYS: KeyWords[] = [
  ['Esc', 'keysEsc'], ['M', 'keysM'], ['V', 'keysV'], ['R', 'keysR'], ['Enter', 'keysEnter'], ['?', 'keysHelp'],
];

export type Ask = 'report' | 'block' | 'devices' | 'help';
export type Open = { ask: 'report' | 'block'; about: Met } | { ask: 'devices' | 'help' } | null;

/** What opens for a wish: nothing if it is about somebody, and nobody was met. */
export function opened(ask: Ask, met: Met | null): Open {
  if (ask === 'devices' || ask === 'help') return { ask };
  return met && { ask, about: met };
}

export function Dialogs({ open, close }: { open: Open; close: () => void }) {
  switch (open?.ask) {
    case 'report':
      return <Report about={open.about} close={close} />;
    case 'block':
      return <Block about={open.about} close={close} />;
    case 'devices':
      return <MyDevices close={close} />;
    case 'help':
      return <Help keys={KEYS} close={close} />;
    case undefined:
      return null;
  }
}

/** Runs what a dialog is for, closes it when done, and shows what went wrong. */
function useTask(close: () => void): [unknown, boolean, (task: () => Promise<void>) => void] {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = (task: () => Promise<void>): void => {
    setBusy(true);
    setError(null);
    task().then(close, (problem: unknown) => {
      setError(problem);
      setBusy(false);
    });
  };
  return [error, busy, run];
}

interface About {
  about: Met;
  close: () => void;
}

/** As the server takes it. */
const NOTE_CHARS = 1_000;

function Report({ about, close }: About) {
  const [reason, setReason] = useState<ReportReason | null>(null);
  const [note, setNote] = useState('');
  const [error, busy, run] = useTask(close);
  return (
    <Dialog title={t('reportTitle', { name: about.peer.displayName })} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (reason) run(() => report(about, reason, note));
        }}
      >
        <p class="quiet">{t('reportIntro')}</p>
        <fieldset class="choices">
          <legend class="sr-only">{t('reportWhy')}</legend>
          {REPORT_REASONS.map((one) => (
            <label key={one} class="tick">
              <input type="radio" name="reason" checked={reason === one} onChange={() => setReason(one)} />
              {t(`reason_${one}` as Key)}
            </label>
          ))}
        </fieldset>
        <label for="note">{t('reportNote')}</label>
        <textarea id="note" rows={2} maxLength={NOTE_CHARS} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        <Alert error={error} />
        <div class="row end-row">
          <button type="button" class="plain" onClick={close}>
            {t('cancel')}
          </button>
          <button class="danger" disabled={!reason || busy}>
            {t('report')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Block({ about, close }: About) {
  const [error, busy, run] = useTask(close);
  return (
    <Dialog title={t('blockTitle', { name: about.peer.displayName })} onClose={close}>
      <p>{t('blockIntro')}</p>
      <Alert error={error} />
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="danger" disabled={busy} onClick={() => run(() => block(about))}>
          {t('block')}
        </button>
      </div>
    </Dialog>
  );
}
