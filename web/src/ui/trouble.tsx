/** What went wrong, in words, where it went wrong. */
import { wordsFor } from '../i18n';

export function Alert({ error }: { error: unknown }) {
  return (
    <p class="alert" role="alert">
      {error ? wordsFor(error) : ''}
    </p>
  );
}
