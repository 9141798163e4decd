/**
 * The topology of docker-compose.yml without Docker: Temporal's server on PostgreSQL, with the settings of deploy/, and two
 * worker processes. A worker is killed, the server is killed, PostgreSQL is stopped in the middle of its work; every
 * request completes, and Aircall is never asked more often than the budget allows.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCompanySeed, type Sandbox, type SandboxCompany, startSandbox } from '../../sandbox';
import { accessPackageSchema } from '../../src/package/document';
import { createOperator, type Operator, type RunningProcess } from '../support/command-line';
import { listSchema, statusSchema } from '../support/documents';
import { PATIENCE_MS, until } from '../support/patience';
import { idsOf } from '../support/requests';
import { createTemporalOnPostgres, type TemporalOnPostgres } from '../support/temporal-on-postgres';
import { unzip } from '../support/zip';

const LIMIT_PER_MINUTE = 60;
/** Of the limit, in any 60 seconds. */
const SHARE_MAX = 0.8;
const REQUESTS_PER_COMPANY = 16;
/** Commands that start requests at the same time. */
const STARTERS = 4;
/** Of every answer of Aircall's: so that a fault always meets requests in flight. */
const DELAY_MS = 4_000;
/** Of all workers, whenever something is killed. */
const IN_FLIGHT = 3;
/** How long server and database stay away. */
const OUTAGE_MS = 4_000;
const LOOK_AGAIN_MS = 1_000;

const SEED = { contacts: 60, calls: 300, now: Date.now() };
const COMPANIES = [
  createCompanySeed({ name: 'north', seed: 31, ...SEED }),
  createCompanySeed({ name: 'south', seed: 32, ...SEED }),
];

interface Wanted {
  readonly company: string;
  readonly kind: 'access' | 'deletion';
  readonly requestId: string;
  readonly email: string;
  readonly contactId: number;
}

/** Each of another person: one address, one contact. */
const WANTED: readonly Wanted[] = COMPANIES.flatMap(({ name, contacts }) =>
  contacts
    .flatMap(({ id, emails }) => emails.flatMap(({ value }) => (value.startsWith('person.') ? [{ id, value }] : [])))
    .slice(0, REQUESTS_PER_COMPANY)
    .map(({ id, value }, index) => ({
      company: name,
      kind: index % 2 === 0 ? 'access' : 'deletion',
      requestId: `${name}-${index}`,
      email: value,
      contactId: id,
    })),
);

let temporal: TemporalOnPostgres;
let operator: Operator;
let sandbox: Sandbox;
const workers: RunningProcess[] = [];

beforeAll(async () => {
  temporal = await createTemporalOnPostgres();
  await temporal.updateSchema();
  await temporal.start();
  await temporal.makeNamespace();
  operator = createOperator({ TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace });
  sandbox = await startSandbox({ companies: COMPANIES });
  await operator.run(['keys', 'generate']);
  for (const { name, apiId, apiToken } of sandbox.companies) {
    operator.keepSecret(apiToken);
    const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', String(LIMIT_PER_MINUTE)];
    const { exit, stderr } = await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
    expect({ exit, stderr }).toMatchObject({ exit: 0 });
  }
  sandbox.setFaults({ rules: [{ action: 'delay', delayMs: DELAY_MS }] });
  workers.push(await operator.processes.startWorker(), await operator.processes.startWorker());
});
afterAll(async () => {
  await operator?.stop();
  await sandbox?.close();
  await temporal?.stop();
});

/** Status by request id; undefined where the server does not answer. */
async function statuses(): Promise<Map<string, string> | undefined> {
  const { exit, stdout } = await operator.run(['list', '--json']);
  if (exit !== 0) return undefined;
  const { requests } = listSchema.parse(JSON.parse(stdout));
  return new Map(requests.map(({ requestId, status }) => [requestId, status]));
}

const inFlight = () => sandbox.requests().filter(({ status }) => status === null).length;

const isFinal = (status: string) => status !== 'running' && status !== 'waiting';

/** Waits until so many requests have ended, as long as the patience lasts from one end to the next. */
async function untilEnded(count: number): Promise<void> {
  let most = 0;
  let deadlineMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await statuses();
    const ended = [...(seen?.values() ?? [])].filter(isFinal).length;
    if (ended >= count) return;
    if (ended > most) deadlineMs = Date.now() + PATIENCE_MS;
    most = Math.max(most, ended);
    if (Date.now() > deadlineMs)
      throw new Error(`${ended} of ${count} requests have ended. The server says: ${temporal.told()}`);
    await sleep(LOOK_AGAIN_MS);
  }
}

function mostInAMinute({ requests }: SandboxCompany): number {
  const times = requests().map(({ at }) => at);
  return Math.max(...times.map(start => times.filter(at => at >= start && at < start + 60_000).length));
}

test('all requests complete though a worker, the server and PostgreSQL are killed on the way', async () => {
  const startedAt = Date.now();
  const faults: string[] = [];
  let interrupted = 0;
  const fault = async (what: string, make: () => Promise<unknown>) => {
    await until('API requests are in flight', () => inFlight() >= IN_FLIGHT);
    const ended = [...((await statuses())?.values() ?? [])].filter(isFinal).length;
    expect(ended).toBeLessThan(WANTED.length);
    const waiting = inFlight();
    const seconds = Math.round((Date.now() - startedAt) / 1_000);
    faults.push(`${what} after ${seconds} s, ${ended} requests ended, ${waiting} API requests in flight`);
    interrupted += waiting;
    await make();
  };
  const toStart = [...WANTED];
  const startSome = async () => {
    for (let wanted = toStart.shift(); wanted !== undefined; wanted = toStart.shift()) {
      const { kind, company, email, requestId } = wanted;
      const command = kind === 'access' ? ['access'] : ['delete', '--settle', '1'];
      const { exit, document } = await operator.ask([...command, company, email, '--request-id', requestId]);
      expect({ exit, document }).toMatchObject({ exit: 0 });
    }
  };
  await Promise.all(Array.from({ length: STARTERS }, startSome));

  const [first, second] = workers;
  await fault('a worker killed', async () => first?.end('SIGKILL'));
  await untilEnded(6);
  await fault('the server killed', () => temporal.kill());
  await sleep(OUTAGE_MS);
  await temporal.start();
  await untilEnded(10);
  await fault('PostgreSQL crashed', () => temporal.postgres.crash());
  await sleep(OUTAGE_MS);
  await temporal.postgres.start();
  // As `restart: unless-stopped` would have it, only later.
  const replacement = await operator.processes.startWorker();
  await untilEnded(WANTED.length);
  const seconds = Math.round((Date.now() - startedAt) / 1_000);

  expect([...((await statuses()) ?? [])].sort()).toEqual(
    WANTED.map(({ requestId }) => [requestId, 'completed']).sort(),
  );
  let counted = 0;
  for (const { company, kind, requestId, contactId } of WANTED) {
    const workflowId = `dsr:${company}:${kind}:${requestId}`;
    const { result } = statusSchema.parse((await operator.ask(['status', workflowId])).document);
    expect(result).toMatchObject({
      status: 'completed',
      counts: { contacts: 1, failed: 0, refused: 0 },
      ...(kind === 'deletion' && { counts: { deleted: 1 }, verification: { state: 'verified' } }),
    });
    counted += result?.apiRequests ?? 0;
    const left = idsOf(sandbox.company(company).contacts());
    if (kind === 'deletion') expect(left).not.toContain(contactId);
    else {
      expect(left).toContain(contactId);
      expect(await contactsOfPackage(workflowId, requestId)).toEqual([contactId]);
    }
  }
  const others = COMPANIES.flatMap(({ contacts }) => contacts).length - WANTED.length / 2;
  expect(sandbox.companies.flatMap(company => company.contacts())).toHaveLength(others);

  const peaks = sandbox.companies.map(mostInAMinute);
  for (const peak of peaks) expect(peak).toBeLessThanOrEqual(SHARE_MAX * LIMIT_PER_MINUTE);
  // The check of the credentials by `connect` is counted by nobody.
  const sent = sandbox.requests().length - sandbox.companies.length;
  // What was in flight at a kill may be sent again, and its first time is then not counted.
  expect(counted).toBeLessThanOrEqual(sent);
  expect(counted).toBeGreaterThanOrEqual(sent - interrupted);
  process.stderr.write(
    `PostgreSQL topology: ${WANTED.length} requests completed in ${seconds} s through ${faults.length} faults (${faults.join('; ')}); ` +
      `${sent} API requests sent, ${counted} counted; most in any 60 s ${peaks.join(' and ')} of ${LIMIT_PER_MINUTE}\n`,
  );
  for (const worker of [second, replacement]) expect(await worker?.end('SIGTERM')).toMatchObject({ exit: 0 });
});

async function contactsOfPackage(workflowId: string, requestId: string): Promise<number[]> {
  const path = join(operator.folder, `${requestId}.zip`);
  const { exit, stderr } = await operator.run(['package', workflowId, '--out', path]);
  expect({ exit, stderr }).toMatchObject({ exit: 0 });
  const files = await unzip(readFileSync(path));
  return idsOf(accessPackageSchema.parse(JSON.parse(files.get('access-package.json') ?? '')).contacts);
}

test('an update of the schema that is there already changes nothing', async () => {
  expect(await temporal.updateSchema()).toContain('found zero updates from current version');
  await temporal.makeNamespace();
});
