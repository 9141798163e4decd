/**
 * What the Temporal Web UI shows of a request, while it runs and when it has ended: how it stands, what it waits for and what
 * to do about it, what was found, done and not covered. Markdown; counts, codes and names only. Workflow-safe.
 */
import type { Gap, Outcome, RequestStatus, SourceCoverage, WaitingFor } from '../request/model';
import { PHASE_WORDS } from '../request/words';
import type { Findings } from './run';

/** So that details stay small whatever went wrong. */
const CODES_MAX = 8;
const CODES_PAGE = 'docs/errors.md says what each code means, and what to do.';

export function detailsOf(status: RequestStatus, connection: string, findings: Findings): string {
  const { kind, requestId, phase, waitingFor, apiRequests } = status;
  const what = kind === 'access' ? 'Access request' : 'Deletion';
  const doing = PHASE_WORDS[phase];
  const missing = missingLines(findings);
  const lines = [
    ...foundLines(status, findings),
    ...missing,
    `API requests sent to Aircall: ${apiRequests}`,
    ...dueLines(status),
  ];
  return [
    `**${what} ${requestId} of ${connection}: ${status.status}**`,
    '',
    ...(waitingFor === undefined ? [] : [`It waits ${waitWords(waitingFor, connection)}`, '']),
    ...(doing === undefined ? endWords(status, findings) : [`Now: ${doing}.`]),
    '',
    ...lines.map(line => `- ${line}`),
    ...(findings.failure === undefined && missing.length > 0 ? ['', CODES_PAGE] : []),
  ].join('\n');
}

/** Of a request that was refused before it began: all there is to tell. */
export function refusedDetails(message: string): string {
  return `**failed**\n\nIt was refused before Aircall was asked for anything: ${message}.`;
}

function waitWords({ cause, until }: WaitingFor, connection: string): string {
  const onward = 'It then goes on by itself, from the same step.';
  const words: Readonly<Record<WaitingFor['cause'], string>> = {
    credentials: `for credentials: Aircall refuses those of ${connection}. Run \`aircall-dsr connect ${connection}\`. ${onward}`,
    paused: `because an operator paused ${connection}. Run \`aircall-dsr connections resume ${connection}\`. ${onward}`,
    settle: 'for Aircall to settle before it searches again.',
    'access-request': 'for an access request of the same person to end.',
    'rate-limit': 'because Aircall asked for a pause.',
    worker: 'for a worker.',
  };
  return `${words[cause]}${until === undefined ? '' : ` Until ${until}.`}`;
}

/** What its end means. */
function endWords({ kind, status, counts }: RequestStatus, { failure, package: packed }: Findings): string[] {
  if (failure !== undefined) return [`It ended because of \`${failure.code}\`: ${failure.message}.`];
  const handedOver = packed === undefined ? 'There is no package.' : 'The package was handed over.';
  switch (status) {
    case 'completed':
      return [
        kind === 'access' ? `All was searched, and all was found. ${handedOver}` : 'All that was asked for was done.',
      ];
    case 'partial':
      return [
        `It came to an end, but not to all that was asked for: see below. ${kind === 'access' ? handedOver : ''}`,
      ];
    case 'no-match':
      return ['All was searched, and nothing of the person was there.'];
    case 'cancelled':
      return ['Somebody cancelled it. What was done until then is below.'];
    default:
      return [counts.failed > 0 ? 'It ended with failures: see below.' : 'It ended.'];
  }
}

function foundLines({ kind, counts, phase }: RequestStatus, findings: Findings): string[] {
  const { contacts, calls, verification, plan, planDigest, package: packed } = findings;
  const yet = phase === 'ended' ? '' : ' so far';
  const sourceWords = (source: SourceCoverage | undefined) => (source && searchedWords(source)) ?? yet;
  const deleted = counts.deleted ?? 0;
  const absent = counts.alreadyAbsent ?? 0;
  return [
    `Contacts: ${counts.contacts} found${sourceWords(contacts)}`,
    ...(kind === 'access' && counts.calls !== undefined ? [`Calls: ${counts.calls} found${sourceWords(calls)}`] : []),
    ...(calls !== undefined && calls.ambiguous > 0
      ? [`Calls withheld, on a number that is shared with somebody else: ${calls.ambiguous}`]
      : []),
    ...(plan ? [`A dry run: ${plan.counts.contacts} contacts would be deleted, plan ${planDigest}`] : []),
    ...(deleted + absent > 0 ? [`Contacts deleted: ${deleted}; gone already: ${absent}`] : []),
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

/** Undefined of a source that nobody has come to, or to the end of. */
function searchedWords({ state, gaps }: SourceCoverage): string | undefined {
  if (state === 'skipped' || gaps.some(({ code }) => code === 'cancelled')) return undefined;
  return { complete: ', searched completely', partial: ', **searched in part**', failed: ', **not searched**' }[state];
}

/** Records that did not end as asked, and what was not covered, by code. */
function missingLines({ outcomes, contacts, calls }: Findings): string[] {
  const sorts = new Map<string, number>();
  for (const { record, outcome, code } of outcomes) {
    if (code === undefined) continue;
    const sort = `${sortOf(record, outcome)}, because of \`${code}\``;
    sorts.set(sort, (sorts.get(sort) ?? 0) + 1);
  }
  const gapLines = (source: string, gaps: readonly Gap[]) =>
    gaps
      .filter(({ code }) => !TOLD_OTHERWISE.includes(code))
      .map(({ code, count }) => `Not covered of ${source}: \`${code}\`${count === undefined ? '' : ` (${count})`}`);
  const lines = [
    ...[...sorts].map(([sort, count]) => `${sort}: ${count}`),
    ...gapLines('contacts', contacts.gaps),
    ...gapLines('calls', calls?.gaps ?? []),
  ];
  const more = lines.length - CODES_MAX;
  return more > 0 ? [...lines.slice(0, CODES_MAX), `and ${more} more, see its result`] : lines;
}

/** By its end, and by the records that could not be read. */
const TOLD_OTHERWISE = ['cancelled', 'unexpected-record'];

/** `contact 3` and `contact 5` are of one sort. */
function sortOf(record: string, outcome: Outcome): string {
  const [, unreadable, noun = record] = /^(unreadable )?(\S+)/.exec(record) ?? [];
  const nouns = `${noun[0]?.toUpperCase() ?? ''}${noun.slice(1)}s`;
  if (unreadable !== undefined) return `${nouns} that could not be read`;
  return outcome === 'failed' ? `${nouns} that failed` : `${nouns} ${outcome}`;
}

function dueLines({ regime, dueAt, alarm, extension }: RequestStatus): string[] {
  if (dueAt === undefined || regime === undefined) return [];
  const words = { 'due-soon': ' **within a week**', overdue: ' **overdue**' } as const;
  const before = extension === undefined ? '' : `, put off from ${extension.dueBefore} (${extension.reason})`;
  return [`Due at ${dueAt} by the ${regime.toUpperCase()}${before}${alarm === undefined ? '' : `:${words[alarm]}`}`];
}
