/** A key is replaced while requests run: none of them notices, and what was recorded before replays with the keys of after. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { ReplayError, Worker } from '@temporalio/worker';
import { createCompanySeed } from '../../sandbox';
import { createDsrClient } from '../../src/client';
import { createDataConverter } from '../../src/encryption/data-converter';
import { destroyKeys, listKeys, rotateKeys } from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { childrenOf, keyIdsOf, runsAt } from '../../src/temporal/histories';
import { until } from '../support/patience';
import { environment, startTestService, type TestService } from '../support/service';

const EMAIL = 'zoe.nunez@example.com';
const REQUESTS = 3;
const ROTATIONS = 3;

let service: TestService;
const keyFile = () => join(service.folder, 'keys.json');
beforeAll(async () => {
  const seed = { name: 'acme', seed: 3, contacts: 20, calls: 900, now: Date.now() };
  service = await startTestService({ shares: true, sandbox: { companies: [createCompanySeed(seed)] } });
});
afterAll(async () => service.stop());

function atOnce() {
  const now = new Date();
  return { now, from: now };
}

const access = (requestId: string) =>
  service.client.start('access', {
    requestId,
    connection: service.connection,
    subject: { email: EMAIL },
    calls: 'company',
  });

async function keysOfRequest(workflowId: string): Promise<string[]> {
  const ids = new Set<string>();
  const runs = await runsAt(service.temporal, workflowId);
  const children = await Promise.all(runs.map(run => childrenOf(service.temporal, run)));
  for (const run of [...runs, ...children.flat()]) for (const id of await keyIdsOf(service.temporal, run)) ids.add(id);
  return [...ids];
}

test('requests that run across rotations complete, and their histories replay', async () => {
  // One API request in ten fails, so that each request is under way for longer than a rotation.
  service.sandbox.setFaults({ seed: 7, rules: [{ action: 'status', status: 503, probability: 0.1 }] });
  const begun = await Promise.all(Array.from({ length: REQUESTS }, (_, number) => access(`across-${number}`)));
  for (let rotation = 1; rotation <= ROTATIONS; rotation += 1) {
    const { primary } = rotateKeys(keyFile(), atOnce());
    await until('the worker encrypts with the new key', () => service.keyring.primaryId === primary);
  }
  const results = await Promise.all(begun.map(({ workflowId }) => service.client.result(workflowId)));
  service.sandbox.setFaults(undefined);
  expect(results.map(({ status }) => status)).toEqual(begun.map(() => 'completed'));
  for (const result of results) expect((await service.packageOf(result)).length).toBe(result.package?.sizeBytes);

  const keys = await Promise.all(begun.map(({ workflowId }) => keysOfRequest(workflowId)));
  expect(keys.filter(ids => ids.length > 1)).not.toEqual([]);
  const afterwards = loadKeyring(keyFile());
  expect(afterwards.ids).toHaveLength(ROTATIONS + 1);
  for (const { workflowId } of begun) {
    const history = await service.temporal.workflow.getHandle(workflowId).fetchHistory();
    await Worker.runReplayHistory(
      {
        workflowBundle: { codePath: environment('TEST_WORKFLOW_BUNDLE') },
        dataConverter: createDataConverter(afterwards),
      },
      history,
      workflowId,
    );
  }
});

test('a starter whose key file is older than the worker’s reads what the worker sends until the new key begins', async () => {
  const older = join(service.folder, 'keys-older.json');
  copyFileSync(keyFile(), older);
  const now = new Date();
  const from = new Date(now.getTime() + 3_600_000);
  const { keys } = rotateKeys(keyFile(), { now, from });
  const next = keys.at(-1)?.id ?? '';
  await until('the worker has the new key', () => service.keyring.ids.includes(next));
  const keyring = loadKeyring(older);
  const temporal = new Client({
    connection: service.temporal.connection,
    dataConverter: createDataConverter(keyring),
  });
  const starter = createDsrClient({ temporal, keyring, taskQueue: service.taskQueue });
  const { workflowId } = await starter.start('access', {
    requestId: 'older-file',
    connection: service.connection,
    subject: { email: EMAIL },
  });
  expect((await starter.result(workflowId)).status).toBe('completed');
  expect(keyring.ids).not.toContain(next);
  expect(await keysOfRequest(workflowId)).toEqual([keyring.primaryId]);
});

test('a history does not replay without the key that it was encrypted with', async () => {
  const { workflowId } = await access('before');
  await service.client.result(workflowId);
  const [old = ''] = await keysOfRequest(workflowId);
  const times = atOnce();
  const { now } = times;
  rotateKeys(keyFile(), times);
  destroyKeys(keyFile(), [old], now);
  expect(listKeys(keyFile(), now).keys.map(({ id }) => id)).not.toContain(old);
  const history = await service.temporal.workflow.getHandle(workflowId).fetchHistory();
  const replayed = Worker.runReplayHistory(
    {
      workflowBundle: { codePath: environment('TEST_WORKFLOW_BUNDLE') },
      dataConverter: createDataConverter(loadKeyring(keyFile())),
    },
    history,
    workflowId,
  );
  await expect(replayed).rejects.toThrow(ReplayError);
});
