/** What others see of me, and what I am matched by. */
import { useState } from 'preact/hooks';

import { api, info, me as account } from '../../app/account';
import { type Key, list, t } from '../../i18n';
import { type Me, type Profile as Changes, troubleOf } from '../../protocol/types';
import { Alert } from '../trouble';

/** The fields by the server's names for them. */
const NAMES: Record<string, Key> = {
  displayName: 'name',
  bio: 'bio',
  languages: 'languages',
  interests: 'interests',
  country: 'country',
};

const words = (text: string): string[] => text.split(',').map((word) => word.trim()).filter(Boolean);

function changesOf(form: HTMLFormElement): Changes {
  const data = new FormData(form);
  const text = (name: string): string => String(data.get(name) ?? '').trim();
  return {
    displayName: text('displayName'),
    bio: text('bio'),
    languages: words(text('languages')),
    interests: words(text('interests')),
    country: text('country').toUpperCase() || null,
    ...(info.value?.sfu ? { hideIp: data.get('hideIp') === 'on' } : {}),
  };
}

export function Profile({ me }: { me: Me }) {
  const [error, setError] = useState<unknown>(null);
  const [saved, setSaved] = useState(false);
  // Lists are named as a whole or by their entry (`languages[0]`).
  const wrong = troubleOf(error).fields.map((field) => field.replace(/\W.*/, '')).filter((field) => field in NAMES);
  const look = wrong.length ? t('lookAt', { list: list(wrong.map((field) => t(NAMES[field] as Key))) }) : undefined;

  const save = async (form: HTMLFormElement): Promise<void> => {
    setError(null);
    setSaved(false);
    try {
      account.value = await api.change(changesOf(form));
      setSaved(true);
    } catch (problem) {
      setError(problem);
    }
  };

  const field = (name: string) => ({ id: name, name, 'aria-invalid': wrong.includes(name) });
  const hint = (name: string) => ({ ...field(name), 'aria-describedby': `${name}-hint` });
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
      <label for="displayName">{t('name')}</label>
      <input {...field('displayName')} required maxLength={32} autocomplete="nickname" defaultValue={me.displayName} />
      <label for="bio">{t('bio')}</label>
      <textarea {...field('bio')} rows={3} maxLength={500} defaultValue={me.bio} />
      <label for="languages">{t('languages')}</label>
      <input {...hint('languages')} maxLength={400} defaultValue={me.languages.join(', ')} />
      <Hint of="languages" words={t('languagesHint')} />
      <label for="interests">{t('interests')}</label>
      <input {...hint('interests')} maxLength={400} defaultValue={me.interests.join(', ')} />
      <Hint of="interests" words={t('interestsHint')} />
      <label for="country">{t('country')}</label>
      <input {...hint('country')} class="short" maxLength={2} autocomplete="country" defaultValue={me.country ?? ''} />
      <Hint of="country" words={t('countryHint')} />
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
      <Alert error={error} words={look} />
    </form>
  );
}

function Hint({ of, words }: { of: string; words: string }) {
  return (
    <p id={`${of}-hint`} class="quiet hint">
      {words}
    </p>
  );
}
