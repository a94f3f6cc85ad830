/** On every page: the server has been out of reach for longer than a restart takes, or doesn't let one page more in. */
import { RotateCw } from 'lucide-preact';

import { clock, secondsSince } from '../app/clock';
import { crowded, downSince, tryNow } from '../app/socket';
import { t } from '../i18n';
import { Action } from './button';

/** Shorter than this the pages have their own words. */
const LONG_S = 6;

/** Whether it is said over the page, so that nothing below needs to. */
export const isSaidAbove = (): boolean => crowded.value || (clock.value > 0 && secondsSince(downSince.value) >= LONG_S);

export function ServerAway() {
  const away = isSaidAbove();
  return (
    <div class={away ? `server-away ${crowded.value ? 'above' : ''}` : ''}>
      <p role="status">{away ? t(crowded.value ? 'tooManyTabs' : 'serverAway') : ''}</p>
      {away && <Action icon={RotateCw} name={t('tryNow')} press={tryNow} />}
    </div>
  );
}
