/** What others see of me, and what I am matched by. */
import { useState } from 'preact/hooks';

import { api, info, me as account } from '../../app';
import { t } from '../../i18n';
import type { Me, Profile as Changes } from '../../protocol/types';
import { Alert } from '../trouble';

const words = (text: string): string[] =>
  text.split(',').map((word) => word.trim()).filter(Boolean);

export function Profile({ me }: { me: Me }) {
  const [error, setError] = useState<unknown>(null);
  const [saved, setSaved] = useState(false);

  const save = async (form: HTMLFormElement): Promise<void> => {
    const data = new FormData(form);
    const text = (name: string): string => String(data.get(name) ?? '').trim();
    const changes: Changes = {
      displayName: text('name'),
      bio: text('bio'),
      languages: words(text('languages')),
      interests: words(text('interests')),
      country: text('country').toUpperCase() || null,
      ...(info.value?.sfu ? { hideIp: data.get('hideIp') === 'on' } : {}),
    };
    setError(null);
    setSaved(false);
    try {
      account.value = await api.change(changes);
      setSaved(true);
    } catch (problem) {
      setError(problem);
    }
  };

  return (
    <form
      class="card"
      onInput={() => setSaved(false)}
      onSubmit={(event) => {
        event.preventDefault();
        void save(event.currentTarget);
      }}
    >
      <h2>{t('profile')}</h2>
      <label for="name">{t('name')}</label>
      <input id="name" name="name" required maxLength={64} autocomplete="nickname" defaultValue={me.displayName} />
      <label for="bio">{t('bio')}</label>
      <textarea id="bio" name="bio" rows={3} maxLength={500} defaultValue={me.bio} />
      <Words name="languages" hint={t('languagesHint')} label={t('languages')} value={me.languages} />
      <Words name="interests" hint={t('interestsHint')} label={t('interests')} value={me.interests} />
      <label for="country">{t('country')}</label>
      <input
        id="country"
        name="country"
        maxLength={2}
        size={4}
        autocomplete="country"
        aria-describedby="country-hint"
        defaultValue={me.country ?? ''}
      />
      <p id="country-hint" class="quiet">
        {t('countryHint')}
      </p>
      {/* A place that can't forward media can't keep the promise. */}
      {info.value?.sfu && (
        <label class="tick">
          <input type="checkbox" name="hideIp" defaultChecked={me.hideIp} />
          {t('hideIp')}
        </label>
      )}
      <div class="row">
        <button class="primary">{t('save')}</button>
        <span role="status">{saved ? t('saved') : ''}</span>
      </div>
      <Alert error={error} />
    </form>
  );
}

function Words({ name, label, hint, value }: { name: string; label: string; hint: string; value: string[] }) {
  return (
    <>
      <label for={name}>{label}</label>
      <input id={name} name={name} maxLength={400} aria-describedby={`${name}-hint`} defaultValue={value.join(', ')} />
      <p id={`${name}-hint`} class="quiet">
        {hint}
      </p>
    </>
  );
}
