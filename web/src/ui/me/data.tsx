/** What belongs to me: taking it along, and having it erased. */
import { Download, UserX } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { api, me, notice } from '../../app/account';
import { t } from '../../i18n';
import { troubleOf } from '../../protocol/types';
import { Action } from '../button';
import { Dialog } from '../dialog';
import { SignIn } from '../sign-in';
import { Alert } from '../trouble';

function saveFile(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function MyData() {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  const [erasing, setErasing] = useState(false);

  const take = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    setDone(false);
    try {
      const { blob, name } = await api.exportMe();
      saveFile(blob, name);
      setDone(true);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };

  return (
    <section class="card" aria-labelledby="data">
      <h2 id="data">{t('myData')}</h2>
      <p class="quiet">{t('exportHint')}</p>
      <div class="row">
        <Action icon={Download} name={t('exportMe')} off={busy} press={() => void take()} />
        <span role="status">{busy ? t('loading') : done ? t('exported') : ''}</span>
      </div>
      <Alert error={error} />
      <p class="quiet">{t('eraseHint')}</p>
      <Action icon={UserX} name={t('eraseMe')} press={() => setErasing(true)} />
      {erasing && <Erase close={() => setErasing(false)} />}
    </section>
  );
}

/** What can't be taken back is asked for twice, of somebody who has just shown who they are. */
function Erase({ close }: { close: () => void }) {
  const [step, setStep] = useState<'sure' | 'who'>('sure');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [mine] = useState(me.value?.id);

  const erase = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await api.eraseMe();
      api.session.accept(null);
      notice.value = 'erased';
    } catch (problem) {
      setBusy(false);
      if (troubleOf(problem).code === 'reauth-required') setStep('who');
      else setError(problem);
    }
  };
  const signedIn = (): void => {
    setStep('sure');
    // Somebody who has another account too means this one.
    if (me.value?.id === mine) void erase();
    else close();
  };

  return (
    <Dialog title={t('eraseTitle')} onClose={close} firm>
      {step === 'sure' ? (
        <>
          <p>{t('eraseWhat')}</p>
          <Alert error={error} />
          <div class="row end-row">
            <button type="button" class="plain" onClick={close}>
              {t('cancel')}
            </button>
            <button type="button" class="danger" disabled={busy} onClick={() => void erase()}>
              {t('eraseYes')}
            </button>
          </div>
        </>
      ) : (
        <>
          <p>{t('eraseWho')}</p>
          <SignIn done={signedIn} again />
          <div class="row end-row">
            <button type="button" class="plain" onClick={close}>
              {t('cancel')}
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}
