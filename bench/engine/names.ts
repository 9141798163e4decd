/** What the benchmark and the baseline's worker process both know. */

/** The baseline's workflows; its API requests are on `bare/<company>`, as many queues as the service has. */
export const BARE_QUEUE = 'bare';
export const bareApiQueue = (company: string) => `${BARE_QUEUE}/${company}`;

/** Environment of the baseline's worker process: a `Target` as JSON. */
export const TARGET = 'BENCH_TARGET';
export interface Target {
  readonly origin: string;
  /** Authorization header by company. */
  readonly companies: Readonly<Record<string, string>>;
  /** Of each company's worker; the SDK's defaults where not given. */
  readonly slots?: number;
  readonly pollers?: number;
}
