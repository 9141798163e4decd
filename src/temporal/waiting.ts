/** The open runs of one connection, and requests of it that wait for a person: found, counted, and signalled that there is news. */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { CREDENTIALS_UPDATED, requestIdsOf, WORKFLOW_TYPES } from '../request/names';
import { sideBySide } from '../side-by-side';
import { ourRuns, type Run } from './histories';
import { quoted } from './list-filter';

const SIGNALED_AT_ONCE = 16;
const TYPES = Object.values(WORKFLOW_TYPES).map(quoted).join(', ');

/**
 * By workflow id, which a request has from its start. It may get its search attributes only when a worker
 * begins it. Children have longer ids with the same prefix, and another type.
 */
const openOf = (connection: string) =>
  `WorkflowId STARTS_WITH ${quoted(requestIdsOf(connection))} AND WorkflowType IN (${TYPES}) AND ExecutionStatus = 'Running'`;
const waitingOf = (connection: string) => `${openOf(connection)} AND DsrStatus = 'waiting'`;

/** Open runs under the ids of its requests, whoever started them. */
export function openRuns(temporal: Client, taskQueue: string, connection: string): AsyncIterable<Run> {
  return ourRuns(temporal, taskQueue, openOf(connection));
}

/** Runs that are open and whose start was not delayed beyond this time. */
export function begunBy(now: Date): string {
  return `ExecutionStatus = 'Running' AND ExecutionTime <= '${now.toISOString()}'`;
}

/** Also counts requests that wait for other causes, and what others started: the server knows only that they wait. */
export async function countWaiting(
  temporal: Client,
  taskQueue: string,
  connection: string,
  now: Date,
): Promise<number> {
  const { count } = await temporal.workflow.count(
    `TaskQueue = ${quoted(taskQueue)} AND ${waitingOf(connection)} AND ${begunBy(now)}`,
  );
  return count;
}

/** Makes each waiting request check again at once, and returns how many. A request that is missed checks within a minute. */
export async function signalWaiting(temporal: Client, taskQueue: string, connection: string): Promise<number> {
  const ids: string[] = [];
  for await (const { workflowId } of ourRuns(temporal, taskQueue, waitingOf(connection))) ids.push(workflowId);
  await sideBySide(ids, SIGNALED_AT_ONCE, async workflowId => {
    try {
      await temporal.workflow.getHandle(workflowId).signal(CREDENTIALS_UPDATED);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error; // it has ended meanwhile
    }
  });
  return ids.length;
}
