import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Keyring, loadKeyring } from '../../src/encryption/keyring';
import type { SealKeys } from '../../src/encryption/seal';
import { signingKeyOf } from '../../src/encryption/signing-key';
import { makeFolder, removeFolder } from '../support/folders';

/** 32 bytes that follow from a word, so that two key files of a test can share a key. */
export function keyOf(word: string): Buffer {
  return createHash('sha256').update(word).digest();
}

const CREATED = '2026-01-31T00:00:00.000Z';

/** The vault key that a test's key file has beside a payload key. */
export function vaultKeyOf(payload: Buffer): Buffer {
  return keyOf(`vault ${payload.toString('hex')}`);
}

/** The text of a worker's key file: ids and payload keys; the first one encrypts. It signs with a key of its own. */
export function keyFile(...keys: readonly (readonly [id: string, key: Buffer])[]): string {
  const { id, publicKey } = signingKeyOf(keyOf('signing'));
  return JSON.stringify({
    version: 1,
    role: 'worker',
    keys: keys.map(([id, key], place) => ({
      id,
      createdAt: CREATED,
      from: place === 0 ? CREATED : '2026-01-01T00:00:00.000Z',
      payload: key.toString('base64'),
      vault: vaultKeyOf(key).toString('base64'),
    })),
    hashKey: keyOf('hash').toString('base64'),
    signing: [{ id, publicKey, key: keyOf('signing').toString('base64'), createdAt: CREATED }],
  });
}

/** Runs `use` with a folder that is gone afterwards. */
export function inFolder<T>(use: (folder: string) => T): T {
  const folder = makeFolder();
  try {
    return use(folder);
  } finally {
    removeFolder(folder);
  }
}

/** A keyring as a process has it: loaded from a file. */
export function keyringOf(...keys: readonly (readonly [id: string, key: Buffer])[]): Keyring {
  return inFolder(folder => {
    const path = join(folder, 'keys.json');
    writeFileSync(path, keyFile(...keys), { mode: 0o600 });
    return loadKeyring(path);
  });
}

/** The keys of a vault, as a process has them. */
export function sealKeysOf(...keys: readonly (readonly [id: string, key: Buffer])[]): SealKeys {
  const ring = keyringOf(...keys);
  return { primaryId: ring.primaryId, sealKey: ring.vaultKey };
}
