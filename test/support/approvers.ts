/** Approvers for tests, each with a key pair of its own. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { publicHalfOf, signingKeyId } from '../../src/encryption/signing-key';
import { type ApprovalStatement, type RejectionStatement, signStatement } from '../../src/receipt/approval';

export interface TestApprover {
  readonly name: string;
  readonly privateKey: KeyObject;
  /** SPKI (DER), base64. */
  readonly publicKey: string;
  readonly keyId: string;
  /** PEM texts. */
  readonly publicPem: string;
  readonly privatePem: string;
  /** What it sends, signed. */
  sign<S extends Omit<ApprovalStatement, 'by'> | Omit<RejectionStatement, 'by'>>(
    statement: S,
  ): Omit<S, 'workflowId'> & { readonly by: string; readonly signature: string };
}

export function createApprover(name: string): TestApprover {
  const { privateKey, publicKey: half } = generateKeyPairSync('ed25519');
  const publicKey = publicHalfOf(privateKey);
  return {
    name,
    privateKey,
    publicKey,
    keyId: signingKeyId(publicKey),
    publicPem: half.export({ format: 'pem', type: 'spki' }).toString(),
    privatePem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    sign(statement) {
      const { workflowId: _, ...given } = statement;
      return { ...given, by: name, signature: signStatement({ ...statement, by: name }, privateKey) };
    },
  };
}
