/**
 * The one data converter of clients and workers: encrypted payloads and encrypted failure attributes.
 * A client without it starts runs that end as `invalid-input`.
 */
import type { DataConverter } from '@temporalio/common';
import type { Keyring } from './keyring';
import { createPayloadCodec, type WorkerRole } from './payload-codec';

export const failureConverterPath = require.resolve('./failure-converter');

export function createDataConverter(keyring: Keyring, worker?: WorkerRole): DataConverter {
  return { failureConverterPath, payloadCodecs: [createPayloadCodec(keyring, worker)] };
}
