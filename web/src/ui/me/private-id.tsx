/** The ID by which friends find me; another one whenever I like. */
import { RefreshCw } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { api, me } from '../../app/account';
import { t } from '../../i18n';
import { Action } from '../button';
import { CopyText } from '../copy';
import { Dialog } from '../dialog';
import { Alert } from '../trouble';

export function PrivateId({ id }: { id: string }) {
  const [asking, setAsking] = useState(false);
  const [done, setDone] = useState(false);
  return (
    <section class="card" aria-labelledby="private-id">
      <h2 id="private-id">{t('privateId')}</h2>
      <p class="quiet">{t('privateIdHint')}</p>
      <CopyText text={id} name="copy" label="privateId" />
      <div class="row">
        <Action icon={RefreshCw} name={t('newId')} press={() => setAsking(true)} />
        <span role="status">{done ? t('newIdDone') : ''}</span>
      </div>
      {asking && (
        <Sure
          close={() => setAsking(false)}
          done={() => {
            setAsking(false);
            setDone(true);
          }}
        />
      )}
    </section>
  );
}

function Sure({ close, done }: { close: () => void; done: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const rotate = async (): Promise<void> => {
    setBusy(true);
    try {
      me.value = await api.rotatePrivateId();
      done();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('newIdTitle')} onClose={close}>
      <p>{t('newIdHint')}</p>
      <Alert error={error} />
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="primary" disabled={busy} onClick={() => void rotate()}>
          {t('newId')}
        </button>
      </div>
    </Dialog>
  );
}
