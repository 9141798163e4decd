/** What a request costs beforehand: never less than what it then sends, and not much more. */
import fc from 'fast-check';
import { type CountedCalls, costOf, fetchedOfCall, hoursOf } from '../../src/request/cost';
import { INSIGHTS, INTELLIGENCE, type Intelligence } from '../../src/request/insights';
import {
  PER_PAGE,
  pagesLeft,
  partsOf,
  ROWS_MAX,
  type Seconds,
  splitWindow,
  WINDOWS_MAX,
} from '../../src/request/paging';
import { PART_NAMES } from '../../src/request/sources';

/** A call of the person: whether it has audio, and what Aircall made of it. */
interface Call {
  readonly isHers: boolean;
  readonly isSpoken: boolean;
  readonly hasTranscript: boolean;
}

const call: fc.Arbitrary<Call> = fc.record({
  isHers: fc.boolean(),
  isSpoken: fc.boolean(),
  hasTranscript: fc.boolean(),
});
const include = fc.subarray([...PART_NAMES]);
const kinds = fc.subarray<Intelligence>([...INTELLIGENCE]);

/** The first page of a list, as a dry run counts it. */
function counted(calls: readonly Call[]): CountedCalls {
  const page = calls.slice(0, PER_PAGE);
  const spoken = page.filter(({ isHers, isSpoken }) => isHers && isSpoken).length;
  return { total: calls.length, rowsMax: page.length, spoken };
}

/** What the request sends after the first pages: each kind that is lacking is refused once, and a ping confirms that. */
function sentFor(
  lists: readonly (readonly Call[])[],
  asked: readonly (typeof PART_NAMES)[number][],
  { known, lacking }: { readonly known: readonly Intelligence[]; readonly lacking: readonly Intelligence[] },
): number {
  const pages = lists.reduce((sum, calls) => sum + Math.max(0, Math.ceil(calls.length / PER_PAGE) - 1), 0);
  const spoken = lists.flat().filter(({ isHers, isSpoken }) => isHers && isSpoken);
  let sent = pages;
  let left = spoken;
  const fetch = (what: Intelligence) => {
    if (known.includes(what) || left.length === 0) return [];
    sent += lacking.includes(what) ? 2 : left.length;
    return lacking.includes(what) ? [] : left;
  };
  if (asked.includes('transcripts')) left = fetch('transcription').filter(({ hasTranscript }) => hasTranscript);
  if (asked.includes('insights')) for (const what of INSIGHTS) fetch(what);
  return sent;
}

test('is never less than what is sent, whatever is asked for and whatever the company may not read', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(call, { maxLength: PER_PAGE + 20 }), { maxLength: 2 }),
      ...[include, kinds, kinds],
      (lists, asked, known, lacking) => {
        const { apiRequests, pages } = costOf(lists.map(counted), fetchedOfCall(asked, known), undefined);
        const sent = sentFor(lists, asked, { known, lacking });
        expect(apiRequests).toBeGreaterThanOrEqual(sent);
        expect(pages).toBe(sentFor(lists, [], { known, lacking }));
      },
    ),
  );
});

test('is what is sent, but for one request of each kind, if all calls are spoken in and of the person', () => {
  const one = { isHers: true, isSpoken: true, hasTranscript: true };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 * PER_PAGE }), include, kinds, (length, asked, known) => {
      const calls = Array.from({ length }, () => one);
      const ofCall = fetchedOfCall(asked, known);
      const sent = sentFor([calls], asked, { known, lacking: [] });
      expect(costOf([counted(calls)], ofCall, undefined).apiRequests).toBe(sent + ofCall.length);
    }),
  );
});

test('is nothing for parts that nobody asks for, that the company may not read, or of calls without audio', () => {
  expect(fetchedOfCall(['recordings', 'voicemails'], [])).toEqual([]);
  expect(fetchedOfCall(PART_NAMES, ['summary'])).toEqual(INTELLIGENCE.filter(what => what !== 'summary'));
  expect(fetchedOfCall(PART_NAMES, ['transcription'])).toEqual([]);
  expect(fetchedOfCall(['insights'], ['transcription'])).toEqual(INSIGHTS);
  expect(costOf([{ total: 40, rowsMax: 40, spoken: 0 }], [...INTELLIGENCE], 60)).toEqual({
    ...{ apiRequests: 0, pages: 0, hours: 0 },
  });
});

test('hours are rounded up, and unknown without a budget', () => {
  expect(costOf([{ total: 101, rowsMax: 50, spoken: 1 }], ['transcription'], 2_700)).toEqual({
    apiRequests: 2 + 1 + 51 + 1,
    pages: 2,
    hours: 0.03,
  });
  expect(costOf([], [], undefined)).toEqual({ apiRequests: 0, pages: 0 });
  expect([hoursOf(2_700, 2_700), hoursOf(1, 2_700), hoursOf(0, 0.6)]).toEqual([1, 0.01, 0]);
});

/** Pages that are read of a list, split as the workflow does: each window by its first page, then the others of it. */
function pagesRead(startedAt: readonly number[], whole: Seconds): number {
  let windows = 1;
  const read = ({ from, to }: Seconds): number => {
    const rows = startedAt.filter(second => second >= from && second <= to).length;
    const wanted = rows > ROWS_MAX ? partsOf({ from, to }, rows) : 1;
    const given = Math.min(wanted, WINDOWS_MAX - windows);
    if (given <= 1) return Math.max(1, Math.min(Math.ceil(rows / PER_PAGE), ROWS_MAX / PER_PAGE));
    windows += given;
    return 1 + splitWindow({ from, to }, given).reduce((sum, part) => sum + read(part), 0);
  };
  return read(whole);
}

test('pages are counted exactly, and of a list that is split, however its rows are spread, never too few', () => {
  const whole = { from: 0, to: 200 * 86_400 };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.to), fc.integer({ min: 1, max: 12_000 })), { minLength: 1, maxLength: 4 }),
      crowds => {
        const startedAt = crowds.flatMap(([second, rows]) => Array.from({ length: rows }, () => second));
        const total = startedAt.length;
        const left = pagesLeft({ total, rowsMax: Math.min(PER_PAGE, total) });
        const read = pagesRead(startedAt, whole) - 1;
        if (total <= ROWS_MAX) expect(left).toBe(read);
        else expect(left).toBeGreaterThanOrEqual(read);
      },
    ),
    { numRuns: 40 },
  );
});
