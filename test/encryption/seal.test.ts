import fc from 'fast-check';
import { KeyringError } from '../../src/encryption/key-file';
import { generationOf, SealBroken, seal, unseal } from '../../src/encryption/seal';
import { keyOf, sealKeysOf } from './keyrings';

const SEED = { seed: 16, numRuns: 300 };
const ring = sealKeysOf(['k-1', keyOf('one')]);
const PLACE = 'requests/acme/access/r-1/record';
const plain = Buffer.from('anna@example.com');
const GENERATION = 7;

const place = fc.string({ unit: fc.constantFrom(...'abc/._-'), maxLength: 30 });

/** What unsealing throws; fails where it answers bytes. */
function refusalOf(sealed: Buffer, at = PLACE, by = ring): unknown {
  let bytes: Buffer;
  try {
    bytes = unseal(by, at, sealed);
  } catch (error) {
    return error;
  }
  throw new Error(`${bytes.length} bytes were unsealed`);
}

/** Where each part of a sealed object lies, and what says that it was changed. */
const sealed = seal(ring, PLACE, plain, GENERATION);
const regions = {
  magic: [0, 4, ['not-sealed']],
  'key id length': [4, 5, ['not-sealed', 'unknown-key']],
  'key id': [5, 8, ['unknown-key']],
  'key check': [8, 12, ['wrong-key']],
  generation: [12, 16, ['seal-broken']],
  nonce: [16, 28, ['seal-broken']],
  ciphertext: [28, 28 + plain.length, ['seal-broken']],
  tag: [28 + plain.length, sealed.length, ['seal-broken']],
} as const;

describe('a sealed object', () => {
  test('comes back as it was from the place where it was sealed', () => {
    fc.assert(
      fc.property(place, fc.uint8Array({ maxLength: 500 }), (at, bytes) => {
        expect(unseal(ring, at, seal(ring, at, bytes, 0)).equals(bytes)).toBe(true);
      }),
      SEED,
    );
  });

  test('names its generation', () => {
    expect(generationOf(sealed)).toBe(GENERATION);
    expect(generationOf(seal(ring, PLACE, plain, 2 ** 32 - 1))).toBe(2 ** 32 - 1);
  });

  test('is unreadable and never the same twice', () => {
    expect(sealed.toString('latin1')).not.toContain('anna');
    expect(seal(ring, PLACE, plain, 0).equals(seal(ring, PLACE, plain, 0))).toBe(false);
    expect(sealed).toHaveLength(4 + 1 + 3 + 4 + 4 + 12 + plain.length + 16);
  });

  test('that was moved to another place is refused', () => {
    fc.assert(
      fc.property(place, place, fc.uint8Array({ maxLength: 50 }), (from, to, bytes) => {
        fc.pre(from !== to);
        expect(refusalOf(seal(ring, from, bytes, 0), to)).toBeInstanceOf(SealBroken);
      }),
      SEED,
    );
  });

  test.each(Object.entries(regions))(
    'in which any one bit of its %s was changed is refused, and the refusal says what is wrong',
    (_region, [start, end, codes]) => {
      expect(end).toBeGreaterThan(start);
      for (let bit = start * 8; bit < end * 8; bit++) {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        const refusal = refusalOf(changed);
        if (!(refusal instanceof SealBroken || refusal instanceof KeyringError)) throw refusal;
        expect<readonly string[]>(codes).toContain(refusal.code);
      }
    },
  );

  test('whose key id was changed to that of another key of ours is refused', () => {
    const both = sealKeysOf(['k-1', keyOf('one')], ['k-2', keyOf('one')]);
    const changed = Buffer.from(sealed);
    changed.write('k-2', 5);
    expect(unseal(both, PLACE, sealed).equals(plain)).toBe(true);
    expect(refusalOf(changed, PLACE, both)).toBeInstanceOf(SealBroken);
  });

  test('that was cut off at any length, or continued, is refused', () => {
    for (let length = 0; length < sealed.length; length++)
      expect(refusalOf(sealed.subarray(0, length))).toBeInstanceOf(Error);
    for (const length of [0, 3, 4, 5, 8, 43]) expect(refusalOf(sealed.subarray(0, length))).toBeInstanceOf(SealBroken);
    expect(refusalOf(Buffer.concat([sealed, Buffer.alloc(1)]))).toBeInstanceOf(SealBroken);
  });

  test('of any other bytes is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withMagic) => {
        const refusal = refusalOf(Buffer.concat([Buffer.from(withMagic ? 'DSR1' : ''), bytes]));
        expect(refusal instanceof SealBroken || refusal instanceof KeyringError).toBe(true);
      }),
      SEED,
    );
  });

  test('stays readable after a rotation, and not without its key', () => {
    const rotated = sealKeysOf(['k-2', keyOf('two')], ['k-1', keyOf('one')]);
    expect(unseal(rotated, PLACE, sealed).equals(plain)).toBe(true);
    expect(seal(rotated, PLACE, plain, 0).subarray(5, 8).toString()).toBe('k-2');
    expect(refusalOf(sealed, PLACE, sealKeysOf(['k-2', keyOf('two')]))).toMatchObject({
      code: 'unknown-key',
      message: expect.stringContaining('"k-1"'),
    });
    expect(refusalOf(sealed, PLACE, sealKeysOf(['k-1', keyOf('other')]))).toMatchObject({ code: 'wrong-key' });
  });
});
