/** The picture of calls over time: bars by day, week, month or year, and the same figures as a table. */
import type { InSlices } from '../../slices';
import type { CallShown } from './records';
import type { Words } from './words';

interface Bar {
  /** Midnight UTC of its first day, in milliseconds. */
  readonly from: number;
  inbound: number;
  outbound: number;
}

interface Unit {
  /** The beginning of the unit that holds a day. */
  readonly start: (day: number) => number;
  readonly next: (start: number) => number;
  readonly label: (start: number, words: Words) => string;
}

const DAY_MS = 86_400_000;
/** More are too thin to see. */
const BARS_MAX = 53;

const monthOf = (day: number, step: number) => {
  const date = new Date(day);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + step, 1);
};
const yearOf = (day: number, step: number) => Date.UTC(new Date(day).getUTCFullYear() + step, 0, 1);

/** The finest first. Weeks begin on Mondays. */
const UNITS: readonly Unit[] = [
  { start: day => day, next: start => start + DAY_MS, label: (start, words) => words.day(start) },
  {
    start: day => day - ((new Date(day).getUTCDay() + 6) % 7) * DAY_MS,
    next: start => start + 7 * DAY_MS,
    label: (start, words) => words.day(start),
  },
  { start: day => monthOf(day, 0), next: start => monthOf(start, 1), label: (start, words) => words.month(start) },
];
/** Times are of less than 120 years. */
const YEARS: Unit = {
  start: day => yearOf(day, 0),
  next: start => yearOf(start, 1),
  label: start => String(new Date(start).getUTCFullYear()),
};

const WIDTH = 760;
const HEIGHT = 180;
const LEFT = 44;
const BOTTOM = 28;
const TOP = 10;
/** Of the longest label; one that would not fit is left out. */
const LABEL_WIDTH = 90;

/** A call whose time is known. */
interface Dated extends Pick<CallShown, 'direction'> {
  readonly at: number;
  /** As `dayOf` of the words returns it. */
  readonly day: number;
}

export interface ChartFacts {
  readonly dated: readonly Dated[];
  /** How many have no time. */
  readonly undated: number;
}

/** The days of calls; to find the day of one takes longer than all else of the picture. A slice is one call. */
export function* chartFacts(calls: readonly CallShown[], words: Words): InSlices<ChartFacts> {
  const dated: Dated[] = [];
  for (const { at, direction } of calls) {
    if (at === undefined) continue;
    dated.push({ at, direction, day: words.dayOf(at) });
    yield;
  }
  return { dated, undated: calls.length - dated.length };
}

export function CallsChart({
  facts: { dated, undated },
  words,
}: {
  readonly facts: ChartFacts;
  readonly words: Words;
}) {
  const { catalog } = words;
  if (dated.length === 0) return null;
  const { bars, unit } = barsOf(dated);
  const [first, last] = firstAndLast(dated.map(({ at }) => at));
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby="chart-title chart-text">
        <title id="chart-title">{catalog.chart.title}</title>
        <desc id="chart-text">
          {catalog.chart.text(words.number(dated.length), words.date(first), words.date(last))}
        </desc>
        <Bars bars={bars} unit={unit} words={words} />
      </svg>
      <figcaption>
        <span class="key inbound">{catalog.calls.inbound}</span>
        <span class="key outbound">{catalog.calls.outbound}</span>
        <span>{catalog.chart.text(words.number(dated.length), words.date(first), words.date(last))}</span>
        {undated > 0 && <span>{catalog.chart.undated(words.number(undated))}</span>}
      </figcaption>
      <details>
        <summary>{catalog.chart.table}</summary>
        <table>
          <caption class="hidden">{catalog.chart.title}</caption>
          <thead>
            <tr>
              <th scope="col">{catalog.chart.period}</th>
              <th scope="col">{catalog.calls.inbound}</th>
              <th scope="col">{catalog.calls.outbound}</th>
            </tr>
          </thead>
          <tbody>
            {bars
              .filter(({ inbound, outbound }) => inbound + outbound > 0)
              .map(({ from, inbound, outbound }) => (
                <tr>
                  <th scope="row">{unit.label(from, words)}</th>
                  <td>{words.number(inbound)}</td>
                  <td>{words.number(outbound)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** Of a long list too, which a call cannot take as arguments. */
function firstAndLast(times: readonly number[]): readonly [number, number] {
  return times.reduce<readonly [number, number]>(
    ([first, last], at) => [Math.min(first, at), Math.max(last, at)],
    [Infinity, -Infinity],
  );
}

function barsOf(days: readonly Dated[]) {
  const [first, last] = firstAndLast(days.map(({ day }) => day));
  const unit = UNITS.find(({ start, next }) => countUnits(start(first), last, next) <= BARS_MAX) ?? YEARS;
  const bars = new Map<number, Bar>();
  for (let from = unit.start(first); from <= last; from = unit.next(from))
    bars.set(from, { from, inbound: 0, outbound: 0 });
  for (const { day, direction } of days) {
    const bar = bars.get(unit.start(day));
    if (bar !== undefined) bar[direction === 'outbound' ? 'outbound' : 'inbound'] += 1;
  }
  return { bars: [...bars.values()], unit };
}

/** At most one more than are shown. */
function countUnits(start: number, last: number, next: Unit['next']): number {
  let count = 0;
  for (let from = start; from <= last && count <= BARS_MAX; from = next(from)) count += 1;
  return count;
}

function Bars({ bars, unit, words }: { readonly bars: readonly Bar[]; readonly unit: Unit; readonly words: Words }) {
  const top = niceTop(Math.max(...bars.map(({ inbound, outbound }) => inbound + outbound)));
  const width = (WIDTH - LEFT) / Math.max(bars.length, 6);
  const scale = (HEIGHT - BOTTOM - TOP) / top;
  const base = HEIGHT - BOTTOM;
  const everyLabel = Math.ceil(bars.length / 6);
  return (
    <>
      {[0, top / 2, top].filter(Number.isInteger).map(value => (
        <>
          <line class="grid" x1={LEFT} x2={WIDTH} y1={base - value * scale} y2={base - value * scale} />
          <text class="axis" x={LEFT - 8} y={base - value * scale + 4} text-anchor="end">
            {words.number(value)}
          </text>
        </>
      ))}
      {bars.map(({ from, inbound, outbound }, place) => {
        const x = round(LEFT + place * width + width * 0.15);
        const [lower, upper] = [inbound * scale, outbound * scale];
        return (
          <>
            {inbound > 0 && (
              <rect class="inbound" x={x} y={round(base - lower)} width={round(width * 0.7)} height={round(lower)} />
            )}
            {outbound > 0 && (
              <rect
                class="outbound"
                x={x}
                y={round(base - lower - upper)}
                width={round(width * 0.7)}
                height={round(upper)}
              />
            )}
            {place % everyLabel === 0 && x <= WIDTH - LABEL_WIDTH && (
              <text class="axis" x={x} y={HEIGHT - 8}>
                {unit.label(from, words)}
              </text>
            )}
          </>
        );
      })}
    </>
  );
}

/** The least even number of the form 2, 4, 10, 20, 40, 100 ... that is not below. */
function niceTop(most: number): number {
  for (let power = 1; ; power *= 10) {
    const found = [2, 4, 10].map(step => step * power).find(step => step >= most);
    if (found !== undefined) return found;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
