/** A statement of reasons: the same words for whom it is about and for whoever decides. */
import { t } from '../i18n';
import type { Statement } from '../protocol/types';
import { follow } from './route';

/** `by`: the rule, where it can be read up. */
export function StatementText({ statement, by }: { statement: Statement; by?: string }) {
  const { decision, facts, note, rule, automated, duration, appeal } = statement;
  return (
    <div class="statement">
      <p>{decision}</p>
      {facts.length > 0 && (
        <ul>
          {facts.map((fact) => (
            <li key={fact}>{fact}</li>
          ))}
        </ul>
      )}
      {note && <blockquote>{note}</blockquote>}
      {[rule, automated, duration, appeal].filter(Boolean).map((words) => (
        <p key={words}>{words}</p>
      ))}
      {by && (
        <p>
          <a href={`/rules#${by}`} onClick={follow}>
            {t('rulesLink')}
          </a>
        </p>
      )}
    </div>
  );
}
