/** What tests ask of a request that ended: its package, its API attempts in the history, the sandbox's log of it. */
import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import type { CallRecord, SandboxCompany } from '../../sandbox';
import type { RequestResult, Started } from '../../src/client';
import { type AccessPackage, accessPackageSchema } from '../../src/package/document';
import type { TestService } from './service';
import { unzip } from './zip';

/** The document of an access package, which must fit its published schema. */
export async function documentOf(service: TestService, result: RequestResult): Promise<AccessPackage> {
  if (result.package === undefined) throw new Error(`the request ended as ${result.status} and has no package`);
  const files = await unzip(await service.packageOf(result));
  return accessPackageSchema.parse(JSON.parse(files.get('access-package.json') ?? ''));
}

export function idsOf(records: readonly { readonly id: number }[]): number[] {
  return sorted(records.map(({ id }) => id));
}

export function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** The events of a run, and those of its children. */
export async function eventsOf(client: Client, workflowId: string): Promise<temporal.api.history.v1.IHistoryEvent[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const own = events ?? [];
  const children = own.flatMap(
    event => event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
  );
  const theirs = await Promise.all(children.map(child => eventsOf(client, child)));
  return [...own, ...theirs.flat()];
}

/** Attempts of API steps, each of which may send one API request at most. */
export async function apiAttempts(client: Client, workflowId: string): Promise<number> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  let attempts = 0;
  const onApiQueue = new Set<string>();
  for (const event of events ?? []) {
    const queue = event.activityTaskScheduledEventAttributes?.taskQueue?.name;
    if (queue?.includes('/')) onApiQueue.add(String(event.eventId));
    const started = event.activityTaskStartedEventAttributes;
    if (started && onApiQueue.has(String(started.scheduledEventId))) attempts += started.attempt ?? 0;
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId;
    if (child) attempts += await apiAttempts(client, child);
  }
  return attempts;
}

/** A request that ended, and how many API requests its company had got before it. */
export interface Ended {
  readonly company: SandboxCompany;
  readonly requestsBefore: number;
  readonly workflowId: string;
  readonly result: RequestResult;
}

/** Starts a request and waits for its end, while nothing else asks its company. */
export async function runToEnd(
  { client }: TestService,
  company: SandboxCompany,
  start: () => Promise<Started>,
): Promise<Ended> {
  const requestsBefore = company.requests().length;
  const { workflowId } = await start();
  return { company, requestsBefore, workflowId, result: await client.result(workflowId) };
}

/** The result tells each API request that Aircall got, and each was an attempt of its own. */
export async function expectHonestCounts(
  { temporal }: TestService,
  { company, requestsBefore, workflowId, result }: Ended,
): Promise<void> {
  const sent = company.requests().length - requestsBefore;
  expect(sent).toBeGreaterThan(0);
  expect(result.apiRequests).toBe(sent);
  expect(await apiAttempts(temporal, workflowId)).toBeGreaterThanOrEqual(sent);
}

/** A finished call with somebody who is no contact. */
export function callOf(party: string, startedAt: number): CallRecord {
  return {
    id: startedAt,
    direction: 'inbound',
    started_at: startedAt,
    answered_at: startedAt + 5,
    ended_at: startedAt + 65,
    missed_call_reason: null,
    raw_digits: party,
    archived: false,
    recording: false,
    voicemail: false,
    contactId: null,
    userId: null,
    lineId: 0,
    comments: [],
    tagIds: [],
  };
}

/** What the Web UI shows of a run. */
export async function detailsOf(temporal: Client, workflowId: string): Promise<string> {
  const { currentDetails } = await temporal.workflow
    .getHandle(workflowId)
    .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return currentDetails ?? '';
}
