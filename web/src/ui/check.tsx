/** Before the first call: what happens with picture and sound, the age, and whether camera and microphone work. */
import { useEffect, useState } from 'preact/hooks';

import { api, me } from '../app';
import { t } from '../i18n';
import * as devices from '../media/devices';
import { Devices } from './devices';
import { go } from './route';
import { Alert } from './trouble';

export function Check() {
  const declared = me.value?.ageDeclared ?? false;
  const [adult, setAdult] = useState(false);
  const [missing, setMissing] = useState(false);
  const [error, setError] = useState<unknown>(null);
  // Whoever leaves for a call takes the camera along; whoever goes elsewhere lets it go.
  useEffect(() => () => void (location.pathname === '/chat' || devices.close()), []);

  const goOn = async (): Promise<void> => {
    if (!declared && !adult) {
      setMissing(true);
      return;
    }
    setError(null);
    try {
      if (!declared) {
        await api.declareAdult();
        if (me.value) me.value = { ...me.value, ageDeclared: true };
      }
      go('/chat');
    } catch (problem) {
      setError(problem);
    }
  };

  return (
    <form
      class="card wide"
      onSubmit={(event) => {
        event.preventDefault();
        void goOn();
      }}
    >
      <h1>{t('checkTitle')}</h1>
      <p class="lead">{t('checkPrivacy')}</p>
      <Devices />
      {!declared && (
        <label class="tick">
          <input
            type="checkbox"
            checked={adult}
            aria-describedby="adult-needed"
            onChange={(event) => {
              setAdult(event.currentTarget.checked);
              setMissing(false);
            }}
          />
          {t('adult')}
        </label>
      )}
      <p id="adult-needed" class="alert" role="alert">
        {missing ? t('adultNeeded') : ''}
      </p>
      <Alert error={error} />
      <button class="primary large">{t('continue')}</button>
    </form>
  );
}
