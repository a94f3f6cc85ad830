/** One thing at a time, and what went wrong with it. */
import { useState } from 'preact/hooks';

import { change } from '../../app/friends';

export interface Task {
  busy: boolean;
  error: unknown;
  run: (act: () => Promise<unknown>) => Promise<void>;
}

export function useTask(): Task {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async (act: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setError(null);
    await change(act).catch(setError);
    setBusy(false);
  };
  return { busy, error, run };
}
