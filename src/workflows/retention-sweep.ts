/**
 * Keeps the evidence of ended requests, then destroys data past its retention time, request by request; started by the
 * schedule of the service. The next sweep finds everything that could not be done now. Decisions D9, D13.
 */
import { isCancellation, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { RetentionActivities } from '../activities/retention-activities';
import { sideBySide } from '../side-by-side';
import { checked } from './steps';

export interface Swept {
  readonly destroyed: number;
  readonly left: number;
  /** Requests whose evidence was kept, or cannot be kept. */
  readonly kept: number;
}

const ROUNDS_MAX = 20;
const AT_ONCE = 4;

const { findUnkept, keepEvidence, noteKept, findDue, destroyDue } = checked(
  proxyActivities<RetentionActivities>({
    startToCloseTimeout: '10 minutes',
    scheduleToCloseTimeout: '1 hour',
    retry: { initialInterval: '10 seconds', backoffCoefficient: 2, maximumInterval: '10 minutes' },
  }),
);

export async function retentionSweep(): Promise<Swept> {
  setCurrentDetails('Keeps the evidence of requests that have ended, and destroys data past its retention time.');
  const kept = await keepAll();
  return { kept, ...(await destroyAll()) };
}

async function keepAll(): Promise<number> {
  let kept = 0;
  for (let round = 1; ; round += 1) {
    const { requests, upTo } = await findUnkept();
    const ends = await sideBySide(requests, AT_ONCE, each => keepEvidence(each).catch(failed));
    const done = ends.filter(Boolean).length;
    kept += done;
    if (upTo !== undefined && done === requests.length) await noteKept(upTo);
    if (upTo !== undefined || done === 0 || round === ROUNDS_MAX) return kept;
  }
}

async function destroyAll(): Promise<Omit<Swept, 'kept'>> {
  let destroyed = 0;
  for (let round = 1; ; round += 1) {
    const due = await findDue();
    const ends = await sideBySide(due, AT_ONCE, each => destroyDue(each).catch(failed));
    const done = ends.filter(Boolean).length;
    destroyed += done;
    if (done === 0 || round === ROUNDS_MAX) return { destroyed, left: due.length - done };
  }
}

/** A request that fails must not block the others: its step shows the cause in the Web UI, and the result counts it as left. */
function failed(error: unknown): false {
  if (isCancellation(error)) throw error;
  return false;
}
