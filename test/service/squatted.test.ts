/**
 * Runs under the ids of requests that somebody without a key started: they hold every ciphertext of the namespace, start what they
 * copied, and take tasks from our queue. Nothing that had ended begins again, and nothing is held up.
 */
import { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time';
import { temporal as proto } from '@temporalio/proto';
import { createCompanySeed, type SandboxCompany } from '../../sandbox';
import { type Kind, requestOf, workflowIdOf } from '../../src/request/names';
import { openRequests } from '../../src/retention/open-requests';
import { needsOf } from '../../src/retention/retire-keys';
import { type RunId, runAt, startOf } from '../../src/temporal/histories';
import { countOpen } from '../../src/temporal/open-requests';
import { signalNews } from '../../src/temporal/waiting';
import { idsDue } from '../support/due';
import { PATIENCE_MS, until } from '../support/patience';
import { startTestService, type TestService } from '../support/service';

const EMAIL = 'zoe.nunez@example.com';
const DAY_MS = 86_400_000;
const MONTH = { requestMs: 30 * DAY_MS, packageMs: 30 * DAY_MS };
const IN_A_MONTH_MS = Date.now() + 31 * DAY_MS;
const NONSENSE: Payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"nonsense"') };
const COMPANIES = [
  'terminated',
  'stated',
  'deleted',
  'reset-first',
  'reset-last',
  'lost',
  'waiting',
  'squatted',
  'plain',
];

let service: TestService;
/** Without a key. */
let outsider: Client;
beforeAll(async () => {
  const companies = COMPANIES.map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 60, now: Date.now() }),
  );
  service = await startTestService({ sandbox: { companies }, company: 'plain', retention: MONTH });
  outsider = new Client({ connection: service.temporal.connection });
});
afterAll(async () => service.stop());

const release = () => {
  service.sandbox.setFaults(undefined);
  service.sandbox.release();
};

const refOf = (workflowId: string) => {
  const request = requestOf(workflowId);
  if (request === undefined) throw new Error(`${workflowId} is no request`);
  return request;
};
const idOf = (requestId: string, kind: Kind = 'access') =>
  workflowIdOf({ connection: service.connection, kind, requestId });

/** What anybody who reaches the server may do. */
async function startAs(
  workflowId: string,
  type: string,
  payload: Payload,
  delayDays = 0,
  taskQueue = service.taskQueue,
) {
  const { runId } = await outsider.workflowService.startWorkflowExecution({
    ...{ namespace: 'default', workflowId, workflowType: { name: type }, taskQueue: { name: taskQueue } },
    ...{ input: { payloads: [payload] }, requestId: `${workflowId} ${type} ${Math.random()}` },
    ...(delayDays > 0 && { workflowStartDelay: msToTs(delayDays * DAY_MS) }),
  });
  return { workflowId, runId, terminate: () => outsider.workflow.getHandle(workflowId, runId).terminate() };
}

const inputOf = async (run: RunId): Promise<Payload> => (await startOf(outsider, run))?.input[0] ?? {};

const endOf = (workflowId: string) =>
  service.temporal.workflow
    .getHandle(workflowId)
    .result()
    .then(
      ({ status }) => status,
      ({ cause }) => cause.type,
    );

async function ended(requestId: string): Promise<RunId> {
  const input = { requestId, connection: service.connection, subject: { email: EMAIL } };
  const run = await service.client.start('access', input);
  await service.client.result(run.workflowId);
  return run;
}

/** A run that the server deletes, as anybody may ask it to. */
async function forget({ workflowId, runId }: RunId): Promise<void> {
  await outsider.workflowService.deleteWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
  });
  await until('it is gone', async () => (await runAt(service.temporal, workflowId, runId)) === undefined);
}

/** A request that was terminated while it read: nothing is deleted yet. */
async function terminated(name: string, kind: Kind = 'deletion', holds = '/contacts/search') {
  const company = service.sandbox.company(name);
  const connection = await service.connectCompany(name);
  service.sandbox.setFaults({ rules: [{ company: name, path: holds, action: 'hold' }] });
  const { workflowId, runId } = await service.client.start(kind, {
    ...{ requestId: 'ended', connection, subject: { email: EMAIL } },
    ...(kind === 'deletion' && { settleSeconds: 0 }),
  });
  await until('it reads', () => company.requests().some(({ path }) => path.startsWith(`/v1${holds}`)));
  const input = await inputOf({ workflowId, runId });
  await service.temporal.workflow.getHandle(workflowId).terminate();
  release();
  return { workflowId, runId, company, input };
}

async function resetTo({ workflowId, runId }: RunId, to: 'first' | 'last'): Promise<void> {
  const { events } = await service.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
  const tasks = (events ?? []).filter(event => event.workflowTaskCompletedEventAttributes);
  await outsider.workflowService.resetWorkflowExecution({
    ...{ namespace: 'default', workflowExecution: { workflowId, runId }, requestId: `${runId} ${to}` },
    workflowTaskFinishEventId: tasks.at(to === 'first' ? 0 : -1)?.eventId ?? null,
  });
}

const hers = ({ truth, contacts }: SandboxCompany) => contacts().filter(({ id }) => truth.contactIds.includes(id));

describe('a deletion that an operator terminated', () => {
  it.each<[string, string, (run: RunId) => Promise<unknown>]>([
    ['terminated', 'at once', async () => {}],
    ['stated', 'after its receipt', ({ workflowId }) => service.lateReceipts.of(refOf(workflowId))],
    [
      'deleted',
      'after its receipt, when the server has forgotten it',
      async run => {
        await service.lateReceipts.of(refOf(run.workflowId));
        await forget(run);
      },
    ],
  ])('%s: started again by its copied input, %s, ends and deletes nothing', async (name, _, then) => {
    const { company, input, ...run } = await terminated(name);
    await then(run);
    const asked = company.requests().length;
    await startAs(run.workflowId, 'deletionRequest', input);
    expect(await endOf(run.workflowId)).toBe('request-ended');
    expect(company.requests()).toHaveLength(asked);
    expect(hers(company)).toHaveLength(company.truth.contactIds.length);
    const receipt = await service.lateReceipts.of(refOf(run.workflowId));
    expect(receipt).toMatchObject({ status: 'failed', request: { runId: run.runId } });
    expect(await service.receipts.chain(refOf(run.workflowId).connection)).toEqual([receipt]);
  });

  it.each([
    { to: 'first', kind: 'deletion', holds: '/contacts/search' },
    { to: 'last', kind: 'access', holds: '/calls' },
  ] as const)('and that has a receipt, as $kind, sends nothing after a reset to its $to task', async each => {
    const { company, ...run } = await terminated(`reset-${each.to}`, each.kind, each.holds);
    const receipt = await service.lateReceipts.of(refOf(run.workflowId));
    const asked = company.requests().length;
    await resetTo(run, each.to);
    expect(await endOf(run.workflowId)).toBe('request-ended');
    expect(company.requests()).toHaveLength(asked);
    expect(hers(company)).toHaveLength(company.truth.contactIds.length);
    expect(await service.lateReceipts.of(refOf(run.workflowId))).toEqual(receipt);
  });

  it('goes on where its run was lost with the database of the server, and nothing says that it ended', async () => {
    const { company, ...run } = await terminated('lost');
    await forget(run);
    const { connection, requestId } = refOf(run.workflowId);
    const again = { requestId, connection, subject: { email: EMAIL }, settleSeconds: 0 };
    const { workflowId, runId } = await service.client.start('deletion', again);
    expect(await service.client.result(workflowId)).toMatchObject({ status: 'completed' });
    expect(await service.cases.record(refOf(workflowId))).toMatchObject({ runId });
    expect(hers(company)).toEqual([]);
  });
});

it('a deletion does not wait for a run that stands where the access request of its person was', async () => {
  const connection = await service.connectCompany('waiting');
  service.sandbox.setFaults({ rules: [{ company: 'waiting', action: 'status', status: 503, path: '/calls' }] });
  const subject = { email: EMAIL };
  const access = await service.client.start('access', { requestId: 'a', connection, subject });
  await until('the access request is under way', () =>
    service.sandbox
      .company('waiting')
      .requests()
      .some(({ status }) => status === 503),
  );
  const deletion = await service.client.start('deletion', { requestId: 'd', connection, subject, settleSeconds: 0 });
  await until('the deletion waits', async () => {
    const { waitingFor } = await service.client.status(deletion.workflowId);
    return waitingFor?.cause === 'access-request';
  });
  await outsider.workflow.getHandle(access.workflowId).terminate();
  const stands = await startAs(access.workflowId, 'whatever', NONSENSE, 0, 'nobody-serves-this');
  await signalNews(service.temporal, deletion.workflowId); // it would look by itself, later
  expect(await service.client.result(deletion.workflowId)).toMatchObject({ status: 'completed' });
  expect((await runAt(service.temporal, access.workflowId))?.open).toBe(true);
  await stands.terminate();
  release();
});

const { CommandType, ParentClosePolicy } = { ...proto.api.enums.v1 };

/** Takes a task of a run from our queue, in the place of a worker. */
async function answerTask(commands: proto.api.command.v1.ICommand[]): Promise<void> {
  const { taskToken } = await outsider.withDeadline(Date.now() + PATIENCE_MS, () =>
    outsider.workflowService.pollWorkflowTaskQueue({
      namespace: 'default',
      taskQueue: { name: service.taskQueue },
      identity: 'outsider',
    }),
  );
  await outsider.workflowService.respondWorkflowTaskCompleted({ taskToken, commands, namespace: 'default' });
}

it('an open child of a run under the id of a request holds up no purge, and is due by itself once it has ended', async () => {
  const { workflowId } = await ended('with-child');
  const child = `${workflowId}:pages:1`;
  await service.withoutWorker(async () => {
    await startAs(workflowId, 'accessRequest', NONSENSE);
    await answerTask([
      {
        commandType: CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
        startChildWorkflowExecutionCommandAttributes: {
          ...{ namespace: 'default', workflowId: child, workflowType: { name: 'fetchPages' } },
          ...{ taskQueue: { name: service.taskQueue }, cronSchedule: '0 0 1 1 *' },
          parentClosePolicy: ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON,
        },
      },
    ]);
    await answerTask([
      {
        commandType: CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        completeWorkflowExecutionCommandAttributes: {},
      },
    ]);
  });
  const destroyed = await service.retention.destroy('request', refOf(workflowId), new Date());
  expect(destroyed).toMatchObject({ result: { status: 'purged' } });
  expect(destroyed.histories.map(run => run.workflowId)).toEqual([workflowId, workflowId]);
  await until('both are gone', async () => (await runAt(service.temporal, workflowId)) === undefined);
  expect(await runAt(service.temporal, child)).toMatchObject({ open: true });
  expect(await idsDue(service, MONTH, IN_A_MONTH_MS)).not.toContain(child);
  // Nor is it kept by a run that somebody starts as its parent.
  const stands = await startAs(workflowId, 'accessRequest', NONSENSE, 10);
  await outsider.workflow.getHandle(child).terminate();
  await until('it is due', async () => (await idsDue(service, MONTH, IN_A_MONTH_MS)).includes(child));
  await stands.terminate();
});

describe('what counts as an open request of a connection', () => {
  const counts = async () => {
    const now = new Date();
    const kinds = (['access', 'deletion'] as const).map(async kind => {
      const { running, waiting } = await countOpen(service.temporal, service.taskQueue, { kind, now, soon: now });
      return running + waiting;
    });
    return (await Promise.all(kinds)).reduce((sum, count) => sum + count);
  };
  const open = () => openRequests(service, service.connection);

  it('is a request, begun or not, and nothing that somebody else started under such an id', async () => {
    const done = await ended('done');
    const { connections, connection, client } = service;
    await connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
    const { workflowId } = await client.start('access', { requestId: 'paused', connection, subject: { email: EMAIL } });
    await until('it waits', async () => (await client.status(workflowId)).status === 'waiting');
    const copied = await inputOf(done);
    const started = await Promise.all([
      startAs(idOf('junk'), 'accessRequest', NONSENSE, 10),
      startAs(idOf('copied'), 'deletionRequest', copied, 10),
      startAs(done.workflowId, 'accessRequest', copied, 10),
    ]);
    await until('all are listed', async () => {
      const query = `TaskQueue = '${service.taskQueue}' AND ExecutionStatus = 'Running'`;
      return (await outsider.workflow.count(query)).count === started.length + 1;
    });
    expect(await open()).toEqual([workflowId]);
    expect(await counts()).toBe(1);
    await connections.change(connection, ({ pausedAt: _, ...present }) => present);
    await client.result(workflowId);
    for (const handle of started) await handle.terminate();
    await until('none is open', async () => (await open()).length === 0);
  });

  it('is one whose run was lost, only if the input of the run under its id names it', async () => {
    const { connections, connection, client, cases, retention, temporal } = service;
    await connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
    const run = await client.start('access', { requestId: 'lost', connection, subject: { email: EMAIL } });
    await until('it has begun', async () => (await cases.record(refOf(run.workflowId))) !== undefined);
    const copied = await inputOf(run);
    await temporal.workflow.getHandle(run.workflowId).terminate();
    await forget(run);
    await connections.change(connection, ({ pausedAt: _, ...present }) => present);
    const judged = async () => (await retention.judge(MONTH, IN_A_MONTH_MS, refOf(run.workflowId))).due;
    const squatter = await startAs(run.workflowId, 'accessRequest', NONSENSE, 10);
    expect(await judged()).toBe('request');
    expect(await open()).toEqual([]);
    await squatter.terminate();
    // It would take the record over.
    const heir = await startAs(run.workflowId, 'accessRequest', copied, 10);
    expect(await judged()).toBeUndefined();
    await until('it is listed', async () => (await open()).includes(run.workflowId));
    const destroying = retention.destroy('request', refOf(run.workflowId), new Date());
    await expect(destroying).rejects.toMatchObject({ code: 'request-open' });
    await heir.terminate();
    // Without a record too.
    const unbegun = await startAs(idOf('unbegun'), 'accessRequest', NONSENSE, 10);
    await until('it is listed', async () => {
      return (await outsider.workflow.count(`WorkflowId = '${idOf('unbegun')}'`)).count === 1;
    });
    expect(await open()).toEqual([]);
    await unbegun.terminate();
  });
});

it('the copied input of a terminated request, with a start delay, holds up neither its receipt nor its purge', async () => {
  const { input, workflowId, runId } = await terminated('squatted');
  const stands = await startAs(workflowId, 'deletionRequest', input, 10);
  const destroyed = await service.retention.destroy('request', refOf(workflowId), new Date());
  expect(destroyed).toMatchObject({ result: { status: 'purged' }, histories: [{ workflowId, runId }] });
  await stands.terminate();
});

it('a run of a request that was purged before keeps no key; the run of one that was reset does', async () => {
  const { temporal, keyring, cases, retention } = service;
  const purged = await ended('purged');
  const copied = await inputOf(purged);
  await retention.destroy('request', refOf(purged.workflowId), new Date());
  await until('it is gone', async () => (await runAt(temporal, purged.workflowId)) === undefined);
  await startAs(purged.workflowId, 'accessRequest', copied);
  expect(await endOf(purged.workflowId)).toBe('purged');

  const kept = await ended('reset');
  await resetTo(kept, 'first');
  expect(await endOf(kept.workflowId)).toBe('completed');
  const now = await runAt(temporal, kept.workflowId);
  await forget(kept);
  // The vault too says that its key is needed, by what the request has there.
  await cases.shred(refOf(kept.workflowId), new Date(), kept.runId);
  const needs = () => needsOf(service, [keyring.primaryId]);
  await until('both are listed', async () => {
    const listed = await outsider.workflow.count(
      `WorkflowId IN ('${kept.workflowId}', '${purged.workflowId}') AND ExecutionStatus = 'Completed'`,
    );
    return listed.count === 2;
  });
  const { keys, foreign } = await needs();
  const unpurged = keys.get(keyring.primaryId)?.unpurged;
  expect(now).toMatchObject({ open: false, firstRunId: kept.runId });
  expect(unpurged).toContain(kept.workflowId);
  expect(unpurged).not.toContain(purged.workflowId);
  expect(foreign.map(({ workflowId }) => workflowId)).toContain(purged.workflowId);
  expect(foreign.map(({ workflowId }) => workflowId)).not.toContain(kept.workflowId);
});

it('a refused input that is started again, at once or with a start delay, holds up neither sweep nor purge, and keeps no key', async () => {
  const { temporal, taskQueue, keyring, vault, lateReceipts, receipts } = service;
  const workflowId = idOf('refused');
  const request = refOf(workflowId);
  const wrong = { ...request, subject: { email: 'no address' } };
  const run = await temporal.workflow.start('accessRequest', { workflowId, taskQueue, args: [wrong] });
  expect(await endOf(workflowId)).toBe('invalid-input');
  const refused = { workflowId, runId: run.firstExecutionRunId };
  const copied = await inputOf(refused);
  const again = await startAs(workflowId, 'accessRequest', copied);
  expect(await endOf(workflowId)).toBe('invalid-input');
  const stands = await startAs(workflowId, 'accessRequest', copied, 3_650);
  const upTo = async () => (await vault.get('evidence-looked/up-to'))?.value.toString() ?? '';
  const before = await upTo();
  const sweep = (id: string) =>
    temporal.workflow.execute('retentionSweep', { workflowId: `${taskQueue}/sweep-${id}`, taskQueue });
  expect(await sweep('squatted')).toMatchObject({ unkept: 0 });
  expect((await upTo()) > before).toBe(true);
  const receipt = await lateReceipts.of(request);
  expect(receipt).toMatchObject({ failure: 'invalid-input', request: { runId: refused.runId } });
  expect(await vault.list(`evidence/${service.connection}/access/refused`)).toHaveLength(1);

  const chain = await receipts.chain(service.connection);
  const purged = await service.retention.destroy('request', request, new Date());
  expect(purged.histories.map(({ runId }) => runId).sort()).toEqual([refused.runId, again.runId].sort());
  for (const { runId } of [refused, again])
    await until('it is gone', async () => (await runAt(temporal, workflowId, runId)) === undefined);
  await stands.terminate();
  await startAs(workflowId, 'accessRequest', copied);
  expect(await endOf(workflowId)).toBe('invalid-input');
  expect(await sweep('squatted-again')).toMatchObject({ unkept: 0 });
  expect(await receipts.chain(service.connection)).toEqual(chain);
  await until('it is listed', async () => {
    const { keys, foreign } = await needsOf(service, [keyring.primaryId]);
    expect(keys.get(keyring.primaryId)?.unpurged ?? new Set()).not.toContain(workflowId);
    return foreign.some(each => each.workflowId === workflowId);
  });
});
