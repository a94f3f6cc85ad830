/** One person's picture with their name, or what is to be said in its place. */
import { CameraOff, MicOff } from 'lucide-preact';
import type { ComponentChildren } from 'preact';

import { t } from '../i18n';
import { Picture } from './picture';

interface Props {
  of: 'partner' | 'self';
  name: string;
  stream: MediaStream | null;
  testId: string;
  cameraOn: boolean;
  microphoneOn: boolean;
  /** The picture stands still: it is an old one. */
  stale?: boolean;
  /** More about the person. */
  about?: ComponentChildren;
  children?: ComponentChildren;
}

export function Tile({ of, name, stream, testId, cameraOn, microphoneOn, stale = false, about, children }: Props) {
  const self = of === 'self';
  return (
    <figure class={`tile ${of} ${stale ? 'stale' : ''}`}>
      {stream && <Picture stream={stream} label={name} testId={testId} muted={self} mirrored={self} />}
      {stream && !cameraOn && (
        <div class="off">
          <CameraOff aria-hidden="true" />
          <span>{t('cameraOff')}</span>
        </div>
      )}
      {children}
      {name && (
        <figcaption>
          <b>{name}</b>
          {stream && !microphoneOn && (
            <span class="muted">
              <MicOff aria-hidden="true" />
              <span class={self ? 'sr-only' : ''}>{t(self ? 'mutedYou' : 'partnerMuted')}</span>
            </span>
          )}
          {about}
        </figcaption>
      )}
    </figure>
  );
}
