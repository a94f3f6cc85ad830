/** The two pictures: the partner's, or words where it will be, and mine. */
import { UserRound } from 'lucide-preact';

import { blurred, partnerMedia, partnerName, partnerStream } from '../../app/random';
import { list, t } from '../../i18n';
import * as devices from '../../media/devices';
import type { State } from '../../state/chat';
import { Tile } from '../tile';
import { Badges, Words } from './status';

export function Stage({ state, armed }: { state: State; armed: boolean }) {
  const media = partnerMedia.value;
  const common = state.room?.peer.commonInterests ?? [];
  const mine = devices.local.value;
  return (
    <>
      <Tile
        of="partner"
        name={state.room ? partnerName.value : ''}
        stream={state.room ? partnerStream.value : null}
        testId="partner-video"
        cameraOn={media?.video ?? true}
        microphoneOn={media?.audio ?? true}
        stale={state.phase === 'reconnecting'}
        blurred={blurred.value.partner}
        about={common.length > 0 && <span>{t('commonInterests', { list: list(common) })}</span>}
      >
        <Words state={state} />
        <Badges state={state} armed={armed} />
      </Tile>
      <Tile
        of="self"
        name={t('you')}
        stream={mine}
        testId="self-video"
        cameraOn={devices.isOn('video')}
        microphoneOn={devices.isOn('audio')}
        blurred={blurred.value.self}
      >
        {!mine && <UserRound class="placeholder" aria-hidden="true" />}
      </Tile>
    </>
  );
}
