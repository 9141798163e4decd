/**
 * What Aircall made of the calls that a request delivers: transcripts first, then insights, of which a call without a transcript has
 * none. One API request each; a company that may not read them is asked once. Decisions D1, D10.
 */
import type { CaseRef } from '../request/contracts';
import { fetchedOfCall } from '../request/cost';
import { INSIGHTS, isIntelligence } from '../request/insights';
import type { Gap } from '../request/model';
import { recordName } from '../request/sources';
import { type Collected, collectParts, knownNothing } from './collecting';
import { partCoverage } from './findings';
import type { ListedSource } from './listing';
import type { PartJob } from './parts';
import { type Planned, stepsFor } from './planning';
import type { RequestRun } from './run';

/** Calls in which somebody spoke. */
interface Block {
  readonly object: CaseRef;
  /** Of the calls in the plan. */
  readonly places: readonly number[];
}

/** The objects of all that was found. @param audio that was gathered, if the request asks for any */
export async function fetchIntelligence(
  run: RequestRun,
  calls: ListedSource,
  { audio, ...planned }: Planned & { readonly audio?: CaseRef | undefined },
): Promise<readonly CaseRef[]> {
  const { request, include } = run.opened;
  const isAsked = (name: 'transcripts' | 'insights') => include.includes(name);
  if (!isAsked('transcripts') && !isAsked('insights')) return [];
  run.progress.enter('fetching-transcripts');
  const { blocks, mayFollow } = await stepsFor(run, calls.records).pickSpoken({
    ...{ request, ...planned, calls: calls.object, nowMs: Date.now() },
    ...(audio && { audio }),
  });
  const later = countLater(run, blocks);
  const known = knownNothing();
  const objects: CaseRef[] = [];
  const transcripts = createTally('transcripts', mayFollow);
  /** Calls whose insights are asked for: one without a transcript has none. */
  const spoken = new Map<Block, readonly number[]>();
  for (const block of blocks) {
    const all = block.places.map((_, place): PartJob => ({ place, what: 'transcription' }));
    if (!isAsked('transcripts')) {
      spoken.set(block, all.map(placeOf));
      continue;
    }
    later.begins(all);
    const collected = await collectParts(run, block.object, all, known);
    const heard = [...collected.found, ...collected.failed.map(({ job }) => job)].map(placeOf);
    spoken.set(block, heard);
    later.spares(block.places.length - heard.length);
    transcripts.add(block, collected);
    objects.push(...collected.objects);
  }
  const isDenied = known.denied.includes('transcription');
  if (isAsked('transcripts')) transcripts.note(run, isDenied ? 'all' : 0);
  if (!isAsked('insights')) return objects;

  run.progress.enter('fetching-insights');
  const insights = createTally('insights', mayFollow);
  for (const block of blocks) {
    const jobs = (spoken.get(block) ?? []).flatMap(place => INSIGHTS.map((what): PartJob => ({ place, what })));
    later.begins(jobs);
    const collected = await collectParts(run, block.object, jobs, known);
    insights.add(block, collected);
    objects.push(...collected.objects);
  }
  const refused = INSIGHTS.filter(what => known.denied.includes(what)).length;
  // Who may read no transcript has none to ask the insights of.
  insights.note(run, refused === INSIGHTS.length || isDenied ? 'all' : refused);
  return objects;
}

function placeOf({ place }: PartJob): number {
  return place;
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
  for (const { places } of blocks) add(places.length * ofCall.length);
  return {
    begins: (jobs: readonly PartJob[]) =>
      add(-jobs.filter(({ what }) => isIntelligence(what) && ofCall.includes(what)).length),
    /** Calls without a transcript. */
    spares: (calls: number) => add(-calls * ofCall.filter(what => what !== 'transcription').length),
  };
}

/** What was found and what failed in one source. */
function createTally(source: 'transcripts' | 'insights', mayFollow: number) {
  let found = 0;
  let failed = 0;
  /** By the call's place. */
  const codes = new Map<number, string>();
  return {
    add({ places }: Block, collected: Collected): void {
      found += collected.found.length;
      failed += collected.failed.length;
      for (const { job, failure } of collected.failed) codes.set(places[job.place] ?? 0, failure.code);
    },
    /** @param denied how many kinds the company may not read */
    note({ findings }: RequestRun, denied: number | 'all'): void {
      findings.found(source, found + failed);
      for (const [place, code] of codes) findings.note({ record: recordName(source, place), outcome: 'failed', code });
      const gaps: Gap[] = [
        ...(failed > 0 ? [{ code: 'not-fetched', count: failed }] : []),
        ...(typeof denied === 'number' && denied > 0 ? [{ code: 'not-entitled', count: denied }] : []),
        ...(mayFollow > 0 && denied !== 'all' ? [{ code: 'recording-may-follow', count: mayFollow }] : []),
      ];
      const state = failed > 0 ? 'partial' : denied === 'all' && found === 0 ? 'not-entitled' : 'complete';
      findings.cover({ [source]: partCoverage(findings, { state, gaps }) });
    },
  };
}
