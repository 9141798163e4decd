/** The open runs of one connection, and requests of it that wait: found, counted, and signalled that there may be news. */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { CREDENTIALS_UPDATED, requestIdsOf, WAKE_WORKFLOW, WORKFLOW_TYPES, wakeId } from '../request/names';
import { sideBySide } from '../side-by-side';
import { ourRunPage, ourRuns, type Run } from './histories';
import { quoted } from './list-filter';

/** A page a second, few at once: a server on two processors has to stay quick for everything else. */
const WOKEN_PER_PAGE = 25;
const SIGNALED_AT_ONCE = 4;
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

/**
 * To be called by whoever has changed a connection: starts the run that wakes the requests that wait for it, if any do, and returns
 * how many. If no worker runs, that run begins with the next one. A request that has just begun to wait, so that the server
 * does not count it yet, looks by itself in some seconds.
 */
export async function wakeWaiting(temporal: Client, taskQueue: string, connection: string): Promise<number> {
  const waiting = await countWaiting(temporal, taskQueue, connection, new Date());
  if (waiting > 0)
    await temporal.workflow.signalWithStart(WAKE_WORKFLOW, {
      taskQueue,
      workflowId: wakeId(taskQueue, connection),
      staticSummary: `Wake the requests of ${connection} that wait`,
      signal: CREDENTIALS_UPDATED,
    });
  return waiting;
}

/** Signals a page of a connection's waiting requests. Returns where the next page begins; undefined after the last one. */
export async function signalWaiting(
  temporal: Client,
  taskQueue: string,
  connection: string,
  page?: string,
): Promise<string | undefined> {
  const { runs, next } = await ourRunPage(temporal, taskQueue, waitingOf(connection), { page, size: WOKEN_PER_PAGE });
  await sideBySide(runs, SIGNALED_AT_ONCE, ({ workflowId }) => signalNews(temporal, workflowId));
  return next;
}

/** Makes a request look again if it waits. */
export async function signalNews(temporal: Client, workflowId: string): Promise<void> {
  try {
    await temporal.workflow.getHandle(workflowId).signal(CREDENTIALS_UPDATED);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error; // it has ended meanwhile
  }
}
