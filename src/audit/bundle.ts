/**
 * The evidence bundle: receipt, histories that replay without a key, public key, a page that tells the story, and a manifest
 * signed over all of it when it was exported. Whoever has it needs nothing of ours but this program to check it. D13.
 */
import { createHash, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { openPublicKey, type SigningKey, signingKeyId } from '../encryption/signing-key';
import { canonicalJson } from '../receipt/canonical';
import { parseDocument, readReceipt, verifyReceipt } from '../receipt/sign';

export const BUNDLE_FORMAT = 'aircall-dsr/bundle@1';
export const MANIFEST = 'manifest.json';
export const RECEIPT = 'receipt.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const FILE = /^[a-z][a-z0-9-]{0,63}\.(json|html|pem)$/;

const body = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  workflowId: z.string(),
  exportedAt: z.iso.datetime(),
  version: z.string(),
  runs: z.array(z.strictObject({ file: z.string().regex(FILE), workflowId: z.string(), runId: z.string() })).min(1),
  files: z.array(z.strictObject({ name: z.string().regex(FILE), sha256 })).min(1),
  signer: z.strictObject({ keyId: z.string(), publicKey: z.base64() }),
});
const manifestSchema = body.extend({ signature: z.base64() });

export type Manifest = z.infer<typeof manifestSchema>;
export type Files = ReadonlyMap<string, Buffer>;

export class BundleRefused extends Error {
  readonly code = 'bundle-broken' as const;
  override readonly name = 'BundleRefused';
}

export function signBundle(
  files: Files,
  about: Pick<Manifest, 'workflowId' | 'exportedAt' | 'version' | 'runs'>,
  key: SigningKey,
): Manifest {
  const unsigned = {
    format: BUNDLE_FORMAT,
    ...about,
    files: [...files].map(([name, bytes]) => ({ name, sha256: digestOf(bytes) })),
    signer: { keyId: key.id, publicKey: key.publicKey },
  } as const;
  return { ...unsigned, signature: sign(null, signedBytes(unsigned), key.privateKey).toString('base64') };
}

/**
 * Checks all of a bundle but the replay of its histories.
 * @param files all files of its folder, by name
 * @param trusted public keys (SPKI, base64), of which one must have signed manifest and receipt; any may where not given
 * @throws {BundleRefused} naming what is wrong; {ReceiptError} for its receipt
 */
export function checkBundle(files: Files, trusted?: readonly string[]): Manifest {
  const manifest = readManifest(files.get(MANIFEST), trusted);
  const named = new Map(manifest.files.map(({ name, sha256: digest }) => [name, digest]));
  for (const [name, digest] of named) {
    const bytes = files.get(name);
    if (bytes === undefined) throw new BundleRefused(`${name} is missing.`);
    if (digestOf(bytes) !== digest) throw new BundleRefused(`${name} was changed.`);
  }
  const stray = [...files.keys()].find(name => name !== MANIFEST && !named.has(name));
  if (stray !== undefined) throw new BundleRefused('A file is there that the manifest does not name.');
  const receipt = parseDocument(files.get(RECEIPT) ?? Buffer.alloc(0));
  const { connection, kind, requestId, runId } = verifyReceipt(receipt, trusted).request;
  const [parent] = manifest.runs;
  if (manifest.workflowId !== `dsr:${connection}:${kind}:${requestId}` || parent?.runId !== runId)
    throw new BundleRefused('Receipt and histories are of different requests.');
  if (readReceipt(receipt).signer.publicKey !== manifest.signer.publicKey && trusted === undefined)
    throw new BundleRefused(
      'Receipt and manifest are signed with different keys. Name those that you trust with --key.',
    );
  return manifest;
}

/** @throws {BundleRefused} */
export function readManifest(bytes: Buffer | undefined, trusted?: readonly string[]): Manifest {
  const { data } = manifestSchema.safeParse(bytes && parseDocument(bytes));
  if (data === undefined) throw new BundleRefused('Its manifest is missing, or not of a known format.');
  const { signature, ...unsigned } = data;
  const { keyId, publicKey } = data.signer;
  const key = openPublicKey(publicKey);
  const proof = Buffer.from(signature, 'base64');
  const spelt = proof.toString('base64') === signature && signingKeyId(publicKey) === keyId;
  if (key === undefined || !spelt || !verify(null, signedBytes(unsigned), key, proof))
    throw new BundleRefused('Its manifest was changed after it was signed.');
  if (trusted !== undefined && !trusted.includes(publicKey))
    throw new BundleRefused(`Its manifest is signed with key ${keyId}, which is not the one that was given.`);
  return data;
}

function signedBytes(unsigned: z.infer<typeof body>): Buffer {
  return Buffer.from(canonicalJson(unsigned));
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
