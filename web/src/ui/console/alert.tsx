/** What went wrong at the desk: "busy" is a case here, not somebody in another call. */
import { c } from '../../i18n/console';
import { type Trouble, troubleOf } from '../../protocol/types';
import { language } from '../../i18n';
import { Alert } from '../trouble';

function wordsOf({ code, message }: Trouble): string | undefined {
  if (code === 'busy') return c('busy');
  // What is too much stands in the server's own words, which are English.
  if (code === 'rate-limited' && language.value === 'en' && message) return message;
  return undefined;
}

export function DeskAlert({ error }: { error: unknown }) {
  return <Alert error={error} words={error ? wordsOf(troubleOf(error)) : undefined} />;
}
