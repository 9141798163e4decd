/** The key of one request: it seals the objects of the request besides its record, and is destroyed with them. */
import { randomBytes } from 'node:crypto';
import { KEY_BYTES } from '../encryption/key-file';
import { SealBroken, type SealKeys } from '../encryption/seal';

/** The form in a record. */
export interface DataKey {
  readonly id: string;
  /** Base64. */
  readonly key: string;
}

export function newDataKey(): DataKey {
  return { id: `d-${randomBytes(6).toString('hex')}`, key: randomBytes(KEY_BYTES).toString('base64') };
}

export function sealKeysOf({ id, key }: DataKey): SealKeys {
  const bytes = Buffer.from(key, 'base64');
  return {
    primaryId: id,
    sealKey(wanted) {
      if (wanted === id) return bytes;
      throw new SealBroken(
        'wrong-key',
        'A vault object was sealed for another request, or before this request was started again. Restore it from a backup.',
      );
    },
  };
}
