/** What a chain states about itself: keys that are replaced and stolen, and entries that nobody can read. */
import fc from 'fast-check';
import { signingKeyOf } from '../../src/encryption/signing-key';
import { verifyChain } from '../../src/receipt/chain';
import type { Entry, Stated } from '../../src/receipt/model';
import { ReceiptError, signChainStatement, signKeyStatement, signReceipt } from '../../src/receipt/sign';
import { keyOf } from '../encryption/keyrings';
import { FACTS, introduction, KEY, type Link, linked, OTHER_KEY, receiptOf, revocation } from './support';

const THIRD_KEY = signingKeyOf(keyOf('third'));
const DAYS = ['01', '02', '03', '04', '05', '06'].map(day => `2026-01-${day}T00:00:00.000Z`);
const [DAY_1 = '', DAY_2 = '', DAY_3 = '', DAY_4 = '', DAY_5 = ''] = DAYS;
const about = (statement: Extract<Stated, { about: 'key' }>['statement']): Stated => ({ about: 'key', statement });
const ROTATION: Link = { key: OTHER_KEY, at: DAY_3, states: about(introduction(KEY, OTHER_KEY)) };
const revoked = (from: string): Link => ({
  key: OTHER_KEY,
  at: DAY_4,
  states: about(revocation(OTHER_KEY, KEY, from)),
});

function told(entries: readonly unknown[], trusted?: readonly string[]): string {
  try {
    const { receipts, distrusted, introduced, unreadable } = verifyChain(entries, trusted);
    const of = (what: string, names: readonly unknown[]) => (names.length === 0 ? '' : `, ${what} ${names.join(' ')}`);
    return [
      `${receipts.length} receipts`,
      of('introduced', introduced),
      of('distrusted', distrusted),
      of(
        'unreadable',
        unreadable.map(({ sequence }) => sequence),
      ),
    ].join('');
  } catch (error) {
    if (error instanceof ReceiptError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('before anything is signed its own schema accepts it', () => {
  const { signature: _, signer: __, ...unsigned } = receiptOf(FACTS, { sequence: 1, previous: null });

  test.each([
    ['a reason that is missing', { request: { ...unsigned.request, extension: { at: DAY_1, dueBefore: DAY_2 } } }],
    ['a member that nobody knows', { note: 'x' }],
    ['a count that is a fraction', { apiRequests: 0.5 }],
    ['a place that is none', { chain: { sequence: 0, previous: null } }],
  ])('a receipt with %s is refused, and its value is not quoted', (_what, wrong) => {
    const signing = () => signReceipt(Object.assign({}, unsigned, wrong), KEY);
    expect(signing).toThrow(expect.objectContaining({ code: 'receipt-invalid' }));
    expect(signing).toThrow(/^Nothing was signed, .* is wrong( \(an unknown member\))?\.$/);
  });

  test('statements too', () => {
    const states = { about: 'unreadable', sequence: 0, fault: 'missing', sha256: null } as const;
    const chain = { sequence: 2, previous: null };
    const issued = { at: DAY_1 };
    expect(() => signChainStatement({ connection: 'acme', states, issued, chain }, KEY)).toThrow(ReceiptError);
    const says = { does: 'revoke', keyId: 'k-1', from: DAY_1 } as const;
    expect(() => signKeyStatement({ says, issued }, KEY)).toThrow(ReceiptError);
  });
});

describe('a key that signs', () => {
  test('may be replaced: the old public key is enough to verify the chain', () => {
    const chain = linked({}, {}, ROTATION, { key: OTHER_KEY }, { key: OTHER_KEY });
    expect(told(chain, [KEY.publicKey])).toBe(`4 receipts, introduced ${OTHER_KEY.id}`);
    expect(told(chain, [KEY.publicKey, OTHER_KEY.publicKey])).toBe('4 receipts');
    expect(told(chain)).toBe(`4 receipts, introduced ${OTHER_KEY.id}`);
    // A worker that does not have the new key yet.
    expect(told(linked({}, ROTATION, {}, { key: OTHER_KEY }), [KEY.publicKey])).toContain('3 receipts');
  });

  test('may be replaced again and again, also before the chain begins', () => {
    const again: Link = { key: THIRD_KEY, states: about(introduction(OTHER_KEY, THIRD_KEY)) };
    expect(told(linked({}, ROTATION, again, { key: THIRD_KEY }), [KEY.publicKey])).toContain('2 receipts');
    const late = linked({ ...ROTATION, key: THIRD_KEY }, again);
    expect(told(late, [KEY.publicKey])).toMatch(/^receipt-untrusted: At place 1: /);
    const begun = linked(ROTATION, again, { key: THIRD_KEY });
    expect(told(begun, [KEY.publicKey])).toContain('1 receipts');
    expect(told(begun)).toContain('1 receipts');
  });

  test('signs nothing without a statement of a key that is trusted before', () => {
    const strange = linked({}, { key: OTHER_KEY });
    expect(told(strange, [KEY.publicKey])).toMatch(/^receipt-untrusted: At place 2: .* no statement before it/);
    expect(told(strange)).toMatch(/^receipt-untrusted: At place 2: /);
    expect(told(strange, [KEY.publicKey, OTHER_KEY.publicKey])).toBe('2 receipts');
    const bySelf = linked({}, { key: OTHER_KEY, states: about(introduction(OTHER_KEY, OTHER_KEY)) });
    expect(told(bySelf, [KEY.publicKey])).toMatch(/^receipt-untrusted: At place 2: /);
    const tooLate = linked({}, { key: OTHER_KEY }, { states: about(introduction(KEY, OTHER_KEY)) });
    expect(told(tooLate, [KEY.publicKey])).toMatch(/^receipt-untrusted: At place 2: /);
  });

  test('is introduced under its own id, by a statement that nobody changed', () => {
    const honest = introduction(KEY, OTHER_KEY);
    const swapped = signKeyStatement(
      { says: { does: 'introduce', keyId: OTHER_KEY.id, publicKey: THIRD_KEY.publicKey }, issued: honest.issued },
      KEY,
    );
    expect(told(linked({}, { states: about(swapped) }))).toMatch(/^receipt-malformed: At place 2: /);
    const changed = { ...honest, issued: { at: DAY_5 } };
    expect(told(linked({}, { states: about(changed) }))).toMatch(/^receipt-changed: At place 2: /);
  });
});

describe('a key that was stolen', () => {
  test('signs nothing behind its revocation, whatever time it claims', () => {
    for (const at of [DAY_1, DAY_5])
      expect(told(linked({ at: DAY_1 }, ROTATION, revoked(DAY_2), { at }), [KEY.publicKey])).toMatch(
        /^receipt-revoked: At place 4: .* which entry 3 of the chain revokes/,
      );
    const rest: Link = { key: OTHER_KEY, at: DAY_5 };
    expect(told(linked({ at: DAY_1 }, ROTATION, revoked(DAY_2), rest), [KEY.publicKey])).toBe(
      `2 receipts, introduced ${OTHER_KEY.id}`,
    );
  });

  test('has signed what is not to be trusted from that time on, and behind the first entry of that time', () => {
    const chain = linked({ at: DAY_1 }, { at: DAY_2 }, { at: DAY_1 }, ROTATION, revoked(DAY_2));
    expect(told(chain, [KEY.publicKey, OTHER_KEY.publicKey])).toBe('3 receipts, distrusted 2 3');
    const other = linked({ at: DAY_1 }, ROTATION, { at: DAY_1 }, revoked(DAY_2));
    expect(told(other, [KEY.publicKey, OTHER_KEY.publicKey])).toBe('2 receipts, distrusted 3');
  });

  test('introduces no key any more, and revokes neither itself nor its successor', () => {
    const introduces: Link = { key: THIRD_KEY, states: about(introduction(KEY, THIRD_KEY)) };
    expect(told(linked({ at: DAY_1 }, ROTATION, revoked(DAY_2), introduces), [KEY.publicKey])).toMatch(
      /^receipt-untrusted: At place 4: /,
    );
    const strikesBack: Link = { states: about(revocation(KEY, OTHER_KEY, DAY_1)) };
    expect(told(linked({}, ROTATION, strikesBack), [KEY.publicKey])).toMatch(
      /^receipt-untrusted: At place 3: .* revokes key .*, and may not/,
    );
    const asSuccessor = linked({}, ROTATION, revoked(DAY_5), { ...strikesBack, key: OTHER_KEY });
    expect(told(asSuccessor, [KEY.publicKey])).toMatch(/^receipt-untrusted: At place 4: /);
  });

  test('the earliest revocation counts, and one by a key that nobody trusts is refused', () => {
    const twice = linked({ at: DAY_1 }, { at: DAY_3 }, ROTATION, revoked(DAY_4), revoked(DAY_2));
    expect(told(twice, [KEY.publicKey])).toContain('distrusted 2');
    const foreign = linked({}, { states: about(revocation(THIRD_KEY, OTHER_KEY, DAY_1)) });
    expect(told(foreign, [KEY.publicKey])).toMatch(/^receipt-untrusted: At place 2: /);
  });
});

describe('an entry that nobody can read', () => {
  const unreadable = (sequence: number): Link => ({
    states: { about: 'unreadable', sequence, fault: 'missing', sha256: null },
  });
  const without = (chain: readonly Entry[], ...sequences: readonly number[]) =>
    chain.filter(({ chain: { sequence } }) => !sequences.includes(sequence));

  test('may be missing once a later entry states it, wherever it was', () => {
    for (const lost of [1, 2, 3]) {
      const chain = linked({}, {}, {}, unreadable(lost), {});
      expect(told(without(chain, lost), [KEY.publicKey])).toBe(`3 receipts, unreadable ${lost}`);
      expect(told(without(chain.slice(0, 3), lost))).toMatch(/^receipt-chain-broken|^2 receipts$/);
      expect(told(chain, [KEY.publicKey])).toBe('4 receipts');
    }
    expect(told(without(linked({}, {}, {}, unreadable(2), unreadable(1)), 1, 2))).toBe('1 receipts, unreadable 2 1');
  });

  test('excuses no other, none behind its statement, and none that was changed', () => {
    const chain = linked({}, {}, {}, unreadable(2), {}, {});
    expect(told(without(chain, 3))).toMatch(/^receipt-chain-broken: .* receipt 3 is missing/);
    expect(told(without(chain, 2, 3))).toMatch(/^receipt-chain-broken/);
    expect(told(without(chain, 5))).toMatch(/^receipt-chain-broken/);
    expect(told(without(linked({}, unreadable(3), {}, {}), 3))).toMatch(/^receipt-chain-broken/);
    const replaced = linked({ at: DAY_5 }, {})[1];
    expect(told([chain[0], replaced, ...chain.slice(2)])).toMatch(/^receipt-chain-broken/);
    expect(told(without(linked({}, {}, { ...unreadable(1), key: OTHER_KEY }), 1), [KEY.publicKey])).toMatch(
      /^receipt-untrusted/,
    );
  });

  test('of any choice, verifies with exactly these missing, and with no more', () => {
    fc.assert(
      fc.property(fc.subarray([1, 2, 3, 4, 5]), fc.integer({ min: 1, max: 5 }), (lost, more) => {
        const chain = linked({}, {}, {}, {}, {}, ...lost.map(unreadable), {});
        expect(told(without(chain, ...lost))).toContain(`${6 - lost.length} receipts`);
        if (!lost.includes(more)) expect(told(without(chain, ...lost, more))).toMatch(/^receipt-chain-broken/);
      }),
      { seed: 20_261_129, numRuns: 60 },
    );
  });
});
