/** The command that serves: all connections of the vault, until it is asked to end. */
import { NativeConnection } from '@temporalio/worker';
import { configuredKeyring, configuredTaskQueue, configuredVault } from '../config';
import { connectTemporal, temporalConfig } from '../temporal/connect';
import { probeVault } from '../vault/probe';
import { startService } from '../worker';
import { EXIT, type Exit, tell } from './output';
import { installRuntime } from './quiet-logger';

export async function worker(): Promise<Exit> {
  const keyring = configuredKeyring();
  const taskQueue = configuredTaskQueue();
  const vault = await configuredVault(keyring);
  await probeVault(vault);
  installRuntime();
  const temporal = await connectTemporal(keyring);
  const native = await NativeConnection.connect(temporalConfig().connectionOptions);
  const service = await startService({ native, temporal, taskQueue, keyring, vault, log: tell });
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
