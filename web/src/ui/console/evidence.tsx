/** What is kept of a case. Nothing is shown before it was said why; a picture stays blurred and grey but for as long as it is held. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { count, desk, exposure, seenEnough } from '../../app/console';
import { t } from '../../i18n';
import { actWords, c } from '../../i18n/console';
import type { CaseView, EvidenceRow } from '../../protocol/desk';
import { troubleOf } from '../../protocol/types';
import { sourceOf } from '../../state/casework';
import { when } from '../safety';
import { DeskAlert, MOMENT_MS } from './alert';
import { exact } from './exact';

const REASONS = ['decide', 'appeal', 'second'] as const;

export function Evidence({ view }: { view: CaseView }) {
  const [why, setWhy] = useState('');
  const asked = why.trim().length >= 3;
  return (
    <section class="card">
      <h3>{c('evidence')}</h3>
      {view.evidence.length === 0 && <p class="quiet">{c('noEvidence')}</p>}
      {view.evidence.length > 0 && (
        <>
          <label for="why">{c('why')}</label>
          <input
            id="why"
            list="reasons"
            maxLength={200}
            autocomplete="off"
            aria-describedby="why-hint"
            value={why}
            onInput={(event) => setWhy(event.currentTarget.value)}
          />
          <datalist id="reasons">
            {REASONS.map((reason) => (
              <option key={reason} value={c(`why_${reason}`)} />
            ))}
          </datalist>
          <p id="why-hint" class="quiet hint">
            {c('whyHint')}
          </p>
          <ul class="evidence">
            {view.evidence.map((piece) => (
              <Piece key={piece.id} view={view} piece={piece} why={asked ? why.trim() : null} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Piece({ view, piece, why }: { view: CaseView; piece: EvidenceRow; why: string | null }) {
  const [shown, setShown] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const isPicture = piece.kind === 'picture';
  useEffect(() => () => void (isPicture && shown && URL.revokeObjectURL(shown)), [isPicture, shown]);
  const show = async (): Promise<void> => {
    if (!why) return;
    try {
      const blob = await desk.evidence(view.case.id, piece, why);
      setShown(isPicture ? URL.createObjectURL(blob) : await blob.text());
      setError(null);
    } catch (problem) {
      setError(problem);
      if (isPicture && (troubleOf(problem).retryAfterMs ?? 0) > MOMENT_MS) seenEnough();
    }
  };
  const tooMuch = isPicture && exposure.value !== null && exposure.value.seconds >= exposure.value.limitSeconds;
  const alike = view.evidence.filter(({ kind }) => kind === piece.kind);
  const about = { n: alike.indexOf(piece) + 1, all: alike.length, when: exact(piece.at) };
  const source = sourceOf(piece, view);
  return (
    <li>
      {shown === null && (
        <button type="button" disabled={why === null || tooMuch} aria-describedby={piece.id} onClick={() => void show()}>
          {c(isPicture ? 'showPicture' : 'showWords', about)}
        </button>
      )}
      {shown !== null && (isPicture ? <Picture url={shown} words={c('picture', about)} /> : <blockquote class="kept-words">{shown}</blockquote>)}
      <p class="quiet" id={piece.id}>
        {source?.is === 'decision' && `${c('keptForDecision', { when: exact(source.at), action: actWords(source.decision.action) })} · `}
        {source?.is === 'report' && `${c('keptForReport', { when: exact(source.at), reason: t(`reason_${source.report.reason}`) })} · `}
        {tooMuch && shown === null && `${c('tomorrow')} · `}
        {piece.held ? c('held') : c('gone', { when: when(piece.expiresAt) })}
      </p>
      <DeskAlert error={error} />
    </li>
  );
}

/** Counted from the moment it is there: blurred pictures weigh, too. */
function Picture({ url, words }: { url: string; words: string }) {
  const [held, setHeld] = useState(false);
  const since = useRef(0);
  useEffect(() => {
    since.current = performance.now();
    const tally = (): void => {
      const now = performance.now();
      if (!document.hidden) void count(now - since.current);
      since.current = now;
    };
    const timer = setInterval(tally, 30_000);
    return () => {
      clearInterval(timer);
      tally();
    };
  }, []);
  const isHold = (event: KeyboardEvent): boolean => event.key === ' ' || event.key === 'Enter';
  return (
    <figure class="kept-picture" data-held={held}>
      <img src={url} alt={words} draggable={false} />
      <button
        type="button"
        aria-pressed={held}
        onPointerDown={() => setHeld(true)}
        onPointerUp={() => setHeld(false)}
        onPointerLeave={() => setHeld(false)}
        onPointerCancel={() => setHeld(false)}
        onKeyDown={(event) => isHold(event) && setHeld(true)}
        onKeyUp={(event) => isHold(event) && setHeld(false)}
        onBlur={() => setHeld(false)}
      >
        {c('hold')}
      </button>
    </figure>
  );
}
