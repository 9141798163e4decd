/**
 * Somebody who reaches the Temporal server and has no key: what they can copy is good at the place where it was, and nowhere
 * else. They hold every ciphertext of the namespace, and send them to the server as they are.
 */
import { defaultPayloadConverter, type Payload, type SerializationContext } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time';
import type { temporal } from '@temporalio/proto';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { createCompanySeed } from '../../sandbox';
import { writeObject } from '../../src/activities/case-objects';
import { jsonIn } from '../../src/audit/history';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { taken } from '../../src/request/addressed';
import { argumentsIn, resultIn } from '../../src/request/contracts';
import { childrenIn, historyOf, runAt } from '../../src/temporal/histories';
import { peopleOf, planOf } from '../activities/support/steps';
import { askedFor } from '../support/asked';
import { PATIENCE_MS, until } from '../support/patience';
import { startTestService, type TestService } from '../support/service';

const EMAIL = 'zoe.nunez@example.com';
const NONSENSE: Payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{}') };

let service: TestService;
beforeAll(async () => {
  const companies = ['forged'].map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 3_000, now: Date.now() }),
  );
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'forged' });
});
afterAll(async () => service.stop());

const idOf = (kind: string, requestId: string) => `dsr:${service.connection}:${kind}:${requestId}`;
const subject = { email: EMAIL };

/** Starts a run with payloads as they are. */
async function startWith(workflowId: string, type: string, payloads: Payload[]): Promise<void> {
  await service.temporal.workflowService.startWorkflowExecution({
    ...{ namespace: 'default', workflowId, workflowType: { name: type }, requestId: `forged ${workflowId}` },
    ...{ taskQueue: { name: service.taskQueue }, input: { payloads } },
  });
}

async function extendWith(workflowId: string, payloads: Payload[]) {
  const { outcome } = await service.temporal.workflowService.updateWorkflowExecution({
    ...{ namespace: 'default', workflowExecution: { workflowId }, waitPolicy: { lifecycleStage: 3 } },
    request: {
      meta: { updateId: `forged ${payloads.length} ${Date.now()}` },
      input: { name: 'extend', args: { payloads } },
    },
  });
  return outcome;
}

async function eventsOf(workflowId: string): Promise<temporal.api.history.v1.IHistoryEvent[]> {
  const { runId = '' } = (await runAt(service.temporal, workflowId)) ?? {};
  return (await historyOf(service.temporal, { workflowId, runId }))?.events ?? [];
}

async function inputOf(workflowId: string): Promise<Payload[]> {
  const [first] = await eventsOf(workflowId);
  return first?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
}

const endOf = (workflowId: string) =>
  service.temporal.workflow
    .getHandle(workflowId)
    .result()
    .then(String, ({ cause }) => cause.type);

it('the input of an access request starts no deletion, and no other request', async () => {
  const { connection, client } = service;
  const { workflowId } = await client.start('access', { requestId: 'copied', connection, subject });
  expect((await client.result(workflowId)).status).toBe('completed');
  const copied = await inputOf(workflowId);
  const asked = service.company.requests().length;
  const contacts = service.company.contacts().length;
  await startWith(idOf('deletion', 'copied'), 'deletionRequest', copied);
  await startWith(idOf('deletion', 'other'), 'deletionRequest', copied);
  await startWith(idOf('access', 'other'), 'accessRequest', copied);
  for (const id of [idOf('deletion', 'copied'), idOf('deletion', 'other'), idOf('access', 'other')])
    expect(await endOf(id)).toBe('invalid-input');
  expect(service.company.requests()).toHaveLength(asked);
  expect(service.company.contacts()).toHaveLength(contacts);
  // Nobody asked for these: no receipt says that somebody did.
  const ref = { connection, requestId: 'copied' };
  expect(await service.lateReceipts.of({ ...ref, kind: 'deletion' })).toBeUndefined();
  expect(await service.lateReceipts.of({ ...ref, kind: 'access' })).toMatchObject({ status: 'completed' });
});

it('an extension that says nothing, or was made for another request, moves no due date', async () => {
  const { connection, client, connections } = service;
  await connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
  const started = await Promise.all(
    ['extended', 'untouched'].map(requestId =>
      client.start('access', { requestId, connection, subject, regime: 'gdpr' }),
    ),
  );
  const [extended = '', untouched = ''] = started.map(({ workflowId }) => workflowId);
  for (const id of [extended, untouched])
    await until('it waits', async () => (await client.status(id)).waitingFor?.cause === 'paused');
  const before = (await client.status(untouched)).dueAt;
  const clock = await client.extend(extended, { reason: 'complexity' });
  const copied = (await eventsOf(extended)).flatMap(
    event => event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.args?.payloads ?? [],
  );
  expect(copied).toHaveLength(1);
  for (const payloads of [[NONSENSE], [], copied, await inputOf(untouched)])
    expect((await extendWith(untouched, payloads))?.failure?.applicationFailureInfo?.type).toBe('extension-refused');
  expect((await client.status(untouched)).dueAt).toBe(before);
  // The same extension of its own request again is the same answer.
  expect((await extendWith(extended, copied))?.success).toBeDefined();
  expect((await client.status(extended)).dueAt).toBe(clock.dueAt);
  await connections.change(connection, ({ pausedAt: _, ...present }) => present);
  for (const id of [extended, untouched]) expect((await client.result(id)).status).toBe('completed');
});

it.each(['fetchPages', 'renewCredential', 'wakeRequests', 'nonsense'])(
  'a %s that no run of the service started ends at once',
  async type => {
    const copied = await inputOf(idOf('access', 'copied'));
    const inputs = [[], [NONSENSE], copied];
    for (const [index, payloads] of inputs.entries()) {
      const workflowId = `${idOf('access', 'copied')}:pages:${type}-${index}`;
      await startWith(workflowId, type, payloads);
      expect(await endOf(workflowId)).toBe('invalid-input');
    }
  },
);

interface Place {
  readonly context: SerializationContext;
  readonly activity: string;
  readonly way: 'taken' | 'returned';
  readonly payload: Payload;
}

/** Where the payloads of the activities of a run are. */
function placesIn(workflowId: string, events: readonly temporal.api.history.v1.IHistoryEvent[]): Place[] {
  const scheduled = new Map<string, { context: SerializationContext; activity: string }>();
  return events.flatMap((event): Place[] => {
    const at = (activityId: string, activity: string, isLocal: boolean) => ({
      activity,
      context: { type: 'activity', namespace: 'default', workflowId, activityId, isLocal } as const,
    });
    const { activityTaskScheduledEventAttributes: task, activityTaskCompletedEventAttributes: done } = event;
    if (task) {
      const where = at(task.activityId ?? '', task.activityType?.name ?? '', false);
      scheduled.set(String(event.eventId), where);
      return (task.input?.payloads ?? []).map(payload => ({ ...where, way: 'taken', payload }));
    }
    const where = done && scheduled.get(String(done.scheduledEventId));
    if (where) return (done?.result?.payloads ?? []).map(payload => ({ ...where, way: 'returned', payload }));
    const { details } = event.markerRecordedEventAttributes ?? {};
    const note = jsonIn(details?.data?.payloads?.[0] ?? {}) as
      | { activity_id: string; activity_type: string }
      | undefined;
    if (note === undefined) return [];
    const local = at(note.activity_id, note.activity_type, true);
    return (details?.result?.payloads ?? []).map(payload => ({ ...local, way: 'returned', payload }));
  });
}

it('no payload of a run is good at another place of it, or of another run', async () => {
  const { client, connection, keyring } = service;
  const listed = await client.start('access', { requestId: 'places', connection, subject, calls: 'company' });
  const looked = await client.start('deletion', { requestId: 'places', connection, subject, settleSeconds: 0 });
  await Promise.all([listed, looked].map(({ workflowId }) => client.result(workflowId)));
  const ids = [listed.workflowId, looked.workflowId];
  const { runId = '' } = (await runAt(service.temporal, listed.workflowId)) ?? {};
  const own = await historyOf(service.temporal, { workflowId: listed.workflowId, runId });
  ids.push(...childrenIn(own ?? {}).map(({ workflowId }) => workflowId));
  const histories = await Promise.all(ids.map(async id => ({ id, events: await eventsOf(id) })));
  const places = histories.flatMap(({ id, events }) => placesIn(id, events));
  expect(new Set(places.map(({ activity }) => activity)).size).toBeGreaterThan(6);

  const worker = createPayloadCodec(keyring, { requestBehind: async () => undefined, onAwaited() {} });
  const isGoodAt = async (payload: Payload, { context, activity, way }: Place) => {
    const [decoded = {}] = await worker.decode([payload], context);
    const value: unknown = defaultPayloadConverter.fromPayload(decoded);
    return (way === 'taken' ? argumentsIn(activity, value) : resultIn(activity, value)) !== undefined;
  };
  const inputs = histories.flatMap(
    ({ events }) => events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [],
  );
  let refused = 0;
  const bad: unknown[] = [];
  for (const place of places) {
    if (!(await isGoodAt(place.payload, place))) bad.push({ ...place, why: 'not good at its own place' });
    for (const payload of [...places.map(other => other.payload), ...inputs]) {
      if (payload === place.payload) continue;
      if (await isGoodAt(payload, place)) bad.push({ ...place, why: 'good at another place' });
      else refused += 1;
    }
  }
  expect(bad).toEqual([]);
  expect(refused).toBe(places.length * (places.length - 1 + inputs.length));
  // Nor where a workflow reads what anybody with the key may send.
  const workflowId = idOf('access', 'places');
  for (const { payload } of places) {
    const [decoded = {}] = await worker.decode([payload], { type: 'workflow', namespace: 'default', workflowId });
    expect(defaultPayloadConverter.fromPayload(decoded)).toEqual({ 'aircall-dsr: unusable payload': 'misplaced' });
  }
  process.stderr.write(`${places.length} payloads, ${refused} copies refused\n`);
});

it('a step is not answered by the result of another one, even if that has the same form', async () => {
  const { client, connection, company } = service;
  const email = company.contacts().find(({ emails }) => emails.length > 0)?.emails[0]?.value ?? '';
  let found: unknown;
  const interceptor: ActivityInterceptorsFactory = ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const answer = await next(input);
        if (info.activityType === 'searchContacts') found = answer;
        return info.activityType === 'fetchCalls' ? found : answer;
      },
    },
  });
  const request = async () => {
    const { workflowId } = await client.start('access', {
      requestId: 'answered',
      connection,
      subject: { email },
      calls: 'company',
    });
    return client.result(workflowId);
  };
  const result = await service.withoutWorker(() => service.withAnotherWorker(request, undefined, interceptor));
  expect(found).toMatchObject({ activity: 'searchContacts' });
  expect(result).toMatchObject({ status: 'partial', counts: { calls: 0 } });
  expect(result.coverage.calls).toMatchObject({ state: 'failed', gaps: [{ code: 'payload-unusable', count: 1 }] });
});

it('a child that its request did not start ends at once, even with the input that it had', async () => {
  const { runId = '' } = (await runAt(service.temporal, idOf('access', 'places'))) ?? {};
  const own = await historyOf(service.temporal, { workflowId: idOf('access', 'places'), runId });
  const [{ workflowId } = { workflowId: '' }] = childrenIn(own ?? {});
  const asked = service.company.requests().length;
  await startWith(workflowId, 'fetchPages', await inputOf(workflowId));
  expect(await endOf(workflowId)).toBe('invalid-input');
  expect(service.company.requests()).toHaveLength(asked);
});

describe('a workflow task that somebody else ends', () => {
  const QUEUE = () => `${service.taskQueue}/${service.connection}`;

  /** Ends the next workflow task of a run with steps of one's own choice, as anybody who reaches the server may. */
  async function scheduleIn(
    workflowId: string,
    steps: readonly { activity: string; payload: Payload }[],
  ): Promise<void> {
    const { workflowService, connection } = service.temporal;
    const queue = { namespace: 'default', taskQueue: { name: service.taskQueue }, identity: 'somebody' };
    for (;;) {
      const task = await connection.withDeadline(Date.now() + PATIENCE_MS, () =>
        workflowService.pollWorkflowTaskQueue(queue),
      );
      const { taskToken } = task;
      if (task.workflowExecution?.workflowId !== workflowId) continue; // of another run: the server repeats it
      const commands = steps.map(({ activity, payload }, index) => ({
        commandType: 1, // schedule an activity
        scheduleActivityTaskCommandAttributes: {
          activityId: String(index + 1),
          activityType: { name: activity },
          taskQueue: { name: QUEUE() },
          input: { payloads: [payload] },
          startToCloseTimeout: msToTs(60_000),
          scheduleToCloseTimeout: msToTs(120_000),
        },
      }));
      await workflowService.respondWorkflowTaskCompleted({
        namespace: 'default',
        identity: 'somebody',
        taskToken,
        commands,
      });
      return;
    }
  }

  it.each([
    ['an access request', 'access', {}, 'deletion-not-asked'],
    ['a dry run', 'deletion', { dryRun: true }, 'deletion-not-asked'],
    ['a deletion that a person must approve', 'deletion', { requireApproval: true }, 'not-approved'],
  ] as const)('deletes nothing within %s', async (name, kind, options, code) => {
    const { connection, client, cases, keyring, temporal } = service;
    const { dryRun = false, requireApproval = false }: { dryRun?: boolean; requireApproval?: boolean } = options;
    const contacts = service.company.contacts().map(({ id }) => ({ id }));
    const requestId = `tasked-${name.replaceAll(' ', '-')}`;
    const request = { connection, kind, requestId };
    const workflowId = idOf(kind, requestId);
    const failures = async () =>
      (await eventsOf(workflowId)).flatMap(({ activityTaskFailedEventAttributes: failed }) =>
        failed ? [failed.failure?.applicationFailureInfo?.type] : [],
      );
    const copied = (await eventsOf(idOf('deletion', 'places'))).flatMap(
      ({ activityTaskScheduledEventAttributes: task }) =>
        task?.activityType?.name === 'deleteContact' ? (task.input?.payloads ?? []) : [],
    );
    expect(copied.length).toBeGreaterThan(0);
    await service.withoutWorker(async () => {
      await client.start(kind, { requestId, connection, subject, ...options });
      const startedAt = new Date().toISOString();
      const incarnation = (await service.connections.incarnation(connection)) ?? 0;
      const asked = askedFor('of-nobody', { requireApproval });
      await cases.open({ request, ...asked, runId: 'run', startedAt, incarnation, dryRun });
      const people = await writeObject(cases, request, 'people', peopleOf(contacts));
      const plan = await writeObject(cases, request, 'plan', planOf('deletion', contacts.slice(0, 1)));
      // Even somebody who has the key: it is the step itself that looks into the vault.
      const worker = createPayloadCodec(keyring, { requestBehind: async () => undefined, onAwaited() {} });
      const place = { type: 'activity', namespace: 'default', workflowId, activityId: '1', isLocal: false } as const;
      const message = taken('deleteContact', [{ request, people, plan, contact: 0 }]);
      const [made = {}] = await worker.encode([defaultPayloadConverter.toPayload(message)], place);
      const steps = [made, copied[0] ?? {}].map(payload => ({ activity: 'deleteContact', payload }));
      await scheduleIn(workflowId, steps);
    });
    await until('both steps have ended', async () => (await failures()).length === 2);
    expect((await failures()).sort()).toEqual([code, 'payload-unusable']);
    expect(service.company.contacts().map(({ id }) => ({ id }))).toEqual(contacts);
    await temporal.workflow.getHandle(workflowId).terminate();
  });
});
