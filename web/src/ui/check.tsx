/** Before the first call: what happens with picture and sound, the age, and whether camera and microphone work. */
import { ArrowLeftRight, Camera, EyeOff, Flag, type LucideIcon, MessageCircleOff, ScanEye } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';

import { api, info, lookAgain, me } from '../app/account';
import { give } from '../app/random';
import { type Key, t } from '../i18n';
import * as devices from '../media/devices';
import { Devices } from './devices';
import { kept } from './kept';
import { follow, go } from './route';
import { Alert } from './trouble';

const promises = (watched: boolean, sampled: boolean): [LucideIcon, ...Key[]][] => [
  [ArrowLeftRight, 'checkDirect'],
  watched ? [ScanEye, 'checkWatched'] : [EyeOff, 'checkUnseen'],
  ...(watched ? [[Camera, sampled ? 'checkSampled' : 'checkOnlyRead'] as [LucideIcon, Key]] : []),
  [MessageCircleOff, 'checkMessages', kept(), ...(watched ? ['checkLocked' as const] : [])],
  [Flag, 'checkKept'],
];

export function Check() {
  const declared = me.value?.ageDeclared ?? false;
  useEffect(() => {
    lookAgain();
    // Whoever has agreed before and has allowed the camera for good needn't be asked once more.
    if (declared) void devices.openIfAllowed();
    // Whoever leaves for a call takes the camera along; whoever goes elsewhere lets it go.
    return () => void (location.pathname === '/chat' || devices.close());
  }, []);
  return (
    <section class="card wide check">
      <h1>{t(declared ? 'devicesLink' : 'checkTitle')}</h1>
      <Promises />
      <Devices />
      <Consent declared={declared} />
    </section>
  );
}

function Promises() {
  return (
    <div class="promises">
      <h2>{t('checkPrivacy')}</h2>
      <ul>
        {promises(info.value?.watched ?? true, info.value?.sampled ?? true).map(([Icon, ...words]) => (
          <li key={words[0]}>
            <Icon aria-hidden="true" />
            <span>{words.map((one) => t(one)).join(' ')}</span>
          </li>
        ))}
      </ul>
      <p>
        <a href="/rules" onClick={follow}>
          {t('rulesLink')}
        </a>
      </p>
    </div>
  );
}

function Consent({ declared }: { declared: boolean }) {
  const [adult, setAdult] = useState(false);
  const [missing, setMissing] = useState(false);
  const [error, setError] = useState<unknown>(null);

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
      // Whoever came here by *Start* has started.
      const started = location.hash === '#start';
      go('/chat');
      if (started) give({ is: 'start' });
    } catch (problem) {
      setError(problem);
    }
  };

  return (
    <form
      class="consent"
      onSubmit={(event) => {
        event.preventDefault();
        void goOn();
      }}
    >
      {!declared && (
        <label class="tick">
          <input
            type="checkbox"
            checked={adult}
            aria-invalid={missing}
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
