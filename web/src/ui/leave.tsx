/** Whoever leaves the page in a call is asked first: a link, or the way back in the browser, is quickly pressed. */
import { useEffect, useState } from 'preact/hooks';

import { t } from '../i18n';
import { Dialog } from './dialog';
import { guarded } from './route';

interface Props {
  title: string;
  hint: string;
  /** Ends what would be lost. */
  end: () => void;
  go: () => void;
  close: () => void;
}

export function Leave({ title, hint, end, go, close }: Props) {
  return (
    <Dialog title={title} onClose={close}>
      <p>{hint}</p>
      <div class="row end-row">
        <button type="button" onClick={close}>
          {t('stay')}
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            close();
            end();
            go();
          }}
        >
          {t('leave')}
        </button>
      </div>
    </Dialog>
  );
}

/** `asks` tells whether anything would be lost now. Gives the step that waits for an answer, and what forgets it. */
export function useGuard(asks: () => boolean): [(() => void) | null, () => void] {
  const [step, setStep] = useState<{ go: () => void } | null>(null);
  useEffect(
    () =>
      guarded((go) => {
        const held = asks();
        if (held) setStep({ go });
        return held;
      }),
    [],
  );
  return [step && step.go, () => setStep(null)];
}

const keep = (event: BeforeUnloadEvent): void => event.preventDefault();

/** As long as somebody is talked to, a tab isn't closed by accident either: there the browser asks. */
export function useTabKept(live: boolean): void {
  useEffect(() => {
    if (!live) return;
    window.addEventListener('beforeunload', keep);
    return () => window.removeEventListener('beforeunload', keep);
  }, [live]);
}
