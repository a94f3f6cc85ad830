/** Sound: one element per receiving line, whoever is on it. */
import { Volume2 } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { voices } from '../../app/room';
import { t } from '../../i18n';
import * as devices from '../../media/devices';

export function Voices() {
  const [blocked, setBlocked] = useState(0);
  return (
    <>
      {voices().map(({ key, stream }) => (
        <Voice key={key} stream={stream} again={blocked} onBlocked={() => setBlocked((times) => times || 1)} />
      ))}
      {blocked === 1 && (
        <button type="button" class="primary hear-all" onClick={() => setBlocked(2)}>
          <Volume2 aria-hidden="true" />
          {t('hearAll')}
        </button>
      )}
    </>
  );
}

function Voice({ stream, again, onBlocked }: { stream: MediaStream; again: number; onBlocked: () => void }) {
  const audio = useRef<HTMLAudioElement>(null);
  const speaker = devices.choice.value.speaker;
  useEffect(() => {
    const element = audio.current;
    if (!element) return;
    if (element.srcObject !== stream) element.srcObject = stream;
    element.play().catch((error: unknown) => {
      // The browser wants a click first.
      if (error instanceof DOMException && error.name === 'NotAllowedError') onBlocked();
    });
  }, [stream, again]);
  useEffect(() => {
    // Not every browser can choose where sound comes out, and a chosen speaker may be gone.
    if (speaker) void audio.current?.setSinkId?.(speaker).catch(() => undefined);
  }, [speaker]);
  return <audio ref={audio} autoplay />;
}
