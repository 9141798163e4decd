/**
 * Whether a package holds what its signed manifest states, and nothing else. It must never hold a file of it as a whole, but for the
 * manifest.
 */
import { createHash } from 'node:crypto';
import { parseDocument, ReceiptError, verifyDocument } from '../receipt/sign';
import { MANIFEST_PATH, type PackageManifest, packageManifestSchema } from './manifest';
import type { OpenedFile, OpenedPackage } from './opened';

export interface VerifiedPackage {
  readonly manifest: PackageManifest;
  /** Paths that the manifest states and the package lacks. */
  readonly missing: readonly string[];
  /** Paths whose bytes are others than stated, cannot be read, or are there twice. */
  readonly changed: readonly string[];
  /** Names that the manifest does not state; anything may stand in them. */
  readonly additional: readonly string[];
}

/** One of a package with 200,000 files has less. */
const MANIFEST_BYTES_MAX = 64 * 1024 * 1024;

/**
 * @param trusted public keys (SPKI, base64), of which one must have signed; any may if not given
 * @throws {ReceiptError} `receipt-malformed` without a manifest, `receipt-changed`, `receipt-untrusted`
 */
export async function verifyPackage({ files }: OpenedPackage, trusted?: readonly string[]): Promise<VerifiedPackage> {
  const byPath = new Map<string, OpenedFile[]>();
  for (const file of files) byPath.set(file.path, [...(byPath.get(file.path) ?? []), file]);
  const manifest = verifyDocument(
    { schema: packageManifestSchema, what: 'no manifest of a package' },
    parseDocument(await readManifest(byPath.get(MANIFEST_PATH) ?? [])),
    trusted,
  );
  const stated = new Set([MANIFEST_PATH, ...manifest.files.map(({ path }) => path)]);
  const missing: string[] = [];
  const changed: string[] = [];
  for (const each of manifest.files) {
    const [file, ...others] = byPath.get(each.path) ?? [];
    if (file === undefined) missing.push(each.path);
    else if (others.length > 0 || !(await holds(file, each))) changed.push(each.path);
  }
  return { manifest, missing, changed, additional: [...byPath.keys()].filter(path => !stated.has(path)) };
}

async function readManifest([file, ...others]: readonly OpenedFile[]): Promise<Buffer> {
  if (file === undefined) throw malformed('holds no manifest.json');
  const { sizeBytes } = file;
  if (others.length > 0) throw malformed('holds several files manifest.json');
  if (sizeBytes === undefined || sizeBytes > MANIFEST_BYTES_MAX) throw malformed('holds a manifest.json that is none');
  const chunks: Uint8Array[] = [];
  const isWhole = await readAll(file, sizeBytes, chunk => chunks.push(chunk));
  if (!isWhole) throw malformed('holds a manifest.json that cannot be read');
  return Buffer.concat(chunks);
}

function malformed(why: string): ReceiptError {
  return new ReceiptError('receipt-malformed', `It is no package of ours: it ${why}.`);
}

async function holds(file: OpenedFile, { sizeBytes, sha256 }: PackageManifest['files'][number]): Promise<boolean> {
  if (file.sizeBytes !== sizeBytes) return false;
  const digest = createHash('sha256');
  return (await readAll(file, sizeBytes, chunk => digest.update(chunk))) && digest.digest('hex') === sha256;
}

/** Reads no more than was stated. @returns whether there are so many bytes, and all can be read */
async function readAll(file: OpenedFile, sizeBytes: number, take: (chunk: Uint8Array) => unknown): Promise<boolean> {
  let readBytes = 0;
  try {
    for await (const chunk of await file.open()) {
      readBytes += chunk.length;
      if (readBytes > sizeBytes) return false;
      take(chunk);
    }
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error; // the disk, not the package
    return false;
  }
  return readBytes === sizeBytes;
}
