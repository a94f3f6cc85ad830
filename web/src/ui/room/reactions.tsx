/** A word without words. */
import { t, type Key } from '../../i18n';
import { react } from '../../app/room';
import { type ReactionKind, REACTIONS } from '../../protocol/types';

export const EMOJI: Record<ReactionKind, string> = {
  'thumbs-up': '👍', 'thumbs-down': '👎', clap: '👏', laugh: '😄', heart: '❤️', surprise: '😮', party: '🎉',
};

export function Reactions({ done }: { done: () => void }) {
  return (
    <div class="reactions" role="group" aria-label={t('react')}>
      {REACTIONS.map((kind) => (
        <button
          key={kind}
          type="button"
          class="icon"
          aria-label={t(`react_${kind}` as Key)}
          title={t(`react_${kind}` as Key)}
          onClick={() => {
            react(kind);
            done();
          }}
        >
          {EMOJI[kind]}
        </button>
      ))}
    </div>
  );
}
