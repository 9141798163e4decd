/** What the Web UI tells of a request: enough to understand it, bounded, and nothing that names a person. */
import { noCounts, type RequestStatus, type Status } from '../../src/request/model';
import { detailsOf, refusedDetails } from '../../src/workflows/details';
import type { Found } from '../../src/workflows/findings';

const COMPLETE = { state: 'complete', gaps: [] } as const;
const WINDOW = { window: { from: null, to: '2026-01-31T12:00:00.000Z' }, ambiguous: 0, ignoredNumbers: 0 };

function told(status: Partial<RequestStatus> & { readonly status: Status }, findings: Partial<Found> = {}): string {
  const kind = status.kind ?? 'access';
  const counts = { ...noCounts(kind), contacts: 2 };
  const whole = {
    requestId: 'case-17',
    connection: 'acme',
    kind,
    phase: 'ended' as const,
    counts,
    apiRequests: 9,
    startedAt: '2026-01-31T12:00:00.000Z',
    ...status,
  };
  return detailsOf(whole, {
    counts: whole.counts,
    outcomes: [],
    unlisted: [],
    doubts: [],
    covered: { contacts: COMPLETE, calls: { ...COMPLETE, ...WINDOW } },
    ...findings,
  });
}

test('one that runs: what it does, and how far it is', () => {
  const text = told({ status: 'running', phase: 'fetching-calls' }, { covered: { contacts: COMPLETE } });
  expect(text).toContain('**Access request case-17 of acme: running**');
  expect(text).toContain('Now: fetching calls.');
  expect(text).toContain('- Contacts: 2 found, searched completely\n- Calls: 0 found so far\n');
  expect(text).not.toContain('errors.md');
});

test.each([
  ['credentials', 'Run `aircall-dsr connect acme`. It then resumes by itself'],
  ['paused', 'Run `aircall-dsr connections resume acme`. It then resumes by itself'],
  ['settle', 'for Aircall to settle before the next search. Until 2026-01-31T12:00:00.000Z.'],
  ['access-request', 'for an access request of the same person to end'],
] as const)('one that waits for %s: what ends that', (cause, words) => {
  const until = cause === 'settle' ? { until: '2026-01-31T12:00:00.000Z' } : {};
  expect(told({ status: 'waiting', phase: 'searching', waitingFor: { cause, ...until } })).toContain(words);
});

test('one that is partial: what is missing, by sort and code, with where to look codes up', () => {
  const outcomes = [
    { record: 'unreadable call 1', outcome: 'failed', code: 'unexpected-record' },
    { record: 'unreadable call 2', outcome: 'failed', code: 'unexpected-record' },
    { record: 'contact 2', outcome: 'refused', code: 'forbidden' },
    { record: 'contact 1', outcome: 'failed', code: 'deadline' },
    { record: 'contact 3', outcome: 'deleted' },
  ] as const;
  const gaps = [{ code: 'unexpected-record', count: 2 }, { code: 'not-found', count: 1 }, { code: 'deadline' }];
  const text = told(
    { status: 'partial' },
    { outcomes: [...outcomes], covered: { contacts: COMPLETE, calls: { state: 'partial', gaps, ...WINDOW } } },
  );
  expect(text.split('\n').filter(line => line.startsWith('- '))).toEqual([
    '- Contacts: 2 found, searched completely',
    '- Calls: 0 found, **searched in part**',
    '- Calls that could not be read, because of `unexpected-record`: 2',
    '- Contacts refused, because of `forbidden`: 1',
    '- Contacts that failed, because of `deadline`: 1',
    '- Not covered in calls: `not-found` (1)',
    '- Not covered in calls: `deadline`',
    '- API requests sent to Aircall: 9',
  ]);
  expect(text).toContain('docs/errors.md explains each code');
});

test('one whose package lacks the notice: that, and what to do; of another one nothing', () => {
  const gaps = [{ code: 'notice-missing' }];
  const text = told({ status: 'completed' }, { notice: { state: 'skipped', gaps } });
  expect(text).toContain('**Access request case-17 of acme: completed**');
  expect(text).toContain('- Not covered in notice: `notice-missing`: the package does not hold the information');
  for (const state of ['complete', 'not-asked', 'skipped'] as const)
    expect(told({ status: 'completed' }, { notice: { state, gaps: [] } })).toBe(told({ status: 'completed' }));
});

test('one that has failed, or was refused at once: why', () => {
  const failure = { code: 'deadline', message: 'the contact search never finished; see docs/errors.md' };
  expect(told({ status: 'failed' }, { failure })).toContain('It ended because of `deadline`: the contact search never');
  expect(refusedDetails('connection is not in this vault')).toContain('before any API request was sent');
});

test('a deletion: what was deleted, and whether it is proved', () => {
  const counts = { ...noCounts('deletion'), contacts: 2, deleted: 1, alreadyAbsent: 1 };
  const checkedAt = '2026-01-31T12:00:00.000Z';
  const deletion = { kind: 'deletion', counts } as const;
  const verified = told({ ...deletion, status: 'completed' }, { verification: { state: 'verified', checkedAt } });
  expect(verified).toContain('- Contacts deleted: 1; already deleted: 1\n');
  expect(verified).toContain('Verified: searched again, and no contact of the person was found');
  expect(verified).toContain('If Aircall holds calls, comments or messages of the person, they stay');
  const residual = told({ ...deletion, status: 'partial' }, { verification: { state: 'residual', checkedAt } });
  expect(residual).toContain('**Not verified: the last search still found something, or was not complete**');
});

test('a due date: by which law, whether it is near or past, and that it was put off', () => {
  const clock = { regime: 'gdpr', submittedAt: '2026-01-01T00:00:00.000Z', dueAt: '2026-04-01T00:00:00.000Z' } as const;
  const extension = { at: '2026-01-05T00:00:00.000Z', reason: 'complexity', dueBefore: '2026-02-01T00:00:00.000Z' };
  expect(told({ status: 'running', ...clock, extension, alarm: 'overdue' })).toContain(
    'Due at 2026-04-01T00:00:00.000Z by the GDPR, extended from 2026-02-01T00:00:00.000Z (complexity): **overdue**',
  );
});

test('whatever went wrong, it stays small', () => {
  const outcomes = Array.from({ length: 5_000 }, (_, index) => ({
    record: `contact ${index + 1}`,
    outcome: 'failed' as const,
    code: `code-${index}`,
  }));
  const text = told({ status: 'partial' }, { outcomes });
  expect(text).toContain('and 4992 more, see the result');
  expect(text.length).toBeLessThan(2_000);
});

test('one that is partial because nobody has decided: why, and the command that decides', () => {
  const text = told(
    { status: 'partial' },
    {
      doubts: [{ code: 'number-only', taken: 0, kept: 2, undecided: 2 }],
      outcomes: [{ record: 'contact 3', outcome: 'withheld', code: 'number-only' }],
    },
  );
  expect(text).toContain(
    "- 2 records that may be somebody else's, because only a number of the person leads to the contact",
  );
  expect(text).toContain(
    'run `aircall-dsr access acme - --require-approval --wait`, with each address and number of the request, one a line, on its stdin.',
  );
  expect(text).not.toContain('Contacts withheld, because of');
});

test('a dry run: in its title, while it runs and at its end, with its plan', () => {
  const dry = { kind: 'deletion', dryRun: true } as const;
  expect(told({ ...dry, status: 'running', phase: 'searching' })).toContain(
    '**Dry run of a deletion case-17 of acme: running**',
  );
  const plan = { plan: { counts: { contacts: 2 } }, planDigest: '0'.repeat(32) };
  const text = told({ ...dry, status: 'planned' }, { ...plan, verification: { state: 'skipped', checkedAt: null } });
  expect(text).toContain('**Dry run of a deletion case-17 of acme: planned**');
  expect(text).toContain(`- The plan: 2 contacts would be deleted, plan ${'0'.repeat(32)}`);
  expect(text).toContain(`run \`aircall-dsr delete acme - --plan ${'0'.repeat(32)} --wait\``);
});

test('one that fetches: what is still to be sent and what was downloaded, as long as it is known', () => {
  const fetching = { status: 'running', phase: 'fetching-insights' } as const;
  const text = told({ ...fetching, progress: { files: 3, sizeBytes: 5e6, apiRequestsLeft: 900, hoursLeft: 0.34 } });
  expect(text).toContain(
    '- Still to be sent: at most 900 API requests: 21 min if no other request of the company runs\n- Downloaded so far: 3 files (5 MB)',
  );
  expect(told({ ...fetching, progress: { files: 0, sizeBytes: 0 } })).not.toMatch(/Still to be sent|Downloaded/);
});

test('a dry run of an access request: what the request itself would cost', () => {
  const plan = { counts: { contacts: 2, numbers: 1, calls: 60 }, cost: { apiRequests: 71, pages: 1, hours: 0.03 } };
  expect(told({ status: 'planned', dryRun: true }, { plan })).toContain(
    '- The request itself would send: at most 71 API requests more than this dry run sent (1 for further pages of calls, 70 ',
  );
});

test('one that people decided about: who, by keys', () => {
  const at = '2026-01-31T12:00:00.000Z';
  const approvals = [{ keyId: 'a-1', at, signed: true }];
  expect(told({ status: 'completed' }, { approvals })).toContain(`- The plan was approved: ${at} by key a-1, signed`);
  const rejection = { at, signed: false, reason: 'wrong-person' };
  expect(told({ status: 'denied' }, { rejection })).toContain(
    `- The plan was rejected: ${at}, not signed: wrong-person`,
  );
});
