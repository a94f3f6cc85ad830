/** Something the page asks the server for: there, on its way, or not to be had. */
import { useCallback, useEffect, useState } from 'preact/hooks';

export interface Loaded<T> {
  value: T | null;
  error: unknown;
  /** Does something about it, and asks again. */
  change: (act: () => Promise<void>) => Promise<void>;
}

/** It is asked for again when `on` is something else than before. */
export function useLoaded<T>(load: () => Promise<T>, on?: unknown): Loaded<T> {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const change = useCallback(async (act: () => Promise<void>) => {
    try {
      await act();
      setValue(await load());
      setError(null);
    } catch (problem) {
      setError(problem);
    }
    // The loaders are methods of the one API object: they never change.
  }, []);
  useEffect(() => void change(() => Promise.resolve()), [change, on]);
  return { value, error, change };
}
