/** What the benchmark, the workflow that fills a queue and its worker process know. */

export interface QueuedInput {
  /** Where the tasks wait: the API queue of the company. */
  readonly taskQueue: string;
  readonly connection: string;
  readonly tasks: number;
}
