/** What is kept of calls and messages: the same words wherever it is said. */
import { info } from '../app/account';
import { type Key, t } from '../i18n';

const isWatched = (): boolean => info.value?.watched ?? true;

export const kept = (): Key => (isWatched() ? 'keptWatched' : 'keptNot');

/** Of a call that runs through a server whose programs look at it: that they do, and what is kept. Of others nothing. */
export const watchedWords = (): string => (isWatched() ? `${t('watchedHint')} ${t('keptWatched')}` : '');
