/** What the benchmark and its worker processes both know. */

/** The company that aircall-dsr asks. */
export const OURS = { company: 'ours' } as const;
/** The company that the baseline asks, and the queue that it does it from. */
export const BARE = { company: 'bare', taskQueue: 'bare' } as const;
/** Of the calls of either company. */
export const PAGES = 20;
/** Environment of the worker processes: what `ask` of the baseline sends. */
export const TARGET = { url: 'BENCH_CALLS_URL', authorization: 'BENCH_AUTHORIZATION' } as const;
