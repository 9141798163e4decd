/** What is recorded: each way in which a workflow of ours can go, under a name that its history has too. */
import { join } from 'node:path';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { z } from 'zod';
import { createCompanySeed, OAUTH_CLIENT } from '../../sandbox';
import { DsrError } from '../../src/client';
import { inputFor, taken } from '../../src/request/addressed';
import { receivedShape } from '../../src/request/contracts';
import { RENEWAL_WORKFLOW, RETENTION_WORKFLOW, wakeId } from '../../src/request/names';
import { countWaiting, wakeWaiting } from '../../src/temporal/waiting';
import { type Connection, type Credential, nextCredentialVersion } from '../../src/vault/connections';
import { createApprover } from '../support/approvers';
import { until } from '../support/patience';
import { startTestService, type TestService } from '../support/service';

interface Scenario {
  /** Makes it happen, and answers the workflow id. */
  readonly run: (service: TestService, name: string) => Promise<string>;
  /** An event that its history ends with, or goes through. */
  readonly ends: string;
  /** What must not be in a history that was made portable. */
  readonly personal?: readonly string[];
  /** Whether calls of its company have recordings and voicemails. */
  readonly audio?: boolean;
}

export const HISTORIES = join(__dirname, 'histories');
/** The request itself is 0, its children follow. */
export const pathOf = (name: string, index: number) => join(HISTORIES, `${name}.${index}.json`);

const PHONE = '+33612345678';

type Kind = 'access' | 'deletion';
type More = Readonly<Record<string, unknown>>;

async function start(
  service: TestService,
  name: string,
  kind: Kind,
  more: More = {},
  policy: Partial<Connection> = {},
): Promise<string> {
  const connection = await service.connectCompany(name);
  await service.connections.change(connection, present => ({ ...present, ...policy }));
  const subject = { email: service.sandbox.company(name).truth.subjectEmail };
  const { workflowId } = await service.client.start(kind, {
    requestId: name,
    connection,
    subject,
    ...(kind === 'deletion' && { settleSeconds: 0 }),
    ...more,
  });
  return workflowId;
}

/** Starts a request and waits for the end that it is meant to have. */
const request = (
  kind: Kind,
  status: string,
  more: More = {},
  prepare: (service: TestService, name: string) => void = () => {},
): Scenario => ({
  async run(service, name) {
    prepare(service, name);
    const workflowId = await start(service, name, kind, more);
    const result = await service.client.result(workflowId);
    service.sandbox.setFaults(undefined);
    if (result.status !== status) throw new Error(`it ended as ${result.status}`);
    return workflowId;
  },
  ends: 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
  personal: ['zoe.nunez@example.com'],
});

/** Within the workflow task its first step fails, or gets no answer in time: it is taken again as an activity. */
const vault = (is: 'slow' | 'down'): Scenario => ({
  ...request('access', 'completed'),
  async run(service, name) {
    const { cases } = service;
    const { open } = cases;
    let isFirst = true;
    let takenAgain = () => {};
    const untilTakenAgain = new Promise<void>(resolve => {
      takenAgain = resolve;
    });
    cases.open = async record => {
      if (!isFirst) {
        takenAgain();
        return open(record);
      }
      isFirst = false;
      if (is === 'slow') await untilTakenAgain;
      throw new Error('the vault gave no answer');
    };
    try {
      return await request('access', 'completed').run(service, name);
    } finally {
      cases.open = open;
    }
  },
});

const untilWaiting = (service: TestService, workflowId: string, cause: string) =>
  until(`it waits for ${cause}`, async () => (await service.client.status(workflowId)).waitingFor?.cause === cause);

/** An access request that waits because its connection is paused. */
async function startPaused(service: TestService, name: string) {
  const connection = await service.connectCompany(name);
  await service.connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
  const subject = { email: service.sandbox.company(name).truth.subjectEmail };
  const { workflowId } = await service.client.start('access', { requestId: name, connection, subject });
  await untilWaiting(service, workflowId, 'paused');
  return { connection, workflowId };
}

const faults = (rule: More) => (service: TestService, name: string) =>
  service.sandbox.setFaults({ rules: [{ company: name, action: 'status', status: 404, ...rule }] });

const becomesOverdue: Scenario = {
  ...request('access', 'completed'),
  async run(service, name) {
    const connection = await service.connectCompany(name);
    await service.connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
    const subject = { email: service.sandbox.company(name).truth.subjectEmail };
    const submittedAt = new Date(Date.now() - 45 * DAYS_MS + 4_000).toISOString();
    const input = { requestId: name, connection, subject, regime: 'ccpa' as const, submittedAt };
    const { workflowId } = await service.client.start('access', input);
    await until('it is overdue', async () => (await service.client.status(workflowId)).alarm === 'overdue');
    await service.connections.change(connection, ({ pausedAt: _, ...present }) => present);
    await wakeWaiting(service.temporal, service.taskQueue, connection);
    await service.client.result(workflowId);
    return workflowId;
  },
};

const extended: Scenario = {
  ...request('access', 'completed'),
  async run(service, name) {
    const connection = await service.connectCompany(name);
    await service.connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
    const subject = { email: service.sandbox.company(name).truth.subjectEmail };
    const submittedAt = new Date(Date.now() - 40 * DAYS_MS).toISOString();
    const input = { requestId: name, connection, subject, regime: 'ccpa' as const, submittedAt };
    const { workflowId } = await service.client.start('access', input);
    await untilWaiting(service, workflowId, 'paused');
    await until('a worker took the extension', async () => {
      try {
        await service.client.extend(workflowId, { reason: 'complexity' });
        return true;
      } catch (error) {
        if (error instanceof DsrError && error.code === 'no-worker') return false; // within ten seconds; the same again changes nothing
        throw error;
      }
    });
    await service.connections.change(connection, ({ pausedAt: _, ...present }) => present);
    await wakeWaiting(service.temporal, service.taskQueue, connection);
    await service.client.result(workflowId);
    return workflowId;
  },
};

/** The name of a person. */
const APPROVER = 'ada-lovelace';

/** Signed by two, with the first step that judges it taken again as an activity. */
const approved: Scenario = {
  ...request('deletion', 'completed', { requireApproval: true }),
  async run(service, name) {
    const [first, second] = [createApprover(APPROVER), createApprover('ben')];
    const addedAt = new Date().toISOString();
    for (const each of [first, second])
      await service.approvers.add({ name: each.name, publicKey: each.publicKey, addedAt });
    const workflowId = await start(service, name, 'deletion', {}, { approvals: 2 });
    await untilWaiting(service, workflowId, 'approval');
    const { planDigest = '' } = await service.client.status(workflowId);
    const { list } = service.approvers;
    let isFirst = true;
    service.approvers.list = () => {
      if (!isFirst) return list();
      isFirst = false;
      throw new Error('the vault gave no answer');
    };
    for (const { sign } of [first, second]) {
      const decisions = { 'contact 1': 'take' } as const;
      await service.client.approve(workflowId, sign({ workflowId, planDigest, decisions, at: addedAt }));
    }
    service.approvers.list = list;
    await service.client.result(workflowId);
    for (const each of [first, second]) await service.approvers.remove(each.name, 0);
    return workflowId;
  },
  personal: ['zoe.nunez@example.com', APPROVER],
};

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'access-completed': request('access', 'completed'),
  'access-with-numbers': {
    ...request('access', 'completed', { subject: { email: 'zoe.nunez@example.com', phoneNumbers: [PHONE] } }),
    personal: ['zoe.nunez@example.com', PHONE],
  },
  'access-no-match': request('access', 'no-match', { subject: { email: 'nobody@example.com' } }),
  'access-partial': request('access', 'partial', {}, faults({ path: '/calls/search', times: 1 })),
  'access-failed': request('access', 'failed', {}, faults({ path: '/contacts/search' })),
  'access-retried': request('access', 'completed', {}, faults({ status: 503, times: 2 })),
  'access-company-with-children': request('access', 'completed', { calls: 'company' }),
  'access-cancelled': {
    ...request('access', 'cancelled'),
    async run(service, name) {
      faults({ status: 503 })(service, name);
      const workflowId = await start(service, name, 'access');
      await until('it is under way', () => service.sandbox.company(name).requests().length > 0);
      await service.client.cancel(workflowId);
      await service.client.result(workflowId);
      service.sandbox.setFaults(undefined);
      return workflowId;
    },
  },
  'access-invalid-input': {
    async run(service, name) {
      const connection = await service.connectCompany(name);
      const workflowId = `dsr:${connection}:access:${name}`;
      const { taskQueue } = service;
      const handle = await service.temporal.workflow.start('accessRequest', {
        taskQueue,
        workflowId,
        args: [{ connection }],
      });
      await handle.result().catch(() => {});
      return workflowId;
    },
    ends: 'EVENT_TYPE_WORKFLOW_EXECUTION_FAILED',
  },
  'access-waited-for-credentials': {
    ...request('access', 'completed'),
    async run(service, name) {
      const company = service.sandbox.company(name);
      const workflowId = await (async () => {
        service.sandbox.setFaults({ rules: [{ company: name, requests: 2, action: 'revoke' }] });
        return start(service, name, 'access');
      })();
      await untilWaiting(service, workflowId, 'credentials');
      const connection = await service.connectCompany(name, { kind: 'api-key', ...company.issueApiKey() });
      await wakeWaiting(service.temporal, service.taskQueue, connection);
      await service.client.result(workflowId);
      service.sandbox.setFaults(undefined);
      return workflowId;
    },
  },
  'access-with-audio': { ...request('access', 'completed', { include: ['recordings', 'voicemails'] }), audio: true },
  // More than a history of the request itself should hold: a child fetches them.
  'access-with-transcripts': { ...request('access', 'completed', { include: ['transcripts'] }), audio: true },
  'access-not-entitled': {
    ...request('access', 'completed', { include: ['transcripts', 'insights'] }),
    audio: true,
  },
  'access-overdue': {
    ...request('access', 'completed', { regime: 'gdpr', submittedAt: '2026-01-31' }),
    async run(service, name) {
      faults({ status: 503, times: 1 })(service, name);
      const workflowId = await start(service, name, 'access', { regime: 'gdpr', submittedAt: '2026-01-31' });
      await service.client.result(workflowId);
      service.sandbox.setFaults(undefined);
      return workflowId;
    },
  },
  'access-becomes-overdue': becomesOverdue,
  // Since alarms are a search attribute too.
  'access-becomes-overdue-told': becomesOverdue,
  'access-token-refreshed': {
    ...request('access', 'completed'),
    async run(service, name) {
      const company = service.sandbox.company(name);
      company.behave({ refreshGrant: true });
      const connection = await service.connectCompany(name, await authorize(service, name));
      service.sandbox.setFaults({ rules: [{ company: name, requests: 2, action: 'status', status: 401 }] });
      const subject = { email: company.truth.subjectEmail };
      const { workflowId } = await service.client.start('access', { requestId: name, connection, subject });
      await service.client.result(workflowId);
      service.sandbox.setFaults(undefined);
      return workflowId;
    },
  },
  'access-extended': extended,
  'access-extended-told': extended,
  'access-paused-and-told': {
    ...request('access', 'completed'),
    async run(service, name) {
      const { connection, workflowId } = await startPaused(service, name);
      await service.temporal.workflow.getHandle(workflowId).signal('credentialsUpdated'); // news that is none
      await service.connections.change(connection, ({ pausedAt: _, ...present }) => present);
      await service.temporal.workflow.getHandle(workflowId).signal('credentialsUpdated');
      await service.client.result(workflowId);
      return workflowId;
    },
  },
  'deletion-completed': request('deletion', 'completed'),
  'deletion-no-match': request('deletion', 'no-match', { subject: { email: 'nobody@example.com' } }),
  'deletion-dry-run': request('deletion', 'planned', { dryRun: true }),
  'deletion-refused': request('deletion', 'partial', {}, (service, name) => {
    const company = service.sandbox.company(name);
    company.behave({ refuseContacts: [...company.truth.contactIds] });
  }),
  'deletion-search-lags': request('deletion', 'completed', {}, (service, name) => {
    service.sandbox.company(name).behave({ searchLagMs: 3_000 });
  }),
  'deletion-cancelled': {
    ...request('deletion', 'cancelled'),
    async run(service, name) {
      const workflowId = await start(service, name, 'deletion', { settleSeconds: 600 });
      await untilWaiting(service, workflowId, 'settle');
      await service.client.cancel(workflowId);
      await service.client.result(workflowId);
      return workflowId;
    },
  },
  'deletion-residual': {
    ...request('deletion', 'partial'),
    async run(service, name) {
      const workflowId = await start(service, name, 'deletion', { settleSeconds: 3 });
      await untilWaiting(service, workflowId, 'settle');
      faults({ path: '/contacts/search' })(service, name);
      await service.client.result(workflowId);
      service.sandbox.setFaults(undefined);
      return workflowId;
    },
  },
  'deletion-at-its-deadline': {
    ...request('deletion', 'partial'),
    async run(service, name) {
      const [first = 0] = service.sandbox.company(name).truth.contactIds;
      faults({ method: 'DELETE', path: `/${first}$`, status: 503 })(service, name);
      const deadlineDays = 0.04; // the least that there can be
      let workflowId = '';
      await withEarlierOpening(service, deadlineDays * DAYS_MS - 5_000, async () => {
        workflowId = await start(service, name, 'deletion', { deadlineDays });
        await service.client.result(workflowId);
      });
      service.sandbox.setFaults(undefined);
      return workflowId;
    },
  },
  'deletion-after-access': {
    ...request('deletion', 'completed'),
    async run(service, name) {
      faults({ path: '/calls/search', status: 503 })(service, name);
      const access = await start(service, name, 'access');
      await until('it is under way', () => service.sandbox.company(name).requests().length > 1);
      const workflowId = await start(service, name, 'deletion');
      await untilWaiting(service, workflowId, 'access-request');
      await service.client.cancel(access);
      await service.client.result(workflowId);
      service.sandbox.setFaults(undefined);
      return workflowId;
    },
  },
  'deletion-approved': approved,
  'access-denied': {
    ...request('access', 'denied', { requireApproval: true }),
    async run(service, name) {
      const workflowId = await start(service, name, 'access', { requireApproval: true });
      await untilWaiting(service, workflowId, 'approval');
      const { planDigest = '' } = await service.client.status(workflowId);
      await service.client.reject(workflowId, { planDigest, reason: 'not-hers', by: APPROVER });
      await service.client.result(workflowId);
      return workflowId;
    },
    personal: ['zoe.nunez@example.com', APPROVER],
  },
  'deletion-braked': {
    ...request('deletion', 'completed'),
    async run(service, name) {
      const connection = await service.connectCompany(name);
      await service.brake.take(connection, 1, 2, Date.now() - DAYS_MS + 4_000);
      const workflowId = await start(service, name, 'deletion', {}, { deletionsPerDay: 2 });
      await untilWaiting(service, workflowId, 'daily-brake');
      await service.client.result(workflowId);
      return workflowId;
    },
  },
  'renewal-in-vain': {
    async run(service, name) {
      const connection = await service.connectCompany(name);
      const failedVersion = nextCredentialVersion(undefined, 1) + 1;
      const workflowId = `${service.taskQueue}/renewal/${connection}`;
      const handle = await service.temporal.workflow.start(RENEWAL_WORKFLOW, {
        taskQueue: service.taskQueue,
        workflowId,
        args: [{ workflowId, connection, failedVersion, renewAt: new Date().toISOString() }],
      });
      await handle.result();
      return workflowId;
    },
    ends: 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
  },
  'requests-woken': {
    async run(service, name) {
      const { connection, workflowId } = await startPaused(service, name);
      const count = () => countWaiting(service.temporal, service.taskQueue, connection, new Date());
      await until('it is listed as waiting', async () => (await count()) > 0);
      await service.connections.change(connection, ({ pausedAt: _, ...present }) => present);
      await wakeWaiting(service.temporal, service.taskQueue, connection);
      await service.client.result(workflowId);
      const woke = wakeId(service.taskQueue, connection);
      await service.temporal.workflow.getHandle(woke).result();
      return woke;
    },
    ends: 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
  },
  'retention-sweep-with-evidence': {
    async run(service, name) {
      const workflowId = await start(service, name, 'access');
      await service.client.result(workflowId);
      const { taskQueue } = service;
      const sweep = `${taskQueue}/sweep-with-evidence`;
      const handle = await service.temporal.workflow.start(RETENTION_WORKFLOW, { taskQueue, workflowId: sweep });
      await handle.result();
      return sweep;
    },
    ends: 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
  },
  'retention-sweep': {
    async run(service) {
      const { taskQueue } = service;
      const workflowId = `${taskQueue}/sweep`;
      const handle = await service.temporal.workflow.start(RETENTION_WORKFLOW, { taskQueue, workflowId });
      await handle.result();
      return workflowId;
    },
    ends: 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
  },
  'access-vault-slow': vault('slow'),
  'access-vault-down': vault('down'),
};

const DAYS_MS = 86_400_000;

/** As `connect --oauth` does. */
async function authorize({ sandbox }: TestService, name: string): Promise<Credential> {
  const [client_id, client_secret] = [OAUTH_CLIENT.id, OAUTH_CLIENT.secret];
  const code = sandbox.company(name).mintOauthCode();
  const body = { client_id, client_secret, grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI };
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${sandbox.baseUrl}/oauth/token`, { method: 'POST', headers, body: JSON.stringify(body) });
  const token = z.object({ access_token: z.string(), refresh_token: z.string() }).parse(await reply.json());
  const refresh = { refreshToken: token.refresh_token, clientId: client_id, clientSecret: client_secret };
  return { kind: 'oauth', accessToken: token.access_token, refresh };
}

const REDIRECT_URI = 'https://example.com/callback';

/** By a worker for which requests were opened so much earlier: their deadlines are nearer. */
async function withEarlierOpening(service: TestService, earlierMs: number, work: () => Promise<void>): Promise<void> {
  const earlier = (message: unknown) => {
    const [received] = inputFor('openRequest', message) ?? [];
    if (!receivedShape(received)) return message;
    const openedAt = new Date(Date.parse(received.openedAt) - earlierMs).toISOString();
    return taken('openRequest', [{ ...received, openedAt }]);
  };
  const interceptor: ActivityInterceptorsFactory = () => ({
    inbound: { execute: (step, next) => next({ ...step, args: step.args.map(earlier) }) },
  });
  await service.withoutWorker(() => service.withAnotherWorker(work, undefined, interceptor));
}

export function startScenarios(): Promise<TestService> {
  const companies = Object.entries(SCENARIOS).map(([name, { audio = false }], seed) => ({
    ...createCompanySeed({
      ...{ name, seed, contacts: 20, audio, now: Date.now() },
      calls: name.includes('children') ? 1_300 : 170,
    }),
    behaviour: { intelligence: name !== 'access-not-entitled' },
  }));
  const [first] = companies;
  return startTestService({
    sandbox: { companies },
    company: first?.name ?? '',
    retention: { requestMs: 30 * DAYS_MS, packageMs: 30 * DAYS_MS },
  });
}

/** All that a history says, its payloads too, which JSON holds in base64. */
export function readableIn(text: string): string {
  const payloads = [...text.matchAll(/"data": "([A-Za-z0-9+/=]+)"/g)].map(match => match[1] ?? '');
  return [text, ...payloads.map(data => Buffer.from(data, 'base64').toString())].join('\n');
}
