/**
 * What Aircall has of single calls, transcripts and insights, each fetched by one API request, side by side. Runs inside a request
 * for a few and as a child workflow for many; either way it never waits for credentials: it reports what is left, and the request
 * decides. Decisions D1, D14.
 */
import { budgetFields, caseRefShape } from '../request/contracts';
import { INTELLIGENCE, type Intelligence } from '../request/insights';
import { either, listOf, object, oneOf, type Shaped, whole } from '../request/shapes';
import { sideBySide } from '../side-by-side';
import type { Filling } from './pages';
import { attemptInto, mayBeCredential, readSteps, stepFailureShape } from './steps';
import { fetchedNothing, fetchedShape, plus } from './workload';

const jobShape = object({
  /** Which call of the block, from 0. */
  place: whole,
  what: oneOf(...INTELLIGENCE),
});
/** One thing of one call. */
export type PartJob = Shaped<typeof jobShape>;

export const partsInputShape = object({ ...budgetFields, spoken: caseRefShape, jobs: listOf(jobShape) });
export type PartsInput = Shaped<typeof partsInputShape>;

export const partsReportShape = object({
  objects: listOf(caseRefShape),
  /** Jobs whose record was found. */
  found: listOf(jobShape),
  fetched: fetchedShape,
  /** What the company may not read. */
  notEntitled: listOf(oneOf(...INTELLIGENCE)),
  /** With those that another credential may get. */
  failed: listOf(object({ job: jobShape, failure: stepFailureShape })),
  /** Not requested: the first failure that the credential may have caused stops the requests. */
  left: listOf(jobShape),
  refusal: either(stepFailureShape, oneOf(undefined)),
  apiRequests: whole,
});
export type PartsReport = Shaped<typeof partsReportShape>;

/** As for pages: a budget of 1,000 requests a minute never runs dry. */
const PARTS_AT_ONCE = 16;

/** Fills the report job by job, so that a cancelled fetch still reports its work. */
export async function fetchPartsInto(report: Filling<PartsReport>, input: PartsInput): Promise<void> {
  const { request, spoken, jobs } = input;
  const fetchPart = ({ place, what }: PartJob) => {
    const steps = readSteps(input, `${PART_WORDS[what]} of spoken call ${place + 1}`, 'bulk');
    return what === 'transcription'
      ? steps.fetchTranscript({ request, spoken, place })
      : steps.fetchInsight({ request, spoken, place, insight: what });
  };
  await sideBySide(jobs, PARTS_AT_ONCE, async job => {
    if (report.refusal !== undefined) return void report.left.push(job);
    if (report.notEntitled.includes(job.what)) return;
    const outcome = await attemptInto(report, () => fetchPart(job));
    if (!outcome.ok) {
      report.failed.push({ job, failure: outcome });
      if (mayBeCredential(outcome)) report.refusal = outcome;
      return;
    }
    const { outcome: end, object: found } = outcome.value;
    if (end === 'not-entitled') addOnce(report.notEntitled, job.what);
    if (found === undefined) return;
    report.objects.push(found);
    report.found.push(job);
    report.fetched = plus(report.fetched, job.what === 'transcription' ? { transcripts: 1 } : { insights: 1 });
  });
}

/** In the Web UI. */
const PART_WORDS = {
  transcription: 'Transcript',
  summary: 'Summary',
  topics: 'Topics',
  sentiments: 'Sentiments',
  action_items: 'Action items',
  custom_summary_result: 'Custom summary',
  predicted_csat: 'Predicted satisfaction',
} as const satisfies Record<Intelligence, string>;

export function addOnce<T>(list: T[], item: T): void {
  if (!list.includes(item)) list.push(item);
}

export function emptyPartsReport(): Filling<PartsReport> {
  return {
    objects: [],
    found: [],
    fetched: fetchedNothing(),
    notEntitled: [],
    failed: [],
    left: [],
    refusal: undefined,
    apiRequests: 0,
  };
}
