/** Appeals against what others decided: the oldest first. */
import { useEffect, useState } from 'preact/hooks';

import { desk, furtherAppeals, loadAppeals, openAppeals, take } from '../../app/console';
import { t } from '../../i18n';
import { c } from '../../i18n/console';
import type { AppealView } from '../../protocol/desk';
import { when } from '../safety';
import { Alert } from '../trouble';
import { actWords } from './case';
import { short } from './queue';

const MAX_NOTE = 1_000;

export function Appeals({ look }: { look: () => void }) {
  const [said, setSaid] = useState('');
  useEffect(() => void loadAppeals(), []);
  const all = openAppeals.value;
  return (
    <section class="appeals" aria-label={c('appeals')}>
      <p role="status">{said}</p>
      {all === null && <p class="quiet">{t('loading')}</p>}
      {all?.length === 0 && <p class="card quiet">{c(furtherAppeals.value ? 'noAppealsYet' : 'noAppeals')}</p>}
      {all?.map((one) => (
        <One key={one.appeal.id} one={one} look={look} judged={() => setSaid(c('judged'))} />
      ))}
      {furtherAppeals.value && (
        <button type="button" onClick={() => void loadAppeals(true)}>
          {c('more')}
        </button>
      )}
    </section>
  );
}

function One({ one, look, judged }: { one: AppealView; look: () => void; judged: () => void }) {
  const [note, setNote] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const judge = async (overturn: boolean): Promise<void> => {
    setBusy(true);
    try {
      await desk.judge(one.appeal.id, overturn, note);
      judged();
      await loadAppeals();
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  const { decision } = one;
  return (
    <article class="card">
      <h2>
        {c('person', { id: short(one.userId) })} · {c('appealOf', { when: when(one.appeal.at) })}
      </h2>
      <p class="quiet">
        {c('against', { action: actWords(decision.action), rule: decision.rule })}
        {decision.until && ` · ${c('until', { when: when(decision.until) })}`}
      </p>
      <blockquote>{one.text}</blockquote>
      <label>
        {c('answer')}
        <textarea rows={2} maxLength={MAX_NOTE} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      <div class="row">
        <button
          type="button"
          onClick={() => {
            look();
            void take(one.caseId);
          }}
        >
          {c('lookAtCase')}
        </button>
        <button type="button" disabled={busy} onClick={() => void judge(false)}>
          {c('uphold')}
        </button>
        <button type="button" class="primary" disabled={busy} onClick={() => void judge(true)}>
          {c('overturn')}
        </button>
      </div>
      <Alert error={error} />
    </article>
  );
}
