/**
 * The key file: keys that encrypt payloads and the vault, each from a time on, the hash key, and keys that sign receipts, all
 * independent of each other. The file of a worker holds all, that of another role only what the role needs. It is written
 * whole or not at all, for its owner only, and only its public keys are ever printed, logged or put into an error. A key
 * service may wrap its keys, so that the file alone is useless.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import { errorCode } from '../error-code';
import { type SigningKey, signingKeyOf } from './signing-key';
import { FileNotWritten, writeWhole } from './whole-file';

export const KEY_BYTES = 32;

export type KeyringErrorCode =
  | 'keys-missing'
  | 'keys-exist'
  | 'keys-exposed'
  | 'keys-malformed'
  | 'keys-busy'
  | 'keys-unwritten'
  | 'key-not-in-role'
  | 'key-command-missing'
  | 'key-command-failed'
  | 'unknown-key'
  | 'signing-key-revoked';

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

/** Whose key file it is. */
export type Role = 'worker' | 'client' | 'viewer' | 'approver';
export type ExportedRole = Exclude<Role, 'worker'>;

/** Kinds of keys. */
export type Part = 'payload' | 'vault' | 'hash' | 'signing';

const PARTS = {
  worker: ['payload', 'vault', 'hash', 'signing'],
  client: ['payload', 'hash'],
  viewer: ['payload'],
  approver: ['payload', 'vault'],
} as const satisfies Record<Role, readonly Part[]>;
const EXPORTED: readonly ExportedRole[] = ['client', 'viewer', 'approver'];

export function isExportedRole(text: string): text is ExportedRole {
  return EXPORTED.some(role => role === text);
}

function holds(role: Role, part: Part): boolean {
  return PARTS[role].some(each => each === part);
}

/** The public facts of a key of the file. */
export interface KeyNote {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A payload key and a vault key with one id, which are replaced together. */
export interface PairNote extends KeyNote {
  /** From when on it encrypts; it decrypts at once. ISO 8601. */
  readonly from: string;
}

export interface KeyPair extends PairNote {
  readonly payload: Buffer;
  /** Undefined in a role without the vault. */
  readonly vault: Buffer | undefined;
}

export interface Keys {
  readonly role: Role;
  /** In the order in which they begin to encrypt. */
  readonly pairs: readonly KeyPair[];
  /** Undefined in a role without it. */
  readonly hashKey: Buffer | undefined;
  /** The first one signs; none in a role that does not sign. */
  readonly signing: readonly SigningKey[];
  /** Signed statements about keys that sign: public, and kept as they are. */
  readonly statements: readonly unknown[];
  /** Changes with the file. */
  readonly stamp: string;
}

const KEY_ID_PATTERN = /^[A-Za-z0-9._-]{1,64}$/;

/** Whether a text may be the id of a key of ours. Any other text that a ciphertext names is never printed or logged. */
export function isKeyId(text: string): boolean {
  return KEY_ID_PATTERN.test(text);
}

const HASH_KEY_ID = 'hash';
const bytes = z.base64().min(1).max(65_536);
const plainKey = bytes.refine(text => Buffer.from(text, 'base64').length === KEY_BYTES);
const secret = z.union([plainKey, z.strictObject({ wrapped: bytes })]);
const instant = z.iso.datetime();
const named = { id: z.string().regex(KEY_ID_PATTERN), createdAt: instant };
const signs = { id: z.string().regex(/^s-[0-9a-f]{16}$/), createdAt: instant, publicKey: bytes };
const fileSchema = z
  .strictObject({
    version: z.literal(1),
    role: z.enum(['worker', ...EXPORTED]),
    keys: z.array(z.strictObject({ ...named, from: instant, payload: secret, vault: secret.optional() })).min(1),
    hashKey: secret.optional(),
    /**
     * Seeds; the first one signs, and a replaced one is destroyed. The public keys stand beside them, so that they can be
     * shown if the seeds are wrapped or destroyed.
     */
    signing: z
      .array(
        z
          .strictObject({ ...signs, key: plainKey.optional(), wrapped: bytes.optional() })
          .refine(({ key, wrapped }) => key === undefined || wrapped === undefined),
      )
      .min(1)
      .refine(([first]) => first !== undefined && (first.key ?? first.wrapped) !== undefined)
      .optional(),
    statements: z.array(z.record(z.string(), z.unknown())).optional(),
  })
  // One id, one key: otherwise one would silently be ignored.
  .refine(({ keys, signing = [] }) => {
    const ids = new Set(keys.map(({ id }) => id));
    const signingIds = new Set(signing.map(({ id }) => id));
    return ids.size === keys.length && signingIds.size === signing.length;
  })
  // What a role has, no more and no less.
  .refine(
    ({ role, keys, hashKey, signing }) =>
      keys.every(({ vault }) => (vault !== undefined) === holds(role, 'vault')) &&
      (hashKey !== undefined) === holds(role, 'hash') &&
      (signing !== undefined) === holds(role, 'signing'),
  );
type KeyFile = z.infer<typeof fileSchema>;
type PairEntry = KeyFile['keys'][number];
type Secret = PairEntry['payload'];
type SigningEntry = NonNullable<KeyFile['signing']>[number];

const HOW_TO_MAKE = 'Set AIRCALL_DSR_KEYS to a path and run `aircall-dsr keys generate` to make a key file there.';

/** @throws {KeyringError} `keys-missing`, `keys-exposed`, `keys-malformed`, `key-command-missing`, `key-command-failed` */
export function readKeys(path: string | undefined, service?: KeyService): Keys {
  const at = configured(path);
  const stamp = stampOf(at);
  const file = readKeyFile(at);
  const opened = opener(service);
  const signing = (file.signing ?? []).flatMap(entry => openedSigning(entry, opened) ?? []);
  return {
    role: file.role,
    pairs: inOrder(file.keys).map(({ payload, vault, ...note }) => ({
      ...note,
      payload: opened(nameOf(note.id, 'payload'), payload),
      vault: vault === undefined ? undefined : opened(nameOf(note.id, 'vault'), vault),
    })),
    hashKey: file.hashKey === undefined ? undefined : opened(HASH_KEY_ID, file.hashKey),
    signing,
    statements: file.statements ?? [],
    stamp: stamp ?? '',
  };
}

type Opener = (id: string, kept: Secret) => Buffer;

function opener(service: KeyService | undefined): Opener {
  return (id, kept) => {
    if (typeof kept === 'string') return Buffer.from(kept, 'base64');
    if (service === undefined)
      throw new KeyringError(
        'key-command-missing',
        'The keys of the key file are wrapped. Set AIRCALL_DSR_KEY_COMMAND to the command that unwraps them.',
      );
    const key = service.unwrap(id, Buffer.from(kept.wrapped, 'base64'));
    if (key.length === KEY_BYTES) return key;
    throw new KeyringError('key-command-failed', 'The key command did not return a key of 32 bytes.');
  };
}

/** Undefined for a key that was replaced: only its public half is left. */
function openedSigning({ id, publicKey, key: plain, wrapped }: SigningEntry, opened: Opener): SigningKey | undefined {
  const secretOf = plain ?? (wrapped === undefined ? undefined : { wrapped });
  if (secretOf === undefined) return undefined;
  const key = signingKeyOf(opened(id, secretOf));
  if (key.id === id && key.publicKey === publicKey) return key;
  throw malformed();
}

/** The name under which a key service knows a key of a pair. */
function nameOf(id: string, part: 'payload' | 'vault'): string {
  return `${id}.${part}`;
}

function inOrder<T extends PairNote>(pairs: readonly T[]): T[] {
  return [...pairs].sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
}

/**
 * The key that encrypts: the last one whose time has come. On a machine whose clock is before all of them, the first.
 * @param pairs at least one, in the order in which they begin to encrypt
 */
export function primaryOf(pairs: readonly PairNote[], nowMs: number): string {
  const begun = pairs.filter(({ from }) => Date.parse(from) <= nowMs);
  return (begun.at(-1) ?? pairs[0])?.id ?? '';
}

const PART_NAMES = {
  payload: 'a payload key',
  vault: 'a vault key',
  hash: 'the hash key',
  signing: 'the key that signs receipts',
} as const satisfies Record<Part, string>;

/** Something needs a key that the role of the key file does not have. */
export function notInRole(role: Role, part: Part): KeyringError {
  const others = EXPORTED.filter(each => holds(each, part)).map(each => `\`aircall-dsr keys export --role ${each}\``);
  return new KeyringError(
    'key-not-in-role',
    `This needs ${PART_NAMES[part]}, which the key file of the role ${role} does not hold. Use ${['the key file of a worker', ...others].join(', or one of ')}.`,
  );
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
  readonly role: Role;
  /** Encrypts now. */
  readonly primary: string;
  /** In the order in which they begin to encrypt. */
  readonly keys: readonly PairNote[];
}

/** The keys of the file without unwrapping them. @throws {KeyringError} `keys-missing`, `keys-exposed`, `keys-malformed` */
export function listKeys(path: string | undefined, now: Date): KeyList {
  return shown(readKeyFile(configured(path)), now);
}

/** The public part of a key that signs receipts. */
export interface PublicKeyNote extends KeyNote {
  /** SPKI (DER), base64. */
  readonly publicKey: string;
}

/** The public keys of the file, the signing one first. @throws {KeyringError} as `listKeys`, `key-not-in-role` */
export function listPublicKeys(path: string | undefined): PublicKeyNote[] {
  const { role, signing } = readKeyFile(configured(path));
  if (signing === undefined) throw notInRole(role, 'signing');
  return signing.map(({ id, createdAt, publicKey }) => ({ id, createdAt, publicKey }));
}

/** The statements about keys that sign. @throws {KeyringError} as `listKeys` */
export function listKeyStatements(path: string | undefined): readonly unknown[] {
  return readKeyFile(configured(path)).statements ?? [];
}

/** Writes a new key file. @throws {KeyringError} `keys-exist`, `keys-missing`, `keys-unwritten`, `key-command-failed` */
export function generateKeyFile(path: string | undefined, now: Date, service?: KeyService): KeyList {
  const at = configured(path);
  const file: KeyFile = {
    version: 1,
    role: 'worker',
    keys: [newPair({ now, from: now }, service)],
    hashKey: newSecret(HASH_KEY_ID, service),
    signing: [newSigningKey(now, service).entry],
  };
  write(at, file, 'new');
  return shown(file, now);
}

/** When a new key is made, and when it begins to encrypt. */
export interface RotationTimes {
  readonly now: Date;
  readonly from: Date;
}

/**
 * Adds a key, which decrypts at once and encrypts from a time on, so that by then every process has it. Hash key and keys
 * that sign stay.
 * @throws {KeyringError} as `readKeys`, `key-not-in-role`, `keys-busy`, `keys-unwritten`
 */
export function rotateKeys(path: string | undefined, times: RotationTimes, service?: KeyService): KeyList {
  return change(configured(path), times.now, file => ({ ...file, keys: [...file.keys, newPair(times, service)] }));
}

/**
 * Adds a key that signs from now on. The statement by which the present key introduces it is kept with it, and the seed of the
 * present key is destroyed.
 * @throws {KeyringError} as `rotateKeys`
 */
export function rotateSigningKey(
  path: string | undefined,
  now: Date,
  introduce: (present: SigningKey, next: SigningKey) => SignedStatement,
  service?: KeyService,
): PublicKeyNote[] {
  const at = configured(path);
  change(at, now, file => {
    const { entry, key } = newSigningKey(now, service);
    const statement = introduce(presentSigning(file, service), key);
    const before = (file.signing ?? []).map(({ key: _, wrapped: __, ...note }) => note);
    return { ...file, signing: [entry, ...before], statements: [...(file.statements ?? []), statement] };
  });
  return listPublicKeys(at);
}

/**
 * Keeps a statement of the present key about an older one; nothing changes if `make` returns none.
 * @throws {KeyringError} as `rotateKeys`, and what `make` throws
 */
export function addKeyStatement(
  path: string | undefined,
  now: Date,
  make: (
    present: SigningKey,
    known: Pick<Keys, 'statements'> & { readonly ids: readonly string[] },
  ) => SignedStatement | undefined,
  service?: KeyService,
): void {
  change(configured(path), now, file => {
    const { signing = [], statements = [] } = file;
    const made = make(presentSigning(file, service), { ids: signing.map(({ id }) => id), statements });
    return made === undefined ? file : { ...file, statements: [...statements, made] };
  });
}

type SignedStatement = Readonly<Record<string, unknown>>;

function presentSigning({ role, signing }: KeyFile, service: KeyService | undefined): SigningKey {
  const [first] = signing ?? [];
  const key = first && openedSigning(first, opener(service));
  if (key === undefined) throw notInRole(role, 'signing');
  return key;
}

/**
 * Removes keys for ever; the one that encrypts stays, and so do those that will, and those that sign.
 * @throws {KeyringError} as `rotateKeys`
 */
export function destroyKeys(path: string | undefined, ids: readonly string[], now: Date): KeyList {
  return change(configured(path), now, file => {
    const primary = primaryOf(inOrder(file.keys), now.getTime());
    const stays = ({ id, from }: PairNote) => id === primary || Date.parse(from) > now.getTime() || !ids.includes(id);
    return { ...file, keys: file.keys.filter(stays) };
  });
}

/**
 * Writes a key file for a role, which never overwrites another. Wrapped keys stay wrapped.
 * @throws {KeyringError} as `listKeys`, `key-not-in-role`, `keys-exist`, `keys-unwritten`
 */
export function exportKeys(
  path: string | undefined,
  { role, out, now }: { readonly role: ExportedRole; readonly out: string; readonly now: Date },
): KeyList {
  const { role: mine, keys, hashKey, version } = readKeyFile(configured(path));
  for (const part of PARTS[role]) if (!holds(mine, part)) throw notInRole(mine, part);
  const file: KeyFile = {
    version,
    role,
    keys: keys.map(({ vault, ...pair }) => ({ ...pair, ...(holds(role, 'vault') && { vault }) })),
    ...(holds(role, 'hash') && { hashKey }),
  };
  write(out, file, 'new');
  return shown(file, now);
}

function newPair({ now, from }: RotationTimes, service: KeyService | undefined): PairEntry {
  const id = `k-${randomBytes(6).toString('hex')}`;
  return {
    id,
    createdAt: now.toISOString(),
    from: from.toISOString(),
    payload: newSecret(nameOf(id, 'payload'), service),
    vault: newSecret(nameOf(id, 'vault'), service),
  };
}

function newSecret(name: string, service: KeyService | undefined): Secret {
  return kept(name, randomBytes(KEY_BYTES), service);
}

function kept(name: string, key: Buffer, service: KeyService | undefined): Secret {
  return service ? { wrapped: service.wrap(name, key).toString('base64') } : key.toString('base64');
}

function newSigningKey(now: Date, service: KeyService | undefined): { entry: SigningEntry; key: SigningKey } {
  const seed = randomBytes(KEY_BYTES);
  const key = signingKeyOf(seed);
  const { id, publicKey } = key;
  const secretOf = kept(id, seed, service);
  const note = { id, createdAt: now.toISOString(), publicKey };
  return { entry: typeof secretOf === 'string' ? { ...note, key: secretOf } : { ...note, ...secretOf }, key };
}

function shown({ role, keys }: KeyFile, now: Date): KeyList {
  const notes = inOrder(keys).map(({ id, createdAt, from }) => ({ id, createdAt, from }));
  return { role, primary: primaryOf(notes, now.getTime()), keys: notes };
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
function change(path: string, now: Date, make: (file: KeyFile) => KeyFile): KeyList {
  const lock = `${path}.lock`;
  try {
    closeSync(openSync(lock, 'wx', 0o600));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw unwritten(error);
    throw new KeyringError(
      'keys-busy',
      'Another command is changing the key file. If no command is running, one was interrupted: delete the file with the name of the key file and `.lock`.',
    );
  }
  try {
    const present = readKeyFile(path);
    if (present.role !== 'worker')
      throw new KeyringError(
        'key-not-in-role',
        `The key file of the role ${present.role} cannot be changed. Change the key file of the workers, and export it again.`,
      );
    const file = make(present);
    write(path, file, 'replace');
    return shown(file, now);
  } finally {
    unlock(lock);
  }
}

/** A lock that stays is reported by the next command, with what to do. */
function unlock(lock: string): void {
  try {
    rmSync(lock, { force: true });
  } catch {
    return;
  }
}

function write(path: string, file: KeyFile, how: 'new' | 'replace'): void {
  try {
    writeWhole(path, `${JSON.stringify(file, null, 2)}\n`, how);
  } catch (error) {
    throw unwritten(error);
  }
}

function unwritten(error: unknown): KeyringError {
  const { named, cause } = error instanceof FileNotWritten ? error : { named: false, cause: error };
  const code = errorCode(cause);
  if (code === 'EEXIST')
    return new KeyringError('keys-exist', 'There is a file with this name, and it stays unchanged. Name another path.');
  const why = code ?? (cause instanceof Error ? cause.message : 'unknown error');
  return new KeyringError(
    'keys-unwritten',
    named
      ? `The key file was changed, but a power cut may undo that (${why}). Check the disk. Then run \`aircall-dsr keys list\` to see which keys the file has.`
      : `The key file cannot be written (${why}): nothing was changed. Make its folder, free space on its disk, or name another path.`,
  );
}
