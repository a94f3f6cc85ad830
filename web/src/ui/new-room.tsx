/** Opens a room of one's own, and goes there. */
import { Users } from 'lucide-preact';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { api } from '../app/account';
import { t } from '../i18n';
import { Action } from './button';
import { go } from './route';
import { Alert } from './trouble';

/** What else can be done stands in the same row. */
export function NewRoom({ primary = false, children }: { primary?: boolean; children?: ComponentChildren }) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const make = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const { room } = await api.makeRoom('');
      go(`/room/${room.id}`);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <>
      <div class="row">
        <Action icon={Users} name={t('newRoom')} primary={primary} off={busy} press={() => void make()} />
        {children}
      </div>
      <Alert error={error} />
    </>
  );
}
