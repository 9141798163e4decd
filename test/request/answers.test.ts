import { readApproved, readExtended, readRejected, readResult, readStatus } from '../../src/request/answers';
import type { RequestResult, RequestStatus } from '../../src/request/model';
import type { RequestRef } from '../../src/request/names';
import { RESULT } from '../receipt/support';

const ASKED: RequestRef = { connection: 'acme', kind: 'deletion', requestId: 'case-17' };
const STATUS: RequestStatus = {
  ...ASKED,
  status: 'waiting',
  phase: 'deleting',
  counts: RESULT.counts,
  apiRequests: 9,
  waitingFor: { cause: 'settle', until: '2026-01-31T12:00:00.000Z' },
  regime: 'gdpr',
  submittedAt: '2026-01-31T12:00:00.000Z',
  dueAt: '2026-02-28T12:00:00.000Z',
  alarm: 'due-soon',
  planDigest: '0'.repeat(32),
  doubts: [{ code: 'number-only', records: 2, taken: 0, kept: 2 }],
  progress: { files: 1, sizeBytes: 9, apiRequestsLeft: 7, hoursLeft: 0.5 },
};

const OTHERS = {
  connection: { ...ASKED, connection: 'globex' },
  kind: { ...ASKED, kind: 'access' },
  'request id': { ...ASKED, requestId: 'case-18' },
} as const satisfies Record<string, RequestRef>;

describe.each([
  ['result', readResult, RESULT],
  ['status', readStatus, STATUS],
] as const)('a %s', (_, read, answer: RequestResult | RequestStatus) => {
  test('is what it says of its own request', () => {
    expect(read(answer, ASKED)).toEqual(answer);
  });

  test.each(Object.entries(OTHERS))('of another %s is none', (__, other) => {
    expect(read(answer, other)).toBeUndefined();
    expect(read({ ...answer, ...other }, ASKED)).toBeUndefined();
  });

  test.each([undefined, null, 7, 'x', [], {}, ASKED, { ...answer, counts: {} }, { ...answer, status: 'done' }])(
    'is not %j',
    (wrong: unknown) => {
      expect(read(wrong, ASKED)).toBeUndefined();
    },
  );
});

test('a status without its progress is one, and none with a broken one', () => {
  const { progress, ...rest } = STATUS;
  expect(readStatus(rest, ASKED)).toEqual(rest);
  for (const broken of [7, {}, { ...progress, files: -1 }, { ...progress, hoursLeft: 'soon' }])
    expect(readStatus({ ...rest, progress: broken }, ASKED)).toBeUndefined();
});

test('a result is no status, nor a status a result', () => {
  expect(readResult(STATUS, ASKED)).toBeUndefined();
  expect(readStatus(RESULT, ASKED)).toBeUndefined();
});

test('an extended clock has an extension for the reason that was given', () => {
  const at = '2026-01-31T12:00:00.000Z';
  const clock = { regime: 'gdpr', submittedAt: at, dueAt: at, extension: { at, reason: 'complexity', dueBefore: at } };
  expect(readExtended(clock, 'complexity')).toEqual(clock);
  for (const [answer, reason] of [
    [clock, 'number-of-requests'],
    [{ ...clock, extension: undefined }, 'complexity'],
    [{ ...clock, dueAt: 'soon' }, 'complexity'],
    [RESULT, 'complexity'],
  ] as const)
    expect(readExtended(answer, reason)).toBeUndefined();
});

test('the answer to an approval or a rejection names the request, the plan and the reason that were given', () => {
  const [planDigest, at, reason] = ['f'.repeat(32), '2026-01-31T12:00:00.000Z', 'not-hers'];
  const approved = { ...ASKED, planDigest, approvals: [{ keyId: 's-1', at, signed: true }], missing: 1 };
  const rejection = { at, signed: false, reason };
  const rejected = { ...ASKED, planDigest, rejection };
  expect(readApproved(approved, ASKED, planDigest)).toEqual(approved);
  expect(readRejected(rejected, ASKED, { planDigest, reason })).toEqual(rejection);
  for (const other of Object.values(OTHERS)) {
    expect(readApproved(approved, other, planDigest)).toBeUndefined();
    expect(readRejected(rejected, other, { planDigest, reason })).toBeUndefined();
  }
  expect(readApproved(approved, ASKED, 'e'.repeat(32))).toBeUndefined();
  expect(readApproved(rejected, ASKED, planDigest)).toBeUndefined();
  expect(readRejected(rejected, ASKED, { planDigest: 'e'.repeat(32), reason })).toBeUndefined();
  expect(readRejected(rejected, ASKED, { planDigest, reason: 'hers' })).toBeUndefined();
  expect(readRejected(approved, ASKED, { planDigest, reason })).toBeUndefined();
});
