/**
 * What people are told of a request that has ended: on a terminal, in the Web UI, in evidence. Each sentence is said only if the
 * facts bear it, so every one of them is made here. Counts, codes, times and names of connections only. Pure; Workflow-safe.
 */
import { DOUBTS, type DoubtCode } from '../judgement/doubts';
import { ENDINGS, type EndedStatus, isEndedStatus } from './endings';
import type {
  Fetching,
  NumberCoverage,
  RequestResult,
  SourceCoverage,
  SourcesCovered,
  Status,
  Verification,
} from './model';
import type { Kind } from './names';
import { isReason, REASON_WORDS } from './redactions';
import { keyOf } from './shapes';
import { PART_NAMES, SOURCES, type SourceName, sourcesOf } from './sources';
import { count, durationWords, sizeWords } from './words';

/** What sentences are made from: a result, or what is known of a request that still runs. */
export interface Facts
  extends Pick<
    RequestResult,
    | 'kind'
    | 'connection'
    | 'startedAt'
    | 'dryRun'
    | 'counts'
    | 'doubts'
    | 'approvals'
    | 'rejection'
    | 'verification'
    | 'plan'
    | 'planDigest'
    | 'package'
    | 'regime'
    | 'submittedAt'
  > {
  readonly status: Status;
  readonly coverage: SourcesCovered;
}

const NOUNS = { access: 'access request', deletion: 'deletion' } as const satisfies Record<Kind, string>;

/** What the request is: a dry run is called one. */
export function requestNoun({ kind, dryRun }: { readonly kind: Kind; readonly dryRun?: boolean | undefined }): string {
  return dryRun ? `dry run of ${kind === 'access' ? 'an' : 'a'} ${NOUNS[kind]}` : NOUNS[kind];
}

/** What became of records that nobody took. */
const KEPT = { access: 'withheld', deletion: 'left' } as const satisfies Record<Kind, string>;
const MAY_BE = "may be somebody else's";

/** The meaning of the end; empty if it has not ended. */
export function endSentences(facts: Facts): string[] {
  const { kind, status } = facts;
  if (!isEndedStatus(status)) return [];
  const row = ENDINGS[status];
  const kept = keptCount(facts);
  const stays = staysWords(facts);
  return [
    meaningOf(facts, kept, status)[kind],
    ...(kept > 0 ? [`${keptWords(facts, kept)}: see below.`] : []),
    ...(status === 'partial' && isUndecided(facts) ? [`Nobody has decided about ${kept === 1 ? 'it' : 'them'}.`] : []),
    ...skippedSources(facts).map(
      ([source, why]) => `${capital(source)} were ${notSearched(facts.coverage[source])}${why}.`,
    ),
    ...(stays === undefined ? [] : [`${capital(stays)}.`]),
    ...(row.handsOver && kind === 'access' ? [facts.package ? 'The package is ready.' : 'There is no package.'] : []),
  ];
}

function meaningOf({ approvals }: Facts, kept: number, status: EndedStatus): Readonly<Record<Kind, string>> {
  const row = ENDINGS[status];
  if (approvals.length > 0 && 'approved' in row) return row.approved;
  return kept > 0 && 'besides' in row ? row.besides : row.words;
}

const STAYS: readonly Status[] = ['completed', 'partial', 'no-match'];

/** What a deletion leaves in Aircall in any case. */
export function staysWords({ kind, status, dryRun }: Pick<Facts, 'kind' | 'status' | 'dryRun'>): string | undefined {
  return kind === 'deletion' && !dryRun && STAYS.includes(status)
    ? 'if Aircall holds calls, comments or messages of the person, they stay: its API cannot delete them'
    : undefined;
}

/** Records that nobody took: those of a source that is searched by numbers are counted there too. */
export function keptCount({ doubts, coverage }: Facts): number {
  if (doubts.length > 0) return doubts.reduce((sum, { kept }) => sum + kept, 0);
  return coverage.calls?.ambiguous ?? 0;
}

function keptWords({ kind, dryRun }: Facts, kept: number): string {
  const were = kept === 1 ? 'was' : 'were';
  return `${count(kept, 'record')} that ${MAY_BE} ${dryRun ? 'would be' : were} ${KEPT[kind]}`;
}

/** What became, or in a dry run would become, of records that nobody took. */
export function keptAs({ kind, dryRun }: Pick<Facts, 'kind' | 'dryRun'>): string {
  return `${dryRun ? 'would be ' : ''}${KEPT[kind]}`;
}

/** Doubtful records, one line for each reason. */
export function doubtLines(facts: Pick<Facts, 'kind' | 'status' | 'dryRun' | 'doubts' | 'coverage'>): string[] {
  const { status, doubts, coverage } = facts;
  const ambiguous = coverage.calls?.ambiguous ?? 0;
  const kept = status === 'running' || status === 'waiting' ? 'undecided' : keptAs(facts);
  if (doubts.length === 0) return ambiguous === 0 ? [] : [`${count(ambiguous, 'call')} that ${MAY_BE}: ${kept}`];
  return doubts.map(({ code, records, taken, kept: left }) =>
    [
      `${count(records, 'record')} that ${MAY_BE}, because ${doubtWords(code)} (${code}): `,
      [...(taken > 0 ? [`${taken} decided to be the person's`] : []), `${left} ${kept}`].join(', '),
    ].join(''),
  );
}

/** Why a record may be somebody else's: the code itself if this version does not have it. */
export function doubtWords(code: string): string {
  return isDoubt(code) ? DOUBTS[code].words : code;
}

/** Whether a code is a reason for doubt. */
export const isDoubt = keyOf(DOUBTS);

/** What was left out of the package or replaced; undefined if nothing was, or there is none. */
export function redactedWords({ redactions = [] }: Redacted): string | undefined {
  if (redactions.length === 0) return undefined;
  return redactions.map(({ reason, count: places }) => `${reasonWords(reason)}: ${places}`).join(', ');
}

interface Redacted {
  readonly redactions?: readonly { readonly reason: string; readonly count: number }[];
}

/** The reason itself if this version does not have it. */
function reasonWords(reason: string): string {
  return isReason(reason) ? REASON_WORDS[reason] : reason;
}

/** What belongs to calls is told once it was come to, and not where nobody asked for it or calls were not searched either. */
function told({ kind, coverage }: Pick<Facts, 'kind' | 'coverage'>): SourceName[] {
  return sourcesOf(kind).filter(source => {
    const state = coverage[source]?.state;
    return SOURCES[source].by !== 'calls' || (state !== undefined && state !== 'not-asked' && state !== 'skipped');
  });
}

/** Each source of the request: how much was found, how it was searched, and whether completely. */
export function sourceLines(facts: Facts, isOpen: boolean): string[] {
  const { counts, coverage } = facts;
  return told(facts).map(source => {
    const found = `${counts[source] ?? 0} found`;
    const searched = coverage[source];
    if (isOpen && !hasEnded(searched)) return `${capital(source)}: ${found} so far`;
    if (!isSearched(searched)) return `${capital(source)}: ${notSearched(searched)}${whySkipped(facts, source)}`;
    const { state } = searched;
    const words = hasEnded(searched) ? searchWords(searched) : 'search broken off';
    return `${capital(source)}: ${found}, ${state === 'complete' ? words : `**${words}**`}`;
  });
}

const SEARCHED = {
  complete: 'searched completely',
  partial: 'searched in part',
  failed: 'not searched',
  skipped: 'not searched',
  'not-asked': 'not asked for',
  'not-entitled': 'not available to the company',
} as const satisfies Record<SourceCoverage['state'], string>;

type Way = NonNullable<NumberCoverage['by']>;

/** How much of a source was searched and, if there is more than one way, how. */
export function searchWords(searched: Searched): string {
  const method = methodOf(searched);
  return method === undefined ? SEARCHED[searched.state] : `${SEARCHED[searched.state]} ${method}`;
}

/** False for a search that was not begun, or was broken off. */
function hasEnded(searched: SourceCoverage | undefined): boolean {
  return isSearched(searched) && !searched.gaps.some(({ code }) => code === 'cancelled');
}

/** How many records of each source were found; a source that was not searched has no number. */
export function foundWords(facts: Facts): string {
  const { counts, coverage } = facts;
  return told(facts)
    .map(source =>
      isSearched(coverage[source])
        ? count(counts[source] ?? 0, SOURCES[source].noun)
        : `${source} ${notSearched(coverage[source])}`,
    )
    .join(', ');
}

/** Not if there was nothing to search by, nobody asked, or the company may not read it. */
export function isSearched<S extends Pick<SourceCoverage, 'state'>>(searched: S | undefined): searched is S {
  return searched !== undefined && !UNSEARCHED.includes(searched.state);
}

const UNSEARCHED: readonly SourceCoverage['state'][] = ['skipped', 'not-asked', 'not-entitled'];

function notSearched(searched: SourceCoverage | undefined): string {
  return SEARCHED[searched?.state ?? 'skipped'];
}

const METHODS = {
  number: 'by the numbers of the person',
  company: 'in the list of all of the company',
} as const satisfies Record<Way, string>;

interface Searched {
  readonly state: SourceCoverage['state'];
  readonly by?: Way | undefined;
}

/** How the records of a source were found, if there is more than one way. */
export function methodOf(searched: Searched | undefined): string | undefined {
  if (searched?.by === undefined || searched.state === 'skipped') return undefined;
  return METHODS[searched.by];
}

/** Sources of the request that were not searched although it ended by itself, each with the reason. */
function skippedSources(facts: Facts): (readonly [SourceName, string])[] {
  const { coverage, status } = facts;
  if (!isEndedStatus(status) || !ENDINGS[status].searched) return [];
  return told(facts).flatMap(source =>
    isSearched(coverage[source]) ? [] : [[source, whySkipped(facts, source)] as const],
  );
}

function whySkipped({ coverage, dryRun }: Facts, source: SourceName): string {
  if (coverage[source]?.gaps.some(({ code }) => code === 'no-number-known'))
    return ', because no usable number of the person is known';
  return dryRun ? ', because a dry run only counts them' : '';
}

/** What the verifying search found; undefined if there was none. */
export function verifiedWords({ verification, counts: { retained = 0 }, doubts }: Facts): string | undefined {
  return verificationWords({ state: verification?.state ?? 'skipped', retained, doubts });
}

interface Verified {
  readonly state: Verification['state'];
  /** Contacts that were left. */
  readonly retained: number;
  readonly doubts: readonly { readonly kept: number }[];
}

/** The same from the statements of a receipt. */
export function verificationWords({ state, retained, doubts }: Verified): string | undefined {
  if (state === 'skipped') return undefined;
  if (state === 'residual') return 'the last search still found something, or was not complete';
  const left = Math.max(
    retained,
    doubts.reduce((sum, { kept }) => sum + kept, 0),
  );
  return left === 0
    ? 'searched again, and no contact of the person was found'
    : `searched again, and no contact was found but those that were left (${left})`;
}

interface PlanTold {
  readonly kind: Kind;
  readonly plan?: { readonly counts: PlanCounts } | undefined;
  readonly planDigest?: string | undefined;
  readonly coverage: { readonly contacts?: Searched | undefined; readonly calls?: Searched | undefined };
}

interface PlanCounts {
  readonly contacts: number;
  readonly numbers?: number | undefined;
  readonly calls?: number | undefined;
}

/** What a dry run would do; undefined if there is no plan. */
export function planWords({ kind, plan, planDigest, coverage }: PlanTold): string | undefined {
  if (plan === undefined) return undefined;
  const { contacts, numbers, calls: rows } = plan.counts;
  const records = count(contacts, 'contact');
  const among = coverage.calls?.by === 'company' ? ' in the list of all of the company' : '';
  const counted = rows === undefined ? '' : ` (${rows} by Aircall's count)`;
  const calls = numbers === undefined ? '' : `, and calls of ${count(numbers, 'number')} looked for${among}${counted}`;
  const whole = isWhole(coverage) ? '' : '; the search was not complete';
  const doing = kind === 'access' ? 'handed over' : 'deleted';
  return `${records} would be ${doing}${calls}, plan ${planDigest ?? 'unknown'}${whole}`;
}

/** What the request itself costs, of which a dry run has shown the plan; undefined if that is not known. */
export function costWords(plan: RequestResult['plan']): string | undefined {
  if (plan?.cost === undefined) return undefined;
  const { apiRequests, pages, hours } = plan.cost;
  if (apiRequests === 0) return 'no more API requests than this dry run sent';
  const ifAll = pages > 0 ? ' if all calls there are of the person' : '';
  const rest = apiRequests - pages;
  const what = [
    ...(pages > 0 ? [`${pages} for further pages of calls`] : []),
    ...(rest > 0 ? [`${rest} for transcripts and insights${ifAll}`] : []),
  ].join(', ');
  return `at most ${count(apiRequests, 'API request')} more than this dry run sent (${what})${timeWords(hours)}`;
}

/** How many files were downloaded so far; undefined if none were. */
export function filesWords({ files, sizeBytes }: Fetching): string | undefined {
  return files === 0 ? undefined : `${count(files, 'file')} (${sizeWords(sizeBytes)})`;
}

/** What is still to be sent as far as it is known; undefined if it is not. */
export function leftWords({ apiRequestsLeft, hoursLeft }: Fetching): string | undefined {
  return apiRequestsLeft === undefined
    ? undefined
    : `at most ${count(apiRequestsLeft, 'API request')}${timeWords(hoursLeft)}`;
}

function timeWords(hours: number | undefined): string {
  return hours === undefined ? '' : `: ${durationWords(hours)} if no other request of the company runs`;
}

function isWhole({ contacts }: PlanTold['coverage']): boolean {
  return contacts?.state === 'complete';
}

/** When and by which key somebody approved the plan, or rejected it. */
export function decidedWords({ keyId, at, signed }: Decided): string {
  return `${at}${keyId ? ` by key ${keyId}` : ''}, ${signed ? 'signed' : 'not signed'}`;
}

interface Decided {
  readonly keyId?: string | null;
  readonly at: string;
  readonly signed: boolean;
}

/** Whether the request is partial, or found nothing certain, because nobody has decided about doubtful records. */
function isUndecided({ kind, doubts, approvals, counts }: Facts): boolean {
  if (approvals.length > 0) return false;
  const nothingCertain = sourcesOf(kind).every(source => (counts[source] ?? 0) === 0);
  return doubts.some(({ code, kept }) => kept > 0 && (nothingCertain || undecidedOf(code) === 'partial'));
}

function undecidedOf(code: DoubtCode): 'completed' | 'partial' {
  return DOUBTS[code].undecided;
}

/**
 * The command that the operator runs next: the same request under a new id that waits for a decision, or the deletion of a plan
 * that a dry run showed. The person is read from stdin, because nothing of a person is known here.
 */
export function nextCommand(facts: Facts): NextCommand | undefined {
  const { kind, status, connection, planDigest, plan } = facts;
  const name = kind === 'access' ? 'access' : 'delete';
  const command = (...more: readonly string[]) =>
    ['aircall-dsr', name, connection, '-', ...optionsOf(facts), ...more, '--wait'].join(' ');
  const decides = status === 'partial' || (status === 'planned' && plan?.counts.contacts === 0);
  if (decides && isUndecided(facts))
    return {
      why: 'To decide about the doubtful records',
      command: command('--require-approval'),
      stdin: isFoundByNumberOnly(facts) ? PERSON_AND_NUMBERS : PERSON,
    };
  if (status === 'planned' && kind === 'deletion' && planDigest !== undefined && (plan?.counts.contacts ?? 0) > 0)
    return { why: 'To execute this plan', command: command('--plan', planDigest), stdin: PERSON };
  return undefined;
}

interface NextCommand {
  readonly why: string;
  readonly command: string;
  /** What it reads. */
  readonly stdin: string;
}

const PERSON = 'each address and number of the request, one a line,';
const PERSON_AND_NUMBERS = 'each address and number of the request and of the contacts that were left, one a line,';

/** A deleted contact leads to no number any more: without the numbers the next request would not find what was left. */
function isFoundByNumberOnly({ kind, doubts, counts }: Facts): boolean {
  const isKept = doubts.some(({ code, kept }) => code === 'number-only' && kept > 0);
  return kind === 'deletion' && isKept && (counts.deleted ?? 0) + (counts.alreadyAbsent ?? 0) > 0;
}

/** The options of the request that its result shows. */
function optionsOf({ kind, coverage, startedAt, regime, submittedAt }: Facts): string[] {
  const { contacts, calls } = coverage;
  const { from, to } = calls?.window ?? { from: null };
  const included = PART_NAMES.filter(name => coverage[name]?.state !== 'not-asked');
  return [
    ...(kind === 'access' && included.length < PART_NAMES.length ? ['--include', included.join(',') || 'none'] : []),
    ...(contacts?.by === 'company' ? ['--contacts', 'company'] : []),
    ...(calls?.by === 'company' ? ['--calls', 'company'] : []),
    ...(from === null ? [] : ['--from', from]),
    // A window that was not given ends when the request began, and the next request has its own.
    ...(to !== undefined && Date.parse(to) + 1_000 <= Date.parse(startedAt) ? ['--to', to] : []),
    ...(regime !== undefined && regime !== 'none' ? ['--regime', regime] : []),
    ...(submittedAt === undefined ? [] : ['--submitted-at', submittedAt]),
  ];
}

/** Gaps whose code alone says little to a person. */
const GAP_WORDS: Readonly<Record<string, string>> = {
  'no-number-known': 'not searched, because no usable number of the person is known',
  'number-without-country': 'numbers without a country, which were not searched',
  'recording-may-follow': 'calls of the last 24 hours whose recording Aircall may still store',
  'file-missing': 'files that could not be downloaded; the outcome of each says why',
  'not-fetched': 'could not be read from Aircall; the outcome of each says why',
  'not-entitled': 'kinds that Aircall does not provide to this company',
  'notice-missing':
    'the package does not hold the information that Art. 15(1) GDPR asks for besides the data; to add it, run connect with --notice and make a new request',
};

/** A gap: its count if that is known, and its meaning if the code alone says little. @param shown how the code is written */
export function gapWords({ code, count: rows }: GapTold, shown: string): string {
  const meaning = GAP_WORDS[code];
  return `${shown}${rows === undefined ? '' : ` (${rows})`}${meaning === undefined ? '' : `: ${meaning}`}`;
}

interface GapTold {
  readonly code: string;
  readonly count?: number | undefined;
}

/** `contacts` at the head of a line. */
export function capital(word: string): string {
  return `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`;
}
