/** The rules that decisions name, for everybody to read, whether signed in or not. */
import '../style/rules.css';

import { useEffect } from 'preact/hooks';

import { t } from '../i18n';
import { PROGRAMS, r, ruleWords, TERMS } from '../i18n/rules';
import { path } from './route';

export function Rules() {
  const at = path.value;
  // Led here by a decision: to its rule.
  useEffect(() => {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!named) return;
    named.scrollIntoView({ block: 'center' });
    named.focus({ preventScroll: true });
  }, [at]);
  return (
    <section class="card wide rules-page">
      <h1>{t('rulesTitle')}</h1>
      <p>{r('intro')}</p>
      <h2>{r('people')}</h2>
      <p class="quiet">{r('peopleHint')}</p>
      <List of={TERMS} />
      <h2>{r('programs')}</h2>
      <p class="quiet">{r('programsHint')}</p>
      <List of={PROGRAMS} />
      <p class="quiet">{r('own')}</p>
      <p>{r('wrong')}</p>
    </section>
  );
}

function List({ of }: { of: typeof TERMS }) {
  return (
    <ul>
      {of.map((rule) => (
        <li key={rule.id} id={rule.id} tabIndex={-1}>
          <code>{rule.id}</code>
          <span>{ruleWords(rule)}</span>
        </li>
      ))}
    </ul>
  );
}
