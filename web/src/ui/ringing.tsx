/** Over every page: somebody calls. */
import { Phone, PhoneOff } from 'lucide-preact';
import { useEffect, useRef } from 'preact/hooks';

import { answer, decline, rings } from '../app/calls';
import { secondsUntil } from '../app/clock';
import { t, wordsFor } from '../i18n';
import { type Code, Trouble } from '../protocol/types';
import type { Ring } from '../state/ring';
import { Avatar } from './avatar';
import { Dialog } from './dialog';
import { watchedWords } from './kept';
import { privacyOfTwo } from './of-two';
import { go } from './route';

/** The one that has rung for longest; the others after it. */
export function Ringing() {
  const ring = rings.value[0];
  return ring ? <Incoming key={ring.roomId} ring={ring} /> : null;
}

/** What becomes of picture and sound: said before it is answered. */
function privacy({ people }: Ring): string {
  if (people < 2) return privacyOfTwo();
  return [t('callPrivacyMany', { n: people }), watchedWords()].filter(Boolean).join(' ');
}

function Incoming({ ring }: { ring: Ring }) {
  const { from, until, answering, trouble } = ring;
  const words = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    // Whoever is typing must not answer with the next space: neither of the buttons has the focus.
    words.current?.focus();
    const before = document.title;
    document.title = t('callsYou', { name: from.displayName });
    return () => {
      document.title = before;
    };
  }, []);
  const take = async (): Promise<void> => {
    const roomId = await answer(ring);
    if (roomId) go(`/room/${roomId}`);
  };
  return (
    <Dialog title={t('callsYou', { name: from.displayName })} onClose={() => decline(ring)} firm>
      <div class="caller">
        <Avatar of={from} class="large-avatar" />
        <p class="quiet" aria-hidden="true">
          {t('ringsFor', { s: secondsUntil(until) })}
        </p>
      </div>
      <p ref={words} class="quiet unmarked" tabIndex={-1}>
        {privacy(ring)}
      </p>
      <p class="alert" role="alert">
        {trouble ? wordsFor(new Trouble(trouble as Code, '')) : ''}
      </p>
      <div class="row answers">
        <button type="button" class="danger" onClick={() => decline(ring)}>
          <PhoneOff aria-hidden="true" />
          {t('decline')}
        </button>
        <button type="button" class="primary" disabled={answering} onClick={() => void take()}>
          <Phone aria-hidden="true" />
          {t('accept')}
        </button>
      </div>
    </Dialog>
  );
}
