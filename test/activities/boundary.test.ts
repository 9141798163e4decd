/**
 * Every way in which a step can end, across a real activity boundary: real steps on a real worker, faults from the sandbox,
 * and what a workflow gets to know. What a step says of itself is worth what the server hands on.
 */
import { Client, Connection } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { FaultRule } from '../../sandbox';
import { registered } from '../../src/activities';
import { planDigestOf } from '../../src/activities/approved';
import { createDataConverter } from '../../src/encryption/data-converter';
import { HANDLING, isStepCode, type StepCode } from '../../src/request/handling';
import { type Kind, type RequestRef, workflowIdOf } from '../../src/request/names';
import { CaseFileBroken, type CaseRef } from '../../src/vault/cases';
import { ifBroken } from '../../src/vault/connections';
import { FACTS } from '../receipt/support';
import { askedFor } from '../support/asked';
import { environment, installRuntime } from '../support/service';
import type { accessRequest, StepEnd, StepToTake } from './support/one-step';
import { bundleOfOneStep } from './support/one-step-bundle';
import { cardsOf, endedAs, type Steps, startSteps } from './support/steps';

const EMAIL = 'Zoe.Nunez@Example.com';
const TASK_QUEUE = `boundary-${process.pid}-${Date.now()}`;
const AN_HOUR_MS = 3_600_000;

let steps: Steps;
let client: Client;
let subject: CaseRef;
let people: CaseRef;
let approval: CaseRef;
let planDigest: string;
let plan: CaseRef;
let links: CaseRef;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  installRuntime();
  const address = environment('TEST_TEMPORAL_ADDRESS');
  const connection = await Connection.connect({ address });
  cleanUp.push(() => connection.close());
  const native = await NativeConnection.connect({ address });
  cleanUp.push(() => native.close());
  steps = await startSteps();
  await steps.stop();
  const dataConverter = createDataConverter(steps.keyring); // all steps of tests have the same keys
  client = new Client({ connection, dataConverter });
  const worker = await Worker.create({
    connection: native,
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: await bundleOfOneStep() },
    dataConverter,
    activities: registered(
      Object.fromEntries(
        Object.keys({ ...steps.api, ...steps.local, ...steps.waking }).map(name => [
          name,
          (...input: unknown[]) => takePresent(name, input),
        ]),
      ),
    ),
  });
  const running = worker.run();
  cleanUp.push(async () => {
    worker.shutdown();
    await running;
  });
});
afterAll(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** The step of the present test's own set. */
function takePresent(name: string, input: unknown[]): unknown {
  const step: unknown = Reflect.get({ ...steps.api, ...steps.local, ...steps.waking }, name);
  if (typeof step !== 'function') throw new Error(`there is no step ${name}`);
  return Reflect.apply(step, undefined, input);
}

async function begin(kind: Kind): Promise<void> {
  steps = await startSteps({
    kind,
    client: { headersTimeoutMs: 2_000, bodyTimeoutMs: 8_000, bodyBytesMax: 1_000_000 },
    random: () => 0.1,
    waitDelays: { firstMs: 1_000, mostMs: 2_000 },
  });
  subject = await steps.write('subject', { emails: [EMAIL], phoneNumbers: [] });
  const cards = cardsOf(steps.company, steps.company.truth.contactIds);
  people = await steps.people(cards);
  plan = await steps.plan(cards, { verb: 'delete' });
}
beforeEach(() => begin('access'));
afterEach(async () => steps.stop());

let runs = 0;
async function take(step: StepToTake, workflowId?: string) {
  runs += 1;
  const handle = await client.workflow.start<typeof accessRequest>('accessRequest', {
    args: [step],
    taskQueue: TASK_QUEUE,
    workflowId: workflowId ?? `${workflowIdOf(steps.request)}:${TASK_QUEUE}-${runs}`,
  });
  const end: StepEnd = await handle.result();
  const { events } = await handle.fetchHistory();
  return { end, events: events ?? [] };
}

/** A step, how often it is tried, and how it is made to fail. */
interface Case {
  readonly step: string;
  readonly input?: () => unknown;
  readonly more?: readonly unknown[];
  readonly addressee?: string;
  readonly prepare?: () => unknown;
  readonly fault?: FaultRule;
  /** API requests that Aircall gets from two attempts. */
  readonly apiRequests: number;
  readonly request?: RequestRef;
}

const search = (fault: FaultRule, apiRequests: number): Case => ({
  step: 'searchContacts',
  input: () => ({ request: steps.request, subject, by: 'address', place: 0, window: {}, page: 1 }),
  fault,
  apiRequests,
});
const answer = (status: number): FaultRule => ({ action: 'status', status });
const openFor = (email: string): Case => ({
  step: 'openRequest',
  input: () => ({
    input: { kind: 'access', requestId: 'opened', connection: 'acme', subject: { email } },
    receivedAt: '2026-01-31T12:00:00.000Z',
    openedAt: '2026-01-31T12:00:00.000Z',
    runId: 'run-0',
  }),
  request: { connection: 'acme', kind: 'access', requestId: 'opened' },
  apiRequests: 0,
});
const merge: Case = {
  step: 'mergeListings',
  input: () => ({ request: steps.request, of: 'contacts', objects: [subject] }),
  apiRequests: 0,
};
const OTHER_DIGEST = 'f'.repeat(32);
const approvalOf = (named: string) => ({
  request: steps.request,
  plan,
  given: { planDigest: named, decisions: {}, at: '2026-01-31T12:00:00.000Z' },
  nowMs: Date.parse('2026-01-31T12:00:00.000Z'),
});
/** Another contact has the only place of the day. */
async function brake(): Promise<void> {
  await steps.connect(undefined, { deletionsPerDay: 1 });
  await steps.brake.take('acme', 1, 1, Date.now());
}
const pathOf = ({ ref }: CaseRef) => `requests/acme/access/r-1/case/${ref}`;

const CASES = {
  'rate-limited': search({ ...answer(429), headers: { 'Retry-After': '1' } }, 2),
  unauthorized: search(answer(401), 1),
  forbidden: { step: 'ping', prepare: () => steps.company.revokeCredentials(), apiRequests: 1 },
  'not-found': search(answer(404), 1),
  rejected: search(answer(422), 1),
  redirected: search({ action: 'redirect' }, 1),
  unavailable: search(answer(503), 2),
  unreachable: search({ action: 'truncate' }, 2),
  'not-trusted': {
    ...search({ action: 'drop' }, 0),
    prepare: () => steps.connect(undefined, { baseUrl: steps.sandbox.baseUrl.replace('http:', 'https:') }),
  },
  'timed-out': search({ action: 'hang' }, 2),
  'unexpected-reply': search({ action: 'wrong-shape' }, 2),
  'reply-too-large': search({ action: 'oversize' }, 2),
  'no-connection': { step: 'ping', prepare: () => steps.connections.delete('acme'), apiRequests: 0 },
  'reconnect-needed': {
    step: 'refreshToken',
    input: () => ({ connection: 'acme', failedVersion: 1 }),
    apiRequests: 0,
  },
  'refresh-in-progress': {
    step: 'refreshToken',
    input: () => ({ connection: 'acme', failedVersion: 2 }),
    prepare: () =>
      steps.connect(
        { kind: 'oauth', accessToken: 'a', refresh: { refreshToken: 'r', clientId: 'c', clientSecret: 's' } },
        { refreshLease: 'of-another-process' },
      ),
    apiRequests: 0,
  },
  'budget-awaited': { ...search({ action: 'drop' }, 0), prepare: () => Object.assign(steps.permit, { nextMs: 1 }) },
  'credentials-awaited': {
    step: 'awaitCredentials',
    input: () => ({ connection: 'acme', failedVersion: 1 }),
    apiRequests: 0,
  },
  'connection-paused': {
    ...search({ action: 'drop' }, 0),
    prepare: () => steps.connect(undefined, { pausedAt: '2026-01-31T12:00:00.000Z' }),
  },
  'resumption-awaited': {
    step: 'awaitResumption',
    prepare: () => steps.connect(undefined, { pausedAt: '2026-01-31T12:00:00.000Z' }),
    apiRequests: 0,
  },
  'access-request-awaited': {
    step: 'awaitAccessRequests',
    input: () => ({ connection: 'acme', identityHashes: ['of-nobody'] }),
    prepare: async () => {
      await steps.cases.mark(['of-nobody'], steps.request);
      steps.openRuns.add(`${workflowIdOf(steps.request)} run-0`);
    },
    apiRequests: 0,
  },
  'requests-unwoken': {
    step: 'wakeWaiting',
    prepare: () => steps.waitingPages.push('second', 'third', 'fourth'),
    apiRequests: 0,
  },
  'receipt-awaited': {
    step: 'closeRequest',
    input: () => ({ request: steps.request, runId: 'run-0', result: endedAs('no-match'), phases: {} }),
    prepare() {
      const { putIfAbsent } = steps.driver;
      const hangs = (path: string, bytes: Buffer) =>
        path.startsWith('receipts/') ? new Promise<boolean>(() => {}) : putIfAbsent.call(steps.driver, path, bytes);
      Object.assign(steps.driver, { putIfAbsent: hangs });
      for (let nth = 0; nth < 8; nth += 1)
        void steps.receipts.issue({ ...FACTS, runId: `run-${nth + 1}`, how: 'at-end' });
    },
    apiRequests: 0,
  },
  'invalid-input': openFor('no address'),
  'request-conflict': {
    ...openFor(EMAIL),
    prepare: () =>
      steps.cases.open({
        request: { connection: 'acme', kind: 'access', requestId: 'opened' },
        ...askedFor('of somebody else'),
        runId: 'run-1',
        startedAt: '2026-01-31T12:00:00.000Z',
        incarnation: 1,
      }),
  },
  'connection-replaced': {
    ...search({ action: 'drop' }, 0),
    prepare: () => steps.connect(undefined, { incarnation: 2 }),
  },
  'request-ended': {
    ...search({ action: 'drop' }, 0),
    prepare: () => steps.cases.close(steps.request, endedAs('no-match')),
  },
  'request-cancelled': {
    ...search({ action: 'drop' }, 0),
    prepare: () => steps.cases.noteCancellation(steps.request, 'run-0', '2026-01-31T12:00:00.000Z'),
  },
  'deletion-not-asked': {
    step: 'deleteContact',
    input: () => ({ request: steps.request, people, plan, contact: 0 }),
    apiRequests: 0,
  },
  'read-first': {
    step: 'deleteContact',
    input: () => ({ request: steps.request, people, plan, contact: 0 }),
    prepare: async () => {
      people = await steps.people(cardsOf(steps.company, steps.company.truth.contactIds), [], { readMs: 1 });
    },
    apiRequests: 0,
  },
  'not-approved': {
    step: 'deleteContact',
    input: () => ({ request: steps.request, people, plan, approval, contact: 0 }),
    prepare: async () => {
      approval = await steps.write('approval', { planDigest: OTHER_DIGEST, decisions: {}, approvals: [] });
    },
    apiRequests: 0,
  },
  'daily-brake': {
    step: 'deleteContact',
    input: () => ({ request: steps.request, people, plan, contact: 0 }),
    prepare: () => brake(),
    apiRequests: 0,
  },
  'place-awaited': {
    step: 'awaitPlace',
    input: () => ({ request: steps.request, people, contact: 0, until: '2100-01-31T12:00:00.000Z' }),
    prepare: () => brake(),
    apiRequests: 0,
  },
  'download-awaited': {
    step: 'downloadAudio',
    input: () => ({ request: steps.request, links }),
    prepare: async () => {
      const [call] = steps.company.calls().filter(({ recording }) => recording !== null);
      steps.sandbox.setFaults({ rules: [], media: [{ action: 'truncate' }] });
      links = await steps.write('links', [{ call: call?.id ?? 0, kind: 'recording', url: call?.recording ?? '' }]);
    },
    apiRequests: 0,
  },
  'approval-refused': { step: 'checkApproval', input: () => approvalOf(OTHER_DIGEST), apiRequests: 0 },
  'approvers-broken': {
    step: 'checkApproval',
    input: () => approvalOf(planDigest),
    prepare: async () => {
      const { rows } = await steps.read(plan, 'plan');
      planDigest = planDigestOf(steps.keyring.hash, rows);
      await steps.driver.putIfAbsent('approvers', Buffer.from('broken'));
    },
    apiRequests: 0,
  },
  'notice-broken': {
    ...openFor(EMAIL),
    prepare: async () => {
      await steps.driver.putIfAbsent('notices/acme', Buffer.from('broken'));
    },
  },
  'connection-broken': { ...search({ action: 'drop' }, 0), prepare: () => changeBytes(cutOff, 'connections/acme') },
  'record-broken': {
    ...openFor(EMAIL),
    prepare: async () => {
      await steps.driver.putIfAbsent('requests/acme/access/opened/record', Buffer.from('broken'));
    },
  },
  'vault-rolled-back': {
    ...search({ action: 'drop' }, 0),
    prepare: async () => {
      const before = await steps.driver.get('connections/acme');
      await steps.connect();
      await changeBytes(() => before?.value ?? Buffer.alloc(0), 'connections/acme');
    },
  },
  'case-file-broken': { ...merge, prepare: () => steps.vault.delete(pathOf(subject)) },
  'case-file-shredded': { ...merge, prepare: () => steps.cases.shred(steps.request, new Date(), 'run-0') },
  'file-too-large': {
    ...merge,
    prepare: () => {
      const read = () => Promise.reject(new CaseFileBroken('file-too-large', 'a file is too large'));
      Object.assign(steps.cases, { read });
    },
  },
  'not-sealed': { ...merge, prepare: () => changeBytes(() => Buffer.from('not sealed')) },
  'wrong-key': { ...merge, prepare: () => changeBytes(bytes => flipped(bytes, KEY_CHECK_AT)) },
  'seal-broken': { ...merge, prepare: () => changeBytes(bytes => flipped(bytes, bytes.length - 1)) },
  'receipt-invalid': {
    step: 'closeRequest',
    input: () => ({ request: steps.request, runId: 'run-1', result: endedAs('no-match'), phases: {} }),
    prepare: () =>
      steps.cases.open({
        request: steps.request,
        ...askedFor('no hash'),
        runId: 'run-1',
        startedAt: '2026-01-31T12:00:00.000Z',
        incarnation: 1,
      }),
    apiRequests: 0,
  },
  'extension-refused': {
    step: 'extendClock',
    input: () => ({ request: steps.request, runId: 'run-0', extension: { reason: 'complexity' }, nowMs: 0 }),
    apiRequests: 0,
  },
  'alarm-undelivered': {
    step: 'raiseAlarm',
    input: () => ({
      request: steps.request,
      runId: 'run-0',
      alarm: 'overdue',
      regime: 'gdpr',
      dueAt: '2026-01-31T12:00:00.000Z',
    }),
    prepare: () => Object.assign(steps.alarms, { fail: true }),
    apiRequests: 0,
  },
  'payload-unusable': { ...merge, addressee: 'deleteContact' },
  'local-failure': {
    ...merge,
    prepare: () => {
      const { get } = steps.driver;
      const fails = (path: string) =>
        path === pathOf(subject) ? Promise.reject(new Error('disk failed')) : get.call(steps.driver, path);
      Object.assign(steps.driver, { get: fails });
    },
  },
} satisfies Record<StepCode, Case>;

/** Behind `DSR1`, the length of the key id, and a request's key id. */
const KEY_CHECK_AT = 4 + 1 + 14;

/** Somebody changes what lies in the vault. */
async function changeBytes(change: (bytes: Buffer) => Buffer, path = pathOf(subject)): Promise<void> {
  const bytes = (await steps.driver.get(path))?.value ?? Buffer.alloc(0);
  await steps.driver.delete(path);
  await steps.driver.putIfAbsent(path, change(bytes));
}

function cutOff(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length / 2);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}

async function presentConnection(): Promise<{ readonly credentialVersion: number }> {
  const present = await steps.connections.get('acme').catch(ifBroken);
  return present === undefined || present === 'broken' ? { credentialVersion: 0 } : present.value;
}

const CODES = Object.keys(HANDLING).filter(isStepCode);

/** Codes of a deletion that is refused by its plan, before a credential is looked at. */
const BEFORE_THE_CONNECTION: ReadonlySet<StepCode> = new Set(['read-first', 'not-approved', 'daily-brake']);

/** Whatever must not be readable in a history. */
const SECRETS = [
  EMAIL,
  EMAIL.toLowerCase(),
  'no address',
  'sandbox fault',
  'in the vault',
  'case file',
  'status 4',
  'status 5',
];

describe('a step that ends as', () => {
  test.each(CODES)(
    '%s tells its workflow so, is tried again only where that helps, and counts what it sent',
    async code => {
      const { step, input, more = [], addressee, prepare, fault, apiRequests, request }: Case = CASES[code];
      const { retry } = HANDLING[code];
      await prepare?.();
      if (fault !== undefined) steps.sandbox.setFaults({ rules: [fault] });
      const { credentialVersion } = await presentConnection();

      const { end, events } = await take(
        {
          step,
          input: [input?.() ?? { connection: 'acme', failedVersion: credentialVersion }, ...more],
          ...(addressee && { addressee }),
          attemptsMax: 2,
          // Where the failure names a delay, Temporal's own backoff would outlast the test.
          backoffMs: retry === 'server-says' ? AN_HOUR_MS : 10,
        },
        request && workflowIdOf(request),
      );

      const told = step in steps.api && !BEFORE_THE_CONNECTION.has(code);
      expect(end).toEqual({
        type: code,
        nonRetryable: retry === 'never',
        retryState: retry === 'never' ? 'NON_RETRYABLE_FAILURE' : 'MAXIMUM_ATTEMPTS_REACHED',
        failure:
          code === 'request-cancelled'
            ? 'cancelled'
            : { code, apiRequests, credentialVersion: told ? credentialVersion : 0 },
      });
      expect(steps.sandbox.requests()).toHaveLength(apiRequests);

      const { started, failed } = attemptsOf(events);
      expect(started.attempt).toBe(retry === 'never' ? 1 : 2);
      const failures = [failed.failure, ...(retry === 'never' ? [] : [started.lastFailure])];
      for (const failure of failures) {
        expect(failure?.applicationFailureInfo?.type).toBe(code);
        expect(failure?.message).toBe('Encoded failure');
        expect(failure?.stackTrace).toBe('');
        expect(failure?.encodedAttributes?.data?.length).toBeGreaterThan(0);
        expect((failure?.applicationFailureInfo?.nextRetryDelay ?? null) !== null).toBe(retry === 'server-says');
      }
      expectUnreadable(events);
    },
  );
});

function attemptsOf(events: readonly temporal.api.history.v1.IHistoryEvent[]) {
  const started = events.flatMap(event => event.activityTaskStartedEventAttributes ?? []);
  const failed = events.flatMap(event => event.activityTaskFailedEventAttributes ?? []);
  const [onlyStarted, onlyFailed] = [started[0], failed[0]];
  if (onlyStarted === undefined || onlyFailed === undefined || started.length + failed.length !== 2)
    throw new Error('the history does not hold one failed step');
  return { started: onlyStarted, failed: onlyFailed };
}

/** As whoever reads the server's database would see it: every text, and the bytes of every payload. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (ArrayBuffer.isView(value))
    return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

function expectUnreadable(events: readonly temporal.api.history.v1.IHistoryEvent[]): void {
  const readable = textsOf(events).join('\n').toLowerCase();
  expect(readable).toContain('binary/encrypted');
  for (const secret of SECRETS) expect(readable).not.toContain(secret.toLowerCase());
}

describe('API requests of a step', () => {
  const searchStep = { step: 'searchContacts', attemptsMax: 5, backoffMs: 10 };
  const input = () => ({ request: steps.request, subject, by: 'address', place: 0, window: {}, page: 1 });

  test('are counted across attempts that failed', async () => {
    steps.sandbox.setFaults({ rules: [{ ...answer(500), times: 2 }] });
    const { end } = await take({ ...searchStep, input: [input()] });
    expect(end.value).toMatchObject({ rows: 2, apiRequests: 3 });
    expect(steps.sandbox.requests()).toHaveLength(3);
  });

  test('are counted across an attempt that sent none', async () => {
    steps.sandbox.setFaults({
      rules: [
        { ...answer(500), path: '/contacts/search', times: 1 },
        { ...answer(429), path: '/ping', headers: { 'Retry-After': '3' }, times: 1 },
      ],
    });
    // The first attempt fails at once, and the gate closes before the second.
    const counted = take({ ...searchStep, input: [input()], backoffMs: 1_500 });
    await untilRequests(1);
    await take({ step: 'ping', input: [{ connection: 'acme' }], attemptsMax: 1, backoffMs: 10 });
    const { end, events } = await counted;
    expect(end.value).toMatchObject({ apiRequests: 2 });
    const attempts = events.flatMap(event => event.activityTaskStartedEventAttributes?.attempt ?? []);
    expect(attempts).toEqual([3]);
    expect(steps.sandbox.requests()).toHaveLength(3);
  });

  test.each([
    ['a failure that is tried again', answer(500), 50, 2_500],
    ['a limit that outlasts it', { ...answer(429), headers: { 'Retry-After': '200' } }, 50, 5_000],
    ['a pause that outlasts it', answer(500), AN_HOUR_MS, 5_000],
    ['an attempt without a reply', { action: 'hang' }, 50, 1_200],
  ] as const)('are counted where the deadline comes during %s', async (_, fault, backoffMs, deadlineMs) => {
    steps.sandbox.setFaults({ rules: [fault] });
    const step = { ...searchStep, attemptsMax: 1_000, input: [input()], backoffMs, deadlineMs };
    const { end } = await take(step, workflowIdOf(steps.request));
    expect(end.failure).toMatchObject({ code: 'deadline', apiRequests: steps.sandbox.requests().length });
    expect(steps.sandbox.requests().length).toBeGreaterThan(0);
  });

  test('are counted where the last word is a failure of the vault', async () => {
    Object.assign(steps.driver, { putIfAbsent: () => Promise.reject(new Error('disk full')) });
    const { end } = await take({ ...searchStep, attemptsMax: 3, input: [input()] });
    expect(end.failure).toMatchObject({ code: 'local-failure', apiRequests: 3 });
    expect(steps.sandbox.requests()).toHaveLength(3);
  });
});

describe('a deletion that finds the contact gone', () => {
  beforeEach(async () => {
    await steps.stop();
    await begin('deletion');
  });
  const remove = async (fault: FaultRule, whenSent: () => void) => {
    steps.sandbox.setFaults({ rules: [{ ...fault, method: 'DELETE', times: 1 }] });
    const taken = take({
      step: 'deleteContact',
      input: [{ request: steps.request, people, plan, contact: 0 }],
      attemptsMax: 3,
      backoffMs: 1_500,
    });
    await untilRequests(1);
    whenSent();
    return (await taken).end.value;
  };
  const removeElsewhere = () => steps.company.removeContact(steps.company.truth.contactIds[0] ?? 0);

  test('does not claim it after a 429: that attempt had no effect', async () => {
    const value = await remove({ ...answer(429), headers: { 'Retry-After': '1' } }, removeElsewhere);
    expect(value).toEqual({ outcome: 'already-absent', apiRequests: 2 });
  });

  test('claims it where the reply of an earlier attempt was lost', async () => {
    const value = await remove({ action: 'drop-after' }, () => {});
    expect(value).toEqual({ outcome: 'deleted', apiRequests: 2 });
  });

  test('claims it where an earlier attempt may have taken effect', async () => {
    const value = await remove(answer(503), removeElsewhere);
    expect(value).toEqual({ outcome: 'deleted', apiRequests: 2 });
  });
});

async function untilRequests(number: number): Promise<void> {
  while (steps.sandbox.requests().length < number) await new Promise(resolve => setTimeout(resolve, 5));
}
