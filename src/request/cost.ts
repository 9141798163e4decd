/**
 * What it costs to fetch the calls of a person and what belongs to them, in API requests and in time. A bound, not a forecast: requests
 * that are repeated, and new links to files, come on top. Pure; Workflow-safe.
 */
import { INSIGHTS, type Intelligence } from './insights';
import type { Cost } from './model';
import { type Counted, pagesLeft } from './paging';
import type { PartName } from './sources';

/** A list of calls of which the first page was read. */
export interface CountedCalls extends Counted {
  /** Calls of that page that may have a transcript. */
  readonly spoken: number;
}

/** What is fetched of each call in which somebody spoke: one API request each. Without transcripts there are no insights either. */
export function fetchedOfCall(include: readonly PartName[], notEntitled: readonly Intelligence[]): Intelligence[] {
  const asked: readonly Intelligence[] = [
    ...(include.includes('transcripts') ? (['transcription'] as const) : []),
    ...(include.includes('insights') ? INSIGHTS : []),
  ];
  if (asked.includes('transcription') && notEntitled.includes('transcription')) return [];
  return asked.filter(what => !notEntitled.includes(what));
}

/**
 * The API requests that an access request sends at most after its searches and the first page of each list of calls. Calls on later pages
 * count as the person's, and as spoken in. @param ofCall what is fetched of each call
 */
export function costOf(
  lists: readonly CountedCalls[],
  ofCall: readonly Intelligence[],
  requestsPerHour: number | undefined,
): Cost {
  const pages = lists.reduce((sum, list) => sum + pagesLeft(list), 0);
  const spoken = lists.reduce(
    (sum, { total, rowsMax, spoken: onPage }) => sum + onPage + Math.max(0, total - rowsMax),
    0,
  );
  // If the company turns out not to have one of them, a ping shows that the credential is good.
  const parts = spoken === 0 ? 0 : (spoken + 1) * ofCall.length;
  const apiRequests = pages + parts;
  return { apiRequests, pages, ...(requestsPerHour && { hours: hoursOf(apiRequests, requestsPerHour) }) };
}

/** Hours, rounded up to hundredths. @param requestsPerHour above 0 */
export function hoursOf(apiRequests: number, requestsPerHour: number): number {
  return Math.ceil((apiRequests / requestsPerHour) * 100) / 100;
}
