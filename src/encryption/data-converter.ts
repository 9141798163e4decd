/**
 * The one data converter of clients and workers: encrypted payloads and encrypted failure attributes.
 * Whoever talks to Temporal without it starts runs that end as `invalid-input`.
 */
import type { DataConverter } from '@temporalio/common';
import type { Keyring } from './keyring';
import { createPayloadCodec } from './payload-codec';

export const failureConverterPath = require.resolve('./failure-converter');

export function createDataConverter(keyring: Keyring, onUnknownKey?: (keyId: string) => void): DataConverter {
  return { failureConverterPath, payloadCodecs: [createPayloadCodec(keyring, onUnknownKey)] };
}
