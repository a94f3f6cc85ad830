/** Why a reputation has moved. */
import { type Key, language, t } from '.';
import { en } from './en';
import type { Move } from '../protocol/types';

/** In the page's language; of a kind that the page doesn't know, as the server says it. */
export function whyMoved({ kind, reason }: Pick<Move, 'kind' | 'reason'>): { words: string; lang: string } {
  const key = `moved_${kind}`;
  return kind !== undefined && key in en ? { words: t(key as Key), lang: language.value } : { words: reason, lang: 'en' };
}
