/** A request in words: its state, and its result. */
import type { RequestResult, StatusReport } from '../client';
import { countWords, gapsOf } from '../request/sources';

/** What was found, done and not covered, in words. */
export function resultLines(result: RequestResult): string[] {
  const { kind, status: state, counts, coverage, verification, failure, purged, apiRequests, unlisted = [] } = result;
  const unlistedCount = unlisted.reduce((sum, { count }) => sum + count, 0);
  return [
    `${kind} ${result.requestId}: ${state}`,
    `  found      ${countWords(counts)}`,
    ...(kind === 'deletion'
      ? [`  deleted    ${counts.deleted ?? 0} contacts (${counts.alreadyAbsent ?? 0} were already deleted)`]
      : []),
    ...(counts.refused + counts.failed > 0 ? [`  not done   ${counts.refused} refused, ${counts.failed} failed`] : []),
    ...(unlistedCount > 0 ? [`  not listed ${unlistedCount} more outcomes: counted by source and code`] : []),
    ...(coverage.calls !== undefined && coverage.calls.ambiguous > 0
      ? [`  withheld   ${coverage.calls.ambiguous} calls on a number that is shared with somebody else`]
      : []),
    ...gapsOf(coverage).map(
      ({ source, code, count }) => `  missing    ${source}: ${code}${count === undefined ? '' : ` (${count})`}`,
    ),
    ...(verification && verification.state !== 'skipped'
      ? [`  verified   ${verification.state === 'verified' ? 'searched again: nothing is left' : 'something is left'}`]
      : []),
    ...(result.plan
      ? [`  plan       ${result.plan.counts.contacts} contacts would be deleted, digest ${result.planDigest}`]
      : []),
    ...(purged ? [`  purged     ${purged.at}; it had ended as ${purged.status} on ${result.completedAt}`] : []),
    ...(result.dueAt === undefined
      ? []
      : [`  due        ${result.dueAt}${result.completedAt > result.dueAt ? ': the request ended after it' : ''}`]),
    ...(failure ? [`  why        ${failure.code}: ${failure.message}`] : []),
    `  sent       ${apiRequests} API requests`,
  ];
}

export function statusLines(report: StatusReport): string[] {
  if (report.result !== undefined) return resultLines(report.result);
  const { kind, requestId, status: state, phase, counts, waitingFor, dueAt, alarm, failure, retrying = [] } = report;
  return [
    `${kind} ${requestId}: ${state}${phase === undefined ? '' : `, ${phase}`}`,
    ...(counts === undefined ? [] : [`  so far     ${countWords(counts)}`]),
    ...(waitingFor === undefined
      ? []
      : [`  waits for  ${waitingFor.cause}${waitingFor.until === undefined ? '' : ` until ${waitingFor.until}`}`]),
    ...(waitingFor?.cause === 'approval'
      ? [`  plan       ${report.planDigest}; to see and approve it, run: aircall-dsr plan ${report.requestId}`]
      : []),
    ...(dueAt === undefined ? [] : [`  due        ${dueAt}${alarm === undefined ? '' : `: ${DUE[alarm]}`}`]),
    ...(failure === undefined ? [] : [`  because    ${failure.code}: ${failure.message}`]),
    ...retrying.map(({ step, code, attempts }) => `  retrying   ${step}: ${code}, ${attempts} attempts so far`),
  ];
}

const DUE = { 'due-soon': 'a week or less is left', overdue: 'it has passed' } as const;
