/**
 * Keeps the evidence of ended requests, then destroys data past its retention time, a page at a time; started by the
 * schedule of the service. It passes over what cannot be done now: a later sweep tries it again. All ages are
 * judged by this workflow's clock, which is the server's. Decisions D9, D13.
 */
import {
  ApplicationFailure,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { type Place, placeShape, type RetentionActivities, WAYS, type Way, waysShape } from '../request/contracts';
import { either, number, object, oneOf, type Shaped } from '../request/shapes';
import { NOTHING_SWEPT, type Swept, sumOf, sweptShape } from '../request/swept';
import { count } from '../request/words';
import { KeyMissing } from './received';
import { stepsWith } from './steps';

const sweepShape = object({
  swept: sweptShape,
  /** When it began. */
  nowMs: number,
  place: either(placeShape, oneOf('ended')),
  /** Ways that were passed over because their step failed. */
  failed: waysShape,
});
/** How far a sweep has come: a long one continues in a new run. */
type Sweep = Shaped<typeof sweepShape>;

const FIRST: Place = { way: WAYS[0], after: '' };
/** A page adds about six events. The server ends a run at 51,200, and warns at 10,240. */
const EVENTS_MAX = 4_500;

const SUMMARIES: Readonly<Record<Way, string>> = {
  unkept: 'Keep evidence that could not be kept before',
  closed: 'Keep the evidence of requests that ended since the last sweep',
  ended: 'Destroy the data of requests past their time',
  emptied: 'Destroy the histories of requests past their time',
  runs: 'Destroy old histories that the server lists',
  missed: 'Search the vault for requests that have no entry',
};

/** @param before of a sweep that continues; anything else, or a time to come, begins anew */
export async function retentionSweep(before?: unknown): Promise<Swept> {
  let sweep: Sweep =
    sweepShape(before) && before.nowMs <= Date.now()
      ? before
      : { swept: NOTHING_SWEPT, nowMs: Date.now(), place: FIRST, failed: [] };
  while (sweep.place !== 'ended') {
    setCurrentDetails(detailsOf(sweep.swept, sweep.place));
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (historyLength >= EVENTS_MAX || continueAsNewSuggested) await continueAsNew<typeof retentionSweep>(sweep);
    sweep = await afterPage(sweep, sweep.place);
  }
  if (sweep.failed.length > 0)
    throw ApplicationFailure.nonRetryable('steps of this sweep failed; the next sweep tries again', 'local-failure');
  return sweep.swept;
}

async function afterPage(sweep: Sweep, { way, after }: Place): Promise<Sweep> {
  try {
    const page = await stepOf(way).sweepPage({ nowMs: sweep.nowMs, way, after, failed: sweep.failed });
    const place = page.next === undefined ? behind(way) : { way, after: page.next };
    return { ...sweep, swept: sumOf(sweep.swept, page), place };
  } catch (error) {
    if (isCancellation(error) || error instanceof KeyMissing) throw error;
    // Its step shows the cause in the Web UI.
    return { ...sweep, failed: [...sweep.failed, way], place: behind(way) };
  }
}

/** Its attempts end when the next sweep is due: a way that fails must not hold up the others for longer. */
function stepOf(way: Way) {
  return stepsWith<RetentionActivities>({
    summary: SUMMARIES[way],
    startToCloseTimeout: '10 minutes',
    // Many times the interval of its heartbeats.
    heartbeatTimeout: '3 minutes',
    scheduleToCloseTimeout: '1 hour',
    retry: { initialInterval: '10 seconds', backoffCoefficient: 2, maximumInterval: '10 minutes' },
  });
}

function behind(way: Way): Sweep['place'] {
  const next = WAYS[WAYS.indexOf(way) + 1];
  return next === undefined ? 'ended' : { way: next, after: '' };
}

function detailsOf(swept: Swept, place: Place): string {
  const { kept, unkept, destroyed, left, foreign } = swept;
  return [
    `${SUMMARIES[place.way]}.`,
    `So far, requests: evidence kept of ${kept}, not kept of ${unkept}; ${destroyed} destroyed, ${left} left for the next sweep. Ignored: ${count(foreign, 'run')} of others.`,
  ].join('\n\n');
}
