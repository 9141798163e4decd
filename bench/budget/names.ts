/** What the benchmark and its worker processes both know. */

/** The company that the baseline asks, and the queue that it does it from. */
export const BARE = { company: 'bare', taskQueue: 'bare' } as const;
/** Environment of the worker processes: what `ask` of the baseline sends, and the connections that a stray worker serves. */
export const GIVEN = {
  url: 'BENCH_CALLS_URL',
  authorization: 'BENCH_AUTHORIZATION',
  connections: 'BENCH_CONNECTIONS',
} as const;
