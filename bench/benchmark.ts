/** What a benchmark is. A new one: a file that exports a `Benchmark`, and a row in main.ts. */

export interface Report {
  /** An aligned table; the first row is the heading. */
  readonly rows: readonly (readonly string[])[];
  /** What the bar asked for and was not met, a sentence each; empty where it was met. */
  readonly missed: readonly string[];
  /** All figures, for the JSON file; units are in the names. */
  readonly measured: object;
  /** An SVG, where a picture says more than the table. */
  readonly picture?: string;
}

export interface Benchmark {
  /** One line for the list of benchmarks. */
  readonly about: string;
  /** `args` are the options after the name; where `signal` is aborted it cleans up and throws. */
  run(args: readonly string[], signal: AbortSignal): Promise<Report>;
}
