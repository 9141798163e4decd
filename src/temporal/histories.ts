/**
 * The runs that the server keeps of our workflows, and the keys of their histories. Deletion means that the server
 * no longer has a run; it does not reach copies of the database.
 */
import type { Client } from '@temporalio/client';
import { type Payload, WorkflowNotFoundError } from '@temporalio/common';
import { type google, temporal as proto } from '@temporalio/proto';
import { KEY_ID } from '../encryption/payload-codec';
import { isEndCode } from '../request/handling';
import { isChildWorkflow, WORKFLOW_NAMES } from '../request/names';
import { sideBySide } from '../side-by-side';
import { grpcErrorOf, NOT_FOUND } from './grpc-status';
import { quoted } from './list-filter';

const { HistoryEventFilterType, WorkflowExecutionStatus } = proto.api.enums.v1;
const OPEN = new Set([
  WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
  WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
]);
const DESCRIBED_AT_ONCE = 8;

export interface RunId {
  readonly workflowId: string;
  readonly runId: string;
}

export interface Run extends RunId {
  readonly type: string;
  readonly taskQueue: string;
  /** A paused run is open too. */
  readonly open: boolean;
  readonly startedAt: Date;
  /** Only of a run that is closed. */
  readonly closedAt?: Date;
  /** The run that a reset began with; only of a run that was read by itself. */
  readonly firstRunId?: string;
  /** The run that started it as its child: the server's word, no starter can set it. */
  readonly parent?: RunId;
}

/** Runs of ours on one task queue; `condition` narrows them, in the syntax of Temporal's list filters. */
export function ourRuns(temporal: Client, taskQueue: string, condition?: string): AsyncIterable<Run> {
  return runsWhere(temporal, [ours(taskQueue), ...(condition === undefined ? [] : [condition])]);
}

async function* runsWhere(temporal: Client, conditions: readonly string[]): AsyncIterable<Run> {
  for (let page: RunPage | undefined; page === undefined || page.next !== undefined; ) {
    page = await runPage(temporal, conditions, page?.next);
    yield* page.runs;
  }
}

export interface RunPage {
  readonly runs: readonly Run[];
  /** Where the next page begins; undefined after the last one. Runs that are deleted meanwhile do not move it. */
  readonly next?: string;
}

/** A page of our runs that closed within a time, the latest first. */
export function closedRuns(
  temporal: Client,
  taskQueue: string,
  { from, to, types = WORKFLOW_NAMES, max }: ClosedWithin,
  page?: string,
): Promise<RunPage> {
  const since = from === undefined ? [] : [`CloseTime >= '${from.toISOString()}'`];
  return runPage(temporal, [ours(taskQueue, types), ...since, `CloseTime <= '${to.toISOString()}'`], page, max);
}

/** A page of our runs, the latest first; `condition` as above. */
export function ourRunPage(
  temporal: Client,
  taskQueue: string,
  condition: string,
  { page, size }: { readonly page: string | undefined; readonly size: number },
): Promise<RunPage> {
  return runPage(temporal, [ours(taskQueue), condition], page, size);
}

interface ClosedWithin {
  readonly from?: Date | undefined;
  readonly to: Date;
  readonly types?: readonly string[];
  /** Runs of a page. */
  readonly max: number;
}

function ours(taskQueue: string, types: readonly string[] = WORKFLOW_NAMES): string {
  return `TaskQueue = ${quoted(taskQueue)} AND WorkflowType IN (${types.map(quoted).join(', ')})`;
}

const PAGE_SIZE = 100;

async function runPage(temporal: Client, conditions: readonly string[], page = '', max = PAGE_SIZE): Promise<RunPage> {
  const { executions, nextPageToken } = await temporal.workflowService.listWorkflowExecutions({
    namespace: temporal.options.namespace,
    query: conditions.map(condition => `(${condition})`).join(' AND '),
    pageSize: max,
    nextPageToken: Buffer.from(page, 'base64'),
  });
  const runs = (executions ?? []).map(runFrom);
  return nextPageToken?.length ? { runs, next: Buffer.from(nextPageToken).toString('base64') } : { runs };
}

/** The runs that the history of a run names as its children, as far as the server has them. */
export async function childrenOf(temporal: Client, run: Run): Promise<Run[]> {
  const started = childrenIn((await historyOf(temporal, run)) ?? {});
  const found = await runsFrom(temporal, started);
  return found.filter(child => isChildWorkflow(child.type) && child.taskQueue === run.taskQueue);
}

/** The runs that this run started as children. */
export function childrenIn({ events }: proto.api.history.v1.IHistory): RunId[] {
  return (events ?? []).flatMap(event => {
    const { workflowId, runId } = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution ?? {};
    return workflowId && runId ? [{ workflowId, runId }] : [];
  });
}

/**
 * All runs of one workflow id, whoever started them, each read by itself. The newest and the `known` one are always there; others
 * may be missing for a second.
 * @param workflowId of a request: safe text in a filter
 */
export async function runsAt(temporal: Client, workflowId: string, known?: string): Promise<Run[]> {
  const ids = new Set([known, undefined]);
  for await (const { runId } of runsWhere(temporal, [`WorkflowId = ${quoted(workflowId)}`])) ids.add(runId);
  const runs = await runsFrom(
    temporal,
    [...ids].map(runId => ({ workflowId, runId })),
  );
  return [...new Map(runs.map(run => [run.runId, run])).values()];
}

/** Those that the server has. */
async function runsFrom(
  temporal: Client,
  ids: readonly { readonly workflowId: string; readonly runId: string | undefined }[],
): Promise<Run[]> {
  const found = await sideBySide(ids, DESCRIBED_AT_ONCE, ({ workflowId, runId }) => runAt(temporal, workflowId, runId));
  return found.flatMap(run => run ?? []);
}

/** The newest run of a workflow id, or the one named; undefined if the server has none. */
export async function runAt(temporal: Client, workflowId: string, runId?: string): Promise<Run | undefined> {
  try {
    const described = await temporal.workflowService.describeWorkflowExecution({
      namespace: temporal.options.namespace,
      execution: { workflowId, runId: runId ?? null },
    });
    return runFrom(described.workflowExecutionInfo ?? {});
  } catch (error) {
    if (grpcErrorOf(error)?.code === NOT_FOUND) return undefined;
    throw error;
  }
}

/** What nothing changes later: how a run was started. Its starter may have sent anything. */
export interface Start {
  readonly type: string;
  readonly taskQueue: string;
  readonly input: readonly Payload[];
}

/** Undefined if the server has deleted it. */
export async function startOf(temporal: Client, { workflowId, runId }: RunId): Promise<Start | undefined> {
  try {
    const { history } = await temporal.workflowService.getWorkflowExecutionHistory({
      namespace: temporal.options.namespace,
      execution: { workflowId, runId },
      maximumPageSize: 1,
    });
    const { workflowType, taskQueue, input } = history?.events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
    return { type: workflowType?.name ?? '', taskQueue: taskQueue?.name ?? '', input: input?.payloads ?? [] };
  } catch (error) {
    if (grpcErrorOf(error)?.code === NOT_FOUND) return undefined;
    throw error;
  }
}

/** Undefined if the server has deleted it. */
export async function historyOf(
  temporal: Client,
  { workflowId, runId }: RunId,
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
  // The failure of a step is the cause of that of its run.
  const { applicationFailureInfo, cause } = last?.workflowExecutionFailedEventAttributes?.failure ?? {};
  const type = (applicationFailureInfo ?? cause?.applicationFailureInfo)?.type ?? '';
  return isEndCode(type) ? type : 'request-failed';
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

function runFrom(info: proto.api.workflow.v1.IWorkflowExecutionInfo): Run {
  const { execution, type, taskQueue, status, startTime, closeTime, firstRunId, parentExecution } = info;
  const { workflowId, runId } = parentExecution ?? {};
  const closedAt = dateOf(closeTime);
  return {
    workflowId: execution?.workflowId ?? '',
    runId: execution?.runId ?? '',
    type: type?.name ?? '',
    taskQueue: taskQueue ?? '',
    open: OPEN.has(status ?? 0),
    startedAt: dateOf(startTime) ?? new Date(Number.NaN),
    ...(closedAt && { closedAt }),
    ...(firstRunId && { firstRunId }),
    ...(workflowId && runId && { parent: { workflowId, runId } }),
  };
}

const MS_PER_SECOND = 1_000;
const NS_PER_MS = 1_000_000;

function dateOf(time: google.protobuf.ITimestamp | null | undefined): Date | undefined {
  const seconds = Number(time?.seconds ?? 0);
  return seconds > 0 ? new Date(seconds * MS_PER_SECOND + Math.floor((time?.nanos ?? 0) / NS_PER_MS)) : undefined;
}
