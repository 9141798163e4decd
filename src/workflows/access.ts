/**
 * An access request: find the subject's contacts, fetch their calls, hand over a package. It reads only.
 * Decisions D5, D6, D10.
 */
import type { People } from '../request/contracts';
import type { AccessInput, Gap, RequestResult } from '../request/model';
import { type ListedSource, readLists } from './listing';
import type { List } from './pages';
import { findPeople } from './people';
import { coverageOf } from './result';
import { type RequestRun, runRequest } from './run';

/** Above it, packing takes longer than a workflow task should. */
const CALLS_QUICK_MAX = 1_000;

export async function accessRequest(input: AccessInput): Promise<RequestResult> {
  return runRequest('access', input, async run => {
    run.progress.enter('searching');
    const people = await findPeople(run);
    if (people === undefined) return;

    run.progress.enter('fetching-calls');
    const calls = await findCalls(run, people);
    if (people.contacts + calls.records === 0) return;

    run.progress.enter('packaging');
    await handOver(run, people, calls);
  });
}

/** Calls by each of the person's numbers, or all calls of the company; the same ones are kept in both cases. */
async function findCalls(
  run: RequestRun,
  { people, contacts, numbers, ignoredNumbers, numbersBeyond }: People,
): Promise<ListedSource> {
  const { findings, opened } = run;
  const { by, from, to } = opened.calls;
  const nobody = contacts + numbers === 0;
  const searched = by === 'company' && !nobody ? [null] : Array.from({ length: numbers }, (_, number) => number);
  const lists = searched.map((number): List => ({ of: 'calls', people, number }));
  const window = { from: from === null ? null : instant(from), to: instant(to) };
  // Stays if the search is cancelled or fails.
  findings.cover({ calls: { state: 'failed', gaps: [{ code: 'cancelled' }], window, ambiguous: 0, ignoredNumbers } });
  const beyond: Gap[] = numbersBeyond > 0 ? [{ code: 'too-many-numbers', count: numbersBeyond }] : [];
  const found = await readLists(run, 'calls', lists, { ...(from !== null && { from }), to }, beyond);
  findings.noteUnreadable('calls', found.unreadable);
  findings.found('calls', found.records);
  findings.cover({
    calls: { state: found.state, gaps: found.gaps, window, ambiguous: found.withheld, ignoredNumbers },
  });
  return found;
}

async function handOver(run: RequestRun, { people }: People, calls: ListedSource): Promise<void> {
  const { request, subject } = run.opened;
  const steps = calls.records <= CALLS_QUICK_MAX ? run.local : run.bulk;
  run.findings.package = await steps.buildPackage({
    request,
    subject,
    people,
    calls: calls.object,
    coverage: coverageOf('access', run.findings),
    startedAt: run.startedAt,
  });
}

function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
