/** Appeals against what others decided: the oldest first, one after the other by keyboard. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { answers, atAppeal, furtherAppeals, inHand, judge, loadAppeals, openAppeals, take } from '../../app/console';
import { t } from '../../i18n';
import { actWords, c } from '../../i18n/console';
import type { AppealView } from '../../protocol/desk';
import { Dialog } from '../dialog';
import { when } from '../safety';
import { DeskAlert } from './alert';
import { useDeskKeys } from './keys';
import { short } from './queue';

const MAX_NOTE = 1_000;

interface Asked {
  one: AppealView;
  overturn: boolean;
}

/** `returns`: somebody comes back to one from its case. */
export function Appeals({ look, returns }: { look: () => void; returns: boolean }) {
  const [said, setSaid] = useState('');
  const [sure, setSure] = useState<Asked | null>(null);
  /** Where the keyboard goes as soon as it is there. */
  const wanted = useRef<string | null>(returns ? atAppeal.value : null);
  useEffect(() => void (returns || loadAppeals()), []);
  useEffect(() => {
    const heading = wanted.current && document.getElementById(wanted.current);
    if (!heading) return;
    heading.focus();
    // Behind a dialog that is still open nothing can have it.
    if (document.activeElement === heading) wanted.current = null;
  });
  const all = openAppeals.value;
  const current = all?.find(({ appeal }) => appeal.id === atAppeal.value) ?? all?.[0];
  const next = (): void => {
    if (!all || !current) return;
    const to = all[(all.indexOf(current) + (atAppeal.value === current.appeal.id ? 1 : 0)) % all.length];
    if (!to) return;
    atAppeal.value = to.appeal.id;
    document.getElementById(to.appeal.id)?.focus();
  };
  const lookAt = async (one: AppealView): Promise<void> => {
    atAppeal.value = one.appeal.id;
    await take(one.caseId);
    if (inHand.value?.case.id === one.caseId) look();
  };
  useDeskKeys({
    n: next,
    l: () => void (current && lookAt(current)),
    s: () => current && setSure({ one: current, overturn: false }),
    t: () => current && setSure({ one: current, overturn: true }),
  });
  return (
    <section class="appeals" aria-label={c('appeals')}>
      <p role="status">{said}</p>
      {all === null && <p class="quiet">{t('loading')}</p>}
      {all?.length === 0 && <p class="card quiet">{c(furtherAppeals.value ? 'noAppealsYet' : 'noAppeals')}</p>}
      {all && all.length > 1 && (
        <button type="button" class="next" aria-keyshortcuts="N" onClick={next}>
          {c('nextAppeal')} <kbd>N</kbd>
        </button>
      )}
      {all?.map((one) => (
        <One key={one.appeal.id} one={one} current={one === current} look={() => void lookAt(one)} judge={(overturn) => setSure({ one, overturn })} />
      ))}
      {furtherAppeals.value && (
        <button type="button" onClick={() => void loadAppeals(true)}>
          {c('more')}
        </button>
      )}
      {sure && (
        <Sure
          {...sure}
          close={() => setSure(null)}
          done={() => {
            setSure(null);
            setSaid(c('judged'));
            wanted.current = atAppeal.value;
          }}
        />
      )}
    </section>
  );
}

interface Props {
  one: AppealView;
  /** Keys are about this one. */
  current: boolean;
  look: () => void;
  judge: (overturn: boolean) => void;
}

function One({ one, current, look, judge }: Props) {
  const { decision } = one;
  const { id } = one.appeal;
  const [note, setNote] = useState(answers.get(id) ?? '');
  const key = (name: string) => current && <kbd>{name}</kbd>;
  const shortcut = (name: string) => (current ? { 'aria-keyshortcuts': name } : {});
  return (
    <article class="card" aria-labelledby={id} aria-current={current} onFocusIn={() => void (atAppeal.value = id)}>
      <h2 id={id} tabIndex={-1}>
        {c('person', { id: short(one.userId) })} · {c('appealOf', { when: when(one.appeal.at) })}
      </h2>
      <p class="quiet">
        {c('against', { action: actWords(decision.action), rule: decision.rule })}
        {decision.until && ` · ${c('until', { when: when(decision.until) })}`}
      </p>
      <blockquote>{one.text}</blockquote>
      <label>
        {c('answer')}
        <textarea
          rows={2}
          maxLength={MAX_NOTE}
          value={note}
          onInput={(event) => {
            answers.set(id, event.currentTarget.value);
            setNote(event.currentTarget.value);
          }}
        />
      </label>
      <div class="row">
        <button type="button" {...shortcut('L')} onClick={look}>
          {c('lookAtCase')} {key('L')}
        </button>
        <button type="button" {...shortcut('S')} onClick={() => judge(false)}>
          {c('uphold')} {key('S')}
        </button>
        <button type="button" {...shortcut('T')} onClick={() => judge(true)}>
          {c('overturn')} {key('T')}
        </button>
      </div>
    </article>
  );
}

/** Either way it is final, so it is asked once. */
function Sure({ one, overturn, close, done }: Asked & { close: () => void; done: () => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { decision } = one;
  const note = (answers.get(one.appeal.id) ?? '').trim();
  const go = async (): Promise<void> => {
    setBusy(true);
    try {
      await judge(one, overturn);
      done();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={c(overturn ? 'sureOverturn' : 'sureUphold')} onClose={close}>
      <p>
        {c('person', { id: short(one.userId) })} · {c('against', { action: actWords(decision.action), rule: decision.rule })}
      </p>
      <p>{c(overturn ? 'overturnMeans' : 'upholdMeans')}</p>
      {note && <blockquote>{note}</blockquote>}
      <div class="row end-row">
        <button type="button" onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="primary" autofocus disabled={busy} onClick={() => void go()}>
          {c(overturn ? 'overturn' : 'uphold')}
        </button>
      </div>
      <DeskAlert error={error} />
    </Dialog>
  );
}
