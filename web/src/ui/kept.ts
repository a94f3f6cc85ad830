/** What is kept of calls and messages: the same words wherever it is said. */
import { info } from '../app/account';
import type { Key } from '../i18n';

export const kept = (): Key => ((info.value?.watched ?? true) ? 'keptWatched' : 'keptNot');
