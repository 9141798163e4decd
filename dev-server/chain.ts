/**
 * A chain of ways to get an executable: the first that works wins, and the error of a failing chain lists every reason.
 * It never hides a failed step: the final error must name each attempt and why it failed.
 * The chains themselves are in find-temporal-cli.ts and find-test-server.ts; tests pass their own steps.
 */
import { reasonOf } from './run-command';

/** One way to get an executable. `find` gives the path of a usable one, or rejects with the reason why not. */
export interface Step {
  readonly name: string;
  find(): Promise<string>;
}

export interface Chain {
  /** The wanted program, as the subject of the error message. */
  readonly wanted: string;
  readonly steps: readonly Step[];
  /** Advice for a person when every step failed. */
  readonly advice: string;
}

export interface FailedStep {
  readonly step: string;
  readonly reason: string;
}

/** Every step of a chain failed; `attempts` has them in the order in which they were tried. */
export class TemporalServerUnavailable extends Error {
  override readonly name = 'TemporalServerUnavailable';
  readonly code = 'temporal-server-unavailable' as const;
  readonly attempts: readonly FailedStep[];
  readonly advice: string;

  constructor({ wanted, attempts, advice }: { wanted: string; attempts: readonly FailedStep[]; advice: string }) {
    const tried = attempts.map(({ step, reason }) => `  - ${step}: ${reason.replaceAll('\n', '\n      ')}`);
    super([`${wanted} is not available. Tried, in this order:`, ...tried, `What to do: ${advice}`].join('\n'));
    this.attempts = attempts;
    this.advice = advice;
  }
}

/** @throws {TemporalServerUnavailable} when no step finds anything */
export async function findFirst({ wanted, steps, advice }: Chain): Promise<string> {
  const attempts: FailedStep[] = [];
  for (const { name, find } of steps) {
    try {
      return await find();
    } catch (error) {
      attempts.push({ step: name, reason: reasonOf(error) });
    }
  }
  throw new TemporalServerUnavailable({ wanted, attempts, advice });
}
