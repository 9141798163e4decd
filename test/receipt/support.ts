/** Receipts as the service makes them, of results that a test chooses, and every result that there can be. */
import fc from 'fast-check';
import { type SigningKey, signingKeyOf } from '../../src/encryption/signing-key';
import { type ReceiptFacts, receiptContent } from '../../src/receipt/build';
import type { Entry, KeyStatement, Receipt, Stated } from '../../src/receipt/model';
import { digestOf, signChainStatement, signKeyStatement, signReceipt } from '../../src/receipt/sign';
import { ENDED_STATUSES } from '../../src/request/endings';
import { OUTCOMES, type Outcome, type RequestResult } from '../../src/request/model';
import { REASONS } from '../../src/request/redactions';
import { keyOf } from '../encryption/keyrings';

export const KEY = signingKeyOf(keyOf('signing'));
export const OTHER_KEY = signingKeyOf(keyOf('other'));
const AT = '2026-01-31T12:00:00.000Z';

export const RESULT: RequestResult = {
  requestId: 'case-17',
  connection: 'acme',
  kind: 'deletion',
  status: 'partial',
  counts: { contacts: 3, deleted: 1, alreadyAbsent: 1, refused: 1, failed: 1 },
  outcomes: [
    { record: 'unreadable contact 1', outcome: 'failed', code: 'unexpected-record' },
    { record: 'contact 1', outcome: 'deleted' },
    { record: 'contact 2', outcome: 'already-absent' },
    { record: 'contact 3', outcome: 'refused', code: 'forbidden' },
  ],
  coverage: {
    contacts: { state: 'partial', gaps: [{ code: 'unexpected-record', count: 1 }] },
    outOfReach: ['call records', 'calls older than about six months'],
  },
  apiRequests: 9,
  startedAt: '2026-01-31T11:59:58.000Z',
  completedAt: '2026-01-31T12:00:09.000Z',
  verification: { state: 'residual', checkedAt: '2026-01-31T12:00:08.000Z' },
  planDigest: '0'.repeat(32),
  doubts: [],
  approvals: [],
};

export const FACTS: ReceiptFacts = {
  request: { connection: 'acme', kind: 'deletion', requestId: 'case-17' },
  runId: 'run-1',
  dryRun: false,
  subjectHash: 'f'.repeat(32),
  startedAt: '2026-01-31T11:59:59.000Z',
  clock: undefined,
  ending: { result: RESULT },
  phases: {
    searching: '2026-01-31T12:00:00.000Z',
    deleting: '2026-01-31T12:00:02.000Z',
    verifying: '2026-01-31T12:00:04.000Z',
  },
  budget: { limitPerMinute: 60, sharePerMille: 750, requestsPerHour: 2_700 },
  service: { version: '0.1.0', workflows: 'a'.repeat(64) },
};

export function receiptOf(facts: ReceiptFacts, chain: Receipt['chain'], key = KEY, at = AT): Receipt {
  return signReceipt({ ...receiptContent(facts), issued: { at, how: 'at-end' }, chain }, key);
}

/** `next` signs from now on, says `key`. */
export function introduction(key: SigningKey, { id: keyId, publicKey }: SigningKey): KeyStatement {
  return signKeyStatement({ says: { does: 'introduce', keyId, publicKey }, issued: { at: AT } }, key);
}

/** `revoked` is not to be trusted from a time on, says `key`. */
export function revocation(key: SigningKey, { id: keyId }: SigningKey, from: string): KeyStatement {
  return signKeyStatement({ says: { does: 'revoke', keyId, from }, issued: { at: AT } }, key);
}

/** What a test puts into a chain, one after the other: who signs, when, and what, a receipt if nothing is given. */
export interface Link {
  readonly key?: SigningKey;
  readonly at?: string;
  readonly states?: Stated;
}

export function linked(...links: readonly Link[]): Entry[] {
  const entries: Entry[] = [];
  for (const { key = KEY, at = AT, states } of links) {
    const last = entries.at(-1);
    const chain = { sequence: entries.length + 1, previous: last === undefined ? null : digestOf(last) };
    const request = { connection: 'acme', kind: 'deletion', requestId: `case-${chain.sequence}` } as const;
    entries.push(
      states === undefined
        ? receiptOf({ ...FACTS, request }, chain, key, at)
        : signChainStatement({ connection: 'acme', states, issued: { at }, chain }, key),
    );
  }
  return entries;
}

/** The receipts of a connection, as they follow each other. */
export function chainOf(length: number, connection = 'acme', key = KEY): Receipt[] {
  const receipts: Receipt[] = [];
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const last = receipts.at(-1);
    const request = { connection, kind: 'deletion', requestId: `case-${sequence}` } as const;
    const previous = last === undefined ? null : digestOf(last);
    receipts.push(receiptOf({ ...FACTS, request }, { sequence, previous }, key));
  }
  return receipts;
}

const instant = fc
  .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
  .map(date => date.toISOString());
const outcome = fc.constantFrom<Outcome>(...OUTCOMES);
/** Also what no step tells today: a receipt is made of it all the same. */
const anyText = fc.oneof(fc.string(), fc.constantFrom('deadline', 'unavailable', 'contact 1', 'anna@example.com'));
const gaps = fc.array(fc.record({ code: anyText, count: fc.nat() }, { requiredKeys: ['code'] }), { maxLength: 3 });
const source = { state: fc.constantFrom('complete', 'partial', 'failed', 'skipped'), gaps } as const;

const decided = fc.record({ keyId: anyText, at: instant, signed: fc.boolean() }, { requiredKeys: ['at', 'signed'] });

export const anyResult: fc.Arbitrary<RequestResult> = fc.record(
  {
    requestId: fc.constant('case-17'),
    connection: fc.constant('acme'),
    kind: fc.constantFrom('access', 'deletion'),
    status: fc.constantFrom(...ENDED_STATUSES, 'purged' as const),
    counts: fc.record(
      {
        contacts: fc.nat(),
        calls: fc.nat(),
        deleted: fc.nat(),
        alreadyAbsent: fc.nat(),
        retained: fc.nat(),
        refused: fc.nat(),
        failed: fc.nat(),
      },
      { requiredKeys: ['contacts', 'refused', 'failed'] },
    ),
    outcomes: fc.array(
      fc.record(
        {
          record: fc.oneof(
            anyText,
            fc.constantFrom('contact 1', 'call 2', 'recording 3', 'unreadable contact 1', 'unreadable call 1'),
          ),
          outcome,
          code: anyText,
        },
        { requiredKeys: ['record', 'outcome'] },
      ),
      { maxLength: 6 },
    ),
    coverage: fc.record(
      {
        contacts: fc.record(source),
        calls: fc.record({
          ...source,
          by: fc.constantFrom('number', 'company'),
          window: fc.record({ from: fc.option(instant), to: instant }),
          ambiguous: fc.nat(),
          ignoredNumbers: fc.nat(),
        }),
        outOfReach: fc.array(fc.oneof(anyText, fc.constant('call records')), { maxLength: 3 }),
      },
      { requiredKeys: ['contacts', 'outOfReach'] },
    ),
    apiRequests: fc.nat(),
    startedAt: instant,
    completedAt: instant,
    redactions: fc.array(fc.record({ reason: fc.constantFrom(...REASONS), count: fc.nat() }), { maxLength: 3 }),
    package: fc.record({ uri: anyText, sha256: fc.constant('b'.repeat(64)), sizeBytes: fc.nat() }),
    verification: fc.record({
      state: fc.constantFrom('verified', 'residual', 'skipped'),
      checkedAt: fc.option(instant),
    }),
    planDigest: fc.oneof(anyText, fc.constant('0'.repeat(32))),
    dryRun: fc.boolean(),
    plan: fc.record({
      counts: fc.record({ contacts: fc.nat(), numbers: fc.nat(), calls: fc.nat() }, { requiredKeys: ['contacts'] }),
    }),
    doubts: fc.array(
      fc.record({
        code: fc.constantFrom('number-only', 'shared-address', 'shared-number', 'other-contact'),
        records: fc.nat(),
        taken: fc.nat(),
        kept: fc.nat(),
      }),
      { maxLength: 3 },
    ),
    approvals: fc.array(decided, { maxLength: 2 }),
    rejection: fc.tuple(decided, anyText).map(([by, reason]) => ({ ...by, reason })),
    purged: fc.record({ at: instant, status: fc.constantFrom('completed', 'failed', 'purged') }),
    failure: fc.record({ code: anyText, message: anyText }),
  },
  {
    requiredKeys: [
      'requestId',
      'connection',
      'kind',
      'status',
      'counts',
      'outcomes',
      'coverage',
      'apiRequests',
      'startedAt',
      'completedAt',
      'doubts',
      'approvals',
    ],
  },
);
