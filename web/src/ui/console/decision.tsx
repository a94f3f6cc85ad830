/** The decision: what follows, what they will read, and one step back. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { backTo, desk, lookAgain, lost, take, takeNext } from '../../app/console';
import { language, LANGUAGES } from '../../i18n';
import { c } from '../../i18n/console';
import type { CaseView, Decided, Measure, Verdict } from '../../protocol/desk';
import { type Concern, troubleOf, type Words } from '../../protocol/types';
import { CONCERNS, concernOf, hoursOf, MEASURES, usualHours, verdictOf } from '../../state/casework';
import { when } from '../safety';
import { StatementText } from '../statement';
import { DeskAlert } from './alert';
import { useDeskKeys } from './keys';

const MAX_NOTE = 1_000;

/** What was shown, and the very choice that it was asked for: that one is sent. */
interface Shown {
  verdict: Verdict;
  decided: Decided;
}

export function Decision({ view, toAppeal }: { view: CaseView; toAppeal: () => void }) {
  const { id, state } = view.case;
  const [measure, setMeasure] = useState<Measure | null>(null);
  const [about, setAbout] = useState<Concern>(concernOf(view));
  /** As long as nobody typed another. */
  const [own, setOwn] = useState<string | null>(null);
  /** Not while somebody types: half a number isn't a wrong one. */
  const [looked, setLooked] = useState(false);
  const [note, setNote] = useState('');
  const [shown, setShown] = useState<Shown | null>(null);
  /** Goes on with every change and every preview: an answer to an earlier one comes too late. */
  const choice = useRef(0);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [said, setSaid] = useState('');

  const typed = own ?? String(usualHours(about, view.suggestedHours));
  const hours = hoursOf(typed);
  const wrong = measure === 'suspend' && hours === null;

  const failed = (problem: unknown): void => {
    setError(problem);
    if (troubleOf(problem).code === 'busy') lost(id);
  };
  const trying = async (act: () => Promise<void>): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setError(null);
    await act().catch(failed);
    setBusy(false);
  };
  /** What was shown is what is sent: any change needs a new look. */
  const changed = <T,>(set: (to: T) => void) => (to: T): void => {
    choice.current += 1;
    set(to);
    setShown(null);
  };
  /** Keeps nobody from choosing otherwise, or from asking again, while its answer is on the way. */
  const preview = async (): Promise<void> => {
    setLooked(true);
    if (!measure || busy || wrong) return;
    choice.current += 1;
    const asked = choice.current;
    setError(null);
    const verdict = verdictOf(measure, about, hours ?? 0, note);
    try {
      const decided = await desk.preview(id, verdict);
      if (asked === choice.current) setShown({ verdict, decided });
    } catch (problem) {
      if (asked === choice.current) failed(problem);
    }
  };
  const decide = (): Promise<void> =>
    trying(async () => {
      if (!shown) return;
      await desk.decide(id, shown.verdict);
      setShown(null);
      setSaid(c('done'));
      await take(id);
      void lookAgain();
    });
  const undo = (): Promise<void> =>
    trying(async () => {
      await desk.undo(id);
      setSaid(c('undone'));
      await take(id);
      void lookAgain();
    });

  // What a key has done, or why it didn't, is often further down than the window reaches.
  const heading = useRef<HTMLHeadingElement>(null);
  const wrongs = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => void (said && bring(heading.current)), [said, state]);
  useLayoutEffect(() => void (error && wrongs.current?.scrollIntoView({ block: 'nearest' })), [error]);

  const can = state === 'open';
  const mine = view.appeals.find(({ appeal, decision }) => appeal.state === 'open' && !decision.mine);
  const back = (): void => {
    if (!mine) return;
    backTo(mine);
    toAppeal();
  };
  const choose = changed(setMeasure);
  useDeskKeys({
    ...(can ? Object.fromEntries(MEASURES.map((one, n) => [String(n + 1), () => choose(one)])) : {}),
    p: () => void (can && preview()),
    d: () => void (can && decide()),
    u: () => void (view.undoUntil && undo()),
    b: back,
  });

  if (!can) {
    return (
      <section class="card" aria-labelledby="decide">
        <h3 id="decide" ref={heading} tabIndex={-1}>
          {c(`state_${state}`)}
        </h3>
        <p role="status">{said}</p>
        {view.undoUntil && (
          <p class="row">
            <button type="button" disabled={busy} aria-keyshortcuts="U" onClick={() => void undo()}>
              {c('undo')} <kbd>U</kbd>
            </button>
            <span class="quiet">{c('undoUntil', { when: when(view.undoUntil) })}</span>
          </p>
        )}
        <div class="row">
          {mine && (
            <button type="button" class="primary" aria-keyshortcuts="B" onClick={back}>
              {c('backToAppeal')} <kbd>B</kbd>
            </button>
          )}
          <button type="button" aria-keyshortcuts="N" onClick={() => void takeNext()}>
            {c('next')} <kbd>N</kbd>
          </button>
        </div>
        <div class="wrongs" ref={wrongs}>
          <DeskAlert error={error} />
        </div>
      </section>
    );
  }
  return (
    <section class="card" aria-labelledby="decide">
      <h3 id="decide" ref={heading} tabIndex={-1}>
        {c('decide')}
      </h3>
      <p role="status">{said}</p>
      {mine && (
        <p class="notice row">
          <span>{c('appealWaits')}</span>
          <button type="button" aria-keyshortcuts="B" onClick={back}>
            {c('toAppeal')} <kbd>B</kbd>
          </button>
        </p>
      )}
      <fieldset class="measures">
        <legend>{c('measure')}</legend>
        {MEASURES.map((one, n) => (
          <button key={one} type="button" aria-pressed={measure === one} aria-keyshortcuts={String(n + 1)} onClick={() => choose(one)}>
            {c(`measure_${one}`)} <kbd>{n + 1}</kbd>
          </button>
        ))}
      </fieldset>
      <div class="row">
        <label>
          {c('about')}
          <select value={about} onChange={(event) => changed(setAbout)(event.currentTarget.value as Concern)}>
            {CONCERNS.map((one) => (
              <option key={one} value={one}>
                {c(`concern_${one}`)}
              </option>
            ))}
          </select>
        </label>
        {measure === 'suspend' && (
          <label class="short">
            {c('hours')}
            <input
              inputMode="numeric"
              autocomplete="off"
              maxLength={4}
              aria-invalid={looked && wrong}
              aria-describedby="hours-hint"
              value={typed}
              onInput={(event) => {
                setLooked(false);
                changed(setOwn)(event.currentTarget.value);
              }}
              onBlur={() => setLooked(true)}
            />
          </label>
        )}
      </div>
      {measure === 'suspend' && (
        <p id="hours-hint" class={looked && wrong ? 'alert' : 'quiet hint'} role={looked && wrong ? 'alert' : undefined}>
          {c('hoursHint')}
          {about === 'minor' && ` ${c('hoursMinor')}`}
        </p>
      )}
      {measure !== 'none' && (
        <label>
          {c('note')}
          <textarea rows={2} maxLength={MAX_NOTE} value={note} onInput={(event) => changed(setNote)(event.currentTarget.value)} />
        </label>
      )}
      <div class="row">
        <button type="button" disabled={!measure || busy} aria-keyshortcuts="P" onClick={() => void preview()}>
          {c('preview')} <kbd>P</kbd>
        </button>
      </div>
      {shown && (
        <div class="will-read" role="group" aria-labelledby="will-read">
          <Preview key={choice.current} words={shown.decided.statement ?? null} />
          <button type="button" class="primary" disabled={busy} aria-keyshortcuts="D" onClick={() => void decide()}>
            {c(shown.decided.statement ? 'send' : 'sendNothing')} <kbd>D</kbd>
          </button>
        </div>
      )}
      <div class="wrongs" ref={wrongs}>
        <DeskAlert error={error} />
      </div>
    </section>
  );
}

/** Into view with what it is the heading of, and to the keyboard and the screen reader. At once: nothing glides. */
function bring(heading: HTMLElement | null): void {
  if (!heading?.parentElement) return;
  const around = heading.parentElement;
  heading.focus({ preventScroll: true });
  around.scrollIntoView({ block: around.offsetHeight > innerHeight ? 'start' : 'nearest' });
}

function Preview({ words }: { words: Words | null }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => bring(heading.current), []);
  return (
    <>
      <h4 id="will-read" ref={heading} tabIndex={-1}>
        {c(words ? 'theyRead' : 'theyReadNothing')}
      </h4>
      {words ? <Read words={words} /> : <p>{c('theyReadNothingMeans')}</p>}
    </>
  );
}

function Read({ words }: { words: Words }) {
  const [tongue, setTongue] = useState(language.value);
  return (
    <>
      <p class="row">
        {(['en', 'de'] as const).map((one) => (
          <button key={one} type="button" class="plain" lang={one} aria-pressed={tongue === one} onClick={() => setTongue(one)}>
            {LANGUAGES[one]}
          </button>
        ))}
      </p>
      <div lang={tongue}>
        <StatementText statement={words[tongue]} />
      </div>
    </>
  );
}
