/** A statement of reasons: the same words for whom it is about and for whoever decides. */
import type { Statement } from '../protocol/types';

export function StatementText({ statement }: { statement: Statement }) {
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
    </div>
  );
}
