/** What went wrong at the desk: "busy" is a case here, not somebody in another call. */
import { language } from '../../i18n';
import { c } from '../../i18n/console';
import { type Trouble, troubleOf } from '../../protocol/types';
import { Alert } from '../trouble';

/** Whoever has to wait longer than this has seen enough for today. */
export const MOMENT_MS = 60_000;

function wordsOf({ code, message, retryAfterMs = 0 }: Trouble): string | undefined {
  if (code === 'busy') return c('busy');
  // What is too much stands in the server's own words, which are English.
  if (code === 'rate-limited' && language.value === 'en' && message) return message;
  return code === 'rate-limited' && retryAfterMs > MOMENT_MS ? c('enough') : undefined;
}

export function DeskAlert({ error }: { error: unknown }) {
  return <Alert error={error} words={error ? wordsOf(troubleOf(error)) : undefined} />;
}
