/** What `verify` prints of a receipt: every statement of it, in words, and no more than it states. */
import { receiptContent } from '../../src/receipt/build';
import type { Receipt } from '../../src/receipt/model';
import { statementsOf } from '../../src/receipt/words';
import type { RequestResult } from '../../src/request/model';
import { FACTS, RESULT, receiptOf } from './support';

const AT = '2026-01-31T12:00:01.000Z';
const FIRST = { sequence: 1, previous: null };
const { verification: _, planDigest: __, ...READ } = RESULT;

function told(more: Partial<RequestResult>, dryRun = false): string[] {
  const result: RequestResult = { ...RESULT, ...more };
  const request = { ...FACTS.request, kind: result.kind };
  return linesOf(receiptOf({ ...FACTS, request, dryRun, ending: { result } }, FIRST));
}
const linesOf = (receipt: Receipt) => statementsOf(receipt).map(([about, words]) => `${about}: ${words}`);

test('a deletion: what was done to each source, what was not, what was checked, and what is out of reach', () => {
  expect(told({})).toEqual([
    'ended: 2026-01-31T12:00:09.000Z',
    'contacts: 3 found, searched in part: 0 unchanged, 1 deleted, 1 already deleted, 0 left, 1 not done',
    'missing: contacts: unexpected-record (1)',
    `plan: ${'0'.repeat(32)}`,
    'verified: not verified: the last search still found something, or was not complete',
    'no reach: call records, calls older than about six months',
  ]);
});

test('doubts, and who decided', () => {
  const lines = told({
    doubts: [{ code: 'number-only', records: 3, taken: 1, kept: 2 }],
    approvals: [{ keyId: 'a-1', at: AT, signed: true }],
    rejection: { at: AT, signed: false, reason: 'wrong-person' },
    verification: { state: 'verified', checkedAt: AT },
  });
  expect(lines).toEqual(
    expect.arrayContaining([
      "doubtful: 3 records because only a number of the person leads to the contact (number-only): 1 decided to be the person's, 2 left",
      `approved: ${AT} by key a-1, signed`,
      `rejected: ${AT}, not signed: wrong-person`,
      'verified: searched again, and no contact was found but those that were left (2)',
    ]),
  );
  expect(told({ verification: { state: 'verified', checkedAt: AT } })).toContain(
    'verified: searched again, and no contact of the person was found',
  );
});

test('an access request: the way by which calls were found, or that none were searched', () => {
  const searched = {
    state: 'complete',
    gaps: [],
    window: { from: null, to: AT },
    ambiguous: 4,
    ignoredNumbers: 0,
  } as const;
  const withCalls = (calls: NonNullable<RequestResult['coverage']['calls']>) =>
    linesOf(
      receiptOf(
        {
          ...FACTS,
          request: { ...FACTS.request, kind: 'access' },
          ending: {
            result: {
              ...READ,
              kind: 'access',
              counts: { contacts: 1, calls: 5, refused: 0, failed: 0 },
              outcomes: [],
              coverage: { contacts: { state: 'complete', gaps: [] }, calls, outOfReach: [] },
            },
          },
        },
        FIRST,
      ),
    );
  expect(withCalls({ ...searched, by: 'number' })).toContain(
    'calls: 5 found, searched completely by the numbers of the person: 5 unchanged, 0 deleted, 0 already deleted, 0 left, 0 not done, 4 withheld',
  );
  const unknown = withCalls({ ...searched, state: 'skipped', ambiguous: 0, gaps: [{ code: 'no-number-known' }] });
  expect(unknown).toContain(
    'missing: calls: no-number-known: not searched, because no usable number of the person is known',
  );
});

test('what was left out of the package, by reason, and nothing where nothing was', () => {
  const counts = [
    { reason: 'agent', count: 12 },
    { reason: 'link', count: 1 },
  ] as const;
  const lines = told({ kind: 'access', redactions: counts });
  expect(lines).toContain('redacted: names and data of agents: 12, links that open files: 1');
  for (const none of [told({ kind: 'access', redactions: [] }), told({})])
    expect(none.filter(line => line.startsWith('redacted'))).toEqual([]);
  const receipt = receiptOf(FACTS, FIRST);
  expect(linesOf({ ...receipt, redactions: [{ reason: 'of-later', count: 2 }] })).toContain('redacted: of-later: 2');
});

test('a dry run is called one, and tells what its plan would do, and nothing that was done', () => {
  const { coverage } = RESULT;
  const lines = told(
    {
      status: 'planned',
      dryRun: true,
      counts: { contacts: 3, deleted: 0, alreadyAbsent: 0, refused: 0, failed: 0 },
      outcomes: [],
      coverage: { ...coverage, contacts: { state: 'complete', gaps: [] } },
      verification: { state: 'skipped', checkedAt: null },
      plan: { counts: { contacts: 2 } },
      doubts: [{ code: 'number-only', records: 1, taken: 0, kept: 1 }],
    },
    true,
  );
  expect(lines).toEqual([
    'ended: 2026-01-31T12:00:09.000Z',
    'dry run: it was to search only: nothing was handed over or deleted',
    'contacts: 3 found, searched completely',
    "doubtful: 1 record because only a number of the person leads to the contact (number-only): 0 decided to be the person's, 1 would be left",
    `plan: 2 contacts would be deleted, plan ${'0'.repeat(32)}`,
    'no reach: call records, calls older than about six months',
  ]);
  const access = told({ kind: 'access', dryRun: true, plan: { counts: { contacts: 1, numbers: 2, calls: 7 } } }, true);
  expect(access).toContain(
    `plan: 1 contact would be handed over, and calls of 2 numbers looked for (7 by Aircall's count), plan ${'0'.repeat(32)}; the search was not complete`,
  );
  expect(told({ status: 'failed', dryRun: true }, true)).toContain(`plan: ${'0'.repeat(32)}`);
});

test('a request that never told its end states nothing of what it did', () => {
  const ending = { code: 'terminated', receivedAt: null, endedAt: AT };
  expect(receiptContent({ ...FACTS, ending }).sources).toEqual([]);
  expect(linesOf(receiptOf({ ...FACTS, ending }, FIRST))).toEqual([`ended: ${AT}`]);
});
