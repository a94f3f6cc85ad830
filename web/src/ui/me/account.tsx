/** This device: language, camera and microphone. */
import { language, type Language, LANGUAGES, setLanguage, t } from '../../i18n';
import { follow } from '../route';

export function Account() {
  return (
    <section class="card">
      <h2>{t('thisDevice')}</h2>
      <label for="language">{t('language')}</label>
      <select
        id="language"
        class="short"
        value={language.value}
        onChange={(event) => setLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
      <p>
        <a href="/check" onClick={follow}>
          {t('devicesLink')}
        </a>
      </p>
    </section>
  );
}
