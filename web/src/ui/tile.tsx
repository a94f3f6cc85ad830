/** One person's picture with their name, or what is to be said in its place. */
import { CameraOff, MicOff } from 'lucide-preact';
import type { ComponentChildren, JSX } from 'preact';

import { t } from '../i18n';
import { Picture } from './picture';

interface Props {
  of: 'partner' | 'self' | 'other';
  name: string;
  stream: MediaStream | null;
  testId: string;
  cameraOn: boolean;
  microphoneOn: boolean;
  /** The picture stands still: it is an old one. */
  stale?: boolean;
  /** For safety it shows nothing fine. */
  blurred?: boolean;
  /** The sound is played elsewhere. */
  silent?: boolean;
  mirrored?: boolean;
  class?: string;
  style?: JSX.CSSProperties;
  /** In place of a picture that is off. */
  off?: ComponentChildren;
  /** Behind the picture, as long as none has come. */
  behind?: ComponentChildren;
  /** More about the person. */
  about?: ComponentChildren;
  children?: ComponentChildren;
}

export function Tile(props: Props) {
  const { of, name, stream, testId, cameraOn, microphoneOn, stale = false, blurred = false, about, children } = props;
  const self = of === 'self';
  const { silent = self, mirrored = self, off = <CameraIsOff /> } = props;
  return (
    <figure class={`tile ${of} ${stale ? 'stale' : ''} ${blurred && !self ? 'blurred' : ''} ${props.class ?? ''}`} style={props.style} aria-label={name || undefined}>
      {props.behind}
      {stream && <Picture stream={stream} label={name} testId={testId} muted={silent} mirrored={mirrored} stays={blurred} />}
      {stream && !cameraOn && off}
      {stream && blurred && <p class="blurred-note">{t(self ? 'blurredYours' : 'blurredTheirs')}</p>}
      {children}
      {name && (
        <figcaption>
          <b>{name}</b>
          {(stream || of !== 'partner') && !microphoneOn && (
            <span class="muted">
              <MicOff aria-hidden="true" />
              <span class={of === 'partner' ? '' : 'sr-only'}>{t(self ? 'mutedYou' : 'partnerMuted')}</span>
            </span>
          )}
          {about}
        </figcaption>
      )}
    </figure>
  );
}

function CameraIsOff() {
  return (
    <div class="off">
      <CameraOff aria-hidden="true" />
      <span>{t('cameraOff')}</span>
    </div>
  );
}
