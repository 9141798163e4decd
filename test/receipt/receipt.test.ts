/** A receipt says what became of a request, in counts that add up; whatever is changed in it is found out. */
import fc from 'fast-check';
import { z } from 'zod';
import { receiptContent } from '../../src/receipt/build';
import { verifyChain } from '../../src/receipt/chain';
import { type Receipt, receiptJsonSchema, receiptSchema } from '../../src/receipt/model';
import { digestOf, parseDocument, ReceiptError, signReceipt, verifyReceipt } from '../../src/receipt/sign';
import type { RequestResult } from '../../src/request/model';
import { readProjectFile } from '../support/source-text';
import { anyResult, chainOf, FACTS, KEY, OTHER_KEY, RESULT, receiptOf } from './support';

const RUNS = { seed: 20_261_125, numRuns: 500 };
const FIRST = { sequence: 1, previous: null };
const receipt = receiptOf(FACTS, FIRST);

/** The code of the refusal; undefined where nothing is refused. */
function refusal(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof ReceiptError) return error.code;
    throw error;
  }
  return undefined;
}
const refusalOf = (bytes: Uint8Array, trusted?: readonly string[]) =>
  refusal(() => verifyReceipt(parseDocument(bytes), trusted));

describe('a receipt', () => {
  test('tells what was asked, when, what became of every record and why, and what was not covered', () => {
    const { contacts } = Object.fromEntries(receipt.sources.map(source => [source.source, source]));
    expect(receipt).toMatchObject({
      request: { connection: 'acme', kind: 'deletion', requestId: 'case-17', dryRun: false, regime: null },
      subject: 'f'.repeat(32),
      status: 'partial',
      failure: null,
      times: {
        received: '2026-01-31T11:59:58.000Z',
        started: '2026-01-31T11:59:59.000Z',
        searched: '2026-01-31T12:00:02.000Z',
        deleted: '2026-01-31T12:00:04.000Z',
        verified: '2026-01-31T12:00:08.000Z',
        ended: '2026-01-31T12:00:09.000Z',
        submitted: null,
        due: null,
      },
      verification: 'residual',
      apiRequests: 9,
      outOfReach: ['call records', 'calls older than about six months'],
    });
    expect(contacts).toEqual({
      source: 'contacts',
      state: 'partial',
      by: null,
      found: 3,
      unchanged: 0,
      deleted: 1,
      absent: 1,
      retained: 0,
      refused: 1,
      failed: 0,
      unreadable: 1,
      withheld: 0,
      reasons: [
        { outcome: 'failed', code: 'unexpected-record', count: 1 },
        { outcome: 'refused', code: 'forbidden', count: 1 },
      ],
      gaps: [{ code: 'unexpected-record', count: 1 }],
      window: null,
    });
  });

  test('of an access tells how much was unchanged, withheld and unreadable of each source, and when all was searched', () => {
    const window = { from: null, to: '2026-01-31T12:00:00.000Z' };
    const { verification: _, planDigest: __, ...rest } = RESULT;
    const result: RequestResult = {
      ...rest,
      kind: 'access',
      counts: { contacts: 2, calls: 40, refused: 0, failed: 12_000 },
      outcomes: Array.from({ length: 10 }, (_, row) => ({
        record: `unreadable call ${row + 1}`,
        outcome: 'failed',
        code: 'unexpected-record',
      })),
      coverage: {
        ...RESULT.coverage,
        calls: { state: 'partial', gaps: [{ code: 'deadline' }], window, ambiguous: 4, ignoredNumbers: 1 },
      },
      package: { uri: 'vault:x', sha256: 'b'.repeat(64), sizeBytes: 7 },
      redactions: [{ reason: 'agent', count: 12 }],
    };
    const phases = { searching: '2026-01-31T12:00:00.000Z', packaging: '2026-01-31T12:00:03.000Z' };
    const content = receiptContent({ ...FACTS, ending: { result }, phases });
    const nothing = { deleted: 0, absent: 0, refused: 0, failed: 0 };
    expect(content.sources).toMatchObject([
      { source: 'contacts', found: 2, unchanged: 2, unreadable: 0, ...nothing },
      // What is beyond the list of a result is counted all the same.
      { source: 'calls', found: 40, unchanged: 40, unreadable: 12_000, withheld: 4, window, ...nothing },
    ]);
    expect(content.sources[1]?.gaps).toEqual([{ code: 'deadline', count: null }]);
    expect(content).toMatchObject({
      package: { sha256: 'b'.repeat(64), sizeBytes: 7 },
      redactions: [{ reason: 'agent', count: 12 }],
      ignoredNumbers: 1,
    });
    expect(content.times).toMatchObject({ searched: phases.packaging, deleted: null, verified: null });
  });

  test.each([
    ['completed', { searching: 'x' }, RESULT.completedAt],
    ['cancelled', { searching: 'x' }, null],
    ['failed', { searching: 'x' }, null],
    ['cancelled', { searching: 'x', deleting: 'then' }, 'then'],
    ['completed', {}, null],
  ] as const)('that ended as %s after the phases %j had searched all at %p', (status, phases, searched) => {
    const { times } = receiptContent({ ...FACTS, ending: { result: { ...RESULT, status } }, phases });
    expect(times.searched).toBe(searched);
  });

  test('tells doubtful records by reason, who decided about the plan, and what was left or withheld', () => {
    const at = '2026-01-31T12:00:01.000Z';
    const doubts = [{ code: 'number-only', records: 3, taken: 1, kept: 2 }] as const;
    const result: RequestResult = {
      ...RESULT,
      counts: { ...RESULT.counts, contacts: 5, retained: 2 },
      outcomes: [
        ...RESULT.outcomes,
        { record: 'contact 4', outcome: 'retained', code: 'number-only' },
        { record: 'contact 5', outcome: 'retained', code: 'number-only' },
      ],
      doubts,
      approvals: [
        { keyId: 'a-1', at, signed: true },
        { at, signed: false },
        { keyId: 'anna@example.com', at, signed: false },
      ],
      rejection: { keyId: 'a-2', at, signed: true, reason: 'wrong-person' },
    };
    const content = receiptContent({ ...FACTS, ending: { result } });
    expect(content).toMatchObject({
      planDigest: '0'.repeat(32),
      doubts,
      approvals: [
        { keyId: 'a-1', at, signed: true },
        { keyId: null, at, signed: false },
        { keyId: null, at, signed: false },
      ],
      rejection: { keyId: 'a-2', at, signed: true, reason: 'wrong-person' },
    });
    expect(content.sources[0]).toMatchObject({ found: 5, unchanged: 0, deleted: 1, retained: 2 });
    expect(content.sources[0]?.reasons).toContainEqual({ outcome: 'retained', code: 'number-only', count: 2 });
  });

  test('of an access tells by which way calls were found, or that none were searched, because no number is known', () => {
    const { verification: _, ...rest } = RESULT;
    const calls = (coverage: Partial<NonNullable<RequestResult['coverage']['calls']>>) => {
      const window = { from: null, to: RESULT.completedAt };
      const searched = { state: 'complete', gaps: [], window, ambiguous: 0, ignoredNumbers: 0, ...coverage } as const;
      const result: RequestResult = { ...rest, kind: 'access', coverage: { ...RESULT.coverage, calls: searched } };
      return receiptContent({ ...FACTS, ending: { result } }).sources.find(({ source }) => source === 'calls');
    };
    expect(calls({ by: 'company' })).toMatchObject({ state: 'complete', by: 'company' });
    expect(calls({ state: 'skipped', by: 'number', gaps: [{ code: 'no-number-known' }] })).toMatchObject({
      state: 'skipped',
      gaps: [{ code: 'no-number-known', count: null }],
    });
  });

  test.each(['access', 'deletion'] as const)(
    'calls a dry run one, of an %s too, and says what its plan would do',
    kind => {
      const { verification: _, ...rest } = RESULT;
      const counts = kind === 'access' ? { contacts: 2, numbers: 3, calls: 72 } : { contacts: 2 };
      const result: RequestResult = { ...rest, kind, status: 'planned', dryRun: true, plan: { counts } };
      const facts = { ...FACTS, request: { ...FACTS.request, kind }, dryRun: true, ending: { result } };
      const receipt = receiptOf({ ...facts, phases: { searching: '2026-01-31T12:00:00.000Z' } }, FIRST);
      expect(receipt).toMatchObject({
        request: { kind, dryRun: true },
        status: 'planned',
        planDigest: '0'.repeat(32),
        plan: { numbers: null, calls: null, ...counts },
        times: { searched: RESULT.completedAt, deleted: null },
      });
    },
  );

  test('of a plan that waited for people says when the search ended, not when they decided', () => {
    const phases = { searching: '2026-01-01T00:00:00.000Z', approving: '2026-01-02T00:00:00.000Z' };
    const result: RequestResult = { ...RESULT, status: 'denied' };
    expect(receiptContent({ ...FACTS, ending: { result }, phases }).times.searched).toBe(phases.approving);
  });

  test('of a request that never told its end claims nothing of what it did', () => {
    const ending = { code: 'terminated', receivedAt: null, endedAt: '2026-01-31T12:00:00.000Z' };
    const content = receiptContent({ ...FACTS, subjectHash: null, ending, phases: {} });
    expect(content).toMatchObject({ status: 'failed', failure: 'terminated', sources: [], apiRequests: null });
    expect(refusalOf(Buffer.from(JSON.stringify(receiptOf({ ...FACTS, ending }, FIRST))))).toBeUndefined();
  });

  test('is made of every result that there can be; its counts add up, and it takes over no text that it does not know', () => {
    fc.assert(
      fc.property(anyResult, result => {
        const made = receiptSchema.parse(receiptOf({ ...FACTS, ending: { result } }, FIRST));
        for (const { found, unchanged, deleted, absent, retained, refused, failed } of made.sources)
          expect(found).toBe(unchanged + deleted + absent + retained + refused + failed);
        const sum = (name: 'deleted' | 'refused') => made.sources.reduce((total, source) => total + source[name], 0);
        expect(sum('deleted')).toBeGreaterThanOrEqual(result.counts.deleted ?? 0);
        expect(sum('refused')).toBeGreaterThanOrEqual(result.counts.refused);
        expect(JSON.stringify(made)).not.toContain('@example');
      }),
      RUNS,
    );
  });

  test('has the published JSON schema', () => {
    expect(JSON.parse(readProjectFile('docs/receipt.schema.json'))).toEqual(receiptJsonSchema());
  });
});

describe('a verification', () => {
  const written = Buffer.from(JSON.stringify(receipt, null, 2));
  const space = (byte: number | undefined) => byte !== undefined && ' \n\r\t'.includes(String.fromCharCode(byte));

  test('takes what was signed, however it is spaced and ordered, with the right key or without one', () => {
    const backwards = JSON.stringify(Object.fromEntries(Object.entries(receipt).reverse()), null, 1);
    for (const text of [written, Buffer.from(JSON.stringify(receipt)), Buffer.from(`${backwards}\n`)]) {
      expect(refusalOf(text)).toBeUndefined();
      expect(refusalOf(text, [OTHER_KEY.publicKey, KEY.publicKey])).toBeUndefined();
    }
    expect(verifyReceipt(parseDocument(written))).toEqual(receipt);
  });

  test('refuses a change of one bit in any byte', () => {
    const passed: string[] = [];
    for (const [place, byte] of written.entries()) {
      const changed = Buffer.from(written);
      changed[place] = byte ^ (1 << (place % 8));
      const code = refusalOf(changed);
      if (code !== 'receipt-malformed' && code !== 'receipt-changed') passed.push(`${place}: ${code}`);
    }
    expect(passed).toEqual([]);
  });

  test('refuses every other byte in the place of one, but for space that is space again', () => {
    fc.assert(
      fc.property(fc.nat(written.length - 1), fc.nat(255), (place, byte) => {
        fc.pre(written[place] !== byte && !(space(written[place]) && space(byte)));
        const changed = Buffer.from(written);
        changed[place] = byte;
        expect(refusalOf(changed)).toMatch(/^receipt-(malformed|changed)$/);
      }),
      { ...RUNS, numRuns: 500 },
    );
  });

  /** Every object within a value, with how to write the whole with it changed. */
  function* objectsOf(
    value: unknown,
    path: readonly string[] = [],
  ): Generator<{
    readonly path: string;
    readonly change: (to: (members: [string, unknown][]) => [string, unknown][]) => unknown;
  }> {
    if (typeof value !== 'object' || value === null) return;
    const entries = Object.entries(value);
    const rebuilt = (members: [string, unknown][]) =>
      Array.isArray(value) ? members.map(([, member]) => member) : Object.fromEntries(members);
    yield { path: path.join('.') || '(all)', change: to => rebuilt(to(entries)) };
    for (const [name, member] of entries)
      for (const inner of objectsOf(member, [...path, name]))
        yield {
          path: inner.path,
          change: to => rebuilt(entries.map(([each, old]) => [each, each === name ? inner.change(to) : old])),
        };
  }

  test('refuses every member or element that is left out, added, given twice or emptied, wherever it stands', () => {
    const passed: string[] = [];
    let tried = 0;
    const refuse = (what: string, changed: unknown) => {
      tried += 1;
      const code = refusalOf(Buffer.from(JSON.stringify(changed)));
      if (code !== 'receipt-malformed' && code !== 'receipt-changed') passed.push(`${what}: ${code}`);
    };
    for (const { path, change } of objectsOf(receipt)) {
      refuse(
        `${path} + member`,
        change(members => [...members, ['note', 'x']]),
      );
      change(members => {
        for (const [name] of members) {
          refuse(
            `${path} - ${name}`,
            change(all => all.filter(([each]) => each !== name)),
          );
          refuse(
            `${path}.${name} null`,
            change(all => all.map(([each, old]) => [each, each !== name ? old : old === null ? 0 : null])),
          );
        }
        return members;
      });
    }
    expect(passed).toEqual([]);
    expect(tried).toBeGreaterThan(150);
    const twice = JSON.stringify(receipt).replace('"status":', '"status":"completed","status":');
    expect(refusalOf(Buffer.from(twice))).toBe('receipt-malformed');
    expect(z.object({ status: z.string() }).parse(JSON.parse(twice)).status).toBe('partial');
  });

  test('refuses a signature in another spelling, of another receipt, and by another key under the old name', () => {
    const { signature, ...body } = receipt;
    const refusals = [
      signature.replace(
        /.==$/,
        last => `${last.startsWith('A') ? 'B' : String.fromCharCode(last.charCodeAt(0) + 1)}==`,
      ),
      signature.replace(/==$/, ''),
      receiptOf({ ...FACTS, runId: 'run-2' }, FIRST).signature,
      Buffer.alloc(64).toString('base64'),
      '',
    ].map(other => refusalOf(Buffer.from(JSON.stringify({ ...body, signature: other }))));
    expect(new Set(refusals)).toEqual(new Set(['receipt-malformed', 'receipt-changed']));
    const forged = signReceipt(body, { ...OTHER_KEY, id: KEY.id });
    expect(refusalOf(Buffer.from(JSON.stringify(forged)))).toBe('receipt-malformed');
    expect(
      refusal(() => verifyReceipt(signReceipt(body, { ...OTHER_KEY, id: KEY.id, publicKey: KEY.publicKey }))),
    ).toBe('receipt-changed');
  });

  test('refuses a good receipt of a key that is not trusted', () => {
    const forged = receiptOf(FACTS, FIRST, OTHER_KEY);
    expect(refusal(() => verifyReceipt(forged))).toBeUndefined();
    expect(refusal(() => verifyReceipt(forged, [KEY.publicKey]))).toBe('receipt-untrusted');
    expect(refusal(() => verifyReceipt(forged, []))).toBe('receipt-untrusted');
  });

  test.each([null, [], 7, 'x', {}, { error: { code: 'not-found', message: 'x' } }])(
    'takes %j for no receipt',
    other => {
      expect(refusal(() => verifyReceipt(other))).toBe('receipt-malformed');
    },
  );

  test('quotes no value of what it refuses', () => {
    const strange = { ...receipt, subject: 'anna@example.com', 'anna@example.com': 1 };
    expect(() => verifyReceipt(strange)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('anna') }),
    );
  });
});

describe('a chain', () => {
  const chain = chainOf(6);
  const [first, second, third, fourth, ...rest] = chain;
  const told = (receipts: readonly (Receipt | undefined)[], trusted?: readonly string[]) => {
    try {
      return `${verifyChain(receipts, trusted).receipts.length} verified`;
    } catch (error) {
      if (error instanceof ReceiptError) return `${error.code}: ${error.message}`;
      throw error;
    }
  };

  test('is verified from its first receipt to any later one', () => {
    for (let length = 1; length <= chain.length; length += 1)
      expect(told(chain.slice(0, length), [KEY.publicKey])).toBe(`${length} verified`);
  });

  test('that lacks the receipt that was seen the last time is refused: its newest were cut off', () => {
    const seen = digestOf(fourth ?? receipt);
    expect(verifyChain(chain, undefined, seen).receipts).toHaveLength(chain.length);
    expect(() => verifyChain(chain.slice(0, 3), undefined, seen)).toThrow('was cut off or replaced');
  });

  const beta = chainOf(3, 'beta');
  const fork = receiptOf({ ...FACTS, runId: 'another' }, { sequence: 3, previous: digestOf(chain[1] ?? receipt) });
  test.each([
    ['a receipt missing', [first, second, fourth, ...rest], 'At place 3: receipt 3 is missing; 4 is in its place'],
    ['the first missing', [second, third, fourth], 'At place 1: the chain begins with receipt 2; those before'],
    ['two swapped', [first, third, second, fourth], 'At place 2: receipt 2 is missing; 3 is in its place'],
    ['one twice', [first, second, second, third], 'At place 3: receipt 2 is here a second time'],
    [
      'one of another connection',
      [first, beta[1], third],
      'At place 2: a receipt of connection beta among those of acme',
    ],
    ['a fork beside', [first, second, third, fork], 'At place 4: receipt 3 is here a second time'],
    ['a fork instead', [first, second, fork, fourth], 'At place 4: the receipt does not follow the one before it'],
    ['none at all', [], 'at least one'],
    ['the order turned round', [...chain].reverse(), 'At place 1: the chain begins with receipt 6'],
  ])('with %s is refused, and the place is named', (_what, receipts, message) => {
    expect(told(receipts)).toContain('receipt-chain-broken');
    expect(told(receipts)).toContain(message);
  });

  test('with a changed or foreign receipt names its place, and what is wrong with it', () => {
    const changed = chain.map(each => (each === third ? { ...each, status: 'completed' as const } : each));
    expect(told(changed)).toMatch(/^receipt-changed: At place 3: /);
    expect(told([...chain.slice(0, 2), ...chainOf(3, 'acme', OTHER_KEY).slice(2)])).toContain(
      'At place 3: the receipt does not follow',
    );
    expect(told(chainOf(2, 'acme', OTHER_KEY), [KEY.publicKey])).toMatch(/^receipt-untrusted: At place 1: /);
    expect(told([first, undefined])).toMatch(/^receipt-malformed: At place 2: /);
  });

  test('passes in no other order, and with none left out, but for its end', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(chain, { minLength: 1 }), some => {
        const whole = some.every((each, index) => each === chain[index]);
        expect(told(some).endsWith('verified')).toBe(whole);
      }),
      RUNS,
    );
  });
});
