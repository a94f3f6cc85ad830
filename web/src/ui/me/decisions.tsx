/** What was decided about me: what, by which rule, how it was noticed, for how long, and what I can do about it. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { api } from '../../app/account';
import { type Key, language, t } from '../../i18n';
import type { Decision } from '../../protocol/types';
import { keptAway } from '../../state/suspension';
import { when } from '../safety';
import { StatementText } from '../statement';
import { Alert } from '../trouble';
import { useLoaded } from './loaded';

/** The server's limit. */
const MAX_TEXT = 2_000;

export function Decisions() {
  const { value, error, change } = useLoaded(() => api.decisions());
  const heading = useRef<HTMLHeadingElement>(null);
  // Led here by the word that something was decided: what is above is longer now than when the page was opened.
  useEffect(() => {
    if (value && location.hash === '#decisions') heading.current?.focus();
  }, [value]);
  return (
    <section class="card" id="decisions">
      <h2 ref={heading} tabIndex={-1}>
        {t('decisions')}
      </h2>
      <p class="quiet">{t('decisionsHint')}</p>
      <Alert error={error} />
      {value?.length === 0 && <p class="quiet">{t('noDecisions')}</p>}
      <ul class="decisions">
        {value?.map((one) => <One key={one.id} decision={one} appeal={(text) => change(async () => void (await api.appeal(one.id, text)))} />)}
      </ul>
    </section>
  );
}

/** What is over, or was taken back, isn't told as if it held; nor a removal that a person found right as if it had been done. */
function titleOf(decision: Decision): Key {
  if (decision.action === 'suspend') return keptAway([decision], Date.now()) ? 'decided_suspend' : 'decided_suspended';
  if (decision.action === 'remove' && !decision.automated) return 'decided_found';
  return `decided_${decision.action}`;
}

function One({ decision, appeal }: { decision: Decision; appeal: (text: string) => Promise<void> }) {
  const { at, until, overturnedAt, statement, rule } = decision;
  return (
    <li>
      <h3>{t(titleOf(decision), { when: until ? when(until) : '' })}</h3>
      <p class="quiet">
        <time dateTime={at}>{t('decidedOn', { when: when(at) })}</time>
      </p>
      {overturnedAt && <p class="good">{t('overturned', { when: when(overturnedAt) })}</p>}
      <details>
        <summary>{t('decisionMore')}</summary>
        <StatementText statement={statement[language.value]} by={rule} />
      </details>
      {decision.appeal ? <Appealed state={decision.appeal} /> : decision.appealUntil && <Appeal until={decision.appealUntil} send={appeal} />}
    </li>
  );
}

const APPEALED: Record<'open' | 'upheld' | 'overturned', Key> = { open: 'appealOpen', upheld: 'appealUpheld', overturned: 'appealOverturned' };

function Appealed({ state: { at, state, judgedAt, note } }: { state: NonNullable<Decision['appeal']> }) {
  return (
    <>
      <p role="status">{t(APPEALED[state], { when: when(judgedAt ?? at) })}</p>
      {note && <blockquote>{note}</blockquote>}
    </>
  );
}

function Appeal({ until, send }: { until: string; send: (text: string) => Promise<void> }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  // With the click, not a picture later: whoever types on types here.
  useLayoutEffect(() => {
    if (open) field.current?.focus();
  }, [open]);
  if (!open) {
    return (
      <p class="row">
        <button type="button" onClick={() => setOpen(true)}>
          {t('appealSend')}
        </button>
        <span class="quiet">{t('appealUntil', { when: when(until) })}</span>
      </p>
    );
  }
  return (
    <form
      class="appeal"
      onSubmit={(event) => {
        event.preventDefault();
        if (!text.trim() || busy) return;
        setBusy(true);
        void send(text.trim()).finally(() => setBusy(false));
      }}
    >
      <label>
        {t('appealText')}
        <textarea ref={field} rows={4} maxLength={MAX_TEXT} required value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <p class="quiet">{t('appealHint')}</p>
      <button type="submit" class="primary" disabled={busy || !text.trim()}>
        {t('appealSend')}
      </button>
    </form>
  );
}
