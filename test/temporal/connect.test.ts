/** What an operator reads if the Temporal server cannot be used: it refuses the login, or there is none. And a connection that is replaced. */
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import type { Keyring } from '../../src/encryption/keyring';
import { connectReplaceably, connectTemporal, temporalConfiguration } from '../../src/temporal/connect';
import { startGrpcProxy } from '../support/grpc-proxy';
import { until } from '../support/patience';

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

test('a call that waits to be repeated while its connection is replaced is repeated, and nothing is thrown beside it', async () => {
  const UNAVAILABLE = 14;
  const busy = { describe: true };
  const server = await startGrpcProxy({
    refuse: path => (busy.describe && path.endsWith('/DescribeNamespace') ? UNAVAILABLE : undefined),
  });
  const configuration = { connectionOptions: { address: server.address }, namespace: 'default' };
  const { temporal, replace } = await connectReplaceably({} as Keyring, configuration, WITHIN_MS);
  const described = temporal.connection.workflowService.describeNamespace({ namespace: 'default' });
  const refused = () => server.calls.filter(path => path.endsWith('/DescribeNamespace')).length;
  await until('it was refused', () => refused() > 0);
  await replace(configuration);
  const before = refused();
  await until('it was repeated', () => refused() > before);
  busy.describe = false;
  expect((await described).namespaceInfo?.name).toBe('default');
  await temporal.connection.close();
  await server.close();
});

test('the address is the default one if none is configured, so that a later one is known to be another', () => {
  const { connectionOptions } = temporalConfiguration({ TEMPORAL_API_KEY: 'key' });
  expect(connectionOptions.address).toBe('localhost:7233');
});
