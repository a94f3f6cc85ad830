/** What becomes of picture and sound in a call of two friends: the same words for whoever calls and whoever is called. */
import { info, me } from '../app/account';
import { t } from '../i18n';
import { watchedWords } from './kept';

/** Whoever hides their address isn't told that it is learnt: then the call goes through the server. */
export function privacyOfTwo(): string {
  const through = me.value?.hideIp && info.value?.sfu;
  return through ? watchedWords() || t('throughHint') : t('directHint');
}
