/**
 * Fetches parts of calls, all that can be had: credentials are renewed as needed, and what the company may not read is asked for once.
 * Decisions D4, D14.
 */
import type { CaseRef } from '../request/contracts';
import { type Intelligence, isIntelligence } from '../request/insights';
import { inChild, inRequest } from './children';
import { isTakenAgain } from './credentials';
import { isOver } from './deleting';
import type { Filling } from './pages';
import { emptyPartsReport, fetchPartsInto, type PartJob, type PartsReport, partsReportShape } from './parts';
import type { RequestRun } from './run';
import { budgetedOf, mayBeCredential, type StepFailure } from './steps';

/** More than these run in a child workflow, so that a history stays short. */
const PARTS_INLINE_MAX = 40;
/** In one child, so that people see every eleven minutes, at 45 API requests a minute, how far it is. */
const PARTS_AT_ONCE_MAX = 500;

/**
 * Of all transcripts and insights of one request, as JSON: the step that makes the package holds them at once, in a process that serves
 * all companies. Once there is so much, no more is asked for.
 */
const MADE_BYTES_MAX = 512 * 1024 * 1024;

/** What a request knows of transcripts and insights: what the company may read, and the size of those that it has. */
export interface Known {
  readonly readable: Intelligence[];
  readonly denied: Intelligence[];
  sizeBytes: number;
}

export function knownNothing(): Known {
  return { readable: [], denied: [], sizeBytes: 0 };
}

export interface Collected {
  readonly objects: readonly CaseRef[];
  readonly found: readonly PartJob[];
  readonly failed: PartsReport['failed'];
}

/** @param of the object whose calls or files the jobs name @param known grows; jobs of a kind that is denied are left out */
export async function collectParts(
  run: RequestRun,
  of: CaseRef,
  jobs: readonly PartJob[],
  known = knownNothing(),
): Promise<Collected> {
  const { readable, denied } = known;
  const expected = run.workload.expect();
  const all: Filling<Collected> = { objects: [], found: [], failed: [] };
  const mayBeRead = ({ what }: PartJob) => what === 'audio' || !denied.includes(what);
  const isFound = ({ what }: PartJob) => what === 'audio' || readable.includes(what);
  // One of each kind alone: the company may not be allowed to read it.
  const first = jobs.filter(
    (job, at) => isIntelligence(job.what) && jobs.findIndex(({ what }) => what === job.what) === at,
  );
  let left = first;
  let later = jobs.filter(job => !first.includes(job));
  for (;;) {
    left = left.filter(mayBeRead);
    if (left.length === 0) {
      const rest = later.filter(mayBeRead);
      [left, later] = [rest.slice(0, PARTS_AT_ONCE_MAX), rest.slice(PARTS_AT_ONCE_MAX)];
    }
    expected(left.length + later.length);
    if (left.length === 0) return all;
    const end = isOver(run) ? OVER : known.sizeBytes >= MADE_BYTES_MAX ? TOO_LARGE : undefined;
    if (end !== undefined) {
      expected(0);
      return { ...all, failed: [...all.failed, ...[...left, ...later].map(failedBy(end))] };
    }
    const report = await fetchSome(run, of, left);
    all.objects.push(...report.objects);
    known.sizeBytes += report.madeBytes;
    all.found.push(...report.found);
    for (const { what } of report.found) if (isIntelligence(what)) addOnce(readable, what);
    for (const job of report.denied) {
      if (isFound(job)) all.failed.push({ job, failure: FORBIDDEN });
      else if (isIntelligence(job.what)) addOnce(denied, job.what);
    }
    const { refusal } = report;
    const renewal = refusal && (await run.credentials.renew(refusal));
    const again: PartJob[] = [];
    for (const { job, failure } of report.failed) {
      if (isTakenAgain(failure, refusal, renewal)) again.push(job);
      // Of what the company may read, one record is refused.
      else if (!mayBeCredential(failure) || isFound(job)) all.failed.push({ job, failure });
      else if (isIntelligence(job.what)) await deny(run, job.what, denied);
    }
    left = [...again, ...report.left];
    if (refusal === undefined || renewal !== 'deadline') continue;
    all.failed.push(...[...left, ...later].map(failedBy({ ...refusal, code: renewal })));
    expected(0);
    return all;
  }
}

const OVER: StepFailure = { ok: false, code: 'deadline', apiRequests: 0, credentialVersion: 0 };
const TOO_LARGE: StepFailure = { ok: false, code: 'file-too-large', apiRequests: 0, credentialVersion: 0 };
const FORBIDDEN: StepFailure = { ok: false, code: 'forbidden', apiRequests: 0, credentialVersion: 0 };

function failedBy(failure: StepFailure) {
  return (job: PartJob) => ({ job, failure });
}

/** The credential is good, and yet Aircall refuses it: the company does not pay for it. */
async function deny(run: RequestRun, what: Intelligence, denied: Intelligence[]): Promise<void> {
  if (denied.includes(what)) return;
  denied.push(what);
  const { connection } = run.opened.request;
  await run.local.noteNotEntitled({ connection, what, nowMs: Date.now() });
}

function addOnce<T>(list: T[], item: T): void {
  if (!list.includes(item)) list.push(item);
}

async function fetchSome(run: RequestRun, of: CaseRef, jobs: readonly PartJob[]): Promise<PartsReport> {
  const input = { ...budgetedOf(run.opened), of, jobs };
  if (jobs.length <= PARTS_INLINE_MAX)
    return inRequest(run, emptyPartsReport(), report => fetchPartsInto(report, input));
  return inChild(run, 'fetchParts', input, { summary: summaryOf(jobs), reports: partsReportShape });
}

function summaryOf(jobs: readonly PartJob[]): string {
  const calls = new Set(jobs.map(({ place }) => place)).size;
  const isAudio = jobs.some(({ what }) => what === 'audio');
  return isAudio ? `New links to ${calls} files` : `Transcripts or insights of ${calls} calls`;
}
