/**
 * The key file: several keys, of which one encrypts, the hash key, and keys that sign receipts. It is written whole or not
 * at all, for its owner only, and only its public keys are ever printed, logged or put into an error. A key service
 * may wrap its keys, so that the file alone is useless.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { z } from 'zod';
import { errorCode } from '../error-code';
import { type SigningKey, signingKeyOf } from './signing-key';

export const KEY_BYTES = 32;

export type KeyringErrorCode =
  | 'keys-missing'
  | 'keys-exist'
  | 'keys-exposed'
  | 'keys-malformed'
  | 'keys-busy'
  | 'key-command-missing'
  | 'key-command-failed'
  | 'unknown-key'
  | 'signing-key-missing';

export class KeyringError extends Error {
  override readonly name = 'KeyringError';
  constructor(
    readonly code: KeyringErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** The holder of the master key: wraps and unwraps the keys of the file. */
export interface KeyService {
  /** @throws {KeyringError} `key-command-failed` */
  wrap(keyId: string, key: Buffer): Buffer;
  /** @throws {KeyringError} `key-command-failed` */
  unwrap(keyId: string, wrapped: Buffer): Buffer;
}

/** The public facts of a key of the file. */
export interface KeyNote {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface Keys {
  readonly primaryId: string;
  /** Oldest first. */
  readonly notes: readonly KeyNote[];
  readonly keys: ReadonlyMap<string, Buffer>;
  readonly hashKey: Buffer;
  /** The first one signs; none in a file from before there were receipts. */
  readonly signing: readonly SigningKey[];
  /** Changes with the file. */
  readonly stamp: string;
}

const HASH_KEY_ID = 'hash';
const bytes = z.base64().min(1).max(65_536);
const plainKey = bytes.refine(text => Buffer.from(text, 'base64').length === KEY_BYTES);
const instant = z.iso.datetime();
const named = { id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), createdAt: instant };
const signs = { id: z.string().regex(/^s-[0-9a-f]{16}$/), createdAt: instant, publicKey: bytes };
const fileSchema = z
  .strictObject({
    version: z.literal(1),
    primary: z.string(),
    keys: z
      .array(z.union([z.strictObject({ ...named, key: plainKey }), z.strictObject({ ...named, wrapped: bytes })]))
      .min(1),
    hashKey: z.union([plainKey, z.strictObject({ wrapped: bytes })]),
    /** Seeds. The public keys stand beside them, so that they can be shown if the seeds are wrapped. */
    signing: z
      .array(z.union([z.strictObject({ ...signs, key: plainKey }), z.strictObject({ ...signs, wrapped: bytes })]))
      .min(1)
      .optional(),
  })
  // One id, one key: otherwise one would silently be ignored.
  .refine(({ primary, keys, signing = [] }) => {
    const ids = new Set(keys.map(({ id }) => id));
    const signingIds = new Set(signing.map(({ id }) => id));
    return ids.has(primary) && ids.size === keys.length && signingIds.size === signing.length;
  });
type KeyFile = z.infer<typeof fileSchema>;
type KeyEntry = KeyFile['keys'][number];
type SigningEntry = NonNullable<KeyFile['signing']>[number];

const HOW_TO_MAKE = 'Set AIRCALL_DSR_KEYS to a path and run `aircall-dsr keys generate` to make a key file there.';

/** @throws {KeyringError} `keys-missing`, `keys-exposed`, `keys-malformed`, `key-command-missing`, `key-command-failed` */
export function readKeys(path: string | undefined, service?: KeyService): Keys {
  const at = configured(path);
  const stamp = stampOf(at);
  const file = readKeyFile(at);
  const opened = (id: string, wrapped: string): Buffer => {
    if (service === undefined)
      throw new KeyringError(
        'key-command-missing',
        'The keys of the key file are wrapped. Set AIRCALL_DSR_KEY_COMMAND to the command that unwraps them.',
      );
    const key = service.unwrap(id, Buffer.from(wrapped, 'base64'));
    if (key.length === KEY_BYTES) return key;
    throw new KeyringError('key-command-failed', 'The key command did not return a key of 32 bytes.');
  };
  const bytesOf = (entry: KeyEntry | SigningEntry) =>
    'key' in entry ? Buffer.from(entry.key, 'base64') : opened(entry.id, entry.wrapped);
  const keys = file.keys.map(entry => [entry.id, bytesOf(entry)] as const);
  const signing = (file.signing ?? []).map(entry => {
    const key = signingKeyOf(bytesOf(entry));
    if (key.id === entry.id && key.publicKey === entry.publicKey) return key;
    throw malformed();
  });
  const { hashKey } = file;
  return {
    primaryId: file.primary,
    notes: notesOf(file),
    keys: new Map(keys),
    hashKey: typeof hashKey === 'string' ? Buffer.from(hashKey, 'base64') : opened(HASH_KEY_ID, hashKey.wrapped),
    signing,
    stamp: stamp ?? '',
  };
}

/** Names the present content of the file; undefined if it cannot be read. */
export function stampOf(path: string): string | undefined {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return undefined; // the reader of the file says why
  }
}

export interface KeyList {
  readonly primary: string;
  readonly keys: readonly KeyNote[];
}

/** The keys of the file without unwrapping them. @throws {KeyringError} `keys-missing`, `keys-exposed`, `keys-malformed` */
export function listKeys(path: string | undefined): KeyList {
  return shown(readKeyFile(configured(path)));
}

/** The public part of a key that signs receipts. */
export interface PublicKeyNote extends KeyNote {
  /** SPKI (DER), base64. */
  readonly publicKey: string;
}

/** The public keys of the file, the signing one first. @throws {KeyringError} as `listKeys`, `signing-key-missing` */
export function listPublicKeys(path: string | undefined): PublicKeyNote[] {
  const { signing } = readKeyFile(configured(path));
  if (signing === undefined) throw signingKeyMissing();
  return signing.map(({ id, createdAt, publicKey }) => ({ id, createdAt, publicKey }));
}

export function signingKeyMissing(): KeyringError {
  return new KeyringError(
    'signing-key-missing',
    'The key file has no key that signs receipts. Run `aircall-dsr keys rotate`: it adds one.',
  );
}

/** Writes a new key file. @throws {KeyringError} `keys-exist`, `keys-missing` if it cannot be written, `key-command-failed` */
export function generateKeyFile(path: string | undefined, now: Date, service?: KeyService): KeyList {
  const at = configured(path);
  const first = newKey(now, service);
  const hashKey = randomBytes(KEY_BYTES);
  const file: KeyFile = {
    version: 1,
    primary: first.id,
    keys: [first],
    hashKey: service ? { wrapped: service.wrap(HASH_KEY_ID, hashKey).toString('base64') } : hashKey.toString('base64'),
    signing: [newSigningKey(now, service)],
  };
  write(at, file, linkSync);
  return shown(file);
}

/**
 * Adds a key, which encrypts from now on; the others still decrypt. A key that signs is added if there is none: it is not
 * replaced, because every receipt that it signed would need its successor explained.
 * @throws {KeyringError} as `readKeys`, `keys-busy`
 */
export function rotateKeys(path: string | undefined, now: Date, service?: KeyService): KeyList {
  return change(configured(path), file => {
    const next = newKey(now, service);
    const signing = file.signing ?? [newSigningKey(now, service)];
    return { ...file, primary: next.id, keys: [...file.keys, next], signing };
  });
}

/** Removes keys for ever; the one that encrypts stays, and so do those that sign. @throws {KeyringError} as `readKeys`, `keys-busy` */
export function destroyKeys(path: string | undefined, ids: readonly string[]): KeyList {
  return change(configured(path), file => ({
    ...file,
    keys: file.keys.filter(({ id }) => id === file.primary || !ids.includes(id)),
  }));
}

function newKey(now: Date, service: KeyService | undefined): KeyEntry {
  const note = { id: `k-${randomBytes(6).toString('hex')}`, createdAt: now.toISOString() };
  return kept(note, randomBytes(KEY_BYTES), service);
}

function newSigningKey(now: Date, service: KeyService | undefined): SigningEntry {
  const seed = randomBytes(KEY_BYTES);
  const { id, publicKey } = signingKeyOf(seed);
  return kept({ id, createdAt: now.toISOString(), publicKey }, seed, service);
}

function kept<T extends KeyNote>(note: T, key: Buffer, service: KeyService | undefined) {
  return service
    ? { ...note, wrapped: service.wrap(note.id, key).toString('base64') }
    : { ...note, key: key.toString('base64') };
}

function notesOf({ keys }: KeyFile): KeyNote[] {
  return keys.map(({ id, createdAt }) => ({ id, createdAt })).sort((a, b) => a.createdAt.localeCompare(b.createdAt));
}

function shown(file: KeyFile): KeyList {
  return { primary: file.primary, keys: notesOf(file) };
}

function configured(path: string | undefined): string {
  if (path !== undefined && path !== '') return path;
  throw new KeyringError('keys-missing', `No key file is configured. ${HOW_TO_MAKE}`);
}

function readKeyFile(path: string): KeyFile {
  let text: string;
  try {
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new KeyringError(
        'keys-exposed',
        `Other users can read the key file (mode ${mode.toString(8)}). Run \`chmod 600\` on it.`,
      );
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof KeyringError) throw error;
    throw new KeyringError(
      'keys-missing',
      `The key file named by AIRCALL_DSR_KEYS cannot be read (${errorCode(error) ?? 'unknown error'}). ${HOW_TO_MAKE}`,
    );
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    // Neither a JSON error nor a schema error is passed on: both can quote key material.
    throw malformed();
  }
}

function malformed(): KeyringError {
  return new KeyringError(
    'keys-malformed',
    'The key file named by AIRCALL_DSR_KEYS is not one of ours. Restore it from a backup.',
  );
}

/** Of two commands that change the file at once, one is refused: if a key were lost, its ciphertexts would be lost too. */
function change(path: string, make: (file: KeyFile) => KeyFile): KeyList {
  const lock = `${path}.lock`;
  try {
    closeSync(openSync(lock, 'wx', 0o600));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw unwritable(error);
    throw new KeyringError(
      'keys-busy',
      'Another command is changing the key file. If no command is running, one was interrupted: delete the file with the name of the key file and `.lock`.',
    );
  }
  try {
    const file = make(readKeyFile(path));
    write(path, file, renameSync);
    return shown(file);
  } finally {
    rmSync(lock, { force: true });
  }
}

/** `put` gives the finished file its name. */
function write(path: string, file: KeyFile, put: (from: string, to: string) => void): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(descriptor, `${JSON.stringify(file, null, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    put(temporary, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      throw new KeyringError(
        'keys-exist',
        'The file named by AIRCALL_DSR_KEYS exists already and stays unchanged. Name another path.',
      );
    }
    throw unwritable(error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function unwritable(error: unknown): KeyringError {
  return new KeyringError(
    'keys-missing',
    `The key file cannot be written (${errorCode(error) ?? 'unknown error'}). Make its folder, or name another path.`,
  );
}
