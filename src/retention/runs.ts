/** Facts about the runs of one request. Pure. */
import type { Run } from '../temporal/histories';
import type { RequestRecord } from '../vault/cases';

/** Whether the record is of this run, or of the run that it was before a reset. */
export function isRunOf({ runId }: Pick<RequestRecord, 'runId'>, run: Run): boolean {
  return run.runId === runId || run.firstRunId === runId;
}

/** An open one if there is one, else the one that started last. */
export function latestOf(runs: readonly Run[]): Run | undefined {
  return [...runs].sort(
    (one, other) => Number(other.open) - Number(one.open) || other.startedAt.getTime() - one.startedAt.getTime(),
  )[0];
}
