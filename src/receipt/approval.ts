/**
 * The signature of an approval or a rejection: over the canonical JSON of a statement that names the request and the plan, so that it
 * is good for that plan of that request only. Pure.
 */
import { type KeyObject, sign, verify } from 'node:crypto';
import { openPublicKey } from '../encryption/signing-key';
import { canonicalJson } from './canonical';

interface Common {
  readonly workflowId: string;
  readonly planDigest: string;
  /** The registered name of the approver. */
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}
export interface ApprovalStatement extends Common {
  readonly decisions: Readonly<Record<string, 'take' | 'keep'>>;
}
export interface RejectionStatement extends Common {
  readonly reason: string;
}

/** Ed25519, base64. @param privateKey an Ed25519 key */
export function signStatement(statement: ApprovalStatement | RejectionStatement, privateKey: KeyObject): string {
  return sign(null, bytesOf(statement), privateKey).toString('base64');
}

/** @param publicKey SPKI (DER), base64 */
export function isSigned(
  statement: ApprovalStatement | RejectionStatement,
  signature: string,
  publicKey: string,
): boolean {
  const key = openPublicKey(publicKey);
  return key !== undefined && verify(null, bytesOf(statement), key, Buffer.from(signature, 'base64'));
}

/** Members that a statement does not have are not signed. */
function bytesOf(statement: ApprovalStatement | RejectionStatement): Buffer {
  const { workflowId, planDigest, by, at } = statement;
  const said = 'decisions' in statement ? { decisions: statement.decisions } : { reason: statement.reason };
  return Buffer.from(canonicalJson({ workflowId, planDigest, by, at, ...said }));
}
