/** After a call, if somebody likes: how it was. One press, and it is said. */
import { Star } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { api } from '../../app/account';
import { t } from '../../i18n';
import { Alert } from '../trouble';

const STARS = [1, 2, 3, 4, 5];

export function Rate({ roomId }: { roomId: string }) {
  const [given, setGiven] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const rate = async (stars: number): Promise<void> => {
    setGiven(stars);
    setError(null);
    try {
      await api.rate(roomId, stars);
    } catch (problem) {
      setGiven(0);
      setError(problem);
    }
  };
  return (
    <div class="rate">
      <div role="group" aria-label={t('rateTitle')}>
        {STARS.map((stars) => (
          <button
            key={stars}
            type="button"
            class={`icon ${stars <= given ? 'is-on' : ''}`}
            aria-label={t('stars', { n: stars })}
            aria-pressed={stars === given}
            title={t('stars', { n: stars })}
            onClick={() => void rate(stars)}
          >
            <Star aria-hidden="true" />
          </button>
        ))}
      </div>
      <p role="status" class="quiet">
        {given ? t('rated') : t('rateTitle')}
      </p>
      <Alert error={error} />
    </div>
  );
}
