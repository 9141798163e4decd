/**
 * SIGTERM of a real worker while everything is in flight that takes long: a merge of many pages, a package and a sweep, all on a vault
 * that is slow or hangs, and an API request without an answer. It ends before an orchestrator would kill it, and another worker
 * ends what it had begun; what had ended is not repeated. Also with a server that is silent, and with a second signal.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { connectTemporal, loadKeyring } from '../../src/client';
import { retentionScheduleId } from '../../src/retention/schedule';
import {
  createOperator,
  type Environment,
  type Operator,
  type Ran,
  type RunningProcess,
} from '../support/command-line';
import { resultSchema } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';
import { startWay, type Way } from '../support/silent-server';

/** When docker-compose.yml has it killed. */
const KILLED_AFTER_MS = 75_000;
/** A page of the long list of calls, after which the merge is near. */
const LATE_PAGE = 35;
const NOW_MS = Date.now();
const COMPANIES = [
  createCompanySeed({ name: 'long', seed: 1, contacts: 20, calls: 2_000, now: NOW_MS }),
  createCompanySeed({ name: 'small', seed: 2, contacts: 20, calls: 60, now: NOW_MS }),
  createCompanySeed({ name: 'mute', seed: 3, contacts: 20, calls: 60, now: NOW_MS }),
];

let sandbox: Sandbox;
let operator: Operator;
let temporal: Client;
let way: Way;
let slowly: Environment;
/** The API requests of `connect`. */
const connecting = new Map<string, number>();

beforeAll(async () => {
  sandbox = await startSandbox({ companies: COMPANIES });
  way = await startWay(environment('TEST_TEMPORAL_ADDRESS'));
  operator = createOperator();
  await operator.run(['keys', 'generate']);
  for (const { name, apiId, apiToken } of sandbox.companies) {
    operator.keepSecret(apiToken);
    const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
    const { exit } = await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
    expect(exit).toBe(0);
    connecting.set(name, sandbox.company(name).requests().length);
  }
  const address = environment('TEST_TEMPORAL_ADDRESS');
  const keyring = loadKeyring(join(operator.folder, 'keys.json'));
  temporal = await connectTemporal(keyring, { connectionOptions: { address }, namespace: 'default' });
  slowly = {
    NODE_OPTIONS: `--require ${join(__dirname, '../fixtures/slow-vault.js')}`,
    SLOW_VAULT: join(operator.folder, 'slow-vault'),
  };
  slow();
});
afterEach(() => {
  sandbox.setFaults(undefined);
  sandbox.release();
});
afterAll(async () => {
  await operator.stop();
  await temporal.connection.close();
  await way.close();
  await sandbox.close();
});

/** From now on these paths of the vault take so many milliseconds. */
function slow(...paths: readonly (readonly [number, string])[]): void {
  writeFileSync(join(operator.folder, 'slow-vault'), paths.map(([ms, path]) => `${ms} ${path}\n`).join(''));
}

/** API requests without an answer; one that hung stays one. */
function unanswered(company: string): number {
  return requestsOf(company).filter(({ status }) => status === null).length;
}

/** Without those of `connect`. */
const requestsOf = (company: string) => sandbox.company(company).requests().slice(connecting.get(company));

const subjectOf = (company: string) => sandbox.company(company).truth.subjectEmail;

async function start(company: string, requestId: string, ...options: string[]): Promise<string> {
  const { exit } = await operator.run(['access', company, subjectOf(company), '--request-id', requestId, ...options]);
  expect(exit).toBe(0);
  return `dsr:${company}:access:${requestId}`;
}

async function resultOf(company: string, requestId: string, ...options: string[]) {
  const args = ['access', company, subjectOf(company), '--request-id', requestId, ...options, '--wait'];
  return resultSchema.parse((await operator.ask(args)).document);
}

/** Steps that the server has handed to a worker. */
async function inFlight(workflowId: string): Promise<string[]> {
  const { raw } = await temporal.workflow.getHandle(workflowId).describe();
  return (raw.pendingActivities ?? []).flatMap(({ activityType, state }) =>
    state === 2 ? (activityType?.name ?? []) : [],
  );
}

async function isUnderWay(workflowId: string, step: string): Promise<void> {
  await until(`${step} is in flight`, async () => (await inFlight(workflowId)).includes(step));
}

/** The sweep that the schedule has started last. */
async function sweep(): Promise<string> {
  const { info } = await temporal.schedule.getHandle(retentionScheduleId(operator.taskQueue)).describe();
  const { action } = info.recentActions.at(-1) ?? {};
  return action?.workflow.workflowId ?? '';
}

/** As an orchestrator does it. */
async function stop(worker: RunningProcess): Promise<Ran & { readonly seconds: number }> {
  const startedMs = performance.now();
  const kill = setTimeout(() => void worker.end('SIGKILL'), KILLED_AFTER_MS);
  const ran = await worker.end('SIGTERM');
  clearTimeout(kill);
  return { ...ran, seconds: Math.round((performance.now() - startedMs) / 100) / 10 };
}

/** Steps that were taken more than once, of a run and its children. */
async function repeated(workflowId: string): Promise<string[]> {
  const { events } = await temporal.workflow.getHandle(workflowId).fetchHistory();
  const scheduled = new Map(
    events?.map(({ eventId, activityTaskScheduledEventAttributes: step }) => [
      String(eventId),
      step?.activityType?.name,
    ]),
  );
  const own = events?.flatMap(({ activityTaskStartedEventAttributes: started }) =>
    started && (started.attempt ?? 1) > 1 ? (scheduled.get(String(started.scheduledEventId)) ?? []) : [],
  );
  const children = events?.flatMap(
    ({ childWorkflowExecutionStartedEventAttributes: child }) => child?.workflowExecution?.workflowId ?? [],
  );
  return [...(own ?? []), ...(await Promise.all((children ?? []).map(repeated))).flat()];
}

test('a worker ends in time whatever is in flight, and another one repeats only that', async () => {
  const first = await operator.processes.startWorker(slowly);
  expect((await resultOf('small', 'ended')).status).toBe('completed');

  sandbox.setFaults({
    rules: [{ company: 'long', path: '^/v1/calls', occurrences: { from: LATE_PAGE }, action: 'hold' }],
  });
  const hangs = [
    [600_000, 'small/access/packed/package'],
    [600_000, '/evidence'],
  ] as const;
  slow(...hangs);
  const packed = await start('small', 'packed');
  await isUnderWay(packed, 'buildPackage');
  const merged = await start('long', 'merged', '--calls', 'company');
  await until('late pages are held', () => unanswered('long') > 0);
  slow(...hangs, [5_000, 'long/access/merged/case']);
  sandbox.setFaults({ rules: [{ company: 'mute', action: 'hang', times: 1 }] });
  sandbox.release();
  await isUnderWay(merged, 'mergeListings');
  await temporal.schedule.getHandle(retentionScheduleId(operator.taskQueue)).trigger();
  await until('a sweep runs', async () => (await sweep()) !== '');
  const swept = await sweep();
  await until('its step is in flight', async () => (await inFlight(swept)).length > 0);
  const muted = await start('mute', 'muted');
  await until('its API request has no answer', () => unanswered('mute') > 0);
  const atSignal = await Promise.all([packed, merged, swept, muted].map(inFlight));
  expect(atSignal.map(steps => steps.length)).toEqual(atSignal.map(() => 1));

  const { exit, seconds } = await stop(first);
  process.stderr.write(`SIGTERM with ${atSignal.flat().join(', ')} in flight: exit ${exit} after ${seconds} s\n`);
  expect(exit).toBe(0);

  sandbox.setFaults(undefined);
  const second = await operator.processes.startWorker();
  for (const [company, requestId, ...options] of [
    ['small', 'packed'],
    ['long', 'merged', '--calls', 'company'],
    ['mute', 'muted'],
  ] as const) {
    const { status, apiRequests } = await resultOf(company, requestId, ...options);
    expect(status).toBe('completed');
    if (company !== 'small') expect(apiRequests).toBe(requestsOf(company).length);
  }
  await temporal.workflow.getHandle(swept).result();
  const again = await Promise.all([packed, merged, swept, muted].map(repeated));
  process.stderr.write(`repeated: ${again.flat().join(', ')}\n`);
  expect(again).toEqual(atSignal);
  const pages = requestsOf('long').map(({ path, query }) => JSON.stringify([path, query]));
  expect(new Set(pages).size).toBe(pages.length);
  expect((await second.end('SIGTERM')).exit).toBe(0);
});

test('a worker whose server is silent ends in time, and says that it could not end everything', async () => {
  const worker = await operator.processes.startWorker({ TEMPORAL_ADDRESS: way.address });
  sandbox.setFaults({ rules: [{ company: 'mute', action: 'hang' }] });
  const before = unanswered('mute');
  await start('mute', 'silent');
  await until('its API request has no answer', () => unanswered('mute') > before);
  way.silence();
  const { exit, stderr, seconds } = await stop(worker);
  process.stderr.write(`SIGTERM with a silent server: exit ${exit} after ${seconds} s\n`);
  expect(exit).toBe(1);
  expect(stderr).toContain('error shutdown-overdue');
});

test('a second SIGTERM ends a worker at once', async () => {
  sandbox.setFaults({ rules: [{ company: 'mute', action: 'hold' }] });
  const worker = await operator.processes.startWorker();
  const before = unanswered('mute');
  await start('mute', 'twice');
  await until('its API request has no answer', () => unanswered('mute') > before);
  const ended = worker.end('SIGTERM');
  await until('it is ending', () => worker.stderr().includes('ending'));
  await worker.end('SIGTERM');
  expect((await ended).exit).toBeNull();
});
