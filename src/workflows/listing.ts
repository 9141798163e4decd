/**
 * A whole list, complete or with its gaps named: windows of at most 10,000 rows, pages side by side, and a comparison of
 * different rows with Aircall's own count. Nothing is skipped silently. Decisions D6, D14; facts: docs/aircall.md 5.
 */
import type { CaseRef, Merged, Window } from '../request/contracts';
import type { CountedCalls } from '../request/cost';
import type { Gap, SourceCoverage } from '../request/model';
import { pagesOf, partsOf, ROWS_MAX, splitWindow } from '../request/paging';
import { audioKinds, type ListName } from '../request/sources';
import { sideBySide } from '../side-by-side';
import { inChild, inRequest } from './children';
import { isTakenAgain } from './credentials';
import { emptyReport, type Filling, fetchInto, type List, listName, type PagesReport, pagesReportShape } from './pages';
import type { RequestRun } from './run';
import { budgetedOf } from './steps';
import { PAGES_INLINE_MAX } from './windows';

interface Listed {
  readonly objects: readonly CaseRef[];
  readonly audio: readonly CaseRef[];
  readonly gaps: readonly Gap[];
  /** The content of the only object, if there is exactly one. */
  readonly only?: Merged;
}

/** The merged content of several lists, each record once. */
export interface ListedSource extends SourceCoverage {
  readonly object: CaseRef;
  /** Audio of its records that was downloaded with its pages. */
  readonly audio: readonly CaseRef[];
  readonly records: number;
  readonly unreadable: number;
  /** How many lists it was made of. */
  readonly lists: number;
}

/** References to merge in one step: an argument of a step holds 2 MiB. */
const MERGED_AT_ONCE = 5_000;
const LISTS_AT_ONCE = 8;
const WINDOWS_AT_ONCE = 2;
/** How often a list that changes while it is read is read again. */
const READINGS_MAX = 3;

const DAY = 86_400;
/** The start of a list that is split without a given start: for contacts Aircall's founding, for calls its horizon. */
const EARLIEST = { contacts: Date.UTC(2014, 0, 1) / 1000, callsAge: 200 * DAY };

/** What a source holds besides the lists that are read. */
interface Besides {
  /** Gaps that no list has. */
  readonly gaps?: readonly Gap[];
  /** Lists that were read before; one that failed had nothing. */
  readonly before?: ListedSource;
}

/** Reads lists that together are one source: the spellings of an address, the numbers of a person. */
export async function readLists(
  run: RequestRun,
  of: ListName,
  lists: readonly List[],
  window: Window,
  { gaps: others = [], before }: Besides = {},
): Promise<ListedSource> {
  run.windows.take(lists.length);
  const listed = await sideBySide(lists, LISTS_AT_ONCE, list => readList(run, list, window));
  const [one] = listed;
  const objects = [...(before ? [before.object] : []), ...listed.flatMap(list => list.objects)];
  const merged = await merge(run, of, objects, objects.length === 1 ? one?.only : undefined);
  const known = (before?.gaps ?? []).filter(({ code }) => code !== UNREADABLE);
  const gaps = summed([...known, ...listed.flatMap(list => list.gaps), ...others]);
  if (merged.unreadable > 0) gaps.push({ code: UNREADABLE, count: merged.unreadable });
  const read = lists.length + (before?.lists ?? 0);
  const hadBefore = before !== undefined && before.lists > 0 && before.state !== 'failed';
  const nothingHad = read > 0 && !hadBefore && listed.every(({ objects }) => objects.length === 0);
  const audio = listed.flatMap(list => list.audio);
  return {
    ...merged,
    audio,
    gaps,
    lists: read,
    state: gaps.length === 0 ? 'complete' : nothingHad ? 'failed' : 'partial',
  };
}

/** Of rows that cannot be read: counted once, over all lists. */
const UNREADABLE = 'unexpected-record';

/** Whether every row of the lists was seen: one that cannot be read was. */
export function isSeenWhole({ gaps }: ListedSource): boolean {
  return gaps.every(({ code }) => code === UNREADABLE);
}

/** A list that was split, by Aircall's count, and the counts of its parts so far. */
interface Whole {
  readonly rows: number;
  counted: number;
}

/** Lists of calls of which only the first page was read. */
export interface CountedLists {
  readonly counted: readonly CountedCalls[];
  /** Of lists whose first page could not be read. */
  readonly gaps: readonly Gap[];
}

/** How long lists are, by Aircall's count. */
export async function countLists(run: RequestRun, lists: readonly List[], window: Window): Promise<CountedLists> {
  const first = await sideBySide(lists, LISTS_AT_ONCE, list => fetchAll(run, list, window, [1]));
  return { counted: first, gaps: summed(first.flatMap(failedGaps)) };
}

async function readList(run: RequestRun, list: List, window: Window, whole?: Whole): Promise<Listed> {
  const first = await fetchAll(run, list, window, [1]);
  if (first.objects.length === 0) return { objects: [], audio: [], gaps: failedGaps(first) };
  if (whole !== undefined) whole.counted += first.total;
  if (first.total > ROWS_MAX && isBelievable(whole)) {
    const parts = split(run, list, window, first.total);
    if (parts.length > 1) {
      const own = { rows: first.total, counted: 0 };
      const listed = await sideBySide(parts, WINDOWS_AT_ONCE, part => readList(run, list, part, own));
      return {
        objects: listed.flatMap(({ objects }) => objects),
        audio: [...first.audio, ...listed.flatMap(({ audio }) => audio)],
        gaps: listed.flatMap(({ gaps }) => gaps),
      };
    }
  }
  return readWindow(run, list, window, first);
}

/** Parts hold together no more rows than the whole, but for rows that came meanwhile: otherwise the counts are made up. */
function isBelievable(whole: Whole | undefined): boolean {
  return whole === undefined || whole.counted <= whole.rows * 1.1;
}

/** All pages of one window; once more from its first page if rows moved while it was read. */
async function readWindow(
  run: RequestRun,
  list: List,
  window: Window,
  first: PagesReport,
  readings = 1,
): Promise<Listed> {
  const rest = await fetchAll(run, list, window, pagesFrom(2, pagesOf(first)));
  const objects = [...first.objects, ...rest.objects];
  const audio = [...first.audio, ...rest.audio];
  const failed = [...failedGaps(first), ...failedGaps(rest)];
  if (failed.length > 0) return { objects, audio, gaps: failed };
  const merged = await merge(run, list.of, objects, objects.length === 1 ? first.only : undefined);
  const { object, distinct } = merged;
  const missing = first.total - distinct;
  if (missing <= 0) return { objects: [object], audio, gaps: [], only: merged };
  if (first.total > ROWS_MAX) return { objects: [object], audio, gaps: [{ code: 'too-many-at-once', count: missing }] };
  if (readings === READINGS_MAX || run.windows.take(1) === 0)
    return { objects: [object], audio, gaps: [{ code: 'list-kept-changing', count: missing }] };
  const again = await fetchAll(run, list, window, [1]);
  return readWindow(
    run,
    list,
    window,
    { ...again, objects: [object, ...again.objects], audio: [...audio, ...again.audio] },
    readings + 1,
  );
}

/** A single object with known content needs no merging. */
async function merge(
  run: RequestRun,
  of: ListName,
  objects: readonly CaseRef[],
  only: Merged | undefined,
): Promise<Merged> {
  if (only !== undefined) return only;
  if (objects.length > MERGED_AT_ONCE) {
    const { object } = await merge(run, of, objects.slice(0, MERGED_AT_ONCE), undefined);
    return merge(run, of, [object, ...objects.slice(MERGED_AT_ONCE)], undefined);
  }
  const steps = objects.length <= PAGES_INLINE_MAX ? run.local : run.bulk;
  return steps.mergeListings({ request: run.opened.request, of, objects });
}

/**
 * Fetches all pages and renews credentials as needed: pages that another credential may get are requested again. If the
 * credential is not the cause, refused pages have failed, and the remaining pages are requested.
 */
async function fetchAll(run: RequestRun, list: List, window: Window, pages: readonly number[]): Promise<PagesReport> {
  const expected = run.workload.expect();
  const all = emptyReport();
  let left = pages;
  while (left.length > 0) {
    expected(left.length);
    const report = await fetchSome(run, list, window, left);
    addReport(all, report);
    const { refusal } = report;
    const renewal = refusal && (await run.credentials.renew(refusal));
    const again = report.failed.filter(({ failure }) => isTakenAgain(failure, refusal, renewal));
    all.failed.push(...report.failed.filter(page => !again.includes(page)));
    left = [...again.map(({ page }) => page), ...report.left];
    if (refusal === undefined || renewal !== 'deadline') continue;
    all.failed.push(...left.map(page => ({ page, failure: { ...refusal, code: renewal } })));
    break;
  }
  expected(0);
  return all;
}

function addReport(all: Filling<PagesReport>, report: PagesReport): void {
  all.objects.push(...report.objects);
  all.audio.push(...report.audio);
  all.total = report.total || all.total;
  all.only = all.objects.length === 1 ? report.only : undefined;
  all.rowsMax = Math.max(all.rowsMax, report.rowsMax);
  all.spoken += report.spoken;
}

async function fetchSome(run: RequestRun, list: List, window: Window, pages: readonly number[]): Promise<PagesReport> {
  const audio = run.opened.dryRun ? [] : audioKinds(run.opened.include);
  const input = { ...budgetedOf(run.opened), list, window, pages, audio };
  if (pages.length <= run.windows.pagesInline) return inRequest(run, emptyReport(), report => fetchInto(report, input));
  return inChild(run, 'fetchPages', input, {
    summary: `${listName(list)}, pages ${pages[0]} to ${pages.at(-1)}`,
    reports: pagesReportShape,
  });
}

/** Each code once, with the counts together. */
function summed(gaps: readonly Gap[]): Gap[] {
  const sums = new Map<string, Gap>();
  for (const { code, count } of gaps) {
    const before = sums.get(code)?.count;
    const sum = count === undefined ? before : count + (before ?? 0);
    sums.set(code, { code, ...(sum !== undefined && { count: sum }) });
  }
  return [...sums.values()];
}

function failedGaps({ failed }: PagesReport): Gap[] {
  const codes = new Set(failed.map(({ failure }) => failure.code));
  return [...codes].map(code => ({ code, count: failed.filter(({ failure }) => failure.code === code).length }));
}

/** Parts of a window that holds too many rows, as many as the request may still read. */
function split(run: RequestRun, list: List, window: Window, rows: number): Window[] {
  const to = window.to ?? Math.floor(Date.now() / 1000) + DAY;
  const from = window.from ?? (list.of === 'contacts' ? EARLIEST.contacts : to - EARLIEST.callsAge);
  const wanted = partsOf({ from, to }, rows);
  return wanted > 1 ? splitWindow({ from, to }, run.windows.take(wanted)) : [];
}

function pagesFrom(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
