/** What others say, in words over the pictures, and the switch for it. */
import { Captions as Sign } from 'lucide-preact';
import { useEffect } from 'preact/hooks';

import { at, canCaption, captions, over, type Place, toggleCaptions } from '../app/captions';
import { t } from '../i18n';
import { Toggle } from './button';

/** Says which call can have captions; nothing when none is shown any more. */
export function useCaptions(roomId: string | null, nameOf: Place['nameOf']): void {
  useEffect(() => at(roomId === null ? null : { roomId, nameOf }), [roomId]);
  useEffect(() => over, []);
}

export function CaptionsToggle({ class: more = '' }: { class?: string }) {
  if (!canCaption.value) return null;
  return <Toggle class={more} on={captions.value.on} icon={Sign} name={t('captions')} press={toggleCaptions} />;
}

/** Not read aloud: whoever listens hears the voices themselves. */
export function Captions() {
  const { on, lines, hintUntil } = captions.value;
  if (!on || !canCaption.value) return null;
  return (
    <div class="captions" role="log" aria-live="off" aria-label={t('captions')}>
      {hintUntil > 0 && <p class="about">{t('captionsHint')}</p>}
      {lines.map(({ key, name, text }) => (
        <p key={key}>
          <b>{name}</b> <span lang="en">{text}</span>
        </p>
      ))}
    </div>
  );
}
