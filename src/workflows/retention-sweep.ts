/**
 * Keeps the evidence of ended requests, then destroys data past its retention time, item by item; started by the
 * schedule of the service. It goes past each item that cannot be done now: the next sweep tries it again. All ages are
 * judged by this workflow's clock, which is the server's. Decisions D9, D13.
 */
import { continueAsNew, isCancellation, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { type Due, dueFromShape, type ItemEnd, type RetentionActivities } from '../request/contracts';
import { either, number, object, oneOf, optional, type Shaped, text, whole } from '../request/shapes';
import { sideBySide } from '../side-by-side';
import { KeyMissing } from './received';
import { stepsWith } from './steps';

const sweptShape = object({
  /** Requests whose evidence was kept, or cannot be kept. */
  kept: whole,
  /** Requests whose evidence could not be kept now. */
  unkept: whole,
  destroyed: whole,
  /** Items that could not be judged or destroyed now. */
  left: whole,
  /** Runs under the ids of requests that are not ours: ignored. */
  foreign: whole,
});
export type Swept = Shaped<typeof sweptShape>;

const keepShape = object({ page: optional(text) });
const destroyShape = object({ from: optional(dueFromShape) });
const sweepShape = object({
  swept: sweptShape,
  /** When it began. */
  nowMs: number,
  next: either(either(object({ keep: keepShape }), object({ destroy: destroyShape })), oneOf('ended')),
});
/** How far a sweep has come: a long one continues in a new run. */
type Sweep = Shaped<typeof sweepShape>;

const NOTHING: Swept = { kept: 0, unkept: 0, destroyed: 0, left: 0, foreign: 0 };
const AT_ONCE = 4;

const LIMITS = { startToCloseTimeout: '10 minutes', scheduleToCloseTimeout: '1 hour' } as const;

const { findUnkept, noteKept, findDue } = stepsWith<RetentionActivities>({
  ...LIMITS,
  retry: { initialInterval: '10 seconds', backoffCoefficient: 2, maximumInterval: '10 minutes' },
});
/** The steps of one item: one that fails must not hold up the others, so the next sweep makes the next attempt. */
const { keepEvidence, destroyDue } = stepsWith<RetentionActivities>({ ...LIMITS, retry: { maximumAttempts: 1 } });

/** @param before of a sweep that continues; anything else, or a time to come, begins anew */
export async function retentionSweep(before?: unknown): Promise<Swept> {
  setCurrentDetails('Keeps the evidence of requests that have ended, and destroys data past its retention time.');
  let sweep: Sweep =
    sweepShape(before) && before.nowMs <= Date.now()
      ? before
      : { swept: NOTHING, nowMs: Date.now(), next: { keep: {} } };
  /** The server may still list what was destroyed a moment ago. */
  const tried = new Set<string>();
  while (sweep.next !== 'ended') {
    sweep =
      'keep' in sweep.next
        ? await keepPage(sweep, sweep.next.keep)
        : await destroyPage(sweep, sweep.next.destroy, tried);
    if (workflowInfo().continueAsNewSuggested && sweep.next !== 'ended')
      await continueAsNew<typeof retentionSweep>(sweep);
  }
  return sweep.swept;
}

async function keepPage({ swept, nowMs }: Sweep, page: Shaped<typeof keepShape>): Promise<Sweep> {
  const { requests, next } = await findUnkept({ nowMs, ...page });
  const ends = await sideBySide(requests, AT_ONCE, each => keepEvidence(each).catch(failed));
  // A request that is open ends later, and is found by the time of that end.
  const unkept = swept.unkept + countOf(ends, 'failed') + countOf(ends, 'locked');
  const sweep = {
    nowMs,
    swept: { ...swept, unkept, kept: swept.kept + countOf(ends, 'done'), foreign: swept.foreign + foreignIn(ends) },
  };
  if (next !== undefined) return { ...sweep, next: { keep: { page: next } } };
  // Otherwise the next sweep searches from the same time on.
  if (unkept === 0) await noteKept({ nowMs });
  return { ...sweep, next: { destroy: {} } };
}

async function destroyPage(
  { swept, nowMs }: Sweep,
  page: Shaped<typeof destroyShape>,
  tried: Set<string>,
): Promise<Sweep> {
  const { due, next } = await findDue({ nowMs, ...page });
  const untried = due.filter(each => !tried.has(JSON.stringify(idOf(each))));
  for (const each of untried) tried.add(JSON.stringify(idOf(each)));
  const ends = await sideBySide(untried, AT_ONCE, each => destroyDue({ due: each, nowMs }).catch(failed));
  return {
    nowMs,
    swept: {
      ...swept,
      destroyed: swept.destroyed + countOf(ends, 'done'),
      left: swept.left + countOf(ends, 'failed') + countOf(ends, 'open'),
      foreign: swept.foreign + foreignIn(ends),
    },
    next: next === undefined ? 'ended' : { destroy: { from: next } },
  };
}

type End = Pick<ItemEnd, 'foreign'> & { readonly end: ItemEnd['end'] | 'failed' };

/** Its step shows the cause in the Web UI. */
function failed(error: unknown): End {
  if (isCancellation(error) || error instanceof KeyMissing) throw error;
  return { end: 'failed', foreign: 0 };
}

function countOf(ends: readonly End[], wanted: End['end']): number {
  return ends.filter(({ end }) => end === wanted).length;
}

function foreignIn(ends: readonly End[]): number {
  return ends.reduce((sum, { foreign }) => sum + foreign, 0);
}

function idOf(due: Due) {
  return due.what === 'run' ? due.run : due.request;
}
