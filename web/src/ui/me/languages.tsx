/** The languages somebody speaks: chosen by name, one after the other, each taken away again by its button. */
import { Plus, X } from 'lucide-preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

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
  const [next, setNext] = useState('');
  const field = useRef<HTMLSelectElement>(null);
  const all = useMemo(() => allOf('language', language.value), [language.value]);
  const named = chosen.map((code) => ({ code, name: nameOf('language', code, language.value) }));
  const full = chosen.length >= MOST_LANGUAGES;
  const add = (): void => {
    if (next) change([...chosen, next]);
    field.current?.focus();
  };
  // Also when it was saved without having been added first.
  useEffect(() => {
    if (!chosen.includes(next)) return;
    setNext('');
    // What was shown is no longer among what can be chosen.
    if (field.current) field.current.selectedIndex = 0;
  }, [chosen]);
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
          onChange={(event) => setNext(event.currentTarget.value)}
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
