/** What went wrong, in words, where it went wrong. */
import { wordsFor } from '../i18n';

/** `words` where the place knows better ones. */
export function Alert({ error, words }: { error: unknown; words?: string | undefined }) {
  return (
    <p class="alert" role="alert">
      {error ? (words ?? wordsFor(error)) : ''}
    </p>
  );
}
