/** What others see of me, and what I am matched by. */
import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';

import { api, info, me as account } from '../../app/account';
import { type Key, language, list, t } from '../../i18n';
import { allOf } from '../../i18n/names';
import { type Me, type Profile as Changes, troubleOf } from '../../protocol/types';
import { Alert } from '../trouble';
import { Languages, MOST_LANGUAGES } from './languages';

/** As the server takes them. */
const MOST_INTERESTS = 10;
const INTEREST_CHARS = 24;
const NAME_CHARS = 32;
const BIO_CHARS = 500;

type Field = 'displayName' | 'bio' | 'languages' | 'interests' | 'country';

/** The fields by the server's names for them: what they are called, and what has to be looked at. */
const FIELDS: Record<Field, { name: Key; rule: Key; limits: Record<string, number> }> = {
  displayName: { name: 'name', rule: 'wrong_displayName', limits: { n: NAME_CHARS } },
  bio: { name: 'bio', rule: 'wrong_bio', limits: { n: BIO_CHARS } },
  languages: { name: 'languages', rule: 'wrong_languages', limits: { n: MOST_LANGUAGES } },
  interests: { name: 'interests', rule: 'wrong_interests', limits: { n: MOST_INTERESTS, chars: INTEREST_CHARS } },
  country: { name: 'country', rule: 'wrong_country', limits: {} },
};

/** Lists are named as a whole or by their entry (`languages[0]`). */
function wrongOf(error: unknown): Field[] {
  const named = troubleOf(error).fields.map((field) => field.replace(/\W.*/, ''));
  return (Object.keys(FIELDS) as Field[]).filter((field) => named.includes(field));
}

const words = (text: string): string[] => text.split(',').map((word) => word.trim()).filter(Boolean);

function changesOf(form: HTMLFormElement, languages: string[]): Changes {
  const data = new FormData(form);
  const text = (name: string): string => String(data.get(name) ?? '').trim();
  return {
    displayName: text('displayName'),
    bio: text('bio'),
    // One that was chosen and not added is meant too.
    languages: [...languages, text('language')].filter(Boolean),
    interests: words(text('interests')),
    country: text('country') || null,
    ...(info.value?.sfu ? { hideIp: data.get('hideIp') === 'on' } : {}),
  };
}

export function Profile({ me }: { me: Me }) {
  const form = useRef<HTMLFormElement>(null);
  const [languages, setLanguages] = useState(me.languages);
  const [error, setError] = useState<unknown>(null);
  const [saved, setSaved] = useState(false);
  const countries = useMemo(() => allOf('region', language.value), [language.value]);
  const wrong = wrongOf(error);
  const look = wrong.length ? t('lookAt', { list: list(wrong.map((field) => t(FIELDS[field].name))) }) : undefined;

  const save = async (): Promise<void> => {
    if (!form.current) return;
    setError(null);
    setSaved(false);
    try {
      account.value = await api.change(changesOf(form.current, languages));
      setLanguages(account.value.languages);
      setSaved(true);
    } catch (problem) {
      setError(problem);
      const [first] = wrongOf(problem);
      if (first) form.current.querySelector<HTMLElement>(`#${first}`)?.focus();
    }
  };

  const field = (name: Field) => ({ id: name, name, 'aria-invalid': wrong.includes(name), 'aria-describedby': `${name}-hint ${name}-wrong` });
  const below = (name: Field, hint?: string) => (
    <Below of={name} hint={hint}>
      {wrong.includes(name) && t(FIELDS[name].rule, FIELDS[name].limits)}
    </Below>
  );
  return (
    <form
      ref={form}
      class="card"
      onInput={() => setSaved(false)}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <h2>{t('profile')}</h2>
      <label for="displayName">{t('name')}</label>
      <input {...field('displayName')} required maxLength={NAME_CHARS} autocomplete="nickname" defaultValue={me.displayName} />
      {below('displayName')}
      <label for="bio">{t('bio')}</label>
      <textarea {...field('bio')} rows={3} maxLength={BIO_CHARS} defaultValue={me.bio} />
      {below('bio')}
      <Languages
        chosen={languages}
        wrong={wrong.includes('languages')}
        change={(to) => {
          setLanguages(to);
          setSaved(false);
        }}
      />
      {below('languages', t('languagesHint', { n: MOST_LANGUAGES }))}
      <label for="interests">{t('interests')}</label>
      <input {...field('interests')} maxLength={400} defaultValue={me.interests.join(', ')} />
      {below('interests', t('interestsHint'))}
      <label for="country">{t('country')}</label>
      <select {...field('country')} autocomplete="country" defaultValue={me.country ?? ''}>
        <option value="">{t('noCountry')}</option>
        {countries.map(({ code, name }) => (
          <option key={code} value={code} selected={code === me.country}>
            {name}
          </option>
        ))}
      </select>
      {below('country')}
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

/** What a field is for, and what is wrong with it: read with the field. */
function Below({ of, hint, children }: { of: Field; hint?: string | undefined; children: ComponentChildren }) {
  return (
    <>
      {hint && (
        <p id={`${of}-hint`} class="quiet hint">
          {hint}
        </p>
      )}
      <p id={`${of}-wrong`} class="alert hint">
        {children}
      </p>
    </>
  );
}
