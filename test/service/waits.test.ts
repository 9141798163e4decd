/**
 * Requests that wait, for whatever cause: who changes what they wait for wakes them, what nobody signalled they find by
 * themselves, and neither a long wait nor a flood of signals costs anything worth speaking of. Each service of this file either
 * looks by itself after an hour only, so that a signal is what ends a wait, or soon, and then nobody signals.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { temporal } from '@temporalio/proto';
import { findFreePort, startDevServer } from '../../dev-server';
import { createCompanySeed } from '../../sandbox';
import { CREDENTIALS_UPDATED, SEARCH_ATTRIBUTES, WAKE_WORKFLOW, wakeId } from '../../src/request/names';
import { sideBySide } from '../../src/side-by-side';
import { signalNews, wakeWaiting } from '../../src/temporal/waiting';
import type { Connection } from '../../src/vault/connections';
import { allDue } from '../support/due';
import { makeFolder } from '../support/folders';
import { until } from '../support/patience';
import { installRuntime, startTestService, type TestService } from '../support/service';

const NAMES = [
  'worker',
  'died',
  'pages',
  'flood',
  'early',
  'reset',
  'policy',
  'idle',
  'ordered',
  'given-up',
  'lost',
  'ended',
  'server',
];
const companies = NAMES.map((name, seed) => createCompanySeed({ name, seed, contacts: 5, calls: 20, now: Date.now() }));
const HOUR_MS = 3_600_000;
const BY_SIGNAL = { firstMs: HOUR_MS, mostMs: HOUR_MS };
const BY_ITSELF = { firstMs: 100, mostMs: 200 };
/** Longer than a test: then a worker notices no change of a connection. */
const NEVER_MS = HOUR_MS;

type Event = temporal.api.history.v1.IHistoryEvent;

async function eventsOf({ temporal }: TestService, workflowId: string): Promise<Event[]> {
  return (await temporal.workflow.getHandle(workflowId).fetchHistory()).events ?? [];
}

const signalsIn = (events: readonly Event[]) =>
  events.filter(({ workflowExecutionSignaledEventAttributes: signal }) => signal);
const looksIn = (events: readonly Event[], step: string) =>
  events.filter(({ activityTaskScheduledEventAttributes: look }) => look?.activityType?.name === step);

async function start(service: TestService, kind: 'access' | 'deletion', name: string, requestId: string) {
  const connection = `${service.connection}-${name}`;
  const subject = { email: service.sandbox.company(name).truth.subjectEmail };
  const more = kind === 'deletion' ? { settleSeconds: 0 } : { include: [] };
  return (await service.client.start(kind, { requestId, connection, subject, ...more })).workflowId;
}

const untilWaiting = ({ client }: TestService, workflowId: string, cause: string) =>
  until(`it waits for ${cause}`, async () => {
    const { status, waitingFor } = await client.status(workflowId);
    return status === 'waiting' && waitingFor?.cause === cause;
  });

/** Its step has looked and found nothing: from now on it waits for its next look. */
const untilLooked = ({ temporal }: TestService, workflowId: string) =>
  until('it has looked', async () => {
    const { raw } = await temporal.workflow.getHandle(workflowId).describe();
    return (raw.pendingActivities ?? []).some(({ lastFailure }) => lastFailure);
  });

/** Visibility is some moments behind. */
const untilListed = ({ client }: TestService, connection: string, count: number) =>
  until(`${count} are listed as waiting`, async () => {
    const listed = await client.list({ connection });
    return listed.filter(({ status }) => status === 'waiting').length === count;
  });

const pause = (present: Connection) => ({ ...present, pausedAt: new Date().toISOString() });
const resume = ({ pausedAt: _, ...present }: Connection) => present;
const statusOf = async ({ client }: TestService, workflowId: string) => (await client.result(workflowId)).status;

describe('where only a signal can end a wait in time', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ sandbox: { companies }, company: 'idle', waitDelays: BY_SIGNAL });
  });
  afterEach(() => service.sandbox.setFaults(undefined));
  afterAll(async () => service.stop());

  /** A paused connection, and requests that wait for it. */
  async function paused(name: string, count = 1) {
    const connection = await service.connectCompany(name);
    await service.connections.change(connection, pause);
    const numbers = Array.from({ length: count }, (_, number) => number);
    const ids = await sideBySide(numbers, 8, number => start(service, 'access', name, `r-${number}`));
    for (const id of ids) await untilWaiting(service, id, 'paused');
    for (const id of ids) await untilLooked(service, id);
    await untilListed(service, connection, count);
    return { connection, ids, id: ids[0] ?? '' };
  }

  /** By hand, because what a command does beside it is not the point here. */
  const wake = (connection: string) => wakeWaiting(service.temporal, service.taskQueue, connection);

  test('a look that fails, as when the vault is down, is repeated as rarely as one that finds nothing', async () => {
    const { id } = await paused('policy');
    const [look] = looksIn(await eventsOf(service, id), 'awaitResumption');
    const { retryPolicy } = look?.activityTaskScheduledEventAttributes ?? {};
    const { initialInterval, backoffCoefficient, maximumInterval } = retryPolicy ?? {};
    const seconds = [initialInterval, maximumInterval].map(interval => Number(interval?.seconds));
    expect([...seconds, backoffCoefficient]).toEqual([8, 3600, 4]);
    await service.client.cancel(id);
  });

  test('what is changed and signalled while no worker runs is found by the next one', async () => {
    const { connection, id } = await paused('worker');
    await service.withoutWorker(async () => {
      await service.connections.change(connection, resume);
      expect(await wake(connection)).toBe(1);
    });
    expect(await statusOf(service, id)).toBe('completed');
  });

  test('a worker wakes them where whoever changed the connection died before it could', async () => {
    const { connection, id } = await paused('died');
    const polls = jest.spyOn(service.connections, 'names');
    await until('a poll of the worker has seen the pause', () => polls.mock.calls.length > 1); // one ends before the next
    polls.mockRestore();
    await service.connections.change(connection, resume);
    expect(await statusOf(service, id)).toBe('completed');
    await service.temporal.workflow.getHandle(wakeId(service.taskQueue, connection)).result();
  });

  test('more than a page are woken in one step, also if its worker is stopped in between; the run is destroyed like others', async () => {
    const { connection, ids } = await paused('pages', 80);
    const handle = service.temporal.workflow.getHandle(wakeId(service.taskQueue, connection));
    await service.withoutWorker(async () => {
      await service.connections.change(connection, resume);
      expect(await wake(connection)).toBe(80);
    });
    await until('a page is woken', async () => {
      const { raw } = await handle.describe();
      return (raw.pendingActivities?.[0]?.attempt ?? 0) > 1;
    });
    await handle.signal(CREDENTIALS_UPDATED); // the connection has changed again meanwhile
    await service.withoutWorker(async () => {});
    for (const id of ids) expect(await statusOf(service, id)).toBe('completed');
    await handle.result();
    const events = (await handle.fetchHistory()).events ?? [];
    expect(looksIn(events, 'wakeWaiting')).toHaveLength(2);
    const [attempt] = events.flatMap(event => event.activityTaskStartedEventAttributes ?? []);
    expect(attempt?.attempt).toBeGreaterThanOrEqual(4);

    const { runId } = await handle.describe();
    await until('retention finds the run', async () => {
      const due = await allDue(service, { requestMs: 1, packageMs: 1 }, Date.now() + HOUR_MS);
      return due.some(({ item }) => 'run' in item && item.run.runId === runId);
    });
  });

  test('a flood of signals causes few looks, and few lists', async () => {
    const { connection, id } = await paused('flood');
    const numbers = Array.from({ length: 300 }, (_, number) => number);
    await sideBySide(numbers, 16, () => signalNews(service.temporal, id));
    await sideBySide(numbers, 16, () => wake(connection));
    const events = await eventsOf(service, id);
    const signals = signalsIn(events);
    expect(signals.length).toBeGreaterThanOrEqual(numbers.length);
    const seconds = Number(signals.at(-1)?.eventTime?.seconds) - Number(signals[0]?.eventTime?.seconds) + 1;
    // Every two seconds, besides the first one and one that is due.
    expect(looksIn(events, 'awaitResumption').length).toBeLessThanOrEqual(2 + Math.ceil(seconds / 2));

    const woke = await eventsOf(service, wakeId(service.taskQueue, connection));
    const from = signalsIn(woke);
    const listed = Number(from.at(-1)?.eventTime?.seconds) - Number(from[0]?.eventTime?.seconds) + 1;
    expect(looksIn(woke, 'wakeWaiting').length).toBeLessThanOrEqual(2 + Math.ceil(listed / 5));
    await service.connections.change(connection, resume);
    expect(await statusOf(service, id)).toBe('completed');
  });

  test('a signal that comes before the wait begins is no reason to miss the next one', async () => {
    const connection = await service.connectCompany('early');
    service.sandbox.setFaults({ rules: [{ company: 'early', path: '/contacts/search', action: 'hold', status: 403 }] });
    const id = await start(service, 'access', 'early', 'r');
    await until('it searches', () => service.sandbox.company('early').requests().length > 0);
    await signalNews(service.temporal, id);
    await service.connections.change(connection, pause);
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    await untilWaiting(service, id, 'paused');
    await untilListed(service, connection, 1);
    await service.connections.change(connection, resume);
    await wake(connection);
    expect(await statusOf(service, id)).toBe('completed');
  });

  test('a request that is reset while it waits is woken like any other', async () => {
    const { connection, id } = await paused('reset');
    const events = await eventsOf(service, id);
    const last = events.filter(event => event.workflowTaskCompletedEventAttributes).at(-1);
    await service.temporal.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: id },
      reason: 'by a test',
      workflowTaskFinishEventId: last?.eventId ?? null,
      requestId: 'reset-while-it-waits',
    });
    await untilWaiting(service, id, 'paused');
    await untilListed(service, connection, 1);
    await service.connections.change(connection, resume);
    await wake(connection);
    expect(await statusOf(service, id)).toBe('completed');
  });

  test('where nothing waits, nothing is started', async () => {
    const connection = await service.connectCompany('idle');
    expect(await wake(connection)).toBe(0);
    const workflowId = wakeId(service.taskQueue, connection);
    await expect(service.temporal.workflow.getHandle(workflowId).describe()).rejects.toThrow('not found');
  });

  test.each(['nonsense', '', '/wake/', '/wake/no@name', '/wake/a/b'])(
    'a run that only looks like one that wakes ends at once: %s',
    async suffix => {
      const { temporal, taskQueue } = service;
      const workflowId = `${taskQueue}${suffix}`;
      const handle = await temporal.workflow.start(WAKE_WORKFLOW, { taskQueue, workflowId, args: ['whatever'] });
      await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'invalid-input' } });
    },
  );

  /** An access request that searches, and a deletion of the same person that has looked and waits for it. */
  async function ordered(name: string) {
    const connection = await service.connectCompany(name);
    service.sandbox.setFaults({ rules: [{ company: name, path: '/contacts/search', action: 'hold' }] });
    const access = await start(service, 'access', name, 'a');
    await until('the access request searches', () => service.sandbox.company(name).requests().length > 0);
    const deletion = await start(service, 'deletion', name, 'd');
    await untilWaiting(service, deletion, 'access-request');
    await untilLooked(service, deletion);
    const { identityHashes = [] } =
      (await service.cases.record({ connection, kind: 'deletion', requestId: 'd' })) ?? {};
    const marks = () => service.cases.marked('deletion', connection, identityHashes);
    expect(await marks()).toHaveLength(1);
    return { access, deletion, marks };
  }

  test('an access request that ends wakes the deletion of the same person, and leaves no mark', async () => {
    const { access, deletion, marks } = await ordered('ordered');
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    expect(await statusOf(service, access)).toBe('completed');
    expect(await statusOf(service, deletion)).toBe('completed');
    const events = await eventsOf(service, deletion);
    expect(signalsIn(events)).toHaveLength(1);
    expect(looksIn(events, 'awaitAccessRequests')).toHaveLength(2);
    expect(await marks()).toEqual([]);
  });

  test('a deletion that is cancelled while it waits leaves no mark', async () => {
    const { access, deletion, marks } = await ordered('given-up');
    await service.client.cancel(deletion);
    expect(await statusOf(service, deletion)).toBe('cancelled');
    expect(await marks()).toEqual([]);
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    await service.client.result(access);
  });
});

describe('where no signal is sent', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({
      sandbox: { companies },
      company: 'idle',
      waitDelays: BY_ITSELF,
      pollEveryMs: NEVER_MS,
      worker: false,
    });
    for (const name of ['lost', 'ended']) await service.connectCompany(name);
    await service.startWorker();
  });
  afterEach(() => service.sandbox.setFaults(undefined));
  afterAll(async () => service.stop());

  const foundByItself = async (workflowId: string, step: string) => {
    expect(await statusOf(service, workflowId)).toBe('completed');
    const events = await eventsOf(service, workflowId);
    expect(signalsIn(events)).toEqual([]);
    expect(looksIn(events, step)).toHaveLength(1);
  };

  test('a request finds by itself that its connection was resumed', async () => {
    const connection = `${service.connection}-lost`;
    await service.connections.change(connection, pause);
    const id = await start(service, 'access', 'lost', 'paused');
    await untilWaiting(service, id, 'paused');
    await service.connections.change(connection, resume);
    await foundByItself(id, 'awaitResumption');
  });

  test('a request finds by itself that there are other credentials', async () => {
    service.sandbox.company('lost').revokeCredentials();
    const id = await start(service, 'access', 'lost', 'refused');
    await untilWaiting(service, id, 'credentials');
    await service.connectCompany('lost', { kind: 'api-key', ...service.sandbox.company('lost').issueApiKey() });
    await foundByItself(id, 'awaitCredentials');
  });

  test('a deletion finds by itself that the access request was ended from outside', async () => {
    service.sandbox.setFaults({ rules: [{ company: 'ended', path: '/contacts/search', action: 'hold' }] });
    const access = await start(service, 'access', 'ended', 'a');
    await until('the access request searches', () => service.sandbox.company('ended').requests().length > 0);
    const deletion = await start(service, 'deletion', 'ended', 'd');
    await untilWaiting(service, deletion, 'access-request');
    await service.temporal.workflow.getHandle(access).terminate('by a test');
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    await foundByItself(deletion, 'awaitAccessRequests');
  });
});

test('a wait survives a restart of the server', async () => {
  installRuntime();
  const folder = makeFolder();
  const port = await findFreePort(0);
  const options = { dbFilename: join(folder, 'temporal.db'), port, searchAttributes: SEARCH_ATTRIBUTES };
  let server = await startDevServer(options);
  const service = await startTestService({
    sandbox: { companies },
    company: 'server',
    address: server.address,
    waitDelays: BY_SIGNAL,
    worker: false,
  });
  const connection = await service.connectCompany('server');
  await service.connections.change(connection, pause);
  try {
    await service.startWorker();
    const id = await start(service, 'access', 'server', 'r');
    await untilWaiting(service, id, 'paused');
    await untilLooked(service, id);
    await untilListed(service, connection, 1);
    await service.stopWorker();
    await server.stop();
    server = await startDevServer(options);
    await service.connections.change(connection, resume);
    expect(await wakeWaiting(service.temporal, service.taskQueue, connection)).toBe(1);
    await service.startWorker();
    expect(await statusOf(service, id)).toBe('completed');
  } finally {
    await service.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
