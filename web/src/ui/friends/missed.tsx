/** Who has called in vain, to be called back. */
import { PhoneMissed } from 'lucide-preact';
import { useEffect } from 'preact/hooks';

import { friends } from '../../app/friends';
import { lookedAtMissed, missed, refreshMissed } from '../../app/missed';
import { language, t } from '../../i18n';
import type { Missed } from '../../state/missed';
import { canBeCalled } from '../../state/friends';
import { CallButton } from '../call-button';

export function MissedCalls() {
  const all = missed.value;
  useEffect(() => void refreshMissed(), []);
  useEffect(() => {
    const look = (): void => void (document.hidden || lookedAtMissed());
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [all]);
  if (!all.length) return null;
  return (
    <section class="card" aria-labelledby="missed">
      <h2 id="missed">{t('missedCalls')}</h2>
      <ul class="persons" data-testid="missed">
        {all.map((one) => (
          <Line key={one.who.id} one={one} />
        ))}
      </ul>
    </section>
  );
}

/** None is older than a year: without it the time stays in one line on a phone. */
const day = (at: string): string =>
  new Date(at).toLocaleString(language.value, { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' });

function Line({ one: { who, at, times } }: { one: Missed }) {
  const friend = friends.value.friends?.find(({ user }) => user.id === who.id);
  return (
    <li>
      <PhoneMissed aria-hidden="true" class="bad" />
      <span class="who">
        <b>{who.displayName}</b>
        <small>
          {times > 1 && `${t('missedTimes', { n: times })} · `}
          <time dateTime={at}>{day(at)}</time>
          {friend && !canBeCalled(friend.presence) && ` · ${t(`presence_${friend.presence}`)}`}
        </small>
      </span>
      {friend && <CallButton who={who} off={!canBeCalled(friend.presence)} name="callBack" />}
    </li>
  );
}
