/**
 * Payloads whose key the worker does not have: of somebody without a key, who may name any key, and of requests that are
 * ahead of the key file of the worker.
 */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time';
import { temporal } from '@temporalio/proto';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { createCompanySeed } from '../../sandbox';
import { historyFromJson } from '../../src/audit/history-json';
import { recordedOf } from '../../src/audit/recorded';
import { replay } from '../../src/audit/replay';
import { createDsrClient } from '../../src/client';
import { createDataConverter } from '../../src/encryption/data-converter';
import { rotateKeys } from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { CREDENTIALS_UPDATED } from '../../src/request/names';
import { historyOf, runAt } from '../../src/temporal/histories';
import { PATIENCE_MS, until } from '../support/patience';
import { environment, startTestService, type TestService } from '../support/service';

const SCHEDULE_ACTIVITY = temporal.api.enums.v1.CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK;
const subject = { email: 'zoe.nunez@example.com' };
/** Longer than a first task takes, shorter than the server's pause before the third. */
const WITHIN_MS = 2_000;

let service: TestService;
let workflowBundle: WorkflowBundleOption;
const keyFile = () => join(service.folder, 'keys.json');
beforeAll(async () => {
  const seed = { name: 'acme', seed: 4, contacts: 20, calls: 60, now: Date.now() };
  const own = readFileSync(environment('TEST_WORKFLOW_BUNDLE'), 'utf8');
  // The same workflows, which wait for seconds instead of a quarter of an hour.
  const code = own.replace('KEY_WITHIN_MS = 900_000', `KEY_WITHIN_MS = ${WITHIN_MS}`);
  if (code === own) throw new Error('the bundle does not have that time');
  workflowBundle = { code };
  service = await startTestService({ sandbox: { companies: [createCompanySeed(seed)] }, workflowBundle });
});
afterAll(async () => service.stop());

const idOf = (requestId: string) => `dsr:${service.connection}:access:${requestId}`;
const input = (requestId: string) => ({ requestId, connection: service.connection, subject, regime: 'gdpr' as const });

/** As somebody without a key sends it. */
function ofKey(id: string): Payload {
  return {
    metadata: { encoding: Buffer.from('binary/encrypted'), 'encryption-key-id': Buffer.from(id) },
    data: Buffer.alloc(60),
  };
}

async function startWith(workflowId: string, type: string, payload: Payload): Promise<void> {
  await service.temporal.workflowService.startWorkflowExecution({
    ...{ namespace: 'default', workflowId, workflowType: { name: type }, requestId: `forged ${workflowId}` },
    ...{ taskQueue: { name: service.taskQueue }, input: { payloads: [payload] } },
  });
}

const endOf = (workflowId: string) =>
  service.temporal.workflow
    .getHandle(workflowId)
    .result()
    .then(String, ({ cause }) => cause.type);

async function eventsOf(workflowId: string): Promise<temporal.api.history.v1.IHistoryEvent[]> {
  const { runId = '' } = (await runAt(service.temporal, workflowId)) ?? {};
  return (await historyOf(service.temporal, { workflowId, runId }))?.events ?? [];
}
const failedTasks = async (workflowId: string) =>
  (await eventsOf(workflowId)).filter(event => event.workflowTaskFailedEventAttributes);

async function pause(): Promise<void> {
  await service.connections.change(service.connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
}
async function resume(): Promise<void> {
  await service.connections.change(service.connection, ({ pausedAt: _, ...present }) => present);
}

it('a run with a key of nobody is tried again, then fails as unknown-key, and touches neither log nor readiness', async () => {
  const runs = [
    ['accessRequest', idOf('junk')],
    ['deletionRequest', idOf('junk-too').replace('access', 'deletion')],
    ['fetchPages', `${idOf('junk')}:pages:1`],
    ['renewCredential', `${service.taskQueue}/renewal/junk`],
  ] as const;
  for (const [type, workflowId] of runs) await startWith(workflowId, type, ofKey('k-of-nobody'));
  for (const [, workflowId] of runs) {
    expect(await endOf(workflowId)).toBe('unknown-key');
    expect((await failedTasks(workflowId)).length).toBeGreaterThan(0);
    const { startedAt, closedAt } = (await runAt(service.temporal, workflowId)) ?? {};
    expect((closedAt?.getTime() ?? 0) - (startedAt?.getTime() ?? 0)).toBeGreaterThanOrEqual(WITHIN_MS);
  }
  expect(service.problems()).toEqual([]);
  expect(service.log.join()).not.toContain('k-of-nobody');
});

it('an input that names its key by anything else than an id ends its run at once', async () => {
  await startWith(idOf('raw'), 'accessRequest', ofKey('\u001b[31mready\nanna@example.com'));
  expect(await endOf(idOf('raw'))).toBe('invalid-input');
  expect(await failedTasks(idOf('raw'))).toEqual([]);
  expect(service.problems()).toEqual([]);
  expect(service.log.join()).not.toContain('anna');
});

it('signals, updates and queries with a key of nobody hold up no request and no worker', async () => {
  await pause();
  const { workflowId } = await service.client.start('access', input('addressed'));
  await until('it waits', async () => (await service.client.status(workflowId)).waitingFor?.cause === 'paused');
  const { dueAt } = await service.client.status(workflowId);
  const { workflowService } = service.temporal;
  const at = { namespace: 'default', workflowExecution: { workflowId } };
  const payloads = [ofKey('k-of-nobody')];
  for (const signalName of ['credentialsUpdated', 'nonsense'])
    await workflowService.signalWorkflowExecution({ ...at, signalName, input: { payloads } });
  const { outcome } = await workflowService.updateWorkflowExecution({
    ...{ ...at, waitPolicy: { lifecycleStage: 3 } },
    request: { meta: { updateId: 'forged' }, input: { name: 'extend', args: { payloads } } },
  });
  expect(outcome?.failure?.applicationFailureInfo?.type).toBe('extension-refused');
  await workflowService.queryWorkflow({
    ...{ namespace: 'default', execution: { workflowId } },
    query: { queryType: 'status', queryArgs: { payloads } },
  });
  await resume();
  expect(await service.client.result(workflowId)).toMatchObject({ status: 'completed', dueAt });
  expect(await failedTasks(workflowId)).toEqual([]);
  expect(service.problems()).toEqual([]);
  expect(service.log.join()).not.toContain('k-of-nobody');
});

it('a step that somebody schedules with a key of nobody is refused, and not tried again', async () => {
  const { workflowService } = service.temporal;
  const workflowId = `${service.taskQueue}-outside`;
  const common = { namespace: 'default', taskQueue: { name: workflowId } };
  const workflowType = { name: 'theirs' };
  await workflowService.startWorkflowExecution({ ...common, workflowId, workflowType, requestId: workflowId });
  const { taskToken } = await service.temporal.connection.withDeadline(Date.now() + PATIENCE_MS, () =>
    workflowService.pollWorkflowTaskQueue(common),
  );
  const bound = ofKey('k-of-nobody');
  const context = Buffer.from(JSON.stringify([workflowId, '1']));
  const step = {
    ...{ activityId: '1', activityType: { name: 'openRequest' }, startToCloseTimeout: msToTs('1 minute') },
    taskQueue: { name: service.taskQueue },
    input: { payloads: [{ ...bound, metadata: { ...bound.metadata, 'encryption-context': context } }] },
  };
  await workflowService.respondWorkflowTaskCompleted({
    ...{ namespace: 'default', taskToken },
    commands: [{ commandType: SCHEDULE_ACTIVITY, scheduleActivityTaskCommandAttributes: step }],
  });
  const failures = async () =>
    (await eventsOf(workflowId)).flatMap(event => event.activityTaskFailedEventAttributes?.failure ?? []);
  await until('it has failed', async () => (await failures()).length > 0);
  expect((await failures()).map(({ applicationFailureInfo }) => applicationFailureInfo?.type)).toEqual([
    'payload-unusable',
  ]);
  expect(service.problems()).toEqual([]);
  await service.temporal.workflow.getHandle(workflowId).terminate();
});

async function verdictsOn(workflowId: string) {
  const run = await runAt(service.temporal, workflowId);
  if (run === undefined) throw new Error('there is no run');
  const codec = () => createPayloadCodec(service.keyring);
  return replay(recordedOf(service.temporal, [run]), { workflowBundle, codec });
}

it('what ended or went on like that replays', async () => {
  for (const requestId of ['junk', 'addressed'])
    expect(await verdictsOn(idOf(requestId))).toEqual([expect.objectContaining({ verdict: 'same', closed: true })]);
});

it('a request whose key came too late has a receipt and evidence that say so', async () => {
  const late = join(service.folder, 'keys-late.json');
  copyFileSync(keyFile(), late);
  const now = new Date();
  const { primary } = rotateKeys(late, { now, from: now });
  const keyring = loadKeyring(late);
  const temporal = new Client({ connection: service.temporal.connection, dataConverter: createDataConverter(keyring) });
  const starter = createDsrClient({ temporal, keyring, taskQueue: service.taskQueue });
  const { workflowId } = await starter.start('access', input('late'));
  await expect(starter.result(workflowId)).rejects.toMatchObject({ code: 'unknown-key' });
  expect(service.problems()).toEqual([]);
  const request = { connection: service.connection, kind: 'access', requestId: 'late' } as const;
  expect(await service.lateReceipts.of(request)).toBeUndefined();

  copyFileSync(late, keyFile());
  await until('the key is there', () => service.keyring.ids.includes(primary));
  const receipt = await service.lateReceipts.of(request);
  expect(receipt).toMatchObject({ status: 'failed', failure: 'unknown-key' });
  if (receipt === undefined) return;
  const history = (await service.evidence.of(receipt))?.get('history.json')?.toString() ?? '';
  expect(history).not.toContain(subject.email);
  const recorded = [{ name: 'late', history: historyFromJson(history) }];
  const same = [expect.objectContaining({ verdict: 'same', closed: true })];
  expect(await replay(recorded, { workflowBundle })).toEqual(same);
  expect(await verdictsOn(workflowId)).toEqual(same);
});

it('an open request waits for a key that was not copied yet, names it, and goes on when it is there', async () => {
  const [older, newer] = ['keys-older.json', 'keys-newer.json'].map(name => join(service.folder, name));
  copyFileSync(keyFile(), older ?? '');
  await pause();
  const now = new Date();
  const { primary } = rotateKeys(keyFile(), { now, from: now });
  copyFileSync(keyFile(), newer ?? '');
  await until('it encrypts with the new key', () => service.keyring.primaryId === primary);
  const { workflowId } = await service.client.start('access', input('ahead'));
  await until('it waits', async () => (await service.client.status(workflowId)).waitingFor?.cause === 'paused');

  await service.stopWorker();
  copyFileSync(older ?? '', keyFile());
  await until('the new key is missing', () => !service.keyring.ids.includes(primary));
  await service.startWorker();
  await service.temporal.workflow.getHandle(workflowId).signal(CREDENTIALS_UPDATED);
  await until('it is named', () => service.problems().length > 0);
  expect(service.problems()).toEqual([`key ${primary} is missing in the key file`]);
  expect(service.log.filter(line => line.includes(primary))).toHaveLength(1);
  await until('its task has failed', async () => (await failedTasks(workflowId)).length > 0);

  copyFileSync(newer ?? '', keyFile());
  await until('it is ready', () => service.problems().length === 0);
  await resume();
  expect(await service.client.result(workflowId)).toMatchObject({ status: 'completed' });
});
