/** A Temporal server that takes calls and answers none: whatever calls it fails in time, and a person reads why. */
import type { Client } from '@temporalio/client';
import { codeAndMessageOf } from '../../src/commands/errors';
import { createParts, type Parts } from '../../src/parts';
import { apiTaskQueue, type RequestRef, workflowIdOf } from '../../src/request/names';
import { ensureRetentionSchedule } from '../../src/retention/schedule';
import { connectTemporal } from '../../src/temporal/connect';
import { grpcErrorOf, UNAVAILABLE } from '../../src/temporal/grpc-status';
import { countOpen } from '../../src/temporal/open-requests';
import { describeQueue, paceOn, setQueueRate } from '../../src/temporal/queue-rate';
import { ensureSearchAttributes } from '../../src/temporal/search-attributes';
import { serverNowMs } from '../../src/temporal/server-time';
import { countWaiting, signalWaiting } from '../../src/temporal/waiting';
import { PATIENCE_MS } from '../support/patience';
import { environment, startTestService, type TestService } from '../support/service';
import { startWay, type Way } from '../support/silent-server';

const DEADLINE_EXCEEDED = 4;
const EMAIL = 'zoe.nunez@example.com';

let service: TestService;
let way: Way;
let temporal: Client;
let parts: Parts;
let request: RequestRef;
/** By use. */
const failures = new Map<string, Promise<unknown>>();

const POLICY = { requestMs: 0, packageMs: 0 };
const queue = () => ({
  connection: temporal.connection,
  namespace: 'default',
  taskQueue: apiTaskQueue(service.taskQueue, request.connection),
});
const own = () => ({ connection: request.connection, subject: { email: EMAIL } });
const unknown = (): RequestRef => ({ ...request, requestId: 'unknown' });

const USES: Readonly<Record<string, () => Promise<unknown>>> = {
  'a start': () => parts.client.start('access', { requestId: 'other', ...own() }),
  'a question whether it was started': () => parts.client.startedBefore('access', { requestId: 'other', ...own() }),
  'a status': () => parts.client.status(workflowIdOf(request)),
  'a result': () => parts.client.result(workflowIdOf(request)),
  'a cancellation': () => parts.client.cancel(workflowIdOf(request)),
  'an extension': () => parts.client.extend(workflowIdOf(request), { reason: 'complexity' }),
  'a list': () => parts.client.list(),
  'a search for ended requests': () => parts.evidence.unkept(Date.now()),
  'a late receipt': () => parts.lateReceipts.of(unknown()),
  'the age of a request': () => parts.retention.judge(POLICY, Date.now(), request),
  'a purge': () => parts.retention.destroy('request', unknown(), new Date()),
  'the schedule of retention': () => ensureRetentionSchedule(temporal, service.taskQueue, () => {}),
  'the search attributes': () => ensureSearchAttributes(temporal.connection, 'default'),
  'a count of open requests': () =>
    countOpen(temporal, service.taskQueue, { kind: 'access', now: new Date(), soon: new Date() }),
  'a count of waiting requests': () => countWaiting(temporal, service.taskQueue, request.connection, new Date()),
  'a signal to waiting requests': () => signalWaiting(temporal, service.taskQueue, request.connection),
  'the time of the server': () => serverNowMs(temporal, service.taskQueue),
  'the partitions of a queue': () => paceOn(queue(), { limitPerMinute: 60, share: 0.75 }),
  'the state of a queue': () => describeQueue(queue()),
  'the rate of a queue': () => setQueueRate(queue(), 1),
};

const WAIT = 'the wait for a result';
const failureOf = (use: Promise<unknown>) =>
  use.then(
    () => 'it did not fail',
    error => error,
  );

beforeAll(async () => {
  service = await startTestService({ worker: false });
  way = await startWay(environment('TEST_TEMPORAL_ADDRESS'));
  const server = { connectionOptions: { address: way.address }, namespace: 'default' };
  const times = { answeredWithinMs: PATIENCE_MS, historyWithinMs: PATIENCE_MS };
  temporal = await connectTemporal(service.keyring, server, PATIENCE_MS, times);
  parts = createParts(service, { temporal, taskQueue: service.taskQueue });
  request = { kind: 'access', connection: service.connection, requestId: 'silent' };
  await service.client.start('access', { requestId: 'silent', ...own() });
  const workflowId = workflowIdOf(request);
  await parts.client.known([workflowId]);
  times.historyWithinMs = 2_000;
  failures.set(WAIT, failureOf(parts.client.result(workflowId)));
  await parts.client.known([workflowId]); // behind it
  way.silence();
  times.answeredWithinMs = 1_000;
  for (const [use, begin] of Object.entries(USES)) failures.set(use, failureOf(begin()));
});
afterAll(async () => {
  await temporal.connection.close();
  await way.close();
  await service.stop();
});

test.each([WAIT, ...Object.keys(USES)])('%s fails in time, and a command says why', async use => {
  const error = await failures.get(use);
  // A machine under load may find the connection dead before the call is late.
  expect([DEADLINE_EXCEEDED, UNAVAILABLE]).toContain(grpcErrorOf(error)?.code);
  expect(codeAndMessageOf(error).code).toBe('temporal-unreachable');
});
