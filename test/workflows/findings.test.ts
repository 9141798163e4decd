/** The findings of a request: counts follow outcomes, and what broke off names the true cause. */
import { statedOf } from '../../src/receipt/build';
import type { Decided } from '../../src/request/contracts';
import { detailsOf } from '../../src/workflows/details';
import { createFindings, type Found, partCoverage, statusOf } from '../../src/workflows/findings';
import { coverageOf, resultOf } from '../../src/workflows/result';

test('a source that was being searched names the failure that ended the request, not a cancellation', () => {
  const window = { from: null, to: '2026-01-31T12:00:00.000Z' };
  const findings = createFindings('access');
  findings.cover({
    contacts: { state: 'complete', gaps: [] },
    calls: { state: 'failed', gaps: [{ code: 'cancelled' }], window, ambiguous: 0, ignoredNumbers: 2 },
  });
  findings.brokeOff({ code: 'child-ended', message: 'a child workflow was ended from outside' });
  expect(findings.failure?.code).toBe('child-ended');
  expect(findings.covered).toEqual({
    contacts: { state: 'complete', gaps: [] },
    calls: { state: 'failed', gaps: [{ code: 'child-ended' }], window, ambiguous: 0, ignoredNumbers: 2 },
  });
});

test('a notice that is missing is in the coverage, and changes neither the status nor the receipt', () => {
  const findings = createFindings('access');
  const window = { from: null, to: '2026-01-31T12:00:00.000Z' };
  findings.found('contacts', 1);
  const complete = { state: 'complete', gaps: [] } as const;
  findings.cover({ contacts: complete, calls: { ...complete, window, ambiguous: 0, ignoredNumbers: 0 } });
  const statedNow = () => {
    const status = statusOf(findings, { kind: 'access', dryRun: false });
    const at = '2026-01-31T12:00:00.000Z';
    const request = { connection: 'acme', kind: 'access', requestId: 'noted' } as const;
    const result = resultOf(
      { ...request, status, apiRequests: 1, clock: {}, startedAt: at, completedAt: at },
      findings,
    );
    return { notice: result.coverage.notice, status, receipt: statedOf(result) };
  };
  const before = statedNow();
  expect(before).toMatchObject({ notice: undefined, status: 'completed' });
  findings.notice = { state: 'skipped', gaps: [{ code: 'notice-missing' }] };
  expect(statedNow()).toEqual({ ...before, notice: findings.notice });
});

test('an outcome that replaces another one leaves its count', () => {
  const findings = createFindings('deletion');
  findings.note({ record: 'contact 1', outcome: 'failed', code: 'unavailable' });
  findings.note({ record: 'contact 1', outcome: 'deleted' });
  expect(findings.counts).toMatchObject({ deleted: 1, failed: 0 });
  expect(findings.outcomes).toEqual([{ record: 'contact 1', outcome: 'deleted' }]);
});

test('a contact that came back, and was gone when it was deleted again, stays deleted', () => {
  const findings = createFindings('deletion');
  expect(findings.outcomeOf('contact 1')).toBeUndefined();
  findings.note({ record: 'contact 1', outcome: 'deleted' });
  findings.note({ record: 'contact 1', outcome: 'already-absent' });
  expect(findings.outcomeOf('contact 1')).toBe('deleted');
  expect(findings.counts).toMatchObject({ deleted: 1, alreadyAbsent: 0 });
  findings.note({ record: 'contact 1', outcome: 'refused', code: 'forbidden' });
  expect(findings.counts).toMatchObject({ deleted: 0, refused: 1 });
});

test('outcomes beyond the ten thousand of a result are counted by source, outcome and code, and in the receipt', () => {
  const findings = createFindings('deletion');
  findings.found('contacts', 12_000);
  for (let number = 1; number <= 12_000; number += 1)
    findings.note(
      number <= 11_000
        ? { record: `contact ${number}`, outcome: 'deleted' }
        : { record: `contact ${number}`, outcome: 'refused', code: 'forbidden' },
    );
  findings.noteUnreadable('contacts', 3);
  const at = '2026-01-31T12:00:00.000Z';
  const request = { connection: 'acme', kind: 'deletion', requestId: 'many' } as const;
  const frame = { ...request, status: 'partial', apiRequests: 1, clock: {} } as const;
  const result = resultOf({ ...frame, startedAt: at, completedAt: at }, findings);
  expect(result.outcomes).toHaveLength(10_000);
  expect(result.unlisted).toEqual([
    { source: 'contacts', unreadable: false, outcome: 'deleted', count: 1_000 },
    { source: 'contacts', unreadable: false, outcome: 'refused', code: 'forbidden', count: 1_000 },
    { source: 'contacts', unreadable: true, outcome: 'failed', code: 'unexpected-record', count: 3 },
  ]);
  expect(statedOf(result).sources).toMatchObject([
    {
      ...{ found: 12_000, unchanged: 0, deleted: 11_000, refused: 1_000, unreadable: 3 },
      reasons: [
        { outcome: 'refused', code: 'forbidden', count: 1_000 },
        { outcome: 'failed', code: 'unexpected-record', count: 3 },
      ],
    },
  ]);
});

test('rows that could not be read are listed up to ten thousand, and beyond it only counted', () => {
  const findings = createFindings('access');
  findings.noteUnreadable('calls', 5_000_000);
  expect(findings.outcomes).toHaveLength(10_000);
  expect(findings.counts.failed).toBe(5_000_000);
  const request = { connection: 'acme', kind: 'access', requestId: 'many' } as const;
  const running = {
    ...request,
    status: 'running',
    phase: 'fetching-calls',
    startedAt: '2026-01-31T12:00:00.000Z',
  } as const;
  const details = detailsOf({ ...running, counts: findings.counts, apiRequests: 1 }, findings);
  expect(details).toContain('Calls that could not be read, because of `unexpected-record`: 5000000');
  const at = '2026-01-31T12:00:00.000Z';
  const frame = { ...request, status: 'partial', apiRequests: 1, clock: {} } as const;
  const result = resultOf({ ...frame, startedAt: at, completedAt: at }, findings);
  expect(result.outcomes).toHaveLength(10_000);
  expect(result.unlisted).toEqual([
    { source: 'calls', unreadable: true, outcome: 'failed', code: 'unexpected-record', count: 4_990_000 },
  ]);
});

const AT = '2026-01-31T12:00:00.000Z';
const COMPLETE = { state: 'complete', gaps: [] } as const;
const CALLS = { ...COMPLETE, window: { from: null, to: AT }, ambiguous: 0, ignoredNumbers: 0 } as const;
const NO_NUMBER = { ...CALLS, state: 'skipped', gaps: [{ code: 'no-number-known' }] } as const;

function foundWith(contacts: number, calls: Found['covered']['calls'] = CALLS): Found {
  const findings = createFindings('access');
  findings.found('contacts', contacts);
  findings.cover({ contacts: COMPLETE, calls });
  return findings;
}
const access = { kind: 'access', dryRun: false } as const;

test.each([
  ['completed', foundWith(2)],
  ['no-match', foundWith(0)],
  ['completed', foundWith(2, NO_NUMBER)],
  ['no-match', foundWith(0, NO_NUMBER)],
  ['partial', foundWith(2, { ...NO_NUMBER, gaps: [{ code: 'no-number-known' }, { code: 'number-without-country' }] })],
  ['partial', foundWith(2, { ...NO_NUMBER, gaps: [] })],
] as const)(
  'a request ends as %s: calls that nothing leads to are told, and nothing that somebody can repeat',
  (status, found) => {
    expect(statusOf(found, access)).toBe(status);
  },
);

test('a dry run that came through its search is planned, also with gaps or nobody found; one that failed has failed', () => {
  const dryRun = { kind: 'deletion', dryRun: true } as const;
  const part = { ...foundWith(2), covered: { contacts: { state: 'partial', gaps: [{ code: 'deadline' }] } } } as const;
  expect([foundWith(2), foundWith(0), part].map(found => statusOf(found, dryRun))).toEqual(Array(3).fill('planned'));
  expect(statusOf({ ...part, failure: { code: 'deadline', message: 'x' } }, dryRun)).toBe('failed');
});

test('a result always says what was doubtful and who approved its plan, also if it was nothing, and nobody', () => {
  const request = { connection: 'acme', kind: 'access', requestId: 'certain' } as const;
  const frame = { ...request, status: 'completed', apiRequests: 1, clock: {}, startedAt: AT, completedAt: AT } as const;
  expect(resultOf(frame, foundWith(1))).toMatchObject({ doubts: [], approvals: [] });
});

test('coverage names what no number leads to, unless all calls of the company were listed', () => {
  const reach = (calls: Found['covered']['calls']) => coverageOf('access', foundWith(1, calls)).outOfReach.join();
  expect(reach({ ...CALLS, by: 'number' })).toMatch(/transferred.*conference.*hidden/);
  expect(reach({ ...CALLS, by: 'company' })).not.toMatch(/transferred|conference/);
  expect(coverageOf('deletion', createFindings('deletion')).outOfReach).toContain('call records');
});

test.each([
  ['complete', CALLS, COMPLETE],
  ['partial', CALLS, { state: 'partial', gaps: [{ code: 'file-missing', count: 1 }] }],
  ['partial', { ...CALLS, state: 'partial', gaps: [{ code: 'deadline' }] }, COMPLETE],
  ['partial', { ...CALLS, state: 'failed', gaps: [{ code: 'unavailable' }] }, COMPLETE],
  ['not-entitled', { ...CALLS, state: 'partial', gaps: [] }, { state: 'not-entitled', gaps: [] }],
  ['skipped', NO_NUMBER, COMPLETE],
  ['skipped', undefined, COMPLETE],
] as const)('what belongs to calls is %s: never searched better than the calls', (state, calls, own) => {
  const covered = { contacts: COMPLETE, ...(calls && { calls }) };
  const part = partCoverage({ covered }, own);
  expect(part.state).toBe(state);
  if (state === 'skipped') expect(part.gaps).toEqual(calls?.gaps ?? []);
});

describe('doubtful records', () => {
  const WINDOW = { window: { from: null, to: '2026-01-31T12:00:00.000Z' }, ambiguous: 0, ignoredNumbers: 0 };
  const COMPLETE = { state: 'complete', gaps: [] } as const;
  const found = (contacts: number, ...exceptions: Decided['exceptions']) => {
    const findings = createFindings('access');
    findings.cover({ contacts: COMPLETE, calls: { ...COMPLETE, ...WINDOW } });
    findings.found('contacts', contacts);
    findings.noteExceptions(exceptions, { isDone: true });
    return statusOf(findings, access);
  };
  const kept = { taken: 0, kept: 1, undecided: 1, places: [0] } as const;

  test('make a request partial as the table of doubts says, and never a no-match', () => {
    expect(found(1, { code: 'other-contact', source: 'calls', ...kept })).toBe('completed');
    expect(found(1, { code: 'shared-number', source: 'calls', ...kept })).toBe('completed');
    expect(found(1, { code: 'number-only', source: 'contacts', ...kept })).toBe('partial');
    expect(found(1, { code: 'shared-address', source: 'calls', ...kept })).toBe('partial');
    expect(found(0, { code: 'other-contact', source: 'calls', ...kept })).toBe('partial');
    expect(found(0)).toBe('no-match');
  });

  test('are counted as soon as they are planned, over all sources, and once they are decided only as decided', () => {
    const findings = createFindings('access');
    findings.notePlanned([
      { code: 'number-only', source: 'contacts', records: 1 },
      { code: 'number-only', source: 'calls', records: 2 },
      { code: 'other-contact', source: 'calls', records: 4 },
    ]);
    expect(findings.doubts).toEqual([
      { code: 'number-only', taken: 0, kept: 3, undecided: 3 },
      { code: 'other-contact', taken: 0, kept: 4, undecided: 4 },
    ]);
    expect(findings.outcomes).toEqual([]);
    const decided = { code: 'number-only', source: 'contacts', taken: 3, kept: 0, undecided: 0, places: [] } as const;
    findings.noteExceptions([decided], { isDone: true });
    findings.noteExceptions([{ ...kept, code: 'number-only', source: 'contacts' }], { isDone: true });
    expect(findings.doubts).toEqual([{ code: 'number-only', taken: 3, kept: 1, undecided: 1 }]);
  });

  test('are no longer open once somebody has decided', () => {
    expect(found(1, { code: 'number-only', source: 'contacts', ...kept, undecided: 0 })).toBe('completed');
    expect(found(0, { code: 'number-only', source: 'contacts', ...kept, undecided: 0 })).toBe('completed');
    expect(found(1, { code: 'decided', source: 'contacts', ...kept, undecided: 0 })).toBe('completed');
  });
});
