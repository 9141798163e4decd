/**
 * The service's workflows and steps on the time-skipping server, for what takes hours or weeks. That server knows neither
 * queue limits nor search attributes' names, so that its workers are made here, without `startService`.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { startTimeSkippingServer } from '../../dev-server';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox';
import { createActivities, type RaisedAlarm, registered } from '../../src/activities';
import { createGates } from '../../src/activities/gates';
import { createServerTime } from '../../src/activities/server-time';
import { createAircallClient } from '../../src/aircall/client';
import { createDsrClient, type DsrClient } from '../../src/client';
import { createDataConverter } from '../../src/encryption/data-converter';
import { generateKeyFile } from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { createMediaClient } from '../../src/media/client';
import { apiTaskQueue, SEARCH_ATTRIBUTES } from '../../src/request/names';
import { createApprovers } from '../../src/vault/approvers';
import { createBrake } from '../../src/vault/brake';
import { type Cases, createCases } from '../../src/vault/cases';
import { type Connections, createConnections, nextCredentialVersion } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createReceipts, type Receipts } from '../../src/vault/receipts';
import { createVault } from '../../src/vault/vault';
import { makeFolder, removeFolder } from './folders';
import { environment, installRuntime } from './service';

const { IndexedValueType } = temporal.api.enums.v1;

export interface SkippingService {
  readonly sandbox: Sandbox;
  readonly client: DsrClient;
  readonly temporal: Client;
  readonly cases: Cases;
  readonly connections: Connections;
  readonly receipts: Receipts;
  /** What was told of due dates, and when (UNIX ms). */
  readonly alarms: (RaisedAlarm & { readonly atMs: number })[];
  /** Whether the webhook of alarms fails. */
  alarmsFail: boolean;
  /** How many alarms it failed for. */
  alarmsFailed: number;
  /** UNIX ms, with what has passed. */
  now(): number;
  /** Connects every company of the sandbox under its own name; again: with a further API key. */
  connect(company: string): Promise<void>;
  /** Lets time pass at once, as far as nothing is being done. */
  pass(days: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startSkippingService(options: SandboxOptions): Promise<SkippingService> {
  installRuntime();
  const env: TestWorkflowEnvironment = await startTimeSkippingServer();
  const searchAttributes = Object.fromEntries(
    Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [
      name,
      type === 'Keyword' ? IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD : IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    ]),
  );
  await env.connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes });
  const folder = makeFolder();
  const keyFile = join(folder, 'keys.json');
  generateKeyFile(keyFile, new Date());
  const keyring = loadKeyring(keyFile);
  const vault = createVault(createFolderDriver(join(folder, 'vault')), keyring);
  const connections = createConnections(vault);
  const sandbox = await startSandbox(options);
  const dataConverter = createDataConverter(keyring);
  const client = new Client({ connection: env.connection, dataConverter });
  const taskQueue = `t${randomBytes(5).toString('hex')}`;
  const aircall = createAircallClient();
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const cases = createCases(vault);
  const receipts = createReceipts({ vault, keyring, now });
  const alarms: SkippingService['alarms'] = [];
  const { api, local } = createActivities({
    connections,
    cases,
    approvers: createApprovers(vault),
    brake: createBrake(vault),
    receipts,
    aircall,
    media: createMediaClient({ hosts: [] }),
    signingKey: keyring.signingKey,
    gates: createGates(),
    takePermit: async () => 0,
    workflows: 'c'.repeat(64),
    onRateLimit: async () => {},
    hash: keyring.hash,
    serverTime: createServerTime(() => performance.now()),
    elapsedMs: () => performance.now(),
    random: () => 0.999,
    onAnswer() {},
    onRefused() {},
    alarms: {
      log() {},
      async send(alarm) {
        if (service.alarmsFail) {
          service.alarmsFailed += 1;
          throw new Error('the webhook is down');
        }
        alarms.push({ ...alarm, atMs: await env.currentTimeMs() });
      },
    },
    onEnded() {},
    isOpen: async () => false,
    isKnown: async () => false,
    wake: async () => {},
  });
  const common = { connection: env.nativeConnection, dataConverter };
  const workers = [
    await Worker.create({
      ...common,
      taskQueue,
      workflowBundle: { codePath: environment('TEST_WORKFLOW_BUNDLE') },
      activities: registered(local),
    }),
    ...(await Promise.all(
      sandbox.companies.map(({ name }) =>
        Worker.create({ ...common, taskQueue: apiTaskQueue(taskQueue, name), activities: registered(api) }),
      ),
    )),
  ];
  const running = workers.map(worker => worker.run());

  const service: SkippingService = {
    sandbox,
    client: createDsrClient({ temporal: client, keyring, taskQueue }),
    temporal: client,
    cases,
    connections,
    receipts,
    alarms,
    alarmsFail: false,
    alarmsFailed: 0,
    now,
    async connect(name) {
      const present = await connections.get(name);
      const company = sandbox.company(name);
      const key = present === undefined ? { apiId: company.apiId, apiToken: company.apiToken } : company.issueApiKey();
      await connections.put(
        {
          name,
          baseUrl: sandbox.baseUrl,
          limitPerMinute: 10_000,
          share: 0.75,
          credential: { kind: 'api-key', ...key },
          credentialVersion: nextCredentialVersion(present?.value, Date.now()),
          connectedAt: new Date().toISOString(),
          incarnation: 1,
        },
        present?.version,
      );
    },
    async pass(days) {
      await env.sleep(days * 86_400_000);
      aheadMs = (await env.currentTimeMs()) - Date.now();
    },
    async stop() {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
      aircall.close();
      await sandbox.close();
      await env.teardown();
      removeFolder(folder);
    },
  };
  for (const { name } of sandbox.companies) await service.connect(name);
  return service;
}
