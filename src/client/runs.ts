/** Reads the run of a request from the Temporal server, and from the vault if it is available. */
import {
  type Client,
  QueryNotRegisteredError,
  QueryRejectedError,
  type WorkflowExecutionDescription,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { RequestResult, RequestStatus } from '../request/model';
import { type RequestRef, requestOf } from '../request/names';
import { grpcErrorOf, NOT_FOUND } from '../temporal/grpc-status';
import { isNotFound, notFound } from './errors';

export interface Runs {
  /** @throws {DsrError} `not-found` */
  describe(workflowId: string): Promise<WorkflowExecutionDescription>;
  /** The run, or the result of one that the server has deleted. @throws {DsrError} `not-found` */
  find(
    workflowId: string,
  ): Promise<{ readonly run: WorkflowExecutionDescription } | { readonly result: RequestResult }>;
  /** Undefined if the server has no run of that id. */
  idOf(workflowId: string): Promise<string | undefined>;
  /** The vault's result of a request whose history is deleted. */
  recorded(workflowId: string): Promise<RequestResult | undefined>;
  /** The run's answer to the query `status`; undefined before its first step, `nobody` if no worker answers. */
  query(workflowId: string): Promise<RequestStatus | 'nobody' | undefined>;
}

export type RecordOf = (request: RequestRef) => Promise<{ readonly result?: RequestResult } | undefined>;

export const ANSWERED_WITHIN_MS = 10_000;

export function createRuns({ workflow, connection: server }: Client, recordOf: RecordOf): Runs {
  const runs: Runs = {
    async describe(workflowId) {
      try {
        return await workflow.getHandle(workflowId).describe();
      } catch (error) {
        throw error instanceof WorkflowNotFoundError ? notFound(workflowId) : error;
      }
    },
    async find(workflowId) {
      try {
        return { run: await runs.describe(workflowId) };
      } catch (error) {
        const result = isNotFound(error) ? await runs.recorded(workflowId) : undefined;
        if (result === undefined) throw error;
        return { result };
      }
    },
    async idOf(workflowId) {
      try {
        return (await runs.describe(workflowId)).runId;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async recorded(workflowId) {
      const request = requestOf(workflowId);
      return request && (await recordOf(request))?.result;
    },
    async query(workflowId) {
      try {
        return await server.withDeadline(Date.now() + ANSWERED_WITHIN_MS, () =>
          workflow.getHandle(workflowId).query<RequestStatus>('status'),
        );
      } catch (error) {
        if (error instanceof QueryNotRegisteredError || error instanceof QueryRejectedError) return undefined;
        const code = grpcErrorOf(error)?.code;
        if (code === undefined) throw error;
        // No worker polls, none answered in time, or the server gave up. The code does not matter: nobody answered.
        return code === NOT_FOUND ? undefined : 'nobody';
      }
    },
  };
  return runs;
}
