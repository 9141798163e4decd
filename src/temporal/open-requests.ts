/** How many requests are open, of all connections: counted by the server, four counts for each kind. */
import type { Client } from '@temporalio/client';
import { type Kind, WORKFLOW_TYPES } from '../request/names';
import { quoted } from './list-filter';
import { begunBy } from './waiting';

export interface OpenCounts {
  readonly running: number;
  readonly waiting: number;
  /** Of both: requests whose legal due date is near, and requests whose due date has passed. */
  readonly dueSoon: number;
  readonly overdue: number;
}

/**
 * By type and not by search attribute: an open request that no worker has begun has none yet. A count cannot read inputs, so it
 * also counts runs that others started: until a worker begins them, and ends them at once. One that begins only later does not count.
 */
export async function countOpen(
  temporal: Client,
  taskQueue: string,
  { kind, now, soon }: { readonly kind: Kind; readonly now: Date; readonly soon: Date },
): Promise<OpenCounts> {
  const open = `TaskQueue = ${quoted(taskQueue)} AND WorkflowType = ${quoted(WORKFLOW_TYPES[kind])} AND ${begunBy(now)}`;
  const count = async (condition = '') => (await temporal.workflow.count(`${open}${condition}`)).count;
  const [all, waiting, overdue, dueSoon] = await Promise.all([
    count(),
    count(" AND DsrStatus = 'waiting'"),
    count(` AND DsrDueAt <= '${now.toISOString()}'`),
    count(` AND DsrDueAt > '${now.toISOString()}' AND DsrDueAt <= '${soon.toISOString()}'`),
  ]);
  return { running: Math.max(0, all - waiting), waiting, dueSoon, overdue };
}
