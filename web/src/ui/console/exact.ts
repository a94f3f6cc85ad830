/** To the second: what happened in a call is close together. */
import { language } from '../../i18n';

export const exact = (at: string): string => new Date(at).toLocaleString(language.value, { dateStyle: 'medium', timeStyle: 'medium' });
