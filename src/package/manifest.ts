/**
 * The manifest of a package: size and digest of every other file, signed with the key that signs receipts. The signature is
 * inside, so that the package needs no second file.
 */
import { z } from 'zod';
import type { SigningKey } from '../encryption/signing-key';
import { signed } from '../receipt/sign';

const MANIFEST_FORMAT = 'aircall-dsr/package-manifest@1';

/** Its path in the package. */
export const MANIFEST_PATH = 'manifest.json';

/** Names of ours only: no file of a package is named by what it holds, none leaves the folder in which it is extracted. */
const PATH = /^(?:[a-z]{1,16}\/)?[A-Za-z][A-Za-z0-9-]{0,63}(?:\.[a-z0-9]{1,8}){1,2}$/;

const body = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  connection: z.string(),
  requestId: z.string(),
  createdAt: z.iso.datetime().describe('When the request started.'),
  files: z
    .array(
      z.strictObject({
        path: z.string().regex(PATH),
        sizeBytes: z.number().int().min(0),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1)
    .refine(files => new Set(files.map(({ path }) => path)).size === files.length, 'a path is given twice')
    .describe('Every file of the package but this one.'),
  signer: z.strictObject({ keyId: z.string(), publicKey: z.base64().describe('Ed25519, SPKI (DER).') }),
});

export const packageManifestSchema = body.extend({
  signature: z.base64().describe('Ed25519 over the canonical JSON (RFC 8785) of all other members.'),
});
export type PackageManifest = z.infer<typeof packageManifestSchema>;

/** Whether a document says that it is one; its shape and signature may still be wrong. */
export function isPackageManifest(document: unknown): boolean {
  return body.pick({ format: true }).loose().safeParse(document).success;
}

/** @throws {ReceiptError} `receipt-invalid` for a path that is unsafe or given twice: nothing was signed */
export function signManifest(
  unsigned: Omit<PackageManifest, 'format' | 'signer' | 'signature'>,
  key: SigningKey,
): PackageManifest {
  return signed(body, { format: MANIFEST_FORMAT, ...unsigned }, key);
}
