/** The two pictures: the partner's and mine. */
import { CameraOff, MicOff, UserRound } from 'lucide-preact';

import { partnerMedia, partnerName, partnerStream } from '../../app';
import { t } from '../../i18n';
import * as devices from '../../media/devices';
import type { State } from '../../state/chat';
import { DeviceProblem } from '../devices';
import { Picture } from '../picture';

export function Stage({ state }: { state: State }) {
  const inCall = state.room !== null;
  const stream = inCall ? partnerStream.value : null;
  const common = state.room?.peer.commonInterests ?? [];
  return (
    <>
      <figure class="tile partner" aria-label={inCall ? partnerName.value : undefined}>
        {stream ? (
          <Picture stream={stream} label={partnerName.value} testId="partner-video" />
        ) : (
          <Empty searching={state.phase === 'searching' || state.phase === 'connecting'} />
        )}
        {state.phase === 'device-problem' && (
          <div class="problem">
            <DeviceProblem />
            <button type="button" class="primary" onClick={() => location.reload()}>
              {t('tryAgain')}
            </button>
          </div>
        )}
        {stream && partnerMedia.value && !partnerMedia.value.video && <Off what={t('cameraOff')} />}
        {inCall && (
          <figcaption>
            <b>{partnerName.value}</b>
            {partnerMedia.value && !partnerMedia.value.audio && (
              <span class="muted">
                <MicOff aria-hidden="true" />
                {t('partnerMuted')}
              </span>
            )}
            {common.length > 0 && <span>{t('commonInterests', { list: common.join(', ') })}</span>}
          </figcaption>
        )}
      </figure>
      <figure class="tile self" aria-label={t('you')}>
        {devices.local.value && <Picture stream={devices.local.value} label={t('you')} testId="self-video" muted mirrored />}
        {devices.local.value && !(devices.cameraOn.value && devices.has('video')) && <Off what={t('cameraOff')} />}
        {!devices.local.value && <UserRound class="placeholder" aria-hidden="true" />}
        <figcaption>
          {t('you')}
          {devices.local.value && !devices.microphoneOn.value && (
            <span class="muted">
              <MicOff aria-hidden="true" />
              <span class="sr-only">{t('mutedYou')}</span>
            </span>
          )}
        </figcaption>
      </figure>
    </>
  );
}

function Empty({ searching }: { searching: boolean }) {
  return (
    <div class={searching ? 'empty searching' : 'empty'} aria-hidden="true">
      <svg viewBox="0 0 32 32">
        <circle cx="11.5" cy="16" r="6" class="logo-me" />
        <circle cx="20.5" cy="16" r="5" class="logo-you" />
      </svg>
    </div>
  );
}

function Off({ what }: { what: string }) {
  return (
    <div class="off">
      <CameraOff aria-hidden="true" />
      {what}
    </div>
  );
}
