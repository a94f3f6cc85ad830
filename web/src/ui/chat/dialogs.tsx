/** Report, block and help. */
import { useState } from 'preact/hooks';

import { type Key, t } from '../../i18n';
import { REPORT_REASONS, type ReportReason } from '../../protocol/types';
import { Dialog } from '../dialog';
import { Alert } from '../trouble';
import { setSingleKeys, singleKeys } from './keys';

export type Open = 'report' | 'block' | 'help' | null;

interface Props {
  open: Open;
  name: string;
  close: () => void;
  onReport: (reason: ReportReason, note: string) => Promise<void>;
  onBlock: () => Promise<void>;
}

export function Dialogs({ open, name, close, onReport, onBlock }: Props) {
  switch (open) {
    case 'report':
      return <Report name={name} close={close} send={onReport} />;
    case 'block':
      return <Block name={name} close={close} block={onBlock} />;
    case 'help':
      return <Help close={close} />;
    case null:
      return null;
  }
}

/** Runs what a dialog is for, closes it when done, and shows what went wrong. */
function useTask(close: () => void): [unknown, boolean, (task: () => Promise<void>) => void] {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = (task: () => Promise<void>): void => {
    setBusy(true);
    task().then(close, (problem: unknown) => {
      setError(problem);
      setBusy(false);
    });
  };
  return [error, busy, run];
}

const NOTE_CHARS = 500;

function Report({ name, close, send }: { name: string; close: () => void; send: Props['onReport'] }) {
  const [reason, setReason] = useState<ReportReason | null>(null);
  const [note, setNote] = useState('');
  const [error, busy, run] = useTask(close);
  return (
    <Dialog title={t('reportTitle', { name })} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (reason) run(() => send(reason, note));
        }}
      >
        <p class="quiet">{t('reportIntro')}</p>
        <fieldset class="choices">
          <legend class="sr-only">{t('report')}</legend>
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

function Block({ name, close, block }: { name: string; close: () => void; block: Props['onBlock'] }) {
  const [error, busy, run] = useTask(close);
  return (
    <Dialog title={t('blockTitle', { name })} onClose={close}>
      <p>{t('blockIntro')}</p>
      <Alert error={error} />
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="danger" disabled={busy} onClick={() => run(block)}>
          {t('block')}
        </button>
      </div>
    </Dialog>
  );
}

function Help({ close }: { close: () => void }) {
  const keys: [string, Key][] = [
    ['Esc', 'keysEsc'], ['M', 'keysM'], ['V', 'keysV'], ['R', 'keysR'], ['Enter', 'keysEnter'], ['?', 'keysHelp'],
  ];
  return (
    <Dialog title={t('keysTitle')} onClose={close}>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
      <label class="tick">
        <input type="checkbox" checked={singleKeys.value} onChange={(event) => setSingleKeys(event.currentTarget.checked)} />
        {t('singleKeys')}
      </label>
      <div class="row end-row">
        <button type="button" class="primary" onClick={close}>
          {t('close')}
        </button>
      </div>
    </Dialog>
  );
}
