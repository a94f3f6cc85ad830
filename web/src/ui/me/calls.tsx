/** My last calls, missed ones too. */
import { type LucideIcon, PhoneIncoming, PhoneMissed, PhoneOutgoing, Shuffle, Users } from 'lucide-preact';

import { useState } from 'preact/hooks';

import { api } from '../../app/account';
import { friends } from '../../app/friends';
import { type Key, language, list, t } from '../../i18n';
import type { Card, PastCall, ReportReason } from '../../protocol/types';
import { clockTime } from '../../state/duration';
import { canBeCalled } from '../../state/friends';
import { CallButton } from '../call-button';
import { Report } from '../report';
import { Alert } from '../trouble';
import { useLoaded } from './loaded';

function kindOf({ kind, incoming, missed }: PastCall): [LucideIcon, Key] {
  if (missed) return [PhoneMissed, 'callMissed'];
  if (kind === 'random') return [Shuffle, 'callRandom'];
  if (kind === 'group') return [Users, 'callGroup'];
  return incoming ? [PhoneIncoming, 'callIncoming'] : [PhoneOutgoing, 'callOutgoing'];
}

const when = (at: string): string => new Date(at).toLocaleString(language.value, { dateStyle: 'medium', timeStyle: 'short' });

export function Calls() {
  const { value, error } = useLoaded(() => api.pastCalls());
  return (
    <section class="card" aria-labelledby="calls">
      <h2 id="calls">{t('lastCalls')}</h2>
      <Alert error={error} />
      {value?.length === 0 && <p class="quiet">{t('noCalls')}</p>}
      <ul class="people past" data-testid="calls">
        {(value ?? []).map((call) => (
          <Past key={call.roomId + call.at} call={call} />
        ))}
      </ul>
    </section>
  );
}

function Past({ call }: { call: PastCall }) {
  const [Icon, what] = kindOf(call);
  const [only, ...others] = call.people;
  const friend = others.length ? undefined : friends.value.friends?.find(({ user }) => user.id === only?.id);
  return (
    <li class={call.missed ? 'missed' : ''}>
      <Icon aria-hidden="true" />
      <span class="who">
        <b>{call.people.length ? list(call.people.map(({ displayName }) => displayName)) : t('callNobody')}</b>
        <small>
          {t(what)} · <time dateTime={call.at}>{when(call.at)}</time>
          {call.durationMs > 0 && ` · ${clockTime(call.durationMs)}`}
        </small>
      </span>
      {only && !others.length && (
        <span class="row">
          {canBeReported(call) && <ReportPast call={call} who={only} />}
          {friend && <CallButton who={friend.user} off={!canBeCalled(friend.presence)} />}
        </span>
      )}
    </li>
  );
}

/** As long as the server takes a report of it. */
const REPORTED_WITHIN_MS = 24 * 3_600_000;
const canBeReported = ({ at, durationMs }: PastCall): boolean => durationMs > 0 && Date.now() - Date.parse(at) < REPORTED_WITHIN_MS;

/** Some things are only said when one is out of it. */
function ReportPast({ call: { roomId }, who }: { call: PastCall; who: Card }) {
  const [open, setOpen] = useState(false);
  const [done, setDone] = useState(false);
  const act = async (reason: ReportReason, note: string): Promise<void> => {
    await api.report(roomId, who.id, reason, note);
    setDone(true);
  };
  return (
    <>
      <span role="status">{done ? t('reportedPast') : ''}</span>
      {!done && (
        <button type="button" class="plain" aria-label={`${t('report')}: ${who.displayName}`} onClick={() => setOpen(true)}>
          {t('report')}
        </button>
      )}
      {open && <Report name={who.displayName} intro="reportIntroPast" past act={act} close={() => setOpen(false)} />}
    </>
  );
}
