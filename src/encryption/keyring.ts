/**
 * The keys: several can decrypt, the primary one encrypts, and a separate hash key that never rotates makes keyed hashes.
 * Key material lives in one file (mode 0600) and in memory; it is never printed, logged, or put into an error or an argument.
 */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { z } from 'zod';

export const KEY_BYTES = 32;

export type KeyringErrorCode = 'keys-missing' | 'keys-exist' | 'keys-exposed' | 'keys-malformed' | 'unknown-key';

export class KeyringError extends Error {
  override readonly name = 'KeyringError';
  constructor(
    readonly code: KeyringErrorCode,
    message: string,
  ) {
    super(message);
  }
}

export interface Keyring {
  /** Encrypts; its id travels with every ciphertext. */
  readonly primaryId: string;
  readonly ids: readonly string[];
  /** @throws {KeyringError} `unknown-key`, naming the id */
  key(id: string): Buffer;
  /** A key derived from key `id` for one purpose, so that payloads and vault objects never share one. */
  derivedKey(id: string, purpose: string): Buffer;
  /** Keyed hash (HMAC-SHA256), 32 hexadecimal characters: the same value gives the same hash, nobody without the key can guess it. */
  hash(value: string): string;
}

const keyText = z.base64().refine(text => Buffer.from(text, 'base64').length === KEY_BYTES);
const fileSchema = z.strictObject({
  version: z.literal(1),
  primary: z.string(),
  keys: z
    .array(
      z.strictObject({ id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), key: keyText, createdAt: z.iso.datetime() }),
    )
    .min(1),
  hashKey: keyText,
});

const HOW_TO_MAKE = 'Set AIRCALL_DSR_KEYS to a path and run `aircall-dsr keys generate` to make a key file there.';

/** @throws {KeyringError} `keys-missing`, `keys-exposed`, `keys-malformed` */
export function loadKeyring(path: string | undefined): Keyring {
  if (path === undefined || path === '')
    throw new KeyringError('keys-missing', `No key file is configured. ${HOW_TO_MAKE}`);
  let text: string;
  try {
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new KeyringError(
        'keys-exposed',
        `Others than its owner can read the key file (mode ${mode.toString(8)}). Run \`chmod 600\` on it.`,
      );
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof KeyringError) throw error;
    throw new KeyringError(
      'keys-missing',
      `The key file named by AIRCALL_DSR_KEYS cannot be read (${errnoOf(error)}). ${HOW_TO_MAKE}`,
    );
  }
  return createKeyring(parseFile(text));
}

function parseFile(text: string): z.infer<typeof fileSchema> {
  try {
    const file = fileSchema.parse(JSON.parse(text));
    const ids = new Set(file.keys.map(({ id }) => id));
    if (ids.has(file.primary) && ids.size === file.keys.length) return file; // one id, one key: else one is silently ignored
  } catch {
    // Neither a JSON error nor a schema error is passed on: both can quote key material.
  }
  throw new KeyringError(
    'keys-malformed',
    'The key file named by AIRCALL_DSR_KEYS is not one of ours. Restore it from a backup.',
  );
}

function createKeyring(file: z.infer<typeof fileSchema>): Keyring {
  const keys = new Map(file.keys.map(({ id, key }) => [id, Buffer.from(key, 'base64')]));
  const hashKey = Buffer.from(file.hashKey, 'base64');
  const derived = new Map<string, Buffer>();
  const ring: Keyring = {
    primaryId: file.primary,
    ids: [...keys.keys()],
    key(id) {
      const key = keys.get(id);
      if (key === undefined) {
        throw new KeyringError(
          'unknown-key',
          `Key ${JSON.stringify(id.slice(0, 64))} is not in the key file. Add it, or restore the key file that holds it.`,
        );
      }
      return key;
    },
    derivedKey(id, purpose) {
      const name = `${id} ${purpose}`;
      const known =
        derived.get(name) ?? Buffer.from(hkdfSync('sha256', ring.key(id), '', `aircall-dsr ${purpose}`, KEY_BYTES));
      derived.set(name, known);
      return known;
    },
    hash: value => createHmac('sha256', hashKey).update(value).digest('hex').slice(0, 32),
  };
  return ring;
}

/**
 * Writes a new key file (mode 0600) and answers the ids of its keys.
 * @throws {KeyringError} `keys-exist` where the file is already there, `keys-missing` where it cannot be written
 */
export function generateKeyFile(
  path: string | undefined,
  now: Date,
): { readonly primary: string; readonly ids: string[] } {
  if (path === undefined || path === '')
    throw new KeyringError('keys-missing', `No path for the key file. ${HOW_TO_MAKE}`);
  const id = `k-${randomBytes(6).toString('hex')}`;
  const newKey = () => randomBytes(KEY_BYTES).toString('base64');
  const file: z.infer<typeof fileSchema> = {
    version: 1,
    primary: id,
    keys: [{ id, key: newKey(), createdAt: now.toISOString() }],
    hashKey: newKey(),
  };
  try {
    const descriptor = openSync(path, 'wx', 0o600);
    try {
      writeSync(descriptor, `${JSON.stringify(file, null, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      throw new KeyringError(
        'keys-exist',
        'The file named by AIRCALL_DSR_KEYS exists already and is left as it is. Name another path.',
      );
    }
    throw new KeyringError(
      'keys-missing',
      `The key file cannot be written (${errnoOf(error)}). Make its folder, or name another path.`,
    );
  }
  return { primary: id, ids: [id] };
}

function errnoOf(error: unknown): string {
  // No `instanceof`: errors of Node's own modules come from another realm where code runs in a context (Jest).
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown error';
}
