/** How Aircall pages its lists. Workflow-safe: plain data and functions. */

/** Rows on a page: the most that Aircall gives. */
export const PER_PAGE = 50;
/** Aircall refuses pages beyond it: a longer list is split by time. */
export const ROWS_MAX = 10_000;
/** Target rows of a window after a split, so that an uneven spread seldom needs another split. */
const ROWS_AIM = 7_500;

/** From one second to another, both included. UNIX s. */
export interface Seconds {
  readonly from: number;
  readonly to: number;
}

/** Windows of equal length, without gap or overlap; one if a second cannot be split. */
export function splitWindow({ from, to }: Seconds, rows: number): Seconds[] {
  const seconds = to - from + 1;
  const count = Math.max(1, Math.min(Math.ceil(rows / ROWS_AIM), seconds));
  const startOf = (part: number) => from + Math.floor((seconds * part) / count);
  return Array.from({ length: count }, (_, part) => ({ from: startOf(part), to: startOf(part + 1) - 1 }));
}
