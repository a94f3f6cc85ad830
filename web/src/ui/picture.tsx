/** A moving picture. If the browser doesn't let it be heard by itself, a click does. */
import { Volume2 } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { t } from '../i18n';
import * as devices from '../media/devices';
import { showsIn } from '../media/still';

interface Props {
  stream: MediaStream;
  label: string;
  muted?: boolean;
  mirrored?: boolean;
  /** Not to be taken out into a window of its own: there it wouldn't be blurred. */
  stays?: boolean;
  testId?: string;
}

export function Picture({ stream, label, muted = false, mirrored = false, stays = false, testId }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const [silenced, setSilenced] = useState(false);
  const speaker = devices.choice.value.speaker;

  useEffect(() => {
    const element = video.current;
    if (!element) return;
    element.srcObject = stream;
    showsIn(stream, element);
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') setSilenced(true);
    });
    return () => {
      element.srcObject = null;
    };
  }, [stream]);
  useEffect(() => {
    // Not every browser can choose where sound comes out, and a chosen speaker may be gone.
    if (!muted && speaker) void video.current?.setSinkId?.(speaker).catch(() => undefined);
  }, [speaker, muted]);

  useEffect(() => {
    const element = video.current;
    if (!element) return;
    element.disablePictureInPicture = stays;
    if (stays && document.pictureInPictureElement === element) void document.exitPictureInPicture().catch(() => undefined);
  }, [stays]);

  return (
    <>
      <video
        ref={video}
        class={mirrored ? 'mirrored' : ''}
        aria-label={label}
        data-testid={testId}
        autoplay
        playsInline
        muted={muted}
      />
      {silenced && (
        <button
          type="button"
          class="hear"
          onClick={() => void video.current?.play().then(() => setSilenced(false), () => undefined)}
        >
          <Volume2 aria-hidden="true" />
          {t('hear', { name: label })}
        </button>
      )}
    </>
  );
}
