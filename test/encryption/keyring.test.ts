import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyFile, KEY_BYTES, KeyringError, type KeyringErrorCode } from '../../src/encryption/key-file';
import { type Keyring, loadKeyring } from '../../src/encryption/keyring';
import { identityHashesOf } from '../../src/request/identities';
import { inFolder, keyFile, keyOf, keyringOf } from './keyrings';

const ANNA = 'anna@example.com';
const hashesOf = ({ hash }: Keyring, address: string, connection = 'acme') =>
  identityHashesOf(hash, { connection, subject: { emails: [address], phoneNumbers: [] } });

const NOW = new Date('2026-01-31T12:00:00Z');

function failureOf(action: () => unknown): { code: KeyringErrorCode; text: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof KeyringError)
      return { code: error.code, text: `${error.message}\n${error.stack}\n${JSON.stringify(error)}` };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the key file', () => {
  test('is made with mode 0600, and what is printed names no key', () => {
    inFolder(folder => {
      const path = join(folder, 'keys.json');
      const printed = generateKeyFile(path, NOW);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const ring = loadKeyring(path);
      expect(printed).toEqual({
        role: 'worker',
        primary: ring.primaryId,
        keys: [{ id: ring.primaryId, createdAt: NOW.toISOString(), from: NOW.toISOString() }],
      });
      for (const key of [ring.key(ring.primaryId), ring.vaultKey(ring.primaryId)]) {
        expect(key).toHaveLength(KEY_BYTES);
        expect(JSON.stringify(printed)).not.toContain(key.toString('base64'));
      }
    });
  });

  test('is never the same twice', () => {
    inFolder(folder => {
      const rings = ['a', 'b'].map(name => {
        generateKeyFile(join(folder, name), NOW);
        return loadKeyring(join(folder, name));
      });
      expect(new Set(rings.map(ring => ring.primaryId)).size).toBe(2);
      const keys = rings.flatMap(ring => [ring.key(ring.primaryId), ring.vaultKey(ring.primaryId)]);
      expect(new Set(keys.map(key => key.toString('hex'))).size).toBe(4);
      expect(new Set(rings.map(ring => ring.hash('anna@example.com'))).size).toBe(2);
    });
  });

  test('is not overwritten', () => {
    inFolder(folder => {
      const path = join(folder, 'keys.json');
      generateKeyFile(path, NOW);
      const before = readFileSync(path);
      expect(failureOf(() => generateKeyFile(path, NOW)).code).toBe('keys-exist');
      expect(readFileSync(path).equals(before)).toBe(true);
      writeFileSync(join(folder, 'empty'), '');
      expect(failureOf(() => generateKeyFile(join(folder, 'empty'), NOW)).code).toBe('keys-exist');
    });
  });

  test.each(['640', '604', '660', '644', '620', '777'])(
    'that others can read or write is refused with what to do (mode %s)',
    mode => {
      inFolder(folder => {
        const path = join(folder, 'keys.json');
        generateKeyFile(path, NOW);
        chmodSync(path, Number.parseInt(mode, 8));
        const { code, text } = failureOf(() => loadKeyring(path));
        expect(code).toBe('keys-exposed');
        expect(text).toContain('chmod 600');
      });
    },
  );

  test.each([undefined, ''])('has to be configured (%j)', path => {
    expect(failureOf(() => loadKeyring(path)).code).toBe('keys-missing');
    expect(failureOf(() => generateKeyFile(path, NOW)).code).toBe('keys-missing');
  });

  test('that is not there, or is a folder, is missing; so is one in a folder that is not there', () => {
    inFolder(folder => {
      expect(failureOf(() => loadKeyring(join(folder, 'none')))).toMatchObject({
        code: 'keys-missing',
        text: expect.stringContaining('ENOENT'),
      });
      expect(failureOf(() => loadKeyring(folder)).code).toBe('keys-missing');
      expect(failureOf(() => generateKeyFile(join(folder, 'none', 'keys'), NOW)).code).toBe('keys-unwritten');
    });
  });

  const material = keyOf('secret').toString('base64');
  const whole = keyFile(['k-1', keyOf('secret')]);
  test.each([
    ['is empty', ''],
    ['is cut off', whole.slice(0, -20)],
    ['is a key alone', material],
    ['is followed by a key', `${whole} ${material}`],
    ['is a list', `["${material}"]`],
    ['has a short key', whole.replace(material, material.slice(0, 40))],
    ['has a long key', whole.replace(material, Buffer.concat([keyOf('secret'), keyOf('x')]).toString('base64'))],
    ['has a key that is not base64', whole.replace(material, `!${material.slice(1)}`)],
    ['has an unknown role', whole.replace('"role":"worker"', `"role":"${material}"`)],
    ['has no role', whole.replace('"role":"worker",', '')],
    ['has more than its role', whole.replace('"role":"worker"', '"role":"approver"')],
    ['has no vault key', whole.replace(/,"vault":"[^"]+"/, '')],
    ['has no hash key', whole.replace(/"hashKey":"[^"]+",/, '')],
    ['has no key that signs', whole.replace(/,"signing":.*\]/, '')],
    ['has a key without its time', whole.replace(/"from":"[^"]+",/, '')],
    ['has a field too many', whole.replace('"version":1', `"version":1,"${material}":1`)],
    ['has another version', whole.replace('"version":1', '"version":2')],
    ['has no keys', whole.replace(/"keys":\[[^\]]+\]/, '"keys":[]')],
    ['has two keys with one id', keyFile(['k-1', keyOf('secret')], ['k-1', keyOf('other')])],
  ])('that %s is refused, and the error holds no key material', (_what, text) => {
    inFolder(folder => {
      const path = join(folder, 'keys.json');
      writeFileSync(path, text, { mode: 0o600 });
      const failure = failureOf(() => loadKeyring(path));
      expect(failure.code).toBe('keys-malformed');
      for (const word of ['secret', 'hash', 'other'])
        expect(failure.text).not.toContain(keyOf(word).toString('base64').slice(0, 8));
    });
  });
});

describe('the keyring', () => {
  const ring = keyringOf(['k-new', keyOf('new')], ['k-old', keyOf('old')]);

  test('encrypts with the primary key and knows the others', () => {
    expect(ring.primaryId).toBe('k-new');
    expect([...ring.ids].sort()).toEqual(['k-new', 'k-old']);
    expect(ring.key('k-old').equals(keyOf('old'))).toBe(true);
  });

  test.each(['k-gone', '__proto__', 'toString'])('names a key id that it does not have (%j)', id => {
    for (const action of [() => ring.key(id), () => ring.vaultKey(id)]) {
      const { code, text } = failureOf(action);
      expect(code).toBe('unknown-key');
      expect(text).toContain(JSON.stringify(id));
    }
  });

  test.each(['', 'anna@example.com', '\u001b[31mk-1', 'k'.repeat(65)])(
    'repeats no id that no key can have (%j)',
    id => {
      for (const action of [() => ring.key(id), () => ring.vaultKey(id)]) {
        const { code, text } = failureOf(action);
        expect(code).toBe('unknown-key');
        if (id !== '') expect(text).not.toContain(id);
        expect(text).toMatch(/^A ciphertext names a key/);
      }
    },
  );

  test('hashes a subject to the same 32 hexadecimal characters after a rotation', () => {
    const rotated = keyringOf(['k-newer', keyOf('newer')]);
    expect(hashesOf(ring, ANNA)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(hashesOf(rotated, ANNA)).toEqual(hashesOf(ring, ANNA));
    expect(hashesOf(ring, 'berta@example.com')).not.toEqual(hashesOf(ring, ANNA));
  });

  test('hashes one person in two connections to two hashes, and in one to one, however the address is written', () => {
    expect(hashesOf(ring, ' ANNA@Example.com ')).toEqual(hashesOf(ring, ANNA));
    expect(hashesOf(ring, ANNA, 'beta')).not.toEqual(hashesOf(ring, ANNA));
  });

  test('shows no key material when it is printed', () => {
    expect(JSON.stringify(ring)).not.toContain(keyOf('new').toString('base64').slice(0, 8));
  });
});
