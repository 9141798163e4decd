/**
 * A note if a request may take longer than the server keeps histories. The server counts from the end of each run, so the
 * histories of children that read long lists may be deleted before the evidence of their request is made.
 */
import type { Parts } from '../parts';
import { DEADLINE_DAYS_DEFAULT } from '../request/options';
import { count } from '../request/words';
import type { Terminal } from './terminal';

const DAY_SECONDS = 86_400;

/** @param deadlineDays that was given; otherwise it is the default. Without an answer of the server there is no note. */
export async function noteHistoryRetention(
  terminal: Terminal,
  { temporal }: Pick<Parts, 'temporal'>,
  { deadlineDays = DEADLINE_DAYS_DEFAULT }: { readonly deadlineDays?: number | undefined },
): Promise<void> {
  const { namespace } = temporal.options;
  const described = await temporal.workflowService.describeNamespace({ namespace }).catch(
    () => undefined, // the note is not worth a failure
  );
  const seconds = Number(described?.config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  if (seconds === 0 || deadlineDays * DAY_SECONDS <= seconds) return;
  terminal.note(
    `note: the namespace ${namespace} keeps histories for ${daysText(seconds / DAY_SECONDS)} from the end of each run, and this request may take ${daysText(deadlineDays)}. If it does, its evidence may lack the histories of lists that it read early. Raise the retention of the namespace, or lower --deadline.`,
  );
}

function daysText(days: number): string {
  return count(Math.round(10 * days) / 10, 'day');
}
