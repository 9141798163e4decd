/** The digest by which the vault knows bytes again. */
import { createHash } from 'node:crypto';

/** Hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
