/**
 * The vault in an S3-compatible bucket, which workers on several machines share. The store decides which writer wins: every write is
 * a PutObject on a condition, and a version is an ETag. An object begins with a random token: equal bytes get different
 * ETags, and a writer who saw no reply finds out whether it had won. Only this file loads the AWS SDK.
 */
import { randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { VaultError, type VaultErrorCode } from './errors';
import { isKey, segmentsOf, type VaultDriver } from './vault';

export interface S3Place {
  readonly bucket: string;
  /** Segments, without a slash at either end; empty for the whole bucket. */
  readonly prefix: string;
  /** Address of a store that is not AWS's own. Its bucket is named in the path, as most of them have no host names for it. */
  readonly endpoint?: string;
}

/** Ends every name of an object. It occurs in no key: stores on a file system keep `a` and `a/b` apart by it. */
const MARK = '~';
const TOKEN_BYTES = 16;
const OBJECT_BYTES_MAX = 256 * 1024 * 1024;
const WRITE_ATTEMPTS_MAX = 4;
/** Names of a list that is sent at once, however few keys are wanted: anybody can put names there that are none. */
const LISTED_MAX = 1_000;
/** Of waiting for a free connection too: the SDK counts both. */
const CONNECT_MS_MAX = 10_000;
/** Of a request up to the head of its reply; a step has a minute. */
const REQUEST_MS_MAX = 50_000;
const SILENT_MS_MAX = 10_000;

/** Codes for the names of the store's errors that name the cause. */
const MEANINGS: ReadonlyMap<string, VaultErrorCode> = new Map([
  ['NoSuchBucket', 'vault-missing'],
  ['AccessDenied', 'vault-denied'],
  ['InvalidAccessKeyId', 'vault-denied'],
  ['SignatureDoesNotMatch', 'vault-denied'],
  ['ExpiredToken', 'vault-denied'],
  ['InvalidToken', 'vault-denied'],
  ['CredentialsProviderError', 'vault-denied'],
  ['TokenProviderError', 'vault-denied'],
  ['RequestTimeout', 'vault-unreachable'],
  ['TooManyRequests', 'vault-unreachable'],
  ['EntityTooLarge', 'vault-too-large'],
  ['NotImplemented', 'vault-unsafe'],
]);
/** The object is not in the state that the condition names. */
const LOST = ['PreconditionFailed', 'NoSuchKey'];
/**
 * Another write or deletion was under way, in a store on a file system also the removal of an empty folder: nothing was
 * written, and nothing is known of the condition.
 */
const CONFLICTS = ['ConditionalRequestConflict', 'ExistingObjectIsDirectory'];

type Condition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string };

interface StoredObject {
  readonly token: Buffer;
  readonly value: Buffer;
  readonly version: string;
}

/** Credentials and region are those of the environment, by AWS's own rules. It throws `VaultError`s. */
export function createS3Driver({ bucket, prefix, endpoint }: S3Place): VaultDriver {
  const options = {
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    requestHandler: {
      connectionTimeout: CONNECT_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      throwOnRequestTimeout: true,
      socketTimeout: SILENT_MS_MAX,
    },
    // Objects are sealed, so that a changed one is noticed; some stores refuse checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  } as const;
  const client = new S3Client(options);
  /** Sends once: if it repeated a write blindly, a write that had won would appear as one that lost. */
  const writer = new S3Client({ ...options, maxAttempts: 1 });
  const root = prefix === '' ? '' : `${prefix}/`;
  const objectOf = (key: string) => ({ Bucket: bucket, Key: `${root}${segmentsOf(key).join('/')}${MARK}` });

  async function read(key: string): Promise<StoredObject | undefined> {
    try {
      return await objectIn(await client.send(new GetObjectCommand(objectOf(key))));
    } catch (error) {
      if (errorName(error) === 'NoSuchKey') return undefined;
      throw vaultError(error);
    }
  }

  /** Returns whether the condition held. */
  async function put(key: string, bytes: Buffer, condition: Condition): Promise<boolean> {
    if (bytes.length > OBJECT_BYTES_MAX)
      throw new VaultError('vault-too-large', 'An object is too large for the vault.');
    const token = randomBytes(TOKEN_BYTES);
    const write = { ...objectOf(key), ...condition, Body: Buffer.concat([token, bytes]) };
    let unsure = false;
    for (let attempt = 1; ; attempt++) {
      try {
        const { ETag, VersionId } = await writer.send(new PutObjectCommand(write));
        if (ETag === undefined) throw incomplete();
        if (VersionId !== undefined) await takeBack(key, VersionId);
        return true;
      } catch (error) {
        const name = errorName(error);
        const lost = LOST.includes(name);
        if (!CONFLICTS.includes(name)) {
          const failure = lost ? undefined : vaultError(error);
          if (failure !== undefined && failure.code !== 'vault-unreachable') throw failure;
          // A failed write may have taken effect, by an attempt before or by a proxy that repeated it.
          if ((await read(key))?.token.equals(token)) return true;
          if (lost && !unsure) return false;
          unsure = true;
        }
        if (lost || attempt === WRITE_ATTEMPTS_MAX)
          throw new VaultError('vault-unreachable', `The outcome of a write is not known (${name}).`);
      }
    }
  }

  /** A bucket that keeps versions would keep all deleted objects: the write is undone. */
  async function takeBack(key: string, version: string): Promise<never> {
    try {
      await client.send(new DeleteObjectCommand({ ...objectOf(key), VersionId: version }));
    } catch (error) {
      throw keepsVersions(` The object just written is left there (${errorName(error)}).`);
    }
    throw keepsVersions();
  }

  /** In the order of the store. */
  async function* keysBelow(prefix: string, after?: string): AsyncGenerator<string> {
    const listed = {
      Bucket: bucket,
      Prefix: prefix === '' ? root : `${root}${segmentsOf(prefix).join('/')}/`,
      ...(after !== undefined && { StartAfter: `${root}${after}${MARK}` }),
    };
    try {
      for await (const { Contents = [] } of paginateListObjectsV2({ client, pageSize: LISTED_MAX }, listed))
        for (const { Key = '' } of Contents) {
          const key = Key.slice(root.length, -MARK.length);
          if (Key.endsWith(MARK) && isKey(key)) yield key;
        }
    } catch (error) {
      throw vaultError(error);
    }
  }

  return {
    async get(key) {
      const stored = await read(key);
      return stored && { value: stored.value, version: stored.version };
    },

    putIfAbsent: async (key, bytes) => put(key, bytes, { IfNoneMatch: '*' }),

    async putIfUnchanged(key, bytes, version) {
      // The one would send no header, and any version would match the other.
      return version !== '' && version !== '*' && put(key, bytes, { IfMatch: version });
    },

    async list(prefix) {
      const keys: string[] = [];
      for await (const key of keysBelow(prefix)) keys.push(key);
      // The mark is part of the store's order, not of ours.
      return keys.sort();
    },

    async page(prefix, max, after) {
      const keys: string[] = [];
      for await (const key of keysBelow(prefix, after)) {
        keys.push(key);
        if (keys.length === max) break;
      }
      return keys;
    },

    async delete(key) {
      try {
        const { DeleteMarker } = await client.send(new DeleteObjectCommand(objectOf(key)));
        if (DeleteMarker === true) throw keepsVersions();
      } catch (error) {
        if (errorName(error) !== 'NoSuchKey') throw vaultError(error);
      }
    },
  };
}

async function objectIn({ Body, ContentLength, ETag }: GetObjectCommandOutput): Promise<StoredObject> {
  if (Body === undefined || ETag === undefined || ContentLength === undefined) throw incomplete();
  if (ContentLength > OBJECT_BYTES_MAX + TOKEN_BYTES) {
    if ('destroy' in Body) Body.destroy();
    throw new VaultError('vault-too-large', 'An object of the vault is too large to be read.');
  }
  const bytes = Buffer.from(await Body.transformToByteArray());
  return { token: bytes.subarray(0, TOKEN_BYTES), value: bytes.subarray(TOKEN_BYTES), version: ETag };
}

function incomplete(): VaultError {
  return new VaultError(
    'vault-refused',
    'The address does not answer like an S3 store: bytes, length or ETag of an object are missing.',
  );
}

function keepsVersions(more = ''): VaultError {
  const what = 'The bucket keeps versions of its objects, or did so once: deleted objects are not destroyed there.';
  return new VaultError('vault-unsafe', what + more);
}

/** The vault's error for an error of the store or the network. Any other error is thrown unchanged. */
function vaultError(error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  const name = errorName(error);
  const said = `The vault's bucket could not be used (${name}).`;
  const meaning = MEANINGS.get(name);
  if (meaning !== undefined) return new VaultError(meaning, said);
  if (!isRecord(error)) throw error;
  // The SDK has no name for it.
  if (/^Region (is missing|not accepted)/.test(String(error.message)))
    return new VaultError('vault-refused', 'No usable AWS region is set.');
  if (error.$fault === 'client') return new VaultError('vault-refused', said);
  if (name === 'TimeoutError' || typeof error.code === 'string' || isRecord(error.$metadata))
    return new VaultError('vault-unreachable', said);
  throw error;
}

/** The name of an error, or the code that the network gave it; nothing else of an error is safe to show. */
function errorName(error: unknown): string {
  if (!isRecord(error)) return typeof error;
  const name = typeof error.code === 'string' ? error.code : error.name;
  return typeof name === 'string' && /^\w{1,64}$/.test(name) ? name : 'unknown';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
