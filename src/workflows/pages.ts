/**
 * Pages of one list, fetched side by side. Runs inside a request for a short list and as a child workflow for a long one;
 * either way it never waits for credentials: it reports the remaining pages, and the request decides. Decisions D6, D14.
 */
import {
  audioKindsShape,
  budgetFields,
  type CaseRef,
  callListFields,
  caseRefShape,
  contactListFields,
  mergedShape,
  windowShape,
} from '../request/contracts';
import { either, listOf, object, oneOf, type Shaped, whole } from '../request/shapes';
import { atMost, sideBySide } from '../side-by-side';
import { PayloadUnusable } from './received';
import {
  attemptInto,
  audioSteps,
  type Budgeted,
  failureOf,
  mayBeCredential,
  readSteps,
  stepFailureShape,
} from './steps';
import { type Fetched, fetchedNothing, fetchedShape, plus } from './workload';

const listShape = either(
  object({ of: oneOf('contacts'), ...contactListFields }),
  object({ of: oneOf('calls'), ...callListFields }),
);
/** Which list: the contacts or calls that a search for one spelling returns, or all of the company. */
export type List = Shaped<typeof listShape>;

export const pagesInputShape = object({
  ...budgetFields,
  list: listShape,
  window: windowShape,
  pages: listOf(whole),
  /** Audio of the calls on the pages that is downloaded at once. */
  audio: audioKindsShape,
});
export type PagesInput = Shaped<typeof pagesInputShape>;

export const pagesReportShape = object({
  objects: listOf(caseRefShape),
  /** Audio that was downloaded. */
  audio: listOf(caseRefShape),
  /** Rows of the list, by the last page's count; 0 if no page was read. */
  total: whole,
  /** Rows on the fullest page. */
  rowsMax: whole,
  /** Calls of which there may be a transcript. */
  spoken: whole,
  fetched: fetchedShape,
  /** The last page's own word, if it was the only one. */
  only: either(mergedShape, oneOf(undefined)),
  /** Requested pages that failed, with those that another credential may get. */
  failed: listOf(object({ page: whole, failure: stepFailureShape })),
  /** Pages that were not requested: the first failure that the credential may have caused stops the requests. */
  left: listOf(whole),
  refusal: either(stepFailureShape, oneOf(undefined)),
  /** Of a step of our own, which ended the work. */
  broken: either(stepFailureShape, oneOf(undefined)),
  apiRequests: whole,
});
export type PagesReport = Shaped<typeof pagesReportShape>;

/** A report that is being filled. */
export type Filling<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };

/** Enough in the queue that a budget of 1,000 requests a minute never runs dry while each takes a second. */
const PAGES_AT_ONCE = 16;

/** Downloads of one list: they share the worker with all companies. */
const DOWNLOADS_AT_ONCE = 4;

/** Fills the report page by page, so that a cancelled fetch still reports its work. */
export async function fetchInto(report: Filling<PagesReport>, input: PagesInput): Promise<void> {
  const { request, list, window, audio } = input;
  const inTurn = atMost(DOWNLOADS_AT_ONCE);
  const fetchPage = (page: number) => {
    const steps = readSteps(input, `${listName(list)}, page ${page}`, page === 1 ? 'first' : 'bulk');
    return list.of === 'contacts'
      ? steps.searchContacts({ request, ...list, window, page })
      : steps.fetchCalls({ request, ...list, window, page, audio });
  };
  await sideBySide(input.pages, PAGES_AT_ONCE, async page => {
    if (report.refusal !== undefined) return void report.left.push(page);
    const outcome = await attemptInto(report, () => fetchPage(page));
    if (outcome.ok) {
      report.objects.push(outcome.value.object);
      const { distinct, rows } = outcome.value;
      report.only = report.objects.length === 1 && distinct === rows ? outcome.value : undefined;
      report.total = outcome.value.total;
      report.rowsMax = Math.max(report.rowsMax, outcome.value.rows);
      const { links, records, spoken = 0 } = outcome.value;
      report.spoken += spoken;
      if (list.of === 'calls') report.fetched = plus(report.fetched, { calls: records });
      if (links === undefined) return;
      // At once, while the links live; the lane goes on after that, so that they never pile up.
      const { audio: stored, ...fetched } = await inTurn(() =>
        downloaded(input, links.object, `Audio of page ${page}`),
      );
      report.audio.push(...stored);
      report.fetched = plus(report.fetched, fetched);
    } else {
      report.failed.push({ page, failure: outcome });
      if (mayBeCredential(outcome)) report.refusal = outcome;
    }
  });
}

interface Downloaded extends Partial<Fetched> {
  readonly audio: readonly CaseRef[];
}

/** Files that links lead to. None if that failed: whoever needs them gets new links. */
export async function downloaded(budgeted: Budgeted, links: CaseRef, summary: string): Promise<Downloaded> {
  try {
    const { audio, ...fetched } = await audioSteps(budgeted, summary).downloadAudio({
      request: budgeted.request,
      links,
    });
    return { audio: [audio], ...fetched };
  } catch (error) {
    if (error instanceof PayloadUnusable) throw error;
    failureOf(error);
    return { audio: [] };
  }
}

/** The name of the list in the Web UI. */
export function listName(list: List): string {
  if (list.of === 'calls')
    return list.number === null ? 'All calls of the company' : `Calls of number ${list.number + 1}`;
  if (list.by === 'company') return 'All contacts of the company';
  return `Contacts by ${list.by} ${list.place + 1}`;
}

export function emptyReport(): Filling<PagesReport> {
  return {
    objects: [],
    audio: [],
    only: undefined,
    total: 0,
    rowsMax: 0,
    spoken: 0,
    fetched: fetchedNothing(),
    failed: [],
    left: [],
    refusal: undefined,
    broken: undefined,
    apiRequests: 0,
  };
}
