/** What an operator reads if the Temporal server cannot be used: it refuses the login, or there is none. */
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import type { Keyring } from '../../src/encryption/keyring';
import { connectTemporal } from '../../src/temporal/connect';

const WITHIN_MS = 60_000;

/** A server that answers every call with this gRPC status. */
async function answering(status: number, use: (address: string) => Promise<void>): Promise<void> {
  const server = createServer().on('stream', stream => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status }, { endStream: true });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
  }
}

test.each([
  [7, 'refuses us (PERMISSION_DENIED)'],
  [16, 'refuses us (UNAUTHENTICATED)'],
  [13, 'No Temporal server answers'],
])('a server that answers gRPC status %i: %s', async (status, says) => {
  await answering(status, async address => {
    const connecting = connectTemporal(
      {} as Keyring,
      { connectionOptions: { address }, namespace: 'default' },
      WITHIN_MS,
    );
    await expect(connecting).rejects.toMatchObject({
      code: 'temporal-unreachable',
      message: expect.stringContaining(says),
    });
    await expect(connecting).rejects.toThrow(address);
  });
});
