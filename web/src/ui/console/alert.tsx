/** What went wrong at the desk: "busy" is a case here, not somebody in another call. */
import { c } from '../../i18n/console';
import { troubleOf } from '../../protocol/types';
import { Alert } from '../trouble';

export function DeskAlert({ error }: { error: unknown }) {
  return <Alert error={error} words={error && troubleOf(error).code === 'busy' ? c('busy') : undefined} />;
}
