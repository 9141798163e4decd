/**
 * What Aircall has of single calls besides their rows: transcripts, insights, audio whose link died. Each takes one API request, side by
 * side. Runs inside a request for a few and as a child workflow for many; either way it never waits for credentials: it reports what is
 * left, and the request decides. Decisions D1, D14.
 */
import { budgetFields, type CaseRef, caseRefShape, type Found } from '../request/contracts';
import { INTELLIGENCE, type Intelligence } from '../request/insights';
import { either, listOf, object, oneOf, type Shaped, whole } from '../request/shapes';
import { sideBySide } from '../side-by-side';
import { downloaded, type Filling } from './pages';
import {
  attemptInto,
  bulkSteps,
  localSteps,
  mayBeCredential,
  readSteps,
  type StepFailure,
  stepFailureShape,
} from './steps';
import { fetchedNothing, fetchedShape, plus } from './workload';

const jobShape = object({
  /** Which call, or file, of the object, from 0. */
  place: whole,
  what: oneOf(...INTELLIGENCE, 'audio'),
});
/** One thing of one call. */
export type PartJob = Shaped<typeof jobShape>;

export const partsInputShape = object({
  ...budgetFields,
  /** A block of `pickSpoken`; for audio what `gatherAudio` gathered. */
  of: caseRefShape,
  jobs: listOf(jobShape),
});
export type PartsInput = Shaped<typeof partsInputShape>;

export const partsReportShape = object({
  objects: listOf(caseRefShape),
  /** Jobs whose record was found. */
  found: listOf(jobShape),
  /** Of the transcripts and insights among them, as JSON. */
  madeBytes: whole,
  fetched: fetchedShape,
  /** Jobs of a kind that the company may not read. */
  denied: listOf(jobShape),
  /** With those that another credential may get. */
  failed: listOf(object({ job: jobShape, failure: stepFailureShape })),
  /** Not requested: the first failure that the credential may have caused stops the requests, and so does a size. */
  left: listOf(jobShape),
  refusal: either(stepFailureShape, oneOf(undefined)),
  /** Of a step of our own, which ended the work. */
  broken: either(stepFailureShape, oneOf(undefined)),
  apiRequests: whole,
});
export type PartsReport = Shaped<typeof partsReportShape>;

/** As for pages: a budget of 1,000 requests a minute never runs dry. */
const PARTS_AT_ONCE = 16;
/** Of transcripts and insights of one fetch, as JSON, without those in flight: its request counts them only when it ends. */
const MADE_AT_ONCE_BYTES_MAX = 64 * 1024 * 1024;

/** Fills the report job by job, so that a cancelled fetch still reports its work. */
export async function fetchPartsInto(report: Filling<PartsReport>, input: PartsInput): Promise<void> {
  await sideBySide(input.jobs, PARTS_AT_ONCE, async job => {
    if (report.refusal !== undefined || report.madeBytes >= MADE_AT_ONCE_BYTES_MAX) return void report.left.push(job);
    if (report.denied.some(({ what }) => what === job.what)) return void report.denied.push(job);
    const outcome = await attemptInto(report, () => fetchPart(input, job));
    if (outcome.ok) return take(report, input, job, outcome.value);
    report.failed.push({ job, failure: outcome });
    if (mayBeCredential(outcome)) report.refusal = outcome;
  });
}

/** Leaves one reference for all transcripts and insights, for the history of the request. */
export async function gatherInto(
  report: Filling<PartsReport>,
  { request, deadlineMs, jobs }: PartsInput,
): Promise<void> {
  if (jobs.every(({ what }) => what === 'audio') || report.objects.length === 0) return;
  report.objects = [await bulkSteps(deadlineMs).gatherIntelligence({ request, objects: report.objects })];
}

function fetchPart(input: PartsInput, { place, what }: PartJob): Promise<Found> {
  const { request, of } = input;
  const steps = readSteps(input, `${PART_WORDS[what]} ${place + 1}`, 'bulk');
  if (what === 'audio') return steps.renewMediaLink({ request, media: of, place });
  const call = { request, spoken: of, place };
  return what === 'transcription' ? steps.fetchTranscript(call) : steps.fetchInsight({ ...call, insight: what });
}

async function take(
  report: Filling<PartsReport>,
  input: PartsInput,
  job: PartJob,
  { outcome, object: found }: Found,
): Promise<void> {
  if (job.what === 'audio') {
    if (found === undefined) return void report.objects.push(await missingAudio(input, job, MISSING[outcome]));
    const { audio, ...fetched } = await downloaded(input, found, `Audio ${job.place + 1}`);
    report.objects.push(...audio);
    report.fetched = plus(report.fetched, fetched);
  } else if (outcome === 'not-entitled') report.denied.push(job);
  else if (outcome === 'unreadable') report.failed.push({ job, failure: UNREADABLE });
  else if (found !== undefined) {
    report.objects.push(found);
    report.found.push(job);
    report.madeBytes += found.sizeBytes;
    report.fetched = plus(report.fetched, job.what === 'transcription' ? { transcripts: 1 } : { insights: 1 });
  }
}

/** Why there is no new link to a file. */
const MISSING = {
  found: 'gone',
  none: 'gone',
  'not-entitled': 'forbidden',
  unreadable: 'unexpected-reply',
  withheld: 'other-voices',
} as const satisfies Record<Found['outcome'], string>;

const UNREADABLE: StepFailure = { ok: false, code: 'unexpected-reply', apiRequests: 0, credentialVersion: 0 };

/** Notes why a file is missing. */
export async function missingAudio(
  { request, deadlineMs, of }: Pick<PartsInput, 'request' | 'deadlineMs' | 'of'>,
  { place }: PartJob,
  code: string,
): Promise<CaseRef> {
  return (await localSteps(deadlineMs).noteMissingAudio({ request, audio: of, place, code })).audio;
}

/** In the Web UI. */
const PART_WORDS = {
  transcription: 'Transcript of spoken call',
  summary: 'Summary of spoken call',
  topics: 'Topics of spoken call',
  sentiments: 'Sentiments of spoken call',
  action_items: 'Action items of spoken call',
  custom_summary_result: 'Custom summary of spoken call',
  predicted_csat: 'Predicted satisfaction of spoken call',
  audio: 'New link to audio',
} as const satisfies Record<Intelligence | 'audio', string>;

export function emptyPartsReport(): Filling<PartsReport> {
  return {
    objects: [],
    found: [],
    madeBytes: 0,
    fetched: fetchedNothing(),
    denied: [],
    failed: [],
    left: [],
    refusal: undefined,
    broken: undefined,
    apiRequests: 0,
  };
}
