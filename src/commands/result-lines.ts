/** A request in words: its state, and its result. */
import type { RequestResult, StatusReport } from '../client';
import {
  costWords,
  decidedWords,
  doubtLines,
  type Facts,
  filesWords,
  foundWords,
  gapWords,
  leftWords,
  methodOf,
  nextCommand,
  planWords,
  redactedWords,
  requestNoun,
  staysWords,
  verifiedWords,
} from '../request/sentences';
import { countWords, gapsOf } from '../request/sources';
import { count } from '../request/words';

/** What was found, done and not covered, in words. */
export function resultLines(result: RequestResult): string[] {
  const { kind, counts, coverage, approvals, rejection, failure, purged, apiRequests, unlisted = [] } = result;
  const facts: Facts = result;
  const unlistedCount = unlisted.reduce((sum, { count: more }) => sum + more, 0);
  const { retained = 0 } = counts;
  const method = methodOf(coverage.calls);
  const next = nextCommand(facts);
  return [
    titleOf(result),
    `  found      ${foundWords(facts)}`,
    ...line('method', method && `calls: ${method}`),
    ...(kind === 'deletion' && !result.dryRun
      ? [`  deleted    ${count(counts.deleted ?? 0, 'contact')} (already deleted: ${counts.alreadyAbsent ?? 0})`]
      : []),
    ...(counts.refused + counts.failed > 0 ? [`  not done   ${counts.refused} refused, ${counts.failed} failed`] : []),
    ...(unlistedCount > 0 ? [`  not listed ${count(unlistedCount, 'more outcome')}: counted by source and code`] : []),
    ...(retained > 0 ? [`  left       ${count(retained, 'contact')}, for the reasons in outcomes`] : []),
    ...doubtLines(facts).map(words => `  doubtful   ${words}`),
    ...line('redacted', redactedWords(result)),
    ...gapsOf(coverage).map(({ source, ...gap }) => `  missing    ${source}: ${gapWords(gap, gap.code)}`),
    ...line('verified', verifiedWords(facts)),
    ...line('stays', staysWords(facts)),
    ...line('plan', planWords(facts)),
    ...line('cost', costWords(result.plan)),
    ...approvals.map(decided => `  approved   ${decidedWords(decided)}`),
    ...line('rejected', rejection && `${decidedWords(rejection)}: ${rejection.reason}`),
    ...line('purged', purged && `${purged.at}; it had ended as ${purged.status} on ${result.completedAt}`),
    ...(result.dueAt === undefined
      ? []
      : [`  due        ${result.dueAt}${result.completedAt > result.dueAt ? ': the request ended after it' : ''}`]),
    ...line('why', failure && `${failure.code}: ${failure.message}`),
    `  sent       ${count(apiRequests, 'API request')}`,
    ...(next === undefined ? [] : [`  next       ${next.why}, run: ${next.command}, with ${next.stdin} on its stdin`]),
  ];
}

/** `dry run of a deletion case-17: planned`. */
function titleOf(request: Pick<StatusReport, 'kind' | 'dryRun' | 'requestId' | 'status'>): string {
  const noun = request.dryRun ? requestNoun(request) : request.kind;
  return `${noun} ${request.requestId}: ${request.status}`;
}

function line(name: string, words: string | undefined): string[] {
  return words === undefined ? [] : [`  ${name.padEnd(10)} ${words}`];
}

export function statusLines(report: StatusReport): string[] {
  if (report.result !== undefined) return resultLines(report.result);
  const { progress, waitingFor, dueAt, alarm, failure, retrying = [] } = report;
  // If no worker answers, nobody knows how far it is.
  const { phase, counts }: Partial<StatusReport> = waitingFor?.cause === 'worker' ? {} : report;
  return [
    `${titleOf(report)}${phase === undefined ? '' : `, ${phase}`}`,
    ...(counts === undefined ? [] : [`  so far     ${countWords(counts)}`]),
    ...doubtLines({ doubts: [], ...report, coverage: {} }).map(words => `  doubtful   ${words}`),
    ...line('downloaded', progress && filesWords(progress)),
    ...line('left', progress && leftWords(progress)),
    ...(waitingFor === undefined
      ? []
      : [`  waits for  ${waitingFor.cause}${waitingFor.until === undefined ? '' : ` until ${waitingFor.until}`}`]),
    ...(waitingFor?.cause === 'approval'
      ? [`  plan       ${report.planDigest}; to see and approve it, run: aircall-dsr plan ${report.requestId}`]
      : []),
    ...(dueAt === undefined ? [] : [`  due        ${dueAt}${alarm === undefined ? '' : `: ${DUE[alarm]}`}`]),
    ...(failure === undefined ? [] : [`  because    ${failure.code}: ${failure.message}`]),
    ...retrying.map(
      ({ step, code, attempts }) => `  retrying   ${step}: ${code}, ${count(attempts, 'attempt')} so far`,
    ),
  ];
}

const DUE = { 'due-soon': 'a week or less is left', overdue: 'it has passed' } as const;
