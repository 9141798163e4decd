/**
 * Which runs of a workflow id belong to its request. Anybody who reaches the server can start a run under any id, so the id
 * proves nothing: workflow type, task queue and an input that our key opens and that names the request do.
 */
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { KeyringError } from '../encryption/key-file';
import type { Keyring } from '../encryption/keyring';
import { createPayloadCodec, PayloadBroken } from '../encryption/payload-codec';
import { type RequestRef, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import { grpcErrorOf, NOT_FOUND } from './grpc-status';
import { argumentsOf, type Run, type RunId, runsAt } from './histories';

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
  const isOwn = (run: Run) => run.type === WORKFLOW_TYPES[request.kind] && run.taskQueue === taskQueue;
  return { own: runs.filter(isOwn), foreign: runs.filter(run => !isOwn(run)) };
}

/** Whether the input of a run names a request; `locked`: this process lacks its key. */
export type Naming = 'named' | 'not-named' | 'locked';

/** Whether the input of a run names this request. */
export async function namingOf(
  temporal: Client,
  keyring: Keyring,
  run: RunId,
  { kind, connection, requestId }: RequestRef,
): Promise<Naming> {
  const payload = await inputOf(temporal, run);
  if (payload === undefined) return 'not-named';
  try {
    const [plain = {}] = await createPayloadCodec(keyring).decode([payload]);
    const input: unknown = defaultPayloadConverter.fromPayload(plain);
    if (typeof input !== 'object' || input === null) return 'not-named';
    const given = new Map<string, unknown>(Object.entries(input));
    const isNamed =
      given.get('kind') === kind && given.get('connection') === connection && given.get('requestId') === requestId;
    return isNamed ? 'named' : 'not-named';
  } catch (error) {
    const isLocked =
      (error instanceof KeyringError && error.code === 'unknown-key') ||
      (error instanceof PayloadBroken && error.code === 'wrong-key');
    return isLocked ? 'locked' : 'not-named';
  }
}

/** The only argument of a run; undefined if it has none or several, or the server has deleted it. */
async function inputOf(temporal: Client, run: RunId): Promise<Payload | undefined> {
  try {
    const payloads = await argumentsOf(temporal, run);
    return payloads.length === 1 ? payloads[0] : undefined;
  } catch (error) {
    if (grpcErrorOf(error)?.code === NOT_FOUND) return undefined;
    throw error;
  }
}
