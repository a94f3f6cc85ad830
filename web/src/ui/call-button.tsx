/** Calls a friend, and goes where it rings. */
import { Phone } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { dial } from '../app/calls';
import { type Key, t } from '../i18n';
import type { Card } from '../protocol/types';
import { go } from './route';

interface Props {
  who: Pick<Card, 'id' | 'displayName'>;
  off?: boolean;
  name?: Key;
}

export function CallButton({ who, off = false, name = 'callShort' }: Props) {
  const [busy, setBusy] = useState(false);
  const press = async (): Promise<void> => {
    setBusy(true);
    const roomId = await dial(who);
    setBusy(false);
    if (roomId) go(`/room/${roomId}`);
  };
  return (
    <button type="button" class="primary" aria-label={name === 'callShort' ? t('callWho', { name: who.displayName }) : undefined} disabled={off || busy} onClick={() => void press()}>
      <Phone aria-hidden="true" />
      {t(name)}
    </button>
  );
}
