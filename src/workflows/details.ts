/**
 * The text of a request in the Temporal Web UI, while it runs and when it has ended: its state, the cause of its wait and the
 * remedy, records found and deleted, gaps. Markdown; counts, codes and names only. Workflow-safe.
 */
import { ENDINGS, isEndedStatus } from '../request/endings';
import type { Gap, Outcome, RequestStatus, SourceCoverage } from '../request/model';
import { type RecordNamed, readRecordName, sourcesOf } from '../request/sources';
import { waitWords } from '../request/waits';
import { PHASE_WORDS } from '../request/words';
import type { Found } from './findings';

/** Keeps details small in any case. */
const CODES_MAX = 8;
const CODES_PAGE = 'docs/errors.md explains each code, and what to do.';

export function detailsOf(status: RequestStatus, findings: Found): string {
  const { phase, waitingFor, apiRequests } = status;
  const doing = PHASE_WORDS[phase];
  const missing = missingLines(findings);
  const lines = [
    ...foundLines(status, findings),
    ...missing,
    `API requests sent to Aircall: ${apiRequests}`,
    ...dueLines(status),
  ];
  return [
    titleOf(status),
    '',
    ...(waitingFor === undefined ? [] : [`It waits ${waitWords(waitingFor, status)}`, '']),
    ...(doing === undefined ? endWords(status, findings) : [`Now: ${doing}.`]),
    '',
    ...lines.map(line => `- ${line}`),
    ...(findings.failure === undefined && missing.length > 0 ? ['', CODES_PAGE] : []),
  ].join('\n');
}

/** Of a request that was refused before it began: all that is known. */
export function refusedDetails(message: string): string {
  return `**failed**\n\nIt was refused before any API request was sent: ${message}.`;
}

/** Of a run whose request had ended before. */
export function answeredDetails(status: RequestStatus): string {
  return `${titleOf(status)}\n\nThis request ended before. This run did nothing and returned its result again.`;
}

function titleOf({ kind, requestId, connection, status }: RequestStatus): string {
  return `**${kind === 'access' ? 'Access request' : 'Deletion'} ${requestId} of ${connection}: ${status}**`;
}

/** The meaning of its end. */
function endWords({ kind, status }: RequestStatus, { failure, package: packed }: Found): string[] {
  if (failure !== undefined) return [`It ended because of \`${failure.code}\`: ${failure.message}.`];
  if (!isEndedStatus(status)) return ['It ended.'];
  const { words, handsOver } = ENDINGS[status];
  const handedOver = packed === undefined ? 'There is no package.' : 'The package was handed over.';
  return [[words[kind], ...(handsOver && kind === 'access' ? [handedOver] : [])].join(' ')];
}

function foundLines({ kind, counts, phase }: RequestStatus, findings: Found): string[] {
  const { covered, verification, plan, planDigest, package: packed } = findings;
  const yet = phase === 'ended' ? '' : ' so far';
  const deleted = counts.deleted ?? 0;
  const absent = counts.alreadyAbsent ?? 0;
  const sources = sourcesOf(kind).flatMap(source => {
    const coverage = covered[source];
    const withheld = coverage !== undefined && 'ambiguous' in coverage ? coverage.ambiguous : 0;
    const noun = capital(source);
    return [
      `${noun}: ${counts[source] ?? 0} found${(coverage && searchedWords(coverage)) ?? yet}`,
      ...(withheld > 0 ? [`${noun} withheld, on a number that is shared with somebody else: ${withheld}`] : []),
    ];
  });
  return [
    ...sources,
    ...(plan ? [`A dry run: ${plan.counts.contacts} contacts would be deleted, plan ${planDigest}`] : []),
    ...(deleted + absent > 0 ? [`Contacts deleted: ${deleted}; already deleted: ${absent}`] : []),
    ...(verification && verification.state !== 'skipped'
      ? [
          verification.state === 'verified'
            ? `Verified: searched again at ${verification.checkedAt}, nothing is left`
            : '**Not verified: searched again, and something is left**',
        ]
      : []),
    ...(packed ? [`Package: ${packed.sizeBytes} bytes`] : []),
  ];
}

function capital(word: string): string {
  return `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`;
}

/** Undefined for a source whose search was not begun, or not finished. */
function searchedWords({ state, gaps }: SourceCoverage): string | undefined {
  if (state === 'skipped' || gaps.some(({ code }) => code === 'cancelled')) return undefined;
  return { complete: ', searched completely', partial: ', **searched in part**', failed: ', **not searched**' }[state];
}

/** Records with another outcome than requested, and gaps, by code. */
function missingLines({ outcomes, unlisted, covered }: Found): string[] {
  const sorts = new Map<string, number>();
  const add = (sort: string, code: string | undefined, count: number) => {
    if (code === undefined) return;
    const line = `${sort}, because of \`${code}\``;
    sorts.set(line, (sorts.get(line) ?? 0) + count);
  };
  for (const { record, outcome, code } of outcomes) add(sortOf(readRecordName(record), outcome), code, 1);
  for (const { outcome, code, count, ...named } of unlisted) add(sortOf(named, outcome), code, count);
  const gapLines = (source: string, gaps: readonly Gap[]) =>
    gaps
      .filter(({ code }) => !SAID_OTHERWISE.includes(code))
      .map(({ code, count }) => `Not covered in ${source}: \`${code}\`${count === undefined ? '' : ` (${count})`}`);
  const lines = [
    ...[...sorts].map(([sort, count]) => `${sort}: ${count}`),
    ...Object.entries(covered).flatMap(([source, { gaps }]) => gapLines(source, gaps)),
  ];
  const more = lines.length - CODES_MAX;
  return more > 0 ? [...lines.slice(0, CODES_MAX), `and ${more} more, see the result`] : lines;
}

/** Codes that the end of the request, or the unreadable records, already show. */
const SAID_OTHERWISE = ['cancelled', 'unexpected-record'];

/** `contact 3` and `contact 5` are of one sort. */
function sortOf({ source, unreadable }: Omit<RecordNamed, 'number'>, outcome: Outcome): string {
  const nouns = capital(source);
  if (unreadable) return `${nouns} that could not be read`;
  return outcome === 'failed' ? `${nouns} that failed` : `${nouns} ${outcome}`;
}

function dueLines({ regime, dueAt, alarm, extension }: RequestStatus): string[] {
  if (dueAt === undefined || regime === undefined) return [];
  const words = { 'due-soon': ' **within a week**', overdue: ' **overdue**' } as const;
  const before = extension === undefined ? '' : `, extended from ${extension.dueBefore} (${extension.reason})`;
  return [`Due at ${dueAt} by the ${regime.toUpperCase()}${before}${alarm === undefined ? '' : `:${words[alarm]}`}`];
}
