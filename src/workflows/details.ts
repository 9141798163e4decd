/**
 * The text of a request in the Temporal Web UI, while it runs and when it has ended: its state, the cause of its wait and the
 * remedy, records found and deleted, doubts, gaps. Markdown; counts, codes and names only. Workflow-safe.
 */
import type { Gap, Outcome, RequestStatus } from '../request/model';
import {
  capital,
  costWords,
  decidedWords,
  doubtLines,
  endSentences,
  type Facts,
  filesWords,
  gapWords,
  isDoubt,
  leftWords,
  nextCommand,
  planWords,
  requestNoun,
  sourceLines,
  verifiedWords,
} from '../request/sentences';
import { type RecordNamed, readRecordName } from '../request/sources';
import { waitWords } from '../request/waits';
import { PHASE_WORDS } from '../request/words';
import type { Found } from './findings';
import { doubtsOf } from './result';

/** Keeps details small in any case. */
const CODES_MAX = 8;
const CODES_PAGE = 'docs/errors.md explains each code, and what to do.';

export function detailsOf(status: StatusSince, findings: Found): string {
  const { phase, waitingFor, apiRequests, progress } = status;
  const facts = factsOf(status, findings);
  const doing = PHASE_WORDS[phase];
  const missing = missingLines(findings);
  const lines = [
    ...foundLines(facts, phase !== 'ended'),
    ...missing,
    `API requests sent to Aircall: ${apiRequests}`,
    ...line('Still to be sent', progress && leftWords(progress)),
    ...line('Downloaded so far', progress && filesWords(progress)),
    ...line('The request itself would send', costWords(findings.plan)),
    ...dueLines(status),
  ];
  const next = nextCommand(facts);
  return [
    titleOf(status),
    '',
    ...(waitingFor === undefined ? [] : [`It waits ${waitWords(waitingFor, status)}`, '']),
    ...(doing === undefined ? endWords(facts, findings) : [`Now: ${doing}.`]),
    '',
    ...lines.map(line => `- ${line}`),
    ...(next === undefined ? [] : ['', `${next.why}, run \`${next.command}\`, with ${next.stdin} on its stdin.`]),
    ...(findings.failure === undefined && missing.length > 0 ? ['', CODES_PAGE] : []),
  ].join('\n');
}

function line(name: string, words: string | undefined): string[] {
  return words === undefined ? [] : [`${name}: ${words}`];
}

/** With the time when it was received. */
type StatusSince = RequestStatus & { readonly startedAt: string };

function factsOf(status: StatusSince, findings: Found): Facts {
  const { covered: coverage, approvals = [], rejection, verification, plan, planDigest, package: packed } = findings;
  return {
    ...status,
    coverage,
    doubts: doubtsOf(findings),
    approvals,
    ...(rejection && { rejection }),
    ...(verification && { verification }),
    ...(plan && { plan }),
    ...(planDigest && { planDigest }),
    ...(packed && { package: packed }),
  };
}

/** Of a request that was refused before it began: all that is known. */
export function refusedDetails(message: string): string {
  return `**failed**\n\nIt was refused before any API request was sent: ${message}.`;
}

/** Of a run whose request had ended before. */
export function answeredDetails(status: RequestStatus): string {
  return `${titleOf(status)}\n\nThis request ended before. This run did nothing and returned its result again.`;
}

function titleOf({ kind, dryRun, requestId, connection, status }: RequestStatus): string {
  return `**${capital(requestNoun({ kind, dryRun }))} ${requestId} of ${connection}: ${status}**`;
}

/** The meaning of its end. */
function endWords(facts: Facts, { failure }: Found): string[] {
  if (failure !== undefined) return [`It ended because of \`${failure.code}\`: ${failure.message}.`];
  const sentences = endSentences(facts);
  return [sentences.length === 0 ? 'It ended.' : sentences.join(' ')];
}

function foundLines(facts: Facts, isOpen: boolean): string[] {
  const { counts, approvals, rejection, verification, package: packed } = facts;
  const deleted = counts.deleted ?? 0;
  const absent = counts.alreadyAbsent ?? 0;
  const verified = verifiedWords(facts);
  const plan = planWords(facts);
  return [
    ...sourceLines(facts, isOpen),
    ...doubtLines(facts),
    ...(plan === undefined ? [] : [`The plan: ${plan}`]),
    ...approvals.map(decided => `The plan was approved: ${decidedWords(decided)}`),
    ...(rejection ? [`The plan was rejected: ${decidedWords(rejection)}: ${rejection.reason}`] : []),
    ...(deleted + absent > 0 ? [`Contacts deleted: ${deleted}; already deleted: ${absent}`] : []),
    ...(verified === undefined
      ? []
      : [verification?.state === 'verified' ? `Verified: ${verified}` : `**Not verified: ${verified}**`]),
    ...(packed ? [`Package: ${packed.sizeBytes} bytes`] : []),
  ];
}

/** Records with another outcome than requested, and gaps, by code. */
function missingLines({ outcomes, unlisted, covered, notice }: Found): string[] {
  const sorts = new Map<string, number>();
  const add = (sort: string, code: string | undefined, count: number) => {
    if (code === undefined || isDoubt(code)) return; // what is doubtful is told by its reasons
    const line = `${sort}, because of \`${code}\``;
    sorts.set(line, (sorts.get(line) ?? 0) + count);
  };
  for (const { record, outcome, code } of outcomes) add(sortOf(readRecordName(record), outcome), code, 1);
  for (const { outcome, code, count, ...named } of unlisted) add(sortOf(named, outcome), code, count);
  const gapLines = (source: string, gaps: readonly Gap[]) =>
    gaps
      .filter(({ code }) => !SAID_OTHERWISE.includes(code))
      .map(gap => `Not covered in ${source}: ${gapWords(gap, `\`${gap.code}\``)}`);
  const lines = [
    ...[...sorts].map(([sort, count]) => `${sort}: ${count}`),
    ...Object.entries({ ...covered, ...(notice && { notice }) }).flatMap(([source, { gaps }]) =>
      gapLines(source, gaps),
    ),
  ];
  const more = lines.length - CODES_MAX;
  return more > 0 ? [...lines.slice(0, CODES_MAX), `and ${more} more, see the result`] : lines;
}

/** Codes that the end of the request, or the unreadable records, already show. */
const SAID_OTHERWISE = ['cancelled', 'unexpected-record'];

const OUTCOMES: Readonly<Partial<Record<Outcome, string>>> = { failed: 'that failed', retained: 'left' };

/** `contact 3` and `contact 5` are of one sort. */
function sortOf({ source, unreadable }: Omit<RecordNamed, 'number'>, outcome: Outcome): string {
  const nouns = capital(source);
  if (unreadable) return `${nouns} that could not be read`;
  return `${nouns} ${OUTCOMES[outcome] ?? outcome}`;
}

function dueLines({ regime, dueAt, alarm, extension }: RequestStatus): string[] {
  if (dueAt === undefined || regime === undefined) return [];
  const words = { 'due-soon': ' **within a week**', overdue: ' **overdue**' } as const;
  const before = extension === undefined ? '' : `, extended from ${extension.dueBefore} (${extension.reason})`;
  return [`Due at ${dueAt} by the ${regime.toUpperCase()}${before}${alarm === undefined ? '' : `:${words[alarm]}`}`];
}
