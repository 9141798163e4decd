/** How Aircall pages its lists. Workflow-safe: plain data. */

/** Rows on a page: the most that Aircall gives. */
export const PER_PAGE = 50;
/** Aircall refuses pages beyond it: a longer list is split by time. */
export const ROWS_MAX = 10_000;
