/**
 * `kill -9` of the worker while API requests are in flight: started again, the request ends as on a twin company where
 * nobody was killed. What was in flight is found after the time-out of its step (60 s), so this takes minutes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCompanySeed, type FaultRule, type LoggedRequest, type Sandbox, startSandbox } from '../../sandbox';
import { type AccessPackage, accessPackageSchema } from '../../src/package/document';
import { createOperator, type RunningProcess } from '../support/command-line';
import { resultSchema } from '../support/documents';
import { until } from '../support/patience';
import { idsOf, sorted } from '../support/requests';
import { unzip } from '../support/zip';

const SEED = { seed: 9, contacts: 40, calls: 400, now: Date.now() };
const TWIN = createCompanySeed({ name: 'twin', ...SEED });
/** The same records under other credentials. */
const KILLED = { ...createCompanySeed({ name: 'killed', ...SEED }), ...recordsOf(TWIN) };
const { contactIds, callIds, subjectEmail } = TWIN.truth;

function recordsOf({ contacts, calls, users, lines, truth }: typeof TWIN) {
  return { contacts, calls, users, lines, truth };
}

const operator = createOperator();
const here = (name: string) => join(operator.folder, name);
let sandbox: Sandbox;
let worker: RunningProcess;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: [TWIN, KILLED] });
  operator.keepSecret(...sandbox.companies.map(({ apiToken }) => apiToken));
  await operator.run(['keys', 'generate']);
  for (const { name, apiId, apiToken } of sandbox.companies) {
    const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
    const { exit } = await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
    expect(exit).toBe(0);
  }
  worker = await operator.processes.startWorker();
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

interface Disturbed {
  readonly exit: number | null;
  readonly result: ReturnType<typeof resultSchema.parse>;
  readonly sent: LoggedRequest[];
  /** API requests without an answer when the worker was killed. */
  readonly inFlight: number;
}

/** Runs a request; with a fault, kills the worker while `inFlight` of its requests are held up, and starts another. */
async function run(company: string, args: readonly string[], fault?: FaultRule, inFlight = 0): Promise<Disturbed> {
  const asked = sandbox.company(company);
  const before = asked.requests().length;
  const sent = () => asked.requests().slice(before);
  const heldUp = () => sent().filter(({ fault: struck, status }) => struck !== null && status === null).length;
  sandbox.setFaults(fault && { rules: [{ company, ...fault }] });
  const [command = '', ...options] = args;
  const started = await operator.ask([command, company, subjectEmail, ...options]);
  expect(started.exit).toBe(0);
  let lost = 0;
  if (fault !== undefined) {
    await until('API requests are in flight', () => heldUp() >= inFlight);
    const killed = await worker.end('SIGKILL');
    expect(killed.exit).toBeNull();
    lost = heldUp();
    sandbox.setFaults(undefined);
    sandbox.release();
    worker = await operator.processes.startWorker();
  }
  const waitingArgs = [command, company, subjectEmail, ...options, '--wait'];
  const { exit, document } = await operator.ask(waitingArgs);
  return { exit, result: resultSchema.parse(document), sent: sent(), inFlight: lost };
}

/** What must not depend on whether somebody was killed. */
function outcomeOf({ exit, result }: Disturbed) {
  const { counts, coverage, outcomes, status, verification } = result;
  const { contacts, calls } = coverage;
  return {
    ...{ exit, status, counts, contacts, outcomes },
    calls: calls && { state: calls.state, gaps: calls.gaps, ambiguous: calls.ambiguous },
    verification: verification?.state,
  };
}

/** Requests that were sent again, beyond what the twin needed. */
function repeatedOf(killed: Disturbed, twin: Disturbed): number {
  const repeated = killed.sent.length - twin.sent.length;
  expect(repeated).toBeGreaterThan(0);
  expect(repeated).toBeLessThanOrEqual(killed.inFlight);
  expect(killed.result.apiRequests).toBeLessThanOrEqual(killed.sent.length);
  expect(killed.result.apiRequests).toBeGreaterThanOrEqual(killed.sent.length - killed.inFlight);
  expect(twin.result.apiRequests).toBe(twin.sent.length);
  return repeated;
}

async function packageAt(path: string): Promise<AccessPackage> {
  const files = await unzip(readFileSync(path));
  return accessPackageSchema.parse(JSON.parse(files.get('access-package.json') ?? ''));
}

function report(what: string, { sent, inFlight, result }: Disturbed, repeated: number): void {
  process.stderr.write(
    `kill -9 during ${what}: ${inFlight} API requests in flight, ${repeated} repeated, ${sent.length} sent in all, ${result.apiRequests} counted\n`,
  );
}

test('an access whose worker is killed while pages are in flight hands over the same package', async () => {
  const options = ['access', '--request-id', 'copy', '--calls', 'company'];
  const twin = await run('twin', options);
  // The first page tells how many there are; the others are fetched side by side.
  const held: FaultRule = { path: '^/v1/calls', occurrences: { from: 2 }, action: 'hold' };
  const killed = await run('killed', options, held, 2);
  expect(outcomeOf(killed)).toEqual(outcomeOf(twin));
  expect(outcomeOf(killed)).toMatchObject({ exit: 0, status: 'completed' });
  for (const name of ['twin', 'killed']) {
    const saved = await operator.run(['package', `dsr:${name}:access:copy`, '--out', here(`${name}.zip`)]);
    expect(saved.exit).toBe(0);
    const { contacts, calls } = await packageAt(here(`${name}.zip`));
    expect(idsOf(contacts)).toEqual(sorted(contactIds));
    expect(idsOf(calls)).toEqual(sorted(callIds));
  }
  report('an access', killed, repeatedOf(killed, twin));
});

test('a deletion whose worker is killed after Aircall has deleted and before its answer tells the same', async () => {
  const options = ['delete', '--request-id', 'gone', '--settle', '0'];
  const twin = await run('twin', options);
  // Aircall does what was asked when it is released, though nobody listens any more.
  const held: FaultRule = { method: 'DELETE', action: 'hold' };
  const killed = await run('killed', options, held, 2);
  expect(outcomeOf(killed)).toEqual(outcomeOf(twin));
  expect(outcomeOf(killed)).toMatchObject({
    exit: 0,
    counts: { deleted: contactIds.length, alreadyAbsent: 0 },
    verification: 'verified',
  });
  for (const name of ['twin', 'killed']) {
    const left = sandbox.company(name).contacts();
    expect(left.filter(({ id }) => contactIds.includes(id))).toEqual([]);
    expect(left).toHaveLength(SEED.contacts - contactIds.length);
  }
  report('a deletion', killed, repeatedOf(killed, twin));
});
