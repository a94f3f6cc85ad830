/** The languages somebody speaks: chosen by name, one after the other, each taken away again by its button. */
import { Plus, X } from 'lucide-preact';
import { useMemo, useRef } from 'preact/hooks';

import { language, t } from '../../i18n';
import { allOf, nameOf } from '../../i18n/names';
import { Action, IconButton } from '../button';

/** The server's limit. */
export const MOST_LANGUAGES = 8;

interface Props {
  chosen: string[];
  change: (to: string[]) => void;
  wrong: boolean;
}

export function Languages({ chosen, change, wrong }: Props) {
  const field = useRef<HTMLSelectElement>(null);
  const all = useMemo(() => allOf('language', language.value), [language.value]);
  const named = chosen.map((code) => ({ code, name: nameOf('language', code, language.value) }));
  const full = chosen.length >= MOST_LANGUAGES;
  // What was added is no longer among what can be chosen: the browser goes back to the first line by itself.
  const add = (): void => {
    if (field.current?.value) change([...chosen, field.current.value]);
    field.current?.focus();
  };
  return (
    <>
      <label for="languages">{t('languages')}</label>
      {chosen.length > 0 && (
        <ul class="chips">
          {named.map(({ code, name }) => (
            <li key={code}>
              {name}
              <IconButton icon={X} name={t('takeAway', { what: name })} press={() => change(chosen.filter((one) => one !== code))} />
            </li>
          ))}
        </ul>
      )}
      {/* What is chosen is added by a button: with the arrow keys one passes many on the way. */}
      <div class="row pick">
        <select
          ref={field}
          id="languages"
          name="language"
          aria-invalid={wrong}
          aria-describedby="languages-hint languages-wrong"
        >
          <option value="">{t('chooseLanguage')}</option>
          {all
            .filter(({ name }) => !named.some((one) => one.name === name))
            .map(({ code, name }) => (
              <option key={code} value={code}>
                {name}
              </option>
            ))}
        </select>
        <Action icon={Plus} name={t('addLanguage')} off={full} press={add} />
      </div>
    </>
  );
}
