/** The command that serves: all connections of the vault, until it is asked to end. */
import { setFlagsFromString } from 'node:v8';
import { NativeConnection } from '@temporalio/worker';
import { configuredKeyring, configuredRetention, configuredTaskQueue, configuredVault } from '../config';
import { connectTemporal, temporalConfig } from '../temporal/connect';
import { probeVault } from '../vault/probe';
import { startService } from '../worker';
import { EXIT, type Exit, tell } from './output';
import { installRuntime } from './quiet-logger';

/** Collects garbage early, in every thread: else a busy process keeps hundreds of megabytes of it, whatever the company. */
const HEAP_FLAGS = ['--heap-growing-percent=10', '--max-semi-space-size=4'];

export async function worker(): Promise<Exit> {
  const keyring = configuredKeyring();
  keyring.signingKey(); // without one no request could end
  const taskQueue = configuredTaskQueue();
  const retention = configuredRetention();
  const vault = await configuredVault(keyring);
  await probeVault(vault);
  for (const flag of HEAP_FLAGS) setFlagsFromString(flag);
  installRuntime();
  const temporal = await connectTemporal(keyring);
  const native = await NativeConnection.connect(temporalConfig().connectionOptions);
  const service = await startService({ native, temporal, taskQueue, keyring, vault, retention, log: tell });
  const asked = () => {
    tell('ending: steps in flight are finished');
    void service.stop().catch(() => {}); // `ended` tells it
  };
  process.once('SIGTERM', asked);
  process.once('SIGINT', asked);
  tell('ready');
  await service.ended;
  await native.close();
  await temporal.connection.close();
  return EXIT.done;
}
