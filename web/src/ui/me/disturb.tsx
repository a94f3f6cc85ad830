/** Not to be disturbed: at once, without *Save*. */
import { useState } from 'preact/hooks';

import { api, me } from '../../app/account';
import { t } from '../../i18n';
import type { Me } from '../../protocol/types';
import { Alert } from '../trouble';

export function Disturb({ me: { doNotDisturb } }: { me: Me }) {
  const [error, setError] = useState<unknown>(null);
  /** Shown at once, taken back if it fails. */
  const [wish, setWish] = useState<boolean | null>(null);
  const turn = async (on: boolean): Promise<void> => {
    setWish(on);
    setError(null);
    try {
      me.value = await api.change({ doNotDisturb: on });
    } catch (problem) {
      setError(problem);
    }
    setWish(null);
  };
  return (
    <section class="card" aria-labelledby="disturb">
      <h2 id="disturb">{t('disturbTitle')}</h2>
      <label class="tick">
        <input
          type="checkbox"
          role="switch"
          checked={wish ?? doNotDisturb}
          aria-describedby="disturb-hint"
          onChange={(event) => void turn(event.currentTarget.checked)}
        />
        {t('doNotDisturb')}
      </label>
      <p id="disturb-hint" class="quiet hint">
        {t('disturbHint')}
      </p>
      <Alert error={error} />
    </section>
  );
}
