/** To report or to block somebody: what it means is said before, what went wrong after. */
import { useState } from 'preact/hooks';

import { type Key, t } from '../i18n';
import { REPORT_REASONS, type ReportReason } from '../protocol/types';
import { Dialog } from './dialog';
import { kept } from './kept';
import { Alert } from './trouble';

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

/** As the server takes it. */
const NOTE_CHARS = 1_000;

interface ReportProps {
  name: string;
  /** What follows from it. */
  intro: Key;
  /** Of a call that is over: what was seen in it is gone by now. */
  past?: boolean;
  act: (reason: ReportReason, note: string) => Promise<void>;
  close: () => void;
}

/** Two presses are enough: why is for those who want to say it. */
export function Report({ name, intro, past = false, act, close }: ReportProps) {
  const [reason, setReason] = useState<ReportReason | null>(null);
  const [note, setNote] = useState('');
  const [error, busy, run] = useTask(close);
  return (
    <Dialog title={t('reportTitle', { name })} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          run(() => act(reason ?? 'other', note));
        }}
      >
        <p class="quiet">
          {t(intro)} {t('reportTold')}
        </p>
        {!past && kept() === 'keptWatched' && <p class="quiet">{t('keptWatched')}</p>}
        <fieldset class="choices">
          <legend>{t('reportWhy')}</legend>
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
          <button class="danger" disabled={busy}>
            {t('report')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface BlockProps {
  name: string;
  intro: Key;
  act: () => Promise<void>;
  close: () => void;
}

export function Block({ name, intro, act, close }: BlockProps) {
  const [error, busy, run] = useTask(close);
  return (
    <Dialog title={t('blockTitle', { name })} onClose={close}>
      <p>{t(intro)}</p>
      <Alert error={error} />
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="danger" disabled={busy} onClick={() => run(act)}>
          {t('block')}
        </button>
      </div>
    </Dialog>
  );
}
