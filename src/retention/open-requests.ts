/**
 * Which requests are open. An open run under the id of a request proves nothing: anybody who reaches the server can start one. The
 * record of the request, and an input that our key opens and that names the request, do.
 */
import type { Client } from '@temporalio/client';
import type { Keyring } from '../encryption/keyring';
import { type RequestRef, requestOf, WORKFLOW_TYPES } from '../request/names';
import { sideBySide } from '../side-by-side';
import type { Run } from '../temporal/histories';
import { isRunOf, namingOf, runsOf } from '../temporal/own-runs';
import { openRuns } from '../temporal/waiting';
import { type Cases, hasEnded, type RequestRecord } from '../vault/cases';
import type { Receipts } from '../vault/receipts';

interface Known {
  readonly temporal: Client;
  readonly keyring: Keyring;
  readonly receipts: Pick<Receipts, 'newestOf'>;
}

const AT_ONCE = 16;

/**
 * Whether a request has an open run that may still add to it: its own, or, before it has a record, one whose input names it.
 * @param own the runs under its id that are of its type and queue
 */
export async function goesOn(
  known: Known,
  request: RequestRef,
  record: RequestRecord | undefined,
  own: readonly Run[],
  whenLocked = false,
): Promise<boolean> {
  const run = own.find(({ open }) => open); // an id has one open run at most
  if (run === undefined) return false;
  if (record === undefined) return isOfUnrecorded(known, request, run, whenLocked);
  if (isRunOf(record, run)) return true;
  // Of a request that has ended, another run is answered or refused. One whose run the server has lost, it may take over.
  if (hasEnded(record) || own.some(each => isRunOf(record, each))) return false;
  return (await namingOf(known.temporal, known.keyring, run, request)) !== 'not-named';
}

/** Whether a run is of a request that has no record: its input names it, and no receipt says that the request was another run. */
export async function isOfUnrecorded(
  { temporal, keyring, receipts }: Known,
  request: RequestRef,
  run: Run,
  whenLocked = false,
): Promise<boolean> {
  const naming = await namingOf(temporal, keyring, run, request);
  if (naming === 'not-named' || (naming === 'locked' && !whenLocked)) return false;
  const receipt = await receipts.newestOf(request);
  return receipt === undefined || isRunOf(receipt.request, run);
}

/** Workflow ids of a connection's open requests; those that were started within the last second may be missing. */
export async function openRequests(
  { taskQueue, cases, ...known }: Known & { readonly taskQueue: string; readonly cases: Pick<Cases, 'record'> },
  connection: string,
): Promise<string[]> {
  const runs: Run[] = [];
  for await (const run of openRuns(known.temporal, taskQueue, connection)) runs.push(run);
  const open = await sideBySide(runs, AT_ONCE, async ({ workflowId, runId, type }) => {
    const request = requestOf(workflowId);
    if (request === undefined || type !== WORKFLOW_TYPES[request.kind]) return [];
    try {
      const record = await cases.record(request);
      if (record?.runId === runId) return [workflowId];
      const { own } = await runsOf(known.temporal, taskQueue, request, record?.runId);
      return (await goesOn(known, request, record, own, true)) ? [workflowId] : []; // this key file may be an old one
    } catch {
      return [workflowId]; // it cannot be judged now
    }
  });
  return open.flat();
}
