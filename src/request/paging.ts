/** How Aircall pages its lists. Workflow-safe: plain data and functions. */

/** Rows on a page: the most that Aircall gives. */
export const PER_PAGE = 50;
/** Aircall refuses pages beyond it: a longer list is split by time. */
export const ROWS_MAX = 10_000;
/**
 * Aircall's count of a list, in rows; a reply with a larger one is not believed. An honest company has at most some tens of
 * millions of calls; its budget reads less than a hundred million rows within a month.
 */
export const TOTAL_MAX = 100_000_000;
/**
 * Windows that one request reads, repeated readings included. The server ends a run at 51,200 events or 50 MiB of history; a
 * window takes 20 to 30 events and 53 KB of references (measured), so all of them take about half.
 */
export const WINDOWS_MAX = 500;
/** Target rows of a window after a split, so that an uneven spread seldom needs another split. */
const ROWS_AIM = 7_500;

/** The length of a list, as its first page tells it. */
export interface Counted {
  /** Rows of the whole list, by Aircall's count. */
  readonly total: number;
  /** Rows on the first page, which is the fullest. */
  readonly rowsMax: number;
}

/** How many pages of a list, or of a window of one, are read; Aircall has no more for one window. */
export function pagesOf({ total, rowsMax }: Counted): number {
  return Math.min(Math.ceil(total / Math.max(1, rowsMax)), ROWS_MAX / PER_PAGE);
}

/**
 * How many API requests read a list after its first page, if its rows stay: exactly, or of a list that is split, at most. Each of its
 * windows has a first page, and a last one that is not full.
 */
export function pagesLeft({ total, rowsMax }: Counted): number {
  if (total <= ROWS_MAX) return Math.max(0, pagesOf({ total, rowsMax }) - 1);
  return Math.ceil(total / Math.max(1, rowsMax)) + WINDOWS_MAX;
}

/** From one second to another, both included. UNIX s. */
export interface Seconds {
  readonly from: number;
  readonly to: number;
}

/** Into how many windows a list is split; 1 if a second cannot be split. */
export function partsOf({ from, to }: Seconds, rows: number): number {
  return Math.max(1, Math.min(Math.ceil(rows / ROWS_AIM), to - from + 1));
}

/** So many windows of equal length, without gap or overlap. */
export function splitWindow({ from, to }: Seconds, count: number): Seconds[] {
  const seconds = to - from + 1;
  const startOf = (part: number) => from + Math.floor((seconds * part) / count);
  return Array.from({ length: count }, (_, part) => ({ from: startOf(part), to: startOf(part + 1) - 1 }));
}
