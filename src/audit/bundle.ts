/**
 * The evidence bundle: receipt, histories that replay without a key, public key, a page for people, and a manifest
 * signed over all of it at export. To check a bundle, its owner needs only this program. D13.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { SigningKey } from '../encryption/signing-key';
import { statedOf } from '../receipt/build';
import type { Receipt } from '../receipt/model';
import { parseDocument, proven, signed, verifyReceipt } from '../receipt/sign';
import type { RequestResult } from '../request/model';
import { workflowIdOf } from '../request/names';
import { childrenIn, endCodeOf } from '../temporal/histories';
import { endIn, isOf, jsonIn, resultIn, runName } from './history';
import { type History, historyFromJson } from './history-json';

export const BUNDLE_FORMAT = 'aircall-dsr/bundle@1';
export const MANIFEST = 'manifest.json';
export const RECEIPT = 'receipt.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const FILE = /^[a-z][a-z0-9-]{0,63}\.(json|html|pem)$/;

const run = { workflowId: z.string(), runId: z.string() };

const body = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  workflowId: z.string(),
  exportedAt: z.iso.datetime(),
  version: z.string(),
  /** Digest of the bundle of workflows that the request ended with; null if nobody knows it. */
  workflows: sha256.nullable(),
  /** The request itself first. */
  runs: z.array(z.strictObject({ file: z.string().regex(FILE), ...run })).min(1),
  /** Children of the request whose histories the server had deleted. */
  missing: z.array(z.strictObject(run)),
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

/** @throws {ReceiptError} `receipt-invalid`: nothing was signed */
export function signBundle(
  files: Files,
  about: Pick<Manifest, 'workflowId' | 'exportedAt' | 'version' | 'workflows' | 'runs' | 'missing'>,
  key: SigningKey,
): Manifest {
  const named = [...files].map(([name, bytes]) => ({ name, sha256: fileDigest(bytes) }));
  return signed(body, { format: BUNDLE_FORMAT, ...about, files: named }, key);
}

/**
 * Checks a bundle, except the replay of its histories: nothing was changed since it was signed, no history is
 * cut off or left out without a note, and the receipt states the end of the request's history.
 * @param files all files of its folder, by name
 * @param trusted public keys (SPKI, base64), of which one must have signed manifest and receipt; any may if not given
 * @throws {BundleRefused} naming what is wrong; {ReceiptError} for its receipt
 */
export function checkBundle(files: Files, trusted?: readonly string[]): Manifest {
  const manifest = readManifest(files.get(MANIFEST), trusted);
  const named = new Map(manifest.files.map(({ name, sha256: digest }) => [name, digest]));
  for (const [name, digest] of named) {
    const bytes = files.get(name);
    if (bytes === undefined) throw new BundleRefused(`${name} is missing.`);
    if (fileDigest(bytes) !== digest) throw new BundleRefused(`${name} was changed.`);
  }
  const stray = [...files.keys()].find(name => name !== MANIFEST && !named.has(name));
  if (stray !== undefined) throw new BundleRefused('The folder has a file that the manifest does not name.');
  const receipt = verifyReceipt(parseDocument(files.get(RECEIPT) ?? Buffer.alloc(0)), trusted);
  const broken =
    differenceBetween(receipt, manifest) ?? gapIn(manifest, files) ?? contradictionOf(receipt, manifest, files);
  if (broken !== undefined) throw new BundleRefused(broken);
  if (receipt.signer.publicKey !== manifest.signer.publicKey && trusted === undefined)
    throw new BundleRefused(
      'Receipt and manifest are signed with different keys. Pass the keys that you trust with --key.',
    );
  return manifest;
}

function differenceBetween({ request, service }: Receipt, manifest: Manifest): string | undefined {
  const [parent] = manifest.runs;
  const ofRequest = workflowIdOf(request);
  if ([manifest.workflowId, parent?.workflowId].some(id => id !== ofRequest) || parent?.runId !== request.runId)
    return 'Receipt and histories belong to different requests.';
  if (manifest.workflows !== service.workflows) return 'Receipt and manifest name different workflows.';
  return undefined;
}

/** The first history that is missing, or differs from the manifest. */
function gapIn({ runs, missing }: Manifest, files: Files): string | undefined {
  const named = new Set([...runs, ...missing].map(runName));
  for (const each of runs) {
    const history = historyAt(each.file, files);
    if (history === undefined || !isOf(history, each))
      return `${each.file} is not the history that the manifest names.`;
    const child = childrenIn(history).find(started => !named.has(runName(started)));
    if (child !== undefined) return `${each.file} names a child, ${runName(child)}, which is missing.`;
  }
  return undefined;
}

/** If the receipt states something else than the end of the request's history. */
function contradictionOf(receipt: Receipt, { runs }: Manifest, files: Files): string | undefined {
  const history = historyAt(runs[0]?.file ?? '', files);
  const end = history && endIn(history);
  if (history === undefined || end === undefined) return 'The history of the request is cut off before its end.';
  const result = resultIn(history);
  if (result === undefined) {
    const stated = receipt.status === 'failed' && receipt.failure === endCodeOf(end);
    return stated ? undefined : 'The receipt and the history of the request state different ends.';
  }
  const stated = statedIn(jsonIn(result));
  if (stated === undefined) return 'The last event of the request holds no result.';
  const { received, ended } = receipt.times;
  const members = new Map<string, unknown>(Object.entries({ ...receipt, received, ended }));
  const differing = Object.entries(stated).find(([name, value]) => !isDeepStrictEqual(value, members.get(name)));
  return differing && `The receipt differs from the history of the request: ${differing[0]}.`;
}

/** What a receipt of that result states; undefined if it is none. */
function statedIn(output: unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    const result = z.custom<RequestResult>(value => typeof value === 'object' && value !== null).parse(output);
    return { ...statedOf(result), received: result.startedAt, ended: result.completedAt };
  } catch {
    return undefined;
  }
}

function historyAt(file: string, files: Files): History | undefined {
  try {
    return historyFromJson(files.get(file)?.toString() ?? '');
  } catch {
    return undefined;
  }
}

/** @throws {BundleRefused} */
export function readManifest(bytes: Buffer | undefined, trusted?: readonly string[]): Manifest {
  const { data } = manifestSchema.safeParse(bytes && parseDocument(bytes));
  if (data === undefined) throw new BundleRefused('The manifest is missing, or has an unknown format.');
  const { keyId, publicKey } = data.signer;
  try {
    proven(data);
  } catch {
    throw new BundleRefused('The manifest was changed after it was signed.');
  }
  if (trusted !== undefined && !trusted.includes(publicKey))
    throw new BundleRefused(`The manifest is signed with key ${keyId}, which is not a given key.`);
  return data;
}

function fileDigest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
