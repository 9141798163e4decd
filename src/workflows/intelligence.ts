/**
 * What Aircall made of the calls that a request delivers: transcripts first, then insights, of which a call without a transcript has
 * none. One API request each; a company that may not read them is asked once. Decisions D1, D10.
 */
import type { CaseRef } from '../request/contracts';
import { fetchedOfCall } from '../request/cost';
import { INSIGHTS, type Intelligence } from '../request/insights';
import type { Gap } from '../request/model';
import { recordName } from '../request/sources';
import { inChild, inRequest } from './children';
import { isTakenAgain } from './credentials';
import { partCoverage } from './findings';
import type { ListedSource } from './listing';
import type { Filling } from './pages';
import { addOnce, emptyPartsReport, fetchPartsInto, type PartJob, type PartsReport, partsReportShape } from './parts';
import { type Planned, stepsFor } from './planning';
import type { RequestRun } from './run';
import { budgetedOf, mayBeCredential } from './steps';

/** More than these run in a child workflow, so that a history stays short. */
const PARTS_INLINE_MAX = 40;
/** In one child, so that people see every eleven minutes, at 45 API requests a minute, how far it is. */
const PARTS_AT_ONCE_MAX = 500;

/** Calls in which somebody spoke, and what was found of each. */
interface Block {
  readonly object: CaseRef;
  readonly count: number;
  /** How many calls lie in the blocks before. */
  readonly offset: number;
}

interface Fetched {
  readonly objects: readonly CaseRef[];
  readonly found: readonly PartJob[];
  readonly failed: PartsReport['failed'];
}

/** The objects of all that was found. */
export async function fetchIntelligence(
  run: RequestRun,
  calls: ListedSource,
  planned: Planned,
): Promise<readonly CaseRef[]> {
  const { request, include } = run.opened;
  const isAsked = (name: 'transcripts' | 'insights') => include.includes(name);
  if (!isAsked('transcripts') && !isAsked('insights')) return [];
  run.progress.enter('fetching-transcripts');
  const { blocks } = await stepsFor(run, calls.records).pickSpoken({ request, ...planned, calls: calls.object });
  const placed = blocks.map((block, at) => ({
    ...block,
    offset: blocks.slice(0, at).reduce((sum, { count }) => sum + count, 0),
  }));
  const later = countLater(run, placed);
  /** What the company may not read, as soon as that is known. */
  const denied: Intelligence[] = [];
  const gathered: CaseRef[] = [];
  const jobsOf = new Map<Block, readonly PartJob[]>();
  const transcripts = createTally('transcripts');
  for (const block of placed) {
    const all = placesOf(block).map((place): PartJob => ({ place, what: 'transcription' }));
    if (!isAsked('transcripts')) {
      jobsOf.set(block, all);
      continue;
    }
    later.begins(all);
    const fetched = await fetchAll(run, block, all, denied);
    later.spares(block.count - fetched.found.length);
    jobsOf.set(block, fetched.found);
    transcripts.add(block, fetched);
    gathered.push(...(await gather(run, fetched)));
  }
  if (isAsked('transcripts')) transcripts.note(run, denied.includes('transcription') ? 'all' : 0);
  if (!isAsked('insights')) return gathered;

  run.progress.enter('fetching-insights');
  const insights = createTally('insights');
  for (const block of placed) {
    const jobs = (jobsOf.get(block) ?? []).flatMap(({ place }) => INSIGHTS.map((what): PartJob => ({ place, what })));
    later.begins(jobs);
    const fetched = await fetchAll(run, block, jobs, denied);
    insights.add(block, fetched);
    gathered.push(...(await gather(run, fetched)));
  }
  const refused = INSIGHTS.filter(what => denied.includes(what)).length;
  // Who may read no transcript has none to ask the insights of.
  insights.note(run, refused === INSIGHTS.length || denied.includes('transcription') ? 'all' : refused);
  return gathered;
}

/** Counts the API requests for jobs that have not begun, as far as they are known. */
function countLater({ opened: { include, notEntitled }, workload }: RequestRun, blocks: readonly Block[]) {
  const expected = workload.expect();
  const ofCall = fetchedOfCall(include, notEntitled);
  let later = 0;
  const add = (apiRequests: number) => {
    later += apiRequests;
    expected(later);
  };
  for (const { count } of blocks) add(count * ofCall.length);
  return {
    begins: (jobs: readonly PartJob[]) => add(-jobs.filter(({ what }) => ofCall.includes(what)).length),
    /** Calls without a transcript. */
    spares: (calls: number) => add(-calls * ofCall.filter(what => what !== 'transcription').length),
  };
}

/** One object of many: a history holds one reference for each block. */
async function gather(run: RequestRun, { objects }: Fetched): Promise<CaseRef[]> {
  if (objects.length === 0) return [];
  return [await run.bulk.gatherIntelligence({ request: run.opened.request, objects })];
}

function placesOf({ count }: Block): number[] {
  return Array.from({ length: count }, (_, place) => place);
}

/** What was found and what failed in one source. */
function createTally(source: 'transcripts' | 'insights') {
  let found = 0;
  const failures = new Map<string, string>();
  return {
    add({ offset }: Block, fetched: Fetched): void {
      found += fetched.found.length;
      for (const { job, failure } of fetched.failed) failures.set(recordName(source, offset + job.place), failure.code);
    },
    /** @param denied how many sorts the company may not read */
    note({ findings }: RequestRun, denied: number | 'all'): void {
      findings.found(source, found + failures.size);
      for (const [record, code] of failures) findings.note({ record, outcome: 'failed', code });
      const gaps: Gap[] = [
        ...(failures.size > 0 ? [{ code: 'not-fetched', count: failures.size }] : []),
        ...(typeof denied === 'number' && denied > 0 ? [{ code: 'not-entitled', count: denied }] : []),
      ];
      const state = failures.size > 0 ? 'partial' : denied === 'all' && found === 0 ? 'not-entitled' : 'complete';
      findings.cover({ [source]: partCoverage(findings, { state, gaps }) });
    },
  };
}

/** Fetches all jobs and renews credentials as needed. What the company may not read is noted in `denied`, and asked no more. */
async function fetchAll(
  run: RequestRun,
  block: Block,
  jobs: readonly PartJob[],
  denied: Intelligence[],
): Promise<Fetched> {
  const expected = run.workload.expect();
  const all: Filling<Fetched> = { objects: [], found: [], failed: [] };
  // One of each sort alone: the company may not be allowed to read it.
  const first = jobs.filter(({ what }, at) => jobs.findIndex(job => job.what === what) === at);
  let left = first;
  let later = jobs.filter(job => !first.includes(job));
  for (;;) {
    left = left.filter(({ what }) => !denied.includes(what));
    if (left.length === 0) {
      const rest = later.filter(({ what }) => !denied.includes(what));
      [left, later] = [rest.slice(0, PARTS_AT_ONCE_MAX), rest.slice(PARTS_AT_ONCE_MAX)];
    }
    expected(left.length + later.length);
    if (left.length === 0) return all;
    const report = await fetchSome(run, block, left);
    all.objects.push(...report.objects);
    all.found.push(...report.found);
    for (const what of report.notEntitled) addOnce(denied, what);
    const { refusal } = report;
    const renewal = refusal && (await run.credentials.renew(refusal));
    const again: PartJob[] = [];
    for (const { job, failure } of report.failed) {
      if (isTakenAgain(failure, refusal, renewal)) again.push(job);
      else if (mayBeCredential(failure)) await deny(run, job.what, denied);
      else all.failed.push({ job, failure });
    }
    left = [...again, ...report.left];
    if (refusal === undefined || renewal !== 'deadline') continue;
    all.failed.push(...[...left, ...later].map(job => ({ job, failure: { ...refusal, code: renewal } })));
    expected(0);
    return all;
  }
}

/** The credential is good, and yet Aircall refuses it: the company does not pay for it. */
async function deny(run: RequestRun, what: Intelligence, denied: Intelligence[]): Promise<void> {
  if (denied.includes(what)) return;
  denied.push(what);
  const { connection } = run.opened.request;
  await run.local.noteNotEntitled({ connection, what, nowMs: Date.now() });
}

async function fetchSome(run: RequestRun, block: Block, jobs: readonly PartJob[]): Promise<PartsReport> {
  const input = { ...budgetedOf(run.opened), spoken: block.object, jobs };
  if (jobs.length <= PARTS_INLINE_MAX)
    return inRequest(run, emptyPartsReport(), report => fetchPartsInto(report, input));
  return inChild(run, 'fetchParts', input, {
    summary: `${jobs[0]?.what ?? ''} and more of ${block.count} calls`,
    reports: partsReportShape,
  });
}
