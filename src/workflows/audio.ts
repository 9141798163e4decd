/**
 * Recordings and voicemails of the calls that a request delivers. Most are downloaded right after the page that names them, while their
 * links live; what was not, because a link died or a person had to decide first, gets a new link here. Decisions D1, D15.
 */
import { sleep } from '@temporalio/workflow';
import type { CaseRef, GatheredAudio } from '../request/contracts';
import { AUDIO_NAMES, type AudioName, audioKinds } from '../request/sources';
import { collectParts } from './collecting';
import { partCoverage } from './findings';
import type { ListedSource } from './listing';
import { missingAudio, type PartJob } from './parts';
import { type Planned, stepsFor } from './planning';
import type { RequestRun } from './run';
import { budgetedOf } from './steps';

/** New links for one file: one whose links die so often before it is read is not worth more requests. */
const ROUNDS_MAX = 3;

/** Files of calls, each downloaded or with the code of why not. Undefined if the request asks for none. */
export async function collectAudio(
  run: RequestRun,
  calls: ListedSource,
  planned: Planned,
): Promise<CaseRef | undefined> {
  const { request, include } = run.opened;
  const kinds = audioKinds(include);
  if (kinds.length === 0) return undefined;
  run.progress.enter('fetching-audio');
  const steps = stepsFor(run, calls.records);
  const gather = (audio: readonly CaseRef[], late = false) =>
    steps.gatherAudio({ request, ...planned, calls: calls.object, kinds, audio, late, nowMs: Date.now() });
  let gathered = await renewed(run, await gather(calls.audio), gather);
  const { followUntil } = gathered;
  if (followUntil !== undefined && (await waitedUntil(run, followUntil)))
    gathered = await renewed(run, await gather([gathered.audio], true), gather);
  run.findings.noteExceptions(gathered.exceptions, { isDone: true });
  for (const name of AUDIO_NAMES) if (include.includes(name)) noteFiles(run, name, gathered);
  return gathered.audio;
}

type Gather = (audio: readonly CaseRef[], late?: boolean) => Promise<GatheredAudio>;

/** Gives each missing file a new link and downloads it, until nothing is missing, or that often. */
async function renewed(run: RequestRun, first: GatheredAudio, gather: Gather): Promise<GatheredAudio> {
  let gathered = first;
  for (let round = 1; round <= ROUNDS_MAX && gathered.missing.length > 0; round += 1) {
    const { audio, missing } = gathered;
    gathered = await gather([audio, ...(await renewSome(run, audio, missing))]);
  }
  return gathered;
}

async function renewSome(run: RequestRun, audio: CaseRef, places: readonly number[]): Promise<CaseRef[]> {
  const jobs = places.map((place): PartJob => ({ place, what: 'audio' }));
  const { objects, failed } = await collectParts(run, audio, jobs);
  const files = [...objects];
  for (const { job, failure } of failed)
    files.push(await missingAudio({ ...budgetedOf(run.opened), of: audio }, job, failure.code));
  return files;
}

/** Whether the request waited, durably and visibly, until Aircall has stored all recordings; deadline and due date permitting. */
async function waitedUntil({ opened, progress }: RequestRun, until: string): Promise<boolean> {
  const untilMs = Date.parse(until);
  const { dueAt } = opened.clock ?? {};
  const lastMs = dueAt === undefined ? opened.deadlineMs : Math.min(opened.deadlineMs, Date.parse(dueAt));
  if (!opened.lateMedia || untilMs >= lastMs) return false;
  const waitMs = Math.max(1, untilMs - Date.now());
  await progress.waiting({ cause: 'late-media', until }, () =>
    sleep(waitMs, { summary: 'Until recordings are stored' }),
  );
  return true;
}

function noteFiles({ findings }: RequestRun, name: AudioName, gathered: GatheredAudio): void {
  const { files, mayFollow } = gathered;
  const isOwn = ({ source }: { readonly source: AudioName }) => source === name;
  const own = gathered.failed.filter(isOwn);
  const more = gathered.failedMore.filter(isOwn);
  findings.found(name, files[name] ?? 0);
  for (const { record, code } of own) findings.note({ record, outcome: 'failed', code });
  for (const each of more) findings.noteMore({ ...each, unreadable: false, outcome: 'failed' });
  const missing = more.reduce((sum, { count }) => sum + count, own.length);
  const follow = name === 'recordings' && mayFollow > 0 ? [{ code: 'recording-may-follow', count: mayFollow }] : [];
  const failures = missing > 0 ? [{ code: 'file-missing', count: missing }] : [];
  const state = missing > 0 ? 'partial' : 'complete';
  findings.cover({ [name]: partCoverage(findings, { state, gaps: [...failures, ...follow] }) });
}
