/**
 * A chart of days in plain SVG: bars upon one another, or lines. What is drawn can be read day by day, with the pointer or the arrow
 * keys, and stands in a table below.
 */
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';

import { dayWords, p } from '../../i18n/place';
import { bars, line, most, mostTogether, type Values } from '../../state/charts';

export interface Line {
  name: string;
  values: Values;
}

interface Props {
  title: string;
  /** What is counted, in what. */
  unit: string;
  /** Of all days together. */
  sum: ComponentChildren;
  days: string[];
  lines: Line[];
  kind: 'bars' | 'lines';
  /** Where the scale ends. */
  end: (most: number) => number;
  words: (value: number) => string;
}

export function Chart({ title, unit, sum, days, lines, kind, end, words }: Props) {
  const heading = useId();
  const all = lines.map(({ values }) => values);
  const top = end(kind === 'bars' ? mostTogether(all) : most(all));
  const has = all.some((values) => values.some((value) => value !== null && value > 0));
  const said = (value: number | null | undefined): string => (value === null || value === undefined ? p('none') : words(value));
  return (
    <section class="card chart" aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{title}</h2>
        <p class="quiet">{unit}</p>
        <p class="sum">{sum}</p>
      </header>
      {has ? (
        <>
          <Legend lines={lines} kind={kind} />
          <Plot {...{ title, unit, days, lines, kind, top, said }} />
          <details>
            <summary>{p('table')}</summary>
            <div class="scroll" tabIndex={0} role="region" aria-labelledby={heading}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{p('day')}</th>
                    {lines.map(({ name }) => (
                      <th key={name} scope="col">
                        {name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {days.map((day, n) => (
                    <tr key={day}>
                      <th scope="row">{dayWords(day)}</th>
                      {lines.map(({ name, values }) => (
                        <td key={name}>{said(values[n])}</td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </details>
        </>
      ) : (
        <p class="quiet">{p('noData')}</p>
      )}
    </section>
  );
}

function Legend({ lines, kind }: Pick<Props, 'lines' | 'kind'>) {
  if (lines.length < 2) return null;
  return (
    <ul class="legend" aria-hidden="true">
      {lines.map(({ name }, n) => (
        <li key={name}>
          <svg viewBox="0 0 24 12" class={`key-of ${kind}`}>
            {kind === 'bars' ? <rect class={`of-${n}`} width="12" height="12" x="6" /> : <path class={`of-${n}`} d="M1 6H23" />}
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

interface PlotProps extends Pick<Props, 'title' | 'unit' | 'days' | 'lines' | 'kind'> {
  top: number;
  said: (value: number | null | undefined) => string;
}

function Plot({ title, unit, days, lines, kind, top, said }: PlotProps) {
  const last = days.length - 1;
  const [at, setAt] = useState<number | null>(null);
  const now = Math.min(at ?? last, last);
  const all = lines.map(({ values }) => values);
  const each = lines.map(({ name, values }) => `${lines.length > 1 ? `${name} ` : ''}${said(values[now])}`);
  const reading = `${dayWords(days[now] ?? '')}: ${each.join(' · ')}`;
  const move = (event: KeyboardEvent): void => {
    const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, to)));
  };
  const point = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    setAt(Math.max(0, Math.min(last, Math.floor(((event.clientX - box.left) / box.width) * days.length))));
  };
  return (
    <div class="plot">
      <div class="scale" aria-hidden="true">
        <span>{said(top)}</span>
        <span>{said(top / 2)}</span>
        <span>0</span>
      </div>
      <div
        class="picture"
        role="slider"
        tabIndex={0}
        aria-label={p('of', { title, unit })}
        aria-description={p('arrows')}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={now}
        aria-valuetext={reading}
        onKeyDown={move}
        onPointerMove={point}
        onPointerDown={point}
      >
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          <path class="grid" d="M0 0H100M0 50H100M0 100H100" />
          {at !== null && <rect class="now" x={(now * 100) / days.length} width={100 / days.length} y="0" height="100" />}
          {kind === 'bars'
            ? bars(all, top).map((boxes, n) => boxes.map((box) => <rect key={`${n} ${box.x}`} class={`of-${n}`} {...box} />))
            : all.map((values, n) => <path key={lines[n]?.name} class={`of-${n}`} d={line(values, top)} />)}
        </svg>
      </div>
      <div class="ends" aria-hidden="true">
        <span>{dayWords(days[0] ?? '')}</span>
        <span>{dayWords(days[last] ?? '')}</span>
      </div>
      <p class="reading" aria-hidden="true">
        {reading}
      </p>
    </div>
  );
}
