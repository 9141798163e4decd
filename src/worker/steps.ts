/** The steps of this process, with their counters and log lines. */
import type { Client } from '@temporalio/client';
import { createActivities } from '../activities';
import type { Alarms } from '../activities/closing';
import { createGates } from '../activities/gates';
import { createServerTime } from '../activities/server-time';
import type { AircallClient } from '../aircall/client';
import type { Log } from '../log';
import type { MediaClient } from '../media/client';
import type { Parts } from '../parts';
import type { ApiActivities, LocalActivities } from '../request/contracts';
import { type RequestRef, workflowIdOf } from '../request/names';
import type { WaitDelays } from '../request/waits';
import { runAt, runsAt } from '../temporal/histories';
import { isRunOf } from '../temporal/own-runs';
import type { Permits } from '../temporal/permits';
import { signalNews } from '../temporal/waiting';
import type { Metrics } from './metrics';
import type { Tracing } from './tracing';

export interface StepsOptions {
  readonly parts: Parts;
  /** Digest of the workflows of this process. */
  readonly workflows: string;
  readonly aircall: AircallClient;
  readonly media: MediaClient;
  readonly alarms: Alarms;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  readonly permits: Permits;
  /** Called after a 429, which may have named a lower limit. */
  readonly onNewLimit: (connection: string) => void;
  readonly waitDelays: WaitDelays | undefined;
  readonly log: Log;
}

export function createSteps(options: StepsOptions): { readonly api: ApiActivities; readonly local: LocalActivities } {
  const { parts, workflows, aircall, media, alarms, metrics, tracing, permits, onNewLimit, waitDelays, log } = options;
  const { temporal, keyring, connections, cases, approvers, brake, receipts } = parts;
  return createActivities({
    alarms,
    connections,
    cases,
    approvers,
    brake,
    receipts,
    workflows,
    aircall,
    media,
    signingKey: keyring.signingKey,
    gates: createGates(),
    takePermit: permits.take,
    onAnswer: (connection, answer) => metrics.add('aircall_dsr_api_requests_total', { connection, answer }, 1),
    async onRateLimit(connection, { limitPerMinute }) {
      await connections.noteRateLimit(connection, new Date(), limitPerMinute);
      onNewLimit(connection);
    },
    hash: keyring.hash,
    serverTime: createServerTime(elapsedMs),
    elapsedMs,
    random: Math.random,
    isOpen: (request, runId) => isOpen(temporal, request, runId),
    isKnown: (request, runId) => isKnown(temporal, request, runId),
    wake: request =>
      temporal.connection.withDeadline(Date.now() + SIGNALED_WITHIN_MS, () =>
        signalNews(temporal, workflowIdOf(request)),
      ),
    waitDelays,
    onRefused: connection =>
      log({
        level: 'error',
        message: `Aircall refuses its credentials; its requests wait until you run \`aircall-dsr connect ${connection}\``,
        connection,
        code: 'unauthorized',
      }),
    onEnded(request, result) {
      const { connection, kind } = request;
      const { status, verification } = result;
      tracing?.ended(request, result);
      if (status !== 'purged') metrics.add('aircall_dsr_requests_ended_total', { kind, status }, 1);
      if (verification?.state === 'residual') metrics.add('aircall_dsr_deletions_residual_total', { connection }, 1);
    },
  });
}

/** Less than a step has that is taken within the workflow task. */
const SIGNALED_WITHIN_MS = 2_000;

const elapsedMs = () => performance.now();

async function isOpen(temporal: Client, request: RequestRef, runId: string): Promise<boolean> {
  const newest = await runAt(temporal, workflowIdOf(request));
  return newest?.open === true && isRunOf({ runId }, newest);
}

async function isKnown(temporal: Client, request: RequestRef, runId: string): Promise<boolean> {
  const runs = await runsAt(temporal, workflowIdOf(request), runId);
  return runs.some(run => isRunOf({ runId }, run));
}
