/** Calls a friend, and goes where it rings. */
import { Phone } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { dial } from '../app/calls';
import { type Key, t } from '../i18n';
import type { Card } from '../protocol/types';
import { go } from './route';

/** Where several stand one below the other, the name is part of what each is called. */
const WITH_NAME: Partial<Record<Key, Key>> = { callShort: 'callWho', callBack: 'callBackWho' };

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
  const whole = WITH_NAME[name];
  return (
    <button type="button" class="primary call" aria-label={whole && t(whole, { name: who.displayName })} disabled={off || busy} onClick={() => void press()}>
      <Phone aria-hidden="true" />
      <span>{t(name)}</span>
    </button>
  );
}
