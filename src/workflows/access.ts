/**
 * An access request: find the subject's contacts, fetch their calls, hand over a package of those that are the subject's alone, or that
 * people decided to hand over. It reads only; a dry run searches contacts and counts calls. Decisions D5, D6, D10, D15.
 */
import type { CaseRef, Opened, People } from '../request/contracts';
import { costOf, fetchedOfCall } from '../request/cost';
import type { AccessInput, Gap, NoticeCoverage, NumberCoverage, RequestResult, SourceCoverage } from '../request/model';
import { PART_NAMES } from '../request/sources';
import { collectAudio } from './audio';
import { fetchIntelligence } from './intelligence';
import { type CountedLists, countLists, type ListedSource, readLists } from './listing';
import type { List } from './pages';
import { findPeople } from './people';
import { decidePlan, makePlan, type Planned } from './planning';
import { coverageOf, withheldOf } from './result';
import { type RequestRun, runRequest } from './run';
import { packageSteps } from './steps';

export async function accessRequest(input: AccessInput): Promise<RequestResult> {
  return runRequest('access', input, async run => {
    const { findings } = run;
    run.progress.enter('searching');
    const people = await findPeople(run);
    if (people === undefined) return;
    findings.found('contacts', people.certain);
    coverParts(run);
    if (run.opened.dryRun) return planContacts(run, people);

    run.progress.enter('fetching-calls');
    const { listed: calls, coverage } = await findCalls(run, people);
    const made = await makePlan(run, people, calls);
    const { certain } = made;
    const doubtful = made.doubts.reduce((sum, { source, records }) => (source === 'calls' ? sum + records : sum), 0);
    findings.found('calls', certain.calls);
    findings.cover({ calls: { ...coverage, ambiguous: doubtful } });
    const nothing = people.contacts + calls.records === 0;
    const approved = nothing ? {} : await run.approvals.of(made);
    if (approved === undefined) return;
    const planned: Planned = { plan: made.plan, ...approved };
    const { taken } = await decidePlan(run, planned, calls.records);
    findings.found('contacts', taken.contacts - certain.contacts);
    findings.found('calls', taken.calls - certain.calls);
    findings.cover({ calls: { ...coverage, ambiguous: Math.max(0, certain.calls + doubtful - taken.calls) } });

    const audio = await collectAudio(run, calls, planned);
    const intelligence = await fetchIntelligence(run, calls, { ...planned, ...(audio && { audio }) });
    run.progress.enter('packaging');
    await handOver(run, people, calls, { ...planned, ...(audio && { audio }), intelligence });
  });
}

/** What a dry run shows: the contacts that would be handed over, how long the lists of calls are, and what the rest costs. */
async function planContacts(run: RequestRun, people: People): Promise<void> {
  const { plan } = await makePlan(run, people);
  const { taken } = await decidePlan(run, { plan }, people.contacts);
  const counts = { contacts: taken.contacts, numbers: people.numbers };
  run.findings.plan = { counts };
  run.progress.enter('fetching-calls');
  const counted = await countCalls(run, people);
  if (counted === undefined) return;
  const { include, notEntitled, requestsPerHour } = run.opened;
  const calls = counted.reduce((sum, { total }) => sum + total, 0);
  const cost = costOf(counted, fetchedOfCall(include, notEntitled), requestsPerHour);
  run.findings.plan = { counts: { ...counts, calls }, cost };
}

/** The lists of calls by their first pages, which are not searched any further. Undefined if one could not be read. */
async function countCalls(run: RequestRun, people: People): Promise<CountedLists['counted'] | undefined> {
  const { lists, window, gaps, cover } = beginCalls(run, people);
  const { counted, gaps: failed } = await countLists(run, lists, window);
  const isCounted = failed.length === 0;
  cover({ state: isCounted ? 'skipped' : 'failed', gaps: [...gaps, ...failed] });
  return isCounted ? counted : undefined;
}

interface FoundCalls {
  readonly listed: ListedSource;
  /** Before anything is decided about them. */
  readonly coverage: NumberCoverage;
}

/** Calls by each spelling of the person's numbers, or all calls of the company. */
async function findCalls(run: RequestRun, people: People): Promise<FoundCalls> {
  const { lists, window, gaps, cover } = beginCalls(run, people);
  const listed = await readLists(run, 'calls', lists, window, { gaps });
  run.findings.noteUnreadable('calls', listed.unreadable);
  return { listed, coverage: cover({ state: lists.length === 0 ? 'skipped' : listed.state, gaps: listed.gaps }) };
}

/** The lists that lead to calls of the person, the gaps that none of them has, and what is said of calls from now on. */
function beginCalls({ findings, opened }: RequestRun, people: People) {
  const { by, from, to } = opened.calls;
  const lists = listsOf(by, people);
  const searched = {
    by: by === 'company' ? by : 'number',
    window: { from: from === null ? null : instant(from), to: instant(to) },
    ambiguous: 0,
    ignoredNumbers: people.ignoredNumbers,
  } as const;
  const cover = (covered: Pick<SourceCoverage, 'state' | 'gaps'>): NumberCoverage => {
    const calls = { ...covered, ...searched };
    findings.cover({ calls });
    return calls;
  };
  // Stays if the search is cancelled or fails.
  cover({ state: 'failed', gaps: [{ code: 'cancelled' }] });
  const gaps = lists.length === 0 ? [{ code: 'no-number-known' }, ...gapsOf(people)] : gapsOf(people);
  return { lists, window: { ...(from !== null && { from }), to }, gaps, cover };
}

/** None if there is nothing by which a call could be the person's. */
function listsOf(by: 'by-number' | 'company', { people, contacts, numbers, spellings }: People): List[] {
  if (by === 'company') return contacts + numbers === 0 ? [] : [{ of: 'calls', people, number: null }];
  return Array.from({ length: spellings }, (_, number): List => ({ of: 'calls', people, number }));
}

/** Numbers of the person that are not searched. */
function gapsOf({ numbersBeyond, numbersWithoutCountry }: People): Gap[] {
  return [
    ...(numbersBeyond > 0 ? [{ code: 'too-many-numbers', count: numbersBeyond }] : []),
    ...(numbersWithoutCountry > 0 ? [{ code: 'number-without-country', count: numbersWithoutCountry }] : []),
  ];
}

/** What belongs to calls and nobody asked for. */
function coverParts({ findings, opened }: RequestRun): void {
  for (const name of PART_NAMES)
    if (!opened.include.includes(name)) findings.cover({ [name]: { state: 'not-asked', gaps: [] } });
}

/** What a person must be told of the processing, besides the data themselves, is no record: it changes no status. */
function noticeCoverage({ notice, clock }: Opened): NoticeCoverage {
  if (notice === 'none') return { state: 'not-asked', gaps: [] };
  if (notice !== undefined) return { state: 'complete', gaps: [] };
  return { state: 'skipped', gaps: clock?.regime === 'gdpr' ? [{ code: 'notice-missing' }] : [] };
}

interface ToHandOver extends Planned {
  readonly audio?: CaseRef;
  readonly intelligence: readonly CaseRef[];
}

/** Also if nothing was found: the package then says what was searched, and how. */
async function handOver(run: RequestRun, { people }: People, calls: ListedSource, found: ToHandOver): Promise<void> {
  const { request, subject, language, timezone, notice, deadlineMs } = run.opened;
  const ofNotice = noticeCoverage(run.opened);
  const built = await packageSteps(deadlineMs).buildPackage({
    request,
    subject,
    people,
    calls: calls.object,
    ...found,
    language,
    timezone,
    ...(notice !== undefined && notice !== 'none' && { notice }),
    withheld: withheldOf(run.findings),
    coverage: { ...coverageOf('access', run.findings), notice: ofNotice },
    startedAt: run.startedAt,
  });
  run.findings.package = built.package;
  run.findings.redactions = built.redactions;
  run.findings.notice = ofNotice; // of a package that is there
}

function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
