/**
 * The picture of a run: for each company the arrivals of the last 60 seconds over time, against the bar. An SVG of plain
 * lines in colours that are read on light and on dark ground. Pure.
 */
import { windowsEndingAt } from '../sliding-window';

export interface Panel {
  readonly title: string;
  readonly limitPerMinute: number;
  /** The bar: most in any 60 seconds. */
  readonly most: number;
  /** Each a series of arrivals, ms epoch; the first is ours, a second one the baseline. */
  readonly series: readonly { readonly name: string; readonly timesMs: readonly number[] }[];
}

const WIDTH = 250;
const HEIGHT = 90;
const GAP = { x: 34, y: 38 } as const;
const MARGIN = { left: 40, top: 66, right: 12, bottom: 44 } as const;
/** Points a line has at most: several a pixel would only make the file large. */
const STEPS = 250;
const COLOURS = ['#2f81f7', '#a371f7'] as const;
const STYLE = `text{font:11px system-ui,sans-serif;fill:#7d8590}.t{font-weight:600}.f{stroke:#7d8590;stroke-opacity:.35;fill:none}.b{stroke:#d29922;stroke-dasharray:4 3;fill:none}.s{fill:none;stroke-width:1.5}`;

/** Panels in rows of `columns`; all share the time from the first arrival to the last. */
export function drawBudget(panels: readonly Panel[], columns: number): string {
  const all = panels.flatMap(({ series }) => series.flatMap(({ timesMs }) => timesMs));
  const fromMs = all.reduce((least, time) => Math.min(least, time), all[0] ?? 0);
  const toMs = all.reduce((most, time) => Math.max(most, time), fromMs + 1000);
  const rows = Math.ceil(panels.length / columns);
  const width = MARGIN.left + columns * (WIDTH + GAP.x) - GAP.x + MARGIN.right;
  const height = MARGIN.top + rows * (HEIGHT + GAP.y) - GAP.y + MARGIN.bottom;
  const places = panels.map((panel, index) => {
    const x = MARGIN.left + (index % columns) * (WIDTH + GAP.x);
    const y = MARGIN.top + Math.floor(index / columns) * (HEIGHT + GAP.y);
    return `<g transform="translate(${x} ${y})">${drawPanel(panel, fromMs, toMs)}</g>`;
  });
  const names = [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="API requests in the last 60 seconds over time, against 80 % of the limit">`,
    `<style>${STYLE}</style>`,
    drawLegend(names),
    ...places,
    `<text x="${MARGIN.left}" y="${height - 8}">minutes since the first API request</text>`,
    '</svg>\n',
  ].join('\n');
}

function drawLegend(names: readonly string[]): string {
  let x: number = MARGIN.left;
  const entries = [
    ...names.map((name, index) => ({ name, line: `class="s" stroke="${colourOf(index)}"` })),
    { name: 'bar: 80 % of the limit', line: 'class="b"' },
  ].map(({ name, line }) => {
    const entry = `<path ${line} d="M${x} 16h20"/><text x="${x + 26}" y="20">${escaped(name)}</text>`;
    x += 46 + name.length * 6;
    return entry;
  });
  return `${entries.join('')}<text x="${MARGIN.left}" y="38">API requests that arrived in the last 60 seconds</text>`;
}

function drawPanel({ title, limitPerMinute, most, series }: Panel, fromMs: number, toMs: number): string {
  const lines = series.map(({ timesMs }) => fullestOverTime(timesMs, fromMs, toMs));
  const top = Math.max(most * 1.15, ...lines.flat());
  const y = (count: number) => round(HEIGHT - (HEIGHT * count) / top);
  const minutes = (toMs - fromMs) / 60_000;
  const marks = Array.from({ length: Math.floor(minutes) + 1 }, (_, minute) => minute).filter(
    minute => minute % Math.max(1, Math.ceil(minutes / 6)) === 0,
  );
  return [
    `<text class="t" x="0" y="-6">${escaped(title)}</text>`,
    `<path class="f" d="M0 0V${HEIGHT}H${WIDTH}"/>`,
    `<path class="b" d="M0 ${y(most)}H${WIDTH}"/>`,
    `<text x="-5" y="${y(most) + 4}" text-anchor="end">${most}</text>`,
    `<text x="-5" y="${HEIGHT + 4}" text-anchor="end">0</text>`,
    ...marks.map(
      minute =>
        `<text x="${round((WIDTH * minute) / minutes)}" y="${HEIGHT + 14}" text-anchor="middle">${minute}</text>`,
    ),
    ...lines.map((line, index) => `<path class="s" stroke="${colourOf(index)}" d="${pathOf(line, y)}"/>`).reverse(),
    `<title>limit ${limitPerMinute} a minute</title>`,
  ].join('');
}

/** The fullest 60 seconds that end within each step; where none arrives in a step, those that end with it. */
export function fullestOverTime(timesMs: readonly number[], fromMs: number, toMs: number): number[] {
  const windows = windowsEndingAt(timesMs, 60_000);
  const stepMs = (toMs - fromMs) / STEPS;
  let next = 0;
  let leaving = 0;
  return Array.from({ length: STEPS }, (_, step) => {
    const endMs = step === STEPS - 1 ? toMs : fromMs + (step + 1) * stepMs;
    let fullest = 0;
    for (; next < windows.length && (windows[next]?.timeMs ?? 0) <= endMs; next += 1)
      fullest = Math.max(fullest, windows[next]?.count ?? 0);
    while (leaving < next && endMs - (windows[leaving]?.timeMs ?? 0) >= 60_000) leaving += 1;
    return fullest === 0 ? next - leaving : fullest;
  });
}

function pathOf(line: readonly number[], y: (count: number) => number): string {
  return line
    .map((count, step) => `${step === 0 ? 'M' : 'L'}${round(((step + 1) * WIDTH) / STEPS)} ${y(count)}`)
    .join('');
}

function colourOf(index: number): string {
  return COLOURS[index] ?? COLOURS[0];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
