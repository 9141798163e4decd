/** The findings of a request: counts follow outcomes, and what broke off names the true cause. */
import { createFindings } from '../../src/workflows/findings';

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
