/**
 * The runs that the server keeps of our workflows, and the keys of their histories. Deletion means that the server
 * no longer has a run; it does not reach copies of the database.
 */
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { temporal as proto } from '@temporalio/proto';
import { KEY_ID } from '../encryption/payload-codec';
import { isStepCode } from '../request/handling';
import { WORKFLOW_NAMES } from '../request/names';
import { grpcErrorOf, NOT_FOUND } from './grpc-status';
import { isPlain, quoted } from './list-filter';

const { HistoryEventFilterType } = proto.api.enums.v1;

export interface Run {
  readonly workflowId: string;
  readonly runId: string;
  readonly open: boolean;
  readonly startedAt: Date;
  /** Only of a run that is closed. */
  readonly closedAt?: Date;
}

/** Runs of one workflow id and of its children. Its own newest run is always listed; others may be missing for a second. */
export async function runsOf(temporal: Client, workflowId: string): Promise<Run[]> {
  const runs = new Map<string, Run>();
  // An id may hold anything: one that would break out of the text of a filter is read by itself only.
  if (isPlain(workflowId)) {
    const query = `WorkflowId = ${quoted(workflowId)} OR WorkflowId STARTS_WITH ${quoted(`${workflowId}:`)}`;
    for await (const run of runsWhere(temporal, query)) runs.set(run.runId, run);
  }
  const newest = await runAt(temporal, workflowId);
  if (newest !== undefined) runs.set(newest.runId, newest);
  return [...runs.values()];
}

/** Runs of ours on one task queue; `condition` narrows them, in the syntax of Temporal's list filters. */
export function ourRuns(temporal: Client, taskQueue: string, condition?: string): AsyncIterable<Run> {
  const names = WORKFLOW_NAMES.map(quoted).join(', ');
  const ours = `TaskQueue = ${quoted(taskQueue)} AND WorkflowType IN (${names})`;
  return runsWhere(temporal, condition === undefined ? ours : `${ours} AND ${condition}`);
}

/** The newest run of a workflow id, or the one named; undefined if the server has none. */
export async function runAt(temporal: Client, workflowId: string, runId?: string): Promise<Run | undefined> {
  try {
    return runFrom(await temporal.workflow.getHandle(workflowId, runId).describe());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Undefined if the server has deleted it. */
export async function historyOf(
  temporal: Client,
  { workflowId, runId }: Pick<Run, 'workflowId' | 'runId'>,
): Promise<proto.api.history.v1.IHistory | undefined> {
  try {
    return await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
  } catch (error) {
    if (grpcErrorOf(error)?.code === NOT_FOUND) return undefined;
    throw error;
  }
}

/** Does nothing if the server has deleted it already. The deletion takes effect some moments later. */
export async function deleteRun(temporal: Client, { workflowId, runId }: Run): Promise<void> {
  try {
    await temporal.workflowService.deleteWorkflowExecution({
      namespace: temporal.options.namespace,
      workflowExecution: { workflowId, runId },
    });
  } catch (error) {
    if ((await runAt(temporal, workflowId, runId)) !== undefined) throw error;
  }
}

/** How a run without a result ended: a code of docs/errors.md. */
export async function endingOf(temporal: Client, { workflowId, runId }: Run): Promise<string> {
  const { history } = await temporal.workflowService.getWorkflowExecutionHistory({
    namespace: temporal.options.namespace,
    execution: { workflowId, runId },
    historyEventFilterType: HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
  });
  return endCodeOf(history?.events?.at(-1));
}

/** How a run without a result ended, by its last event. */
export function endCodeOf(last: proto.api.history.v1.IHistoryEvent | undefined): string {
  if (last?.workflowExecutionTerminatedEventAttributes) return 'terminated';
  if (last?.workflowExecutionTimedOutEventAttributes) return 'run-timed-out';
  const type = last?.workflowExecutionFailedEventAttributes?.failure?.applicationFailureInfo?.type ?? '';
  return isStepCode(type) ? type : 'request-failed';
}

/** Ids of all keys that a run's payloads were encrypted with, those of steps in flight included. */
export async function keyIdsOf(temporal: Client, { workflowId, runId }: Run): Promise<Set<string>> {
  const handle = temporal.workflow.getHandle(workflowId, runId);
  const ids = new Set<string>();
  try {
    collectKeyIds(await historyOf(temporal, { workflowId, runId }), ids);
    const { raw } = await handle.describe();
    collectKeyIds(raw.pendingActivities, ids);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error; // deleted meanwhile: it needs no key
  }
  return ids;
}

function collectKeyIds(value: unknown, ids: Set<string>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  for (const [name, child] of Object.entries(value)) {
    if (name === KEY_ID && ArrayBuffer.isView(child))
      ids.add(Buffer.from(child.buffer, child.byteOffset, child.byteLength).toString());
    else collectKeyIds(child, ids);
  }
}

async function* runsWhere(temporal: Client, query: string): AsyncIterable<Run> {
  for await (const listed of temporal.workflow.list({ query })) yield runFrom(listed);
}

function runFrom(described: {
  readonly workflowId: string;
  readonly runId: string;
  readonly status: { readonly name: string };
  readonly startTime: Date;
  readonly closeTime?: Date;
}): Run {
  const { workflowId, runId, status, startTime, closeTime } = described;
  const open = status.name === 'RUNNING';
  return { workflowId, runId, open, startedAt: startTime, ...(closeTime && { closedAt: closeTime }) };
}
