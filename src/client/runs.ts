/**
 * Reads a request: its record in the vault, if that is available and states its end, else its own run on the Temporal server.
 * Runs that others started under its id count for nothing, and of its own run only an answer that names the request.
 */
import {
  type Client,
  QueryNotRegisteredError,
  QueryRejectedError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Keyring } from '../encryption/keyring';
import { PayloadBroken } from '../encryption/payload-codec';
import { readResult, readStatus } from '../request/answers';
import type { Asked } from '../request/asked';
import { isEndCode } from '../request/handling';
import type { RequestResult, RequestStatus } from '../request/model';
import { type RequestRef, workflowIdOf } from '../request/names';
import { grpcErrorOf, NOT_FOUND } from '../temporal/grpc-status';
import type { RunId } from '../temporal/histories';
import { ownInput, runsOf } from '../temporal/own-runs';
import { DsrError, foreign, notFound, unusable } from './errors';

/** The newest own run of a request. */
export interface OwnRun {
  readonly run: WorkflowExecutionDescription;
  readonly isOpen: boolean;
}

export interface Runs {
  /** Undefined if the server has no run of that id; `foreign`: it has only runs of others. @throws {DsrError} `unknown-key` */
  newest(request: RequestRef): Promise<OwnRun | 'foreign' | undefined>;
  /** The input of a run if it is the request's own. */
  inputOf(request: RequestRef, runId: string): Promise<object | 'locked' | undefined>;
  /** Its end by the vault, or its run. @throws {DsrError} `not-found`, `unknown-key` */
  find(request: RequestRef): Promise<{ readonly result: RequestResult } | OwnRun>;
  /** The record of a request that has ended. */
  ended(request: RequestRef): Promise<(KnownRecord & { readonly result: RequestResult }) | undefined>;
  /** Waits for the end of a run. @throws {DsrError} `payload-unusable`, or why it ended without a result */
  resultOf(request: RequestRef, runId: string): Promise<RequestResult>;
  /**
   * The run's answer to the query `status`; undefined before its first step, `nobody` if no worker answers.
   * @throws {DsrError} `payload-unusable`
   */
  query(request: RequestRef, runId: string): Promise<RequestStatus | 'nobody' | undefined>;
}

/** What the client uses of the record of a request. */
export interface KnownRecord extends Asked {
  readonly runId: string;
  readonly result?: RequestResult;
}

export type RecordOf = (request: RequestRef) => Promise<KnownRecord | undefined>;

/** Runs whose input is remembered. */
const REMEMBERED_MAX = 10_000;

export function createRuns(
  temporal: Client,
  {
    keyring,
    taskQueue,
    recordOf,
  }: { readonly keyring: Keyring; readonly taskQueue: string; readonly recordOf: RecordOf },
): Runs {
  const { workflow } = temporal;
  /** By run id: a start never changes. */
  const inputs = new Map<string, object | undefined>();

  async function describe({ workflowId, runId }: Partial<RunId> & { workflowId: string }) {
    try {
      return await workflow.getHandle(workflowId, runId).describe();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  async function endOf(
    request: RequestRef,
    runId: string,
  ): Promise<{ readonly result: RequestResult } | { readonly without: DsrError }> {
    const workflowId = workflowIdOf(request);
    try {
      const result = readResult(await workflow.getHandle(workflowId, runId).result(), request);
      return result === undefined ? { without: unusable(request, 'The result') } : { result };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { without: notFound(workflowId) };
      if (error instanceof WorkflowFailedError) return { without: withoutResult(workflowId, error) };
      if (error instanceof PayloadBroken) return { without: unusable(request, 'The result') };
      throw error;
    }
  }

  const runs: Runs = {
    async newest(request) {
      const workflowId = workflowIdOf(request);
      const newest = await describe({ workflowId });
      if (newest === undefined) return undefined;
      const input = await runs.inputOf(request, newest.runId);
      if (typeof input === 'object') return ownRun(newest);
      let isLocked = input === 'locked';
      const { own } = await runsOf(temporal, taskQueue, request);
      for (const { runId } of own.toSorted((one, other) => other.startedAt.getTime() - one.startedAt.getTime())) {
        const before = await runs.inputOf(request, runId);
        isLocked ||= before === 'locked';
        const run = typeof before === 'object' ? await describe({ workflowId, runId }) : undefined;
        if (run !== undefined) return ownRun(run);
      }
      if (isLocked) throw locked(workflowId);
      return 'foreign';
    },
    async inputOf(request, runId) {
      if (inputs.has(runId)) return inputs.get(runId);
      const run = { workflowId: workflowIdOf(request), runId };
      const input = await ownInput(temporal, keyring, { run, taskQueue, request });
      if (input === 'locked') return input; // the key may come
      inputs.set(runId, input);
      const [oldest = ''] = inputs.keys();
      if (inputs.size > REMEMBERED_MAX) inputs.delete(oldest);
      return input;
    },
    async find(request) {
      const { record, broken } = await recordOf(request).then(
        found => ({ record: found, broken: undefined }),
        (error: unknown) => ({ record: undefined, broken: { error } }),
      );
      const workflowId = workflowIdOf(request);
      if (record?.result !== undefined) {
        // Its own run may still be about to issue the receipt.
        const closing = await describe({ workflowId });
        const isClosing = closing?.runId === record.runId && isOpenRunOf(record, closing);
        return isClosing ? ownRun(closing) : { result: record.result };
      }
      const newest = await runs.newest(request);
      if (typeof newest === 'object') return newest; // whatever the vault has
      if (broken !== undefined) throw broken.error;
      throw newest === 'foreign' ? foreign(workflowId) : notFound(workflowId);
    },
    async ended(request) {
      const record = await recordOf(request);
      return record?.result && { ...record, result: record.result };
    },
    async resultOf(request, runId) {
      const end = await endOf(request, runId);
      if ('result' in end) return end.result;
      // The record may state an end all the same; a reset terminates a run, and another one goes on with its request.
      const next = await runs.find(request);
      if ('result' in next) return next.result;
      if (next.run.runId !== runId) return runs.resultOf(request, next.run.runId);
      throw end.without;
    },
    async query(request, runId) {
      const handle = workflow.getHandle(workflowIdOf(request), runId);
      let answer: unknown;
      try {
        answer = await handle.query('status');
      } catch (error) {
        if (error instanceof QueryNotRegisteredError || error instanceof QueryRejectedError) return undefined;
        const code = grpcErrorOf(error)?.code;
        if (error instanceof PayloadBroken) throw unusable(request, 'The status');
        if (code === undefined) throw error;
        // No worker polls, none answered in time, or the server gave up. The code does not matter: nobody answered.
        return code === NOT_FOUND ? undefined : 'nobody';
      }
      const status = readStatus(answer, request);
      if (status === undefined) throw unusable(request, 'The status');
      return status;
    },
  };
  return runs;
}

function ownRun(run: WorkflowExecutionDescription): OwnRun {
  return { run, isOpen: run.closeTime === undefined };
}

function locked(workflowId: string): DsrError {
  return new DsrError(
    'unknown-key',
    `The key file does not hold the key that the input of ${workflowId} was encrypted with, or another one of the same id. Copy or export the key file again.`,
  );
}

/** Also one that was reset: it keeps the run id that it began with. */
function isOpenRunOf(
  { runId }: KnownRecord,
  { runId: present, closeTime, raw }: WorkflowExecutionDescription,
): boolean {
  return closeTime === undefined && [present, raw.workflowExecutionInfo?.firstRunId].includes(runId);
}

function withoutResult(workflowId: string, { cause }: WorkflowFailedError): DsrError {
  if (cause instanceof ApplicationFailure && isEndCode(cause.type ?? ''))
    return new DsrError(cause.type ?? '', cause.message);
  return new DsrError(
    'request-failed',
    `Request ${workflowId} ended without a result (${cause?.name ?? 'unknown'}). See it in the Temporal Web UI.`,
  );
}
