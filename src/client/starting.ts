/** Starts a request: once for each request id, also if several clients start it. Decision D12. */
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Keyring } from '../encryption/keyring';
import { createPayloadCodec } from '../encryption/payload-codec';
import { foldEmail } from '../matching/addresses';
import type { Inputs } from '../request/input';
import { type Kind, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import { SEARCH_KEYS } from '../request/search-keys';
import { subjectHashOf } from '../request/subject-hash';
import { grpcErrorOf, INVALID_ARGUMENT } from '../temporal/grpc-status';
import { argumentsOf } from '../temporal/histories';
import { ensureSearchAttributes } from '../temporal/search-attributes';
import { DsrError } from './errors';
import type { Runs } from './runs';

/** A run of a request, just started or started before. */
export interface RunOfRequest {
  readonly requestId: string;
  readonly workflowId: string;
  readonly runId: string;
}

/** The input of a run that was started before. Its starter may have sent anything. */
export type InputBefore = Partial<Omit<Inputs['deletion'], 'kind'>> | undefined;

export interface Starting {
  /** Starts the run, or finds the one that has this id already. */
  startOnce(kind: Kind, input: Inputs[Kind]): Promise<RunOfRequest>;
  /** @returns the input of the run. @throws {DsrError} `request-conflict` */
  refuseConflict(run: RunOfRequest, now: Inputs[Kind]): Promise<InputBefore>;
}

/** A single request has the server's default, 3. */
const BATCH_PRIORITY_KEY = 4;

export function createStarting(temporal: Client, keyring: Keyring, taskQueue: string, runs: Runs): Starting {
  const { workflow, connection: server, options } = temporal;
  const codec = createPayloadCodec(keyring);

  async function begin(kind: Kind, input: Inputs[Kind]): Promise<RunOfRequest> {
    const { requestId, connection, priority } = input;
    const workflowId = workflowIdOf({ connection, kind, requestId });
    const { firstExecutionRunId } = await workflow.start(WORKFLOW_TYPES[kind], {
      workflowId,
      taskQueue,
      staticSummary: summaryOf(kind, requestId, connection),
      args: [input],
      // Its workflow tasks and vault steps too run after those of single requests. Its API steps set their own priority.
      ...(priority === 'batch' && { priority: { priorityKey: BATCH_PRIORITY_KEY } }),
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      typedSearchAttributes: [
        { key: SEARCH_KEYS.kind, value: kind },
        { key: SEARCH_KEYS.connection, value: connection },
        { key: SEARCH_KEYS.status, value: 'running' },
        { key: SEARCH_KEYS.subject, value: subjectHashOf(keyring.hash, { connection, email: input.subject.email }) },
      ],
    });
    return { requestId, workflowId, runId: firstExecutionRunId };
  }

  /** The input of a run; undefined if it cannot be read. */
  async function inputOf(run: RunOfRequest): Promise<InputBefore> {
    const sent = await argumentsOf(temporal, run);
    try {
      const [payload] = await codec.decode([...sent]);
      const input: unknown = payload && defaultPayloadConverter.fromPayload(payload);
      return typeof input === 'object' && input !== null ? input : undefined;
    } catch {
      return undefined; // another key, or no JSON: its run ends, or has ended, as invalid-input
    }
  }

  return {
    async startOnce(kind, input) {
      try {
        return await begin(kind, input);
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) {
          const { requestId, connection } = input;
          const workflowId = workflowIdOf({ connection, kind, requestId });
          return { requestId, workflowId, runId: (await runs.describe(workflowId)).runId };
        }
        // A server that no worker has prepared yet does not know our search attributes.
        if (grpcErrorOf(error)?.code !== INVALID_ARGUMENT) throw error;
        await ensureSearchAttributes(server, options.namespace);
        return begin(kind, input);
      }
    },
    async refuseConflict(run, now) {
      const before = await inputOf(run);
      const used = usedFor(before, now);
      if (used === undefined) return before;
      throw new DsrError('request-conflict', `Request id ${now.requestId} was used for ${used}. Choose a new one.`);
    },
  };
}

/** The earlier use of a request id, if it differs from the present one; undefined if it is the same request. */
export function usedFor(before: InputBefore, now: Inputs[Kind]): string | undefined {
  const emailBefore = before?.subject?.email;
  if (typeof emailBefore !== 'string') return 'an unreadable input, so its run ends as invalid-input';
  if (foldEmail(emailBefore) !== foldEmail(now.subject.email)) return 'another subject';
  const dryRun = 'dryRun' in now && now.dryRun === true;
  if ((before?.dryRun ?? false) !== dryRun) return dryRun ? 'a request that is no dry run' : 'a dry run';
  return undefined;
}

/** The line at the top of the run in the Web UI. */
function summaryOf(kind: Kind, requestId: string, connection: string): string {
  return `${kind === 'access' ? 'Access request' : 'Deletion'} ${requestId} of ${connection}`;
}
