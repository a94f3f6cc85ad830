/** What is being done, and what went wrong with it. */
import { useState } from 'preact/hooks';

import { change } from '../../app/friends';

export interface Task {
  /** About what, if there are several that something can be done about. */
  busy: string | null;
  error: unknown;
  run: (act: () => Promise<unknown>, about?: string) => Promise<void>;
}

export function useTask(): Task {
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const run = async (act: () => Promise<unknown>, about = ''): Promise<void> => {
    setBusy(about);
    setError(null);
    await change(act).catch(setError);
    setBusy((now) => (now === about ? null : now));
  };
  return { busy, error, run };
}
