/** What people are told of a request that has ended: only what its facts bear, whatever the end. */
import fc from 'fast-check';
import { resultLines } from '../../src/commands/result-lines';
import { DOUBTS } from '../../src/judgement/doubts';
import { ENDED_STATUSES } from '../../src/request/endings';
import { noCounts, type RequestResult } from '../../src/request/model';
import type { Kind } from '../../src/request/names';
import { REASON_WORDS, REASONS } from '../../src/request/redactions';
import {
  costWords,
  doubtLines,
  endSentences,
  filesWords,
  foundWords,
  leftWords,
  nextCommand,
  planWords,
  requestNoun,
  sourceLines,
  verifiedWords,
} from '../../src/request/sentences';
import { keyOf } from '../../src/request/shapes';
import { durationWords, sizeWords } from '../../src/request/words';

const AT = '2026-01-31T12:00:00.000Z';
const COMPLETE = { state: 'complete', gaps: [] } as const;
const CALLS = { ...COMPLETE, window: { from: null, to: AT }, ambiguous: 0, ignoredNumbers: 0 } as const;
const NO_NUMBER = { ...CALLS, state: 'skipped', gaps: [{ code: 'no-number-known' }] } as const;
const PACKAGE = { uri: 'vault:x', sha256: 'b'.repeat(64), sizeBytes: 7 };
const DIGEST = '0'.repeat(32);
const doubt = (code: keyof typeof DOUBTS, kept = 1, taken = 0) => ({ code, records: kept + taken, taken, kept });
const NUMBER_ONLY = [doubt('number-only', 2)];
const APPROVED = [{ keyId: 'a-1', at: AT, signed: true }];

type More = Omit<Partial<RequestResult>, 'counts'> & { readonly counts?: Partial<RequestResult['counts']> };

function ended(kind: Kind, status: RequestResult['status'], { counts, ...more }: More = {}): RequestResult {
  return {
    ...{ requestId: 'case-17', connection: 'acme', kind, status, outcomes: [] },
    counts: { ...noCounts(kind), ...counts },
    coverage: { contacts: COMPLETE, ...(kind === 'access' && { calls: CALLS }), outOfReach: [] },
    ...{ apiRequests: 9, startedAt: AT, completedAt: AT, doubts: [], approvals: [] },
    ...more,
  };
}
const access = (status: RequestResult['status'], more?: More) => ended('access', status, more);
const deletion = (status: RequestResult['status'], more?: More) => ended('deletion', status, more);
const covered = (calls: NonNullable<RequestResult['coverage']['calls']>) => ({
  coverage: { contacts: COMPLETE, calls, outOfReach: [] },
});
const verified = { verification: { state: 'verified', checkedAt: AT } } as const;

const STAYS = 'If Aircall holds calls, comments or messages of the person, they stay: its API cannot delete them.';

describe('the end of a request is told', () => {
  test.each<[string, RequestResult, string]>([
    [
      'access, completed',
      access('completed', { package: PACKAGE }),
      'What was found of the person was delivered. The package is ready.',
    ],
    [
      'access, completed, approved: people may have kept what is certain',
      access('completed', { package: PACKAGE, approvals: APPROVED }),
      'What the approved plan takes was delivered. The package is ready.',
    ],
    [
      'deletion, completed, approved',
      deletion('completed', { approvals: APPROVED, counts: { contacts: 2, deleted: 1, retained: 1 } }),
      `The contacts that the approved plan takes are deleted. ${STAYS}`,
    ],
    [
      'access, completed, calls of others kept',
      access('completed', { package: PACKAGE, doubts: [doubt('other-contact', 3)] }),
      "What was found of the person was delivered. 3 records that may be somebody else's were withheld: see below. The package is ready.",
    ],
    [
      'access, completed, no number known',
      access('completed', { package: PACKAGE, ...covered(NO_NUMBER) }),
      'What was found of the person was delivered. Calls were not searched, because no usable number of the person is known. The package is ready.',
    ],
    [
      'access, partial because of doubts',
      access('partial', { package: PACKAGE, doubts: [doubt('shared-address')] }),
      "It ended without all that was asked for: see below. 1 record that may be somebody else's was withheld: see below. Nobody has decided about it. The package is ready.",
    ],
    [
      'access, partial although somebody decided',
      access('partial', { doubts: NUMBER_ONLY, approvals: APPROVED }),
      "It ended without all that was asked for: see below. 2 records that may be somebody else's were withheld: see below. There is no package.",
    ],
    ['access, no match', access('no-match'), 'The searches found nothing of the person.'],
    [
      'access, no match, calls on a number withheld',
      access('no-match', covered({ ...CALLS, ambiguous: 4 })),
      "The searches found nothing that is certainly the person's. 4 records that may be somebody else's were withheld: see below.",
    ],
    [
      'access, no match, no number known: as after a deletion',
      access('no-match', covered(NO_NUMBER)),
      'The searches found nothing of the person. Calls were not searched, because no usable number of the person is known.',
    ],
    [
      'access, dry run',
      access('planned', { dryRun: true, ...covered({ ...CALLS, state: 'skipped' }) }),
      'A dry run: it searched contacts, and handed over nothing. Calls were not searched, because a dry run only counts them.',
    ],
    [
      'access, dry run, without a number',
      access('planned', { dryRun: true, ...covered(NO_NUMBER) }),
      'A dry run: it searched contacts, and handed over nothing. Calls were not searched, because no usable number of the person is known.',
    ],
    ['access, denied', access('denied'), 'The plan was rejected: nothing was handed over.'],
    ['deletion, completed', deletion('completed'), `The contacts of the person that were found are deleted. ${STAYS}`],
    [
      'deletion, partial because of doubts',
      deletion('partial', { doubts: NUMBER_ONLY }),
      `It ended without all that was asked for: see below. 2 records that may be somebody else's were left: see below. Nobody has decided about them. ${STAYS}`,
    ],
    ['deletion, no match', deletion('no-match'), `The searches found no contact of the person. ${STAYS}`],
    [
      'deletion, dry run with doubts',
      deletion('planned', { dryRun: true, doubts: NUMBER_ONLY }),
      "A dry run: it only searched contacts, and changed nothing. 2 records that may be somebody else's would be left: see below.",
    ],
    ['deletion, denied', deletion('denied'), 'The plan was rejected: nothing was deleted.'],
    ['deletion, cancelled', deletion('cancelled'), 'Somebody cancelled the request. The work done before is below.'],
    ['deletion, failed', deletion('failed'), 'The request failed: see below.'],
  ])('%s', (_, result, words) => {
    expect(endSentences(result).join(' ')).toBe(words);
  });

  const counts = fc.record({ contacts: fc.nat(3), retained: fc.nat(3) });
  const doubts = fc.array(
    fc.record({
      code: fc.constantFrom(...Object.keys(DOUBTS).filter(keyOf(DOUBTS))),
      taken: fc.nat(2),
      kept: fc.nat(2),
    }),
    { maxLength: 3 },
  );
  const anyEnd = fc.record({
    kind: fc.constantFrom<Kind>('access', 'deletion'),
    status: fc.constantFrom(...ENDED_STATUSES),
    counts,
    doubts: doubts.map(all => all.map(each => ({ ...each, records: each.taken + each.kept }))),
    ambiguous: fc.nat(2),
    skipped: fc.boolean(),
    dryRun: fc.boolean(),
    checked: fc.constantFrom('verified', 'residual', 'skipped'),
  });

  test('never as all, or as nothing, if something is doubtful, was not searched, or stays', () => {
    fc.assert(
      fc.property(anyEnd, ({ kind, status, counts, doubts, ambiguous, skipped, dryRun, checked }) => {
        const calls = { ...(skipped ? NO_NUMBER : CALLS), ambiguous };
        const result = ended(kind, status, {
          counts,
          doubts,
          ...(dryRun && { dryRun }),
          ...(kind === 'access' ? covered(calls) : { verification: { state: checked, checkedAt: AT } }),
        });
        const words = [...endSentences(result), ...resultLines(result)].join('\n');
        expect(words).not.toMatch(/nothing is left|all was|everything|shared with somebody/i);
        const isDoubtful =
          doubts.some(({ kept }) => kept > 0) || (doubts.length === 0 && kind === 'access' && ambiguous > 0);
        if (isDoubtful) expect(words).not.toMatch(/nothing of the person|no contact of the person/);
        if (isDoubtful) expect(words).toContain("may be somebody else's");
        if (kind === 'access' && skipped) expect(words).toContain('calls not searched');
        if (dryRun) expect(words).toContain('dry run');
        if (dryRun) expect(words).not.toMatch(/\d+ (?:were|was) (?:withheld|left)/);
        if (kind === 'deletion' && status === 'completed' && !dryRun) expect(words).toContain('its API cannot delete');
      }),
      { seed: 16, numRuns: 2_000 },
    );
  });
});

describe('a doubtful record', () => {
  test('is told with the reason, and with what was decided', () => {
    expect(doubtLines(access('completed', { doubts: [doubt('shared-number', 2, 1)] }))).toEqual([
      "3 records that may be somebody else's, because other people use the number, or may use it (shared-number): 1 decided to be the person's, 2 withheld",
    ]);
    expect(doubtLines(deletion('partial', { doubts: NUMBER_ONLY }))[0]).toMatch(/\(number-only\): 2 left$/);
    expect(doubtLines(deletion('planned', { dryRun: true, doubts: NUMBER_ONLY }))[0]).toMatch(/: 2 would be left$/);
    expect(doubtLines({ ...access('partial', { doubts: NUMBER_ONLY }), status: 'waiting' })[0]).toMatch(
      /: 2 undecided$/,
    );
  });

  test('of a request whose data was destroyed is told without its reason', () => {
    expect(doubtLines(access('purged', covered({ ...CALLS, ambiguous: 4 })))).toEqual([
      "4 calls that may be somebody else's: withheld",
    ]);
  });
});

test('what was found names the way, and no number for what was not searched', () => {
  const found = { contacts: 2, calls: 5 };
  expect(foundWords(access('completed', { counts: found }))).toBe('2 contacts, 5 calls');
  expect(foundWords(access('completed', { counts: { contacts: 1, calls: 1 } }))).toBe('1 contact, 1 call');
  expect(foundWords(access('no-match', covered(NO_NUMBER)))).toBe('0 contacts, calls not searched');
  const by = (way: 'number' | 'company') =>
    sourceLines(access('completed', { counts: found, ...covered({ ...CALLS, by: way }) }), false)[1];
  expect(by('number')).toBe('Calls: 5 found, searched completely by the numbers of the person');
  expect(by('company')).toBe('Calls: 5 found, searched completely in the list of all of the company');
  expect(
    sourceLines(access('cancelled', covered({ ...CALLS, state: 'failed', gaps: [{ code: 'cancelled' }] })), false)[1],
  ).toBe('Calls: 0 found, **search broken off**');
});

test('a notice that the package lacks is told, with what to do; no other notice is', () => {
  const of = (notice: RequestResult['coverage']['notice']) => {
    const { coverage } = access('completed');
    return resultLines(access('completed', { coverage: { ...coverage, ...(notice && { notice }) } }));
  };
  const told = of({ state: 'skipped', gaps: [{ code: 'notice-missing' }] });
  expect(told.filter(line => !of(undefined).includes(line))).toEqual([
    expect.stringMatching(/^ {2}missing {4}notice: notice-missing: .*run connect with --notice/),
  ]);
  for (const state of ['complete', 'not-asked', 'skipped'] as const)
    expect(of({ state, gaps: [] })).toEqual(of(undefined));
});

test('what was left out of the package is told in one line, by reason', () => {
  const redactions = REASONS.map((reason, place) => ({ reason, count: place + 1 }));
  const [line = '', ...others] = resultLines(access('completed', { package: PACKAGE, redactions })).filter(isRedacted);
  expect(others).toEqual([]);
  expect(line).toMatch(/^ {2}redacted {3}names and data of agents: 1, data of teams: 2, /);
  for (const [place, reason] of REASONS.entries()) expect(line).toContain(`${REASON_WORDS[reason]}: ${place + 1}`);
  expect(resultLines(access('completed', { package: PACKAGE, redactions: [] })).filter(isRedacted)).toEqual([]);
  expect(resultLines(access('planned')).filter(isRedacted)).toEqual([]);
});
const isRedacted = (line: string) => line.startsWith('  redacted');

test('a number agrees with its noun', () => {
  const unlisted = [{ source: 'contacts', unreadable: false, outcome: 'failed', count: 1 }] as const;
  const counts = { contacts: 1, deleted: 1, alreadyAbsent: 0, retained: 1 };
  const one = { ...deletion('partial', { counts, unlisted, doubts: [doubt('number-only')] }), apiRequests: 1 };
  expect(resultLines(one)).toEqual([
    ...['deletion case-17: partial', '  found      1 contact', '  deleted    1 contact (already deleted: 0)'],
    ...[
      '  not listed 1 more outcome: counted by source and code',
      '  left       1 contact, for the reasons in outcomes',
    ],
    expect.stringContaining('1 record that'),
    ...[expect.stringContaining('  stays'), '  sent       1 API request', expect.stringContaining('  next')],
  ]);
  expect(endSentences(one)).toContain('Nobody has decided about it.');
  const two = deletion('completed', { counts: { contacts: 2, deleted: 2 } });
  expect(resultLines(two)).toEqual(
    expect.arrayContaining([
      '  found      2 contacts',
      '  deleted    2 contacts (already deleted: 0)',
      '  sent       9 API requests',
    ]),
  );
});

test('a verifying search says what it did not find, and how many contacts were left', () => {
  expect(verifiedWords(deletion('completed', verified))).toBe('searched again, and no contact of the person was found');
  const left = 'searched again, and no contact was found but those that were left (2)';
  expect(verifiedWords(deletion('partial', { ...verified, doubts: NUMBER_ONLY }))).toBe(left);
  expect(verifiedWords(deletion('partial', { ...verified, counts: { retained: 2 } }))).toBe(left);
  expect(verifiedWords(deletion('planned', { verification: { state: 'skipped', checkedAt: null } }))).toBeUndefined();
});

test('a dry run is called one, and its plan says whether the search was complete', () => {
  expect(requestNoun({ kind: 'access', dryRun: true })).toBe('dry run of an access request');
  expect(requestNoun({ kind: 'deletion', dryRun: true })).toBe('dry run of a deletion');
  const plan = { planDigest: DIGEST, dryRun: true, plan: { counts: { contacts: 1 } } };
  expect(planWords(deletion('planned', plan))).toBe(`1 contact would be deleted, plan ${DIGEST}`);
  expect(planWords(access('planned', { ...plan, plan: { counts: { contacts: 2, numbers: 3 } } }))).toBe(
    `2 contacts would be handed over, and calls of 3 numbers looked for, plan ${DIGEST}`,
  );
  const counted = { ...plan, plan: { counts: { contacts: 2, numbers: 3, calls: 90 } } };
  expect(planWords(access('planned', counted))).toContain(
    "calls of 3 numbers looked for (90 by Aircall's count), plan",
  );
  const company = covered({ ...CALLS, state: 'skipped', by: 'company' });
  expect(planWords(access('planned', { ...counted, ...company }))).toContain(
    "in the list of all of the company (90 by Aircall's count), plan",
  );
  const gaps = [{ code: 'deadline' }];
  const part = { contacts: { state: 'partial', gaps }, outOfReach: [] } as const;
  expect(planWords(deletion('planned', { ...plan, coverage: part }))).toMatch(/; the search was not complete$/);
});

test('a dry run says what the request costs, and how long that takes', () => {
  const counts = { contacts: 1, numbers: 1, calls: 90 };
  const costs = (cost: NonNullable<NonNullable<RequestResult['plan']>['cost']>) => costWords({ counts, cost });
  expect(costWords({ counts: { contacts: 1, numbers: 1 } })).toBeUndefined();
  expect(costs({ apiRequests: 0, pages: 0, hours: 0 })).toBe('no more API requests than this dry run sent');
  expect(costs({ apiRequests: 1, pages: 1 })).toBe(
    'at most 1 API request more than this dry run sent (1 for further pages of calls)',
  );
  expect(costs({ apiRequests: 70, pages: 0, hours: 0.03 })).toBe(
    'at most 70 API requests more than this dry run sent (70 for transcripts and insights): 2 min if no other request of the company runs',
  );
  const both = costs({ apiRequests: 9_001, pages: 1, hours: 3.34 });
  expect(both).toContain('(1 for further pages of calls, 9000 for transcripts and insights if all calls there are of');
  expect(both).toMatch(/: 3\.4 hr if no other request of the company runs$/);
  const lines = resultLines(access('planned', { dryRun: true, plan: { counts, cost: { apiRequests: 0, pages: 0 } } }));
  expect(lines).toContain('  cost       no more API requests than this dry run sent');
});

test('how far a request is, in units that fit', () => {
  expect(filesWords({ files: 0, sizeBytes: 0 })).toBeUndefined();
  expect(filesWords({ files: 1, sizeBytes: 700 })).toBe('1 file (1 kB)');
  expect(leftWords({ files: 1, sizeBytes: 700 })).toBeUndefined();
  expect(leftWords({ files: 0, sizeBytes: 0, apiRequestsLeft: 1 })).toBe('at most 1 API request');
  expect([999, 12_345, 32_000_000, 1_234_567_890].map(sizeWords)).toEqual(['1 kB', '13 kB', '32 MB', '1.3 GB']);
  expect([0.001, 0.5, 1, 2.44, 47.9, 76.9].map(durationWords)).toEqual([
    ...['1 min', '30 min', '1 hr', '2.5 hr', '47.9 hr', '3.3 days'],
  ]);
});

describe('the command that comes next', () => {
  const from = '2025-12-01T00:00:00.000Z';
  const to = '2026-01-01T00:00:00.000Z';
  test('decides about doubtful records, with the options of the request and without the person', () => {
    const coverage = covered({ ...CALLS, by: 'company', window: { from, to } });
    const law = { regime: 'gdpr', submittedAt: AT } as const;
    expect(nextCommand(access('partial', { doubts: NUMBER_ONLY, ...coverage, ...law }))?.command).toBe(
      `aircall-dsr access acme - --calls company --from ${from} --to ${to} --regime gdpr --submitted-at ${AT} --require-approval --wait`,
    );
    expect(nextCommand(deletion('partial', { doubts: NUMBER_ONLY }))?.command).toBe(
      'aircall-dsr delete acme - --require-approval --wait',
    );
  });

  test('leaves out what the request left out', () => {
    const none = { state: 'not-asked', gaps: [] } as const;
    const left: RequestResult['coverage'] = { ...covered(CALLS).coverage, transcripts: none, insights: none };
    const commandFor = (coverage: RequestResult['coverage']) =>
      nextCommand(access('partial', { doubts: NUMBER_ONLY, coverage }))?.command;
    expect(commandFor(left)).toContain(' - --include recordings,voicemails --require');
    expect(commandFor({ ...left, recordings: none, voicemails: none })).toContain(' - --include none --require');
  });

  test('after a deletion takes the numbers too by which alone the contacts are found that were left', () => {
    const stdinOf = (counts: Partial<RequestResult['counts']>, code: keyof typeof DOUBTS) =>
      nextCommand(deletion('partial', { doubts: [doubt(code)], counts }))?.stdin;
    expect(stdinOf({ deleted: 1 }, 'number-only')).toBe(
      'each address and number of the request and of the contacts that were left, one a line,',
    );
    expect(stdinOf({ alreadyAbsent: 1 }, 'number-only')).toBe(stdinOf({ deleted: 1 }, 'number-only'));
    expect(stdinOf({}, 'number-only')).toBe('each address and number of the request, one a line,');
    expect(stdinOf({ deleted: 1 }, 'shared-address')).toBe(stdinOf({}, 'number-only'));
  });

  test('executes the plan of a dry run', () => {
    const plan = { planDigest: DIGEST, plan: { counts: { contacts: 2 } }, dryRun: true };
    expect(nextCommand(deletion('planned', plan))?.command).toBe(`aircall-dsr delete acme - --plan ${DIGEST} --wait`);
    const listed = { coverage: { contacts: { ...COMPLETE, by: 'company' }, outOfReach: [] } } as const;
    expect(nextCommand(deletion('planned', { ...plan, ...listed }))?.command).toBe(
      `aircall-dsr delete acme - --contacts company --plan ${DIGEST} --wait`,
    );
    expect(nextCommand(deletion('planned', { ...plan, plan: { counts: { contacts: 0 } } }))).toBeUndefined();
    expect(nextCommand(access('planned', plan))).toBeUndefined();
    const doubtful = { ...plan, plan: { counts: { contacts: 0 } }, doubts: NUMBER_ONLY };
    expect(nextCommand(deletion('planned', doubtful))?.command).toBe(
      'aircall-dsr delete acme - --require-approval --wait',
    );
  });

  test.each([
    ['somebody has decided', { doubts: NUMBER_ONLY, approvals: APPROVED }],
    ['they leave the request complete', { doubts: [doubt('other-contact')], counts: { contacts: 1 } }],
    ['all of them were taken', { doubts: [doubt('number-only', 0, 2)] }],
    ['there are none', {}],
  ] as const)('is none where %s', (_, more) => {
    expect(nextCommand(access('partial', more))).toBeUndefined();
  });

  test('decides also about doubts that leave others complete, if nothing else was found', () => {
    expect(nextCommand(access('partial', { doubts: [doubt('other-contact')] }))?.command).toContain(
      '--require-approval',
    );
  });
});
