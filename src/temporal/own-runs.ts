/**
 * Which runs of a workflow id belong to its request. Anybody who reaches the server can start a run under any id, so the id
 * proves nothing: workflow type, task queue and an input that our key opens and that names the request do.
 */
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { KeyringError } from '../encryption/key-file';
import type { Keyring } from '../encryption/keyring';
import { createPayloadCodec, PayloadBroken } from '../encryption/payload-codec';
import { type RequestRef, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import { type Run, type RunId, runsAt, type Start, startOf } from './histories';

export interface OwnRuns {
  /** Of the request's workflow type, on the service's task queue. */
  readonly own: readonly Run[];
  /** The others under its id. */
  readonly foreign: readonly Run[];
}

/** @param known the run of its record, if it has one: found even if the server does not list it yet */
export async function runsOf(
  temporal: Client,
  taskQueue: string,
  request: RequestRef,
  known?: string,
): Promise<OwnRuns> {
  const runs = await runsAt(temporal, workflowIdOf(request), known);
  const isOwn = (run: Run) => isServed(run, taskQueue, request);
  return { own: runs.filter(isOwn), foreign: runs.filter(run => !isOwn(run)) };
}

/** Whether a run has the type and the queue of the request. */
function isServed(run: Pick<Run, 'type' | 'taskQueue'>, taskQueue: string, { kind }: RequestRef): boolean {
  return run.type === WORKFLOW_TYPES[kind] && run.taskQueue === taskQueue;
}

/** Whether the input of a run names a request; `locked`: this process lacks its key. */
export type Naming = 'named' | 'not-named' | 'locked';

/** Whether the input of a run names this request. */
export async function namingOf(temporal: Client, keyring: Keyring, run: RunId, request: RequestRef): Promise<Naming> {
  const start = await startOf(temporal, run);
  const input = start && (await inputNaming(keyring, start, request));
  if (input === undefined) return 'not-named';
  return input === 'locked' ? input : 'named';
}

/** The input of a run if it belongs to the request; `locked`: it may, and this process lacks the key of its input. */
export async function ownInput(
  temporal: Client,
  keyring: Keyring,
  { run, taskQueue, request }: { readonly run: RunId; readonly taskQueue: string; readonly request: RequestRef },
): Promise<object | 'locked' | undefined> {
  const start = await startOf(temporal, run);
  return start && isServed(start, taskQueue, request) ? inputNaming(keyring, start, request) : undefined;
}

async function inputNaming(
  keyring: Keyring,
  { input: payloads }: Start,
  { kind, connection, requestId }: RequestRef,
): Promise<object | 'locked' | undefined> {
  if (payloads.length !== 1) return undefined;
  try {
    const [plain = {}] = await createPayloadCodec(keyring).decode([...payloads]);
    const input: unknown = defaultPayloadConverter.fromPayload(plain);
    if (typeof input !== 'object' || input === null) return undefined;
    const given = new Map<string, unknown>(Object.entries(input));
    const isNamed =
      given.get('kind') === kind && given.get('connection') === connection && given.get('requestId') === requestId;
    return isNamed ? input : undefined;
  } catch (error) {
    const isLocked =
      (error instanceof KeyringError && error.code === 'unknown-key') ||
      (error instanceof PayloadBroken && error.code === 'wrong-key');
    return isLocked ? 'locked' : undefined;
  }
}

/** Whether the record is of this run, or of the run that it was before a reset. */
export function isRunOf({ runId }: { readonly runId: string }, run: Run): boolean {
  return run.runId === runId || run.firstRunId === runId;
}

/** An open one if there is one, else the one that started last. */
export function latestOf(runs: readonly Run[]): Run | undefined {
  return [...runs].sort(
    (one, other) => Number(other.open) - Number(one.open) || other.startedAt.getTime() - one.startedAt.getTime(),
  )[0];
}
