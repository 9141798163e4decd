/**
 * Requests as an operator meets them, from a worker that starts with an empty vault to its end: start, wait, watch, cancel,
 * fetch the package. Every document has the contract's shape, and nothing else is on stdout.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { accessPackageSchema } from '../../src/package/document';
import { createOperator, type RunningCommand } from '../support/command-line';
import { errorOf, listSchema, resultSchema, savedSchema, startedSchema, statusSchema } from '../support/documents';
import { until } from '../support/patience';
import { idsOf, sorted } from '../support/requests';
import { unzip } from '../support/zip';

const COMPANIES = ['acme', 'refusing', 'limited', 'revoked'] as const;
const NOW_MS = Date.now();
const SEED = { seed: 5, contacts: 30, calls: 60, now: NOW_MS };
const EMAIL = createCompanySeed({ name: 'acme', ...SEED }).truth.subjectEmail;

const operator = createOperator();
const here = (name: string) => join(operator.folder, name);
let sandbox: Sandbox;
let worker: RunningCommand;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: COMPANIES.map(name => createCompanySeed({ name, ...SEED })) });
  operator.keepSecret(...sandbox.companies.map(({ apiToken }) => apiToken));
  await operator.run(['keys', 'generate']);
  worker = await operator.startWorker();
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

async function connect(name: string): Promise<void> {
  const { apiId, apiToken } = sandbox.company(name);
  const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  const { exit } = await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
  expect(exit).toBe(0);
}

/** A request that is waited for: its exit code and its result. */
async function ended(...args: string[]) {
  const { exit, document } = await operator.ask([...args, '--wait']);
  return { exit, result: resultSchema.parse(document) };
}

async function statusOf(id: string) {
  const { exit, document } = await operator.ask(['status', id]);
  expect(exit).toBe(0);
  return statusSchema.parse(document);
}

describe('a worker that started with an empty vault', () => {
  test('picks up connections that are added later, and serves their requests', async () => {
    expect(worker.stderr()).not.toContain('serving');
    await Promise.all(COMPANIES.map(connect));
    const { exit, result } = await ended('access', 'acme', EMAIL, '--request-id', 'first', '--out', here('first.zip'));
    expect({ exit, status: result.status }).toEqual({ exit: 0, status: 'completed' });
    expect(worker.stderr()).toContain('connection acme: serving');
  });
});

describe('access', () => {
  test('saves what Aircall holds of the person, for the operator only, and tells its digest', async () => {
    const { truth } = sandbox.company('acme');
    const { result, ...status } = await statusOf('first');
    expect(status).toMatchObject({ requestId: 'first', kind: 'access', status: 'completed', phase: 'ended' });
    expect(result?.counts).toMatchObject({ contacts: truth.contactIds.length, calls: truth.callIds.length });
    const bytes = readFileSync(here('first.zip'));
    expect(statSync(here('first.zip')).mode & 0o777).toBe(0o600);
    expect(result?.package).toMatchObject({
      sha256: createHash('sha256').update(bytes).digest('hex'),
      sizeBytes: bytes.length,
    });
    const files = await unzip(bytes);
    const { contacts, calls } = accessPackageSchema.parse(JSON.parse(files.get('access-package.json') ?? ''));
    expect(idsOf(contacts)).toEqual(sorted(truth.contactIds));
    expect(idsOf(calls)).toEqual(sorted(truth.callIds));
  });

  test('takes the person from stdin, so that no argument names anybody: the same request as with arguments', async () => {
    const typed = `\uFEFF${EMAIL.toUpperCase()}\r\n\r\n  ${EMAIL} \r\n`;
    const args = ['access', 'acme', '-', '--request-id', 'first', '--out', here('first.zip')];
    const { exit, document } = await operator.ask(args, {}, typed);
    expect({ exit, result: resultSchema.parse(document) }).toEqual({
      exit: 0,
      result: (await statusOf('first')).result,
    });
    const another = await operator.ask(args, {}, `other-${EMAIL}`);
    expect({ exit: another.exit, code: errorOf(another.document).code }).toEqual({ exit: 2, code: 'request-conflict' });
    const before = sandbox.requests().length;
    const numbers = ['access', 'acme', '-', '--phone', '+33199001122', '--wait'];
    expect((await operator.ask(numbers, {}, `+33 1 99 00 11 33\n${EMAIL}\n`)).exit).toBe(0);
    const asked = JSON.stringify(sandbox.requests().slice(before));
    expect(['33199001122', '33199001133'].map(number => asked.includes(number))).toEqual([true, true]);
  });

  test('takes several addresses and numbers, or numbers alone, from arguments and from stdin', async () => {
    const [other, number] = ['zoe@work.example', '+33199001144'];
    const several = [EMAIL, '--email', other, '--phone', number];
    const first = await ended('access', 'acme', ...several, '--request-id', 'several');
    expect(first).toMatchObject({ exit: 0, result: { status: 'completed' } });
    const fromStdin = ['access', 'acme', '-', '--request-id', 'several', '--wait'];
    const again = await operator.ask(fromStdin, {}, `${number}\n${other.toUpperCase()}\n${EMAIL}\n`);
    expect({ exit: again.exit, result: resultSchema.parse(again.document) }).toEqual(first);
    const fewer = await operator.ask([
      'access',
      'acme',
      '--email',
      other,
      '--phone',
      number,
      '--request-id',
      'several',
    ]);
    expect(errorOf(fewer.document)).toMatchObject({
      code: 'request-conflict',
      message: expect.stringContaining('subject'),
    });

    const before = sandbox.requests().length;
    const alone = await ended('access', 'acme', '--phone', number, '--request-id', 'number-alone');
    expect(alone).toMatchObject({ exit: 0, result: { status: 'no-match' } });
    const sent = sandbox.requests().slice(before);
    expect(sent.map(({ query }) => query.phone_number)).toEqual(sent.map(() => number));
  });

  test('with other options than before is refused, and the options are named', async () => {
    const args = ['access', 'acme', EMAIL, '--request-id', 'first', '--calls', 'company', '--regime', 'gdpr', '--wait'];
    const { exit, document } = await operator.ask(args);
    expect({ exit, ...errorOf(document) }).toEqual({
      exit: 2,
      code: 'request-conflict',
      message: 'Request id first was used with other values of calls, regime. Choose a new one.',
    });
  });

  test('again, into the same file: writes nothing, sends nothing and ends well', async () => {
    const args = ['access', 'acme', EMAIL, '--request-id', 'first', '--out', here('first.zip')];
    const { mtimeMs, ino } = statSync(here('first.zip'));
    const sent = sandbox.requests().length;
    const { exit, document } = await operator.ask(args);
    expect({ exit, status: resultSchema.parse(document).status }).toEqual({ exit: 0, status: 'completed' });
    expect(statSync(here('first.zip'))).toMatchObject({ mtimeMs, ino });
    expect(sandbox.requests()).toHaveLength(sent);
  });

  test('into a file that holds something else is refused before anything is started', async () => {
    writeFileSync(here('other.zip'), 'something else');
    for (const requestId of ['first', 'never-started']) {
      const args = ['access', 'acme', EMAIL, '--request-id', requestId, '--out', here('other.zip')];
      const { exit, document } = await operator.ask(args);
      expect({ exit, code: errorOf(document).code }).toEqual({ exit: 2, code: 'usage' });
    }
    expect(readFileSync(here('other.zip'), 'utf8')).toBe('something else');
    const { exit, document } = await operator.ask(['status', 'never-started']);
    expect({ exit, code: errorOf(document).code }).toEqual({ exit: 2, code: 'not-found' });
  });

  test('twice at once, into one file: both end well, and the file is whole', async () => {
    const args = ['access', 'acme', EMAIL, '--request-id', 'at-once', '--out', here('at-once.zip')];
    const both = await Promise.all([operator.ask(args), operator.ask(args)]);
    expect(both.map(({ exit }) => exit)).toEqual([0, 0]);
    const [result] = both.map(({ document }) => resultSchema.parse(document));
    const digest = createHash('sha256')
      .update(readFileSync(here('at-once.zip')))
      .digest('hex');
    expect(digest).toBe(result?.package?.sha256);
    expect(readdirSync(operator.folder).filter(name => name.includes('.part'))).toEqual([]);
  });

  test('without --wait it answers the ids of the run, the same again for the same request id', async () => {
    const first = await operator.ask(['access', 'acme', EMAIL, '--request-id', 'twice']);
    const second = await operator.ask(['access', 'acme', ` ${EMAIL.toUpperCase()} `, '--request-id', 'twice']);
    expect([first.exit, second.exit]).toEqual([0, 0]);
    expect(startedSchema.parse(first.document)).toMatchObject({
      requestId: 'twice',
      workflowId: 'dsr:acme:access:twice',
    });
    expect(second.document).toEqual(first.document);
  });

  test('chooses a request id where none is given', async () => {
    const { document } = await operator.ask(['access', 'acme', EMAIL]);
    const { requestId, workflowId } = startedSchema.parse(document);
    expect(workflowId).toBe(`dsr:acme:access:${requestId}`);
  });

  test('refuses a request id that was used for another person', async () => {
    const { exit, document } = await operator.ask(['access', 'acme', 'x@example.org', '--request-id', 'first']);
    expect(exit).toBe(2);
    expect(errorOf(document).code).toBe('request-conflict');
    expect(JSON.stringify(document)).not.toContain('example.org');
  });

  test('of a person nobody knows ends well, with a package that says what was searched', async () => {
    const out = here('nobody.zip');
    const args = ['access', 'acme', 'nobody@example.org', '--request-id', 'nobody', '--out', out];
    const { exit, stdout } = await operator.run([...args, '--json']);
    expect({ exit, result: resultSchema.parse(JSON.parse(stdout)).status }).toEqual({ exit: 0, result: 'no-match' });
    const files = await unzip(readFileSync(out));
    expect(accessPackageSchema.parse(JSON.parse(files.get('access-package.json') ?? ''))).toMatchObject({
      contacts: [],
      calls: [],
    });
  });

  test('that could not read a record delivers the others and ends with exit code 1', async () => {
    const spoilt = { company: 'refusing', path: '/calls', times: 1, action: 'bad-record' } as const;
    sandbox.setFaults({ rules: [spoilt] });
    const out = here('partial.zip');
    const { exit, result } = await ended('access', 'refusing', EMAIL, '--request-id', 'partial', '--out', out);
    expect({ exit, status: result.status }).toEqual({ exit: 1, status: 'partial' });
    const unreadable = { record: 'unreadable call 1', outcome: 'failed', code: 'unexpected-record' };
    expect(result.outcomes).toContainEqual(unreadable);
    expect(readFileSync(out)).toHaveLength(result.package?.sizeBytes ?? 0);
    await operator.run(['purge', 'partial']);
    const purged = await operator.run([
      'access',
      'refusing',
      EMAIL,
      '--request-id',
      'partial',
      '--out',
      here('gone.zip'),
    ]);
    expect(purged.exit).toBe(1);
    expect(purged.stderr).toContain('there is no package (status purged)');
  });

  test('in words, tells counts and the file, and nothing of the person', async () => {
    const { exit, stdout, stderr } = await operator.run(['status', 'first']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(/^access first: completed\n {2}found {6}\d+ contacts, \d+ calls, \d+ recordings, /);
    expect(stdout).not.toContain('@');
  });
});

describe('access --dry-run', () => {
  test('tells what the request would cost, and how long that takes, by what it is to include', async () => {
    const args = ['access', 'acme', EMAIL, '--dry-run'];
    const { exit, result } = await ended(...args, '--request-id', 'cost', '--calls', 'company');
    expect({ exit, status: result.status }).toEqual({ exit: 0, status: 'planned' });
    const { calls = 0 } = result.plan?.counts ?? {};
    expect(calls).toBeGreaterThan(sandbox.company('acme').truth.callIds.length);
    // No call of this company has audio, but those of its later pages may.
    const pages = Math.ceil(calls / 50) - 1;
    const parts = (calls - 50 + 1) * 7;
    expect(result.plan?.cost).toEqual({ apiRequests: pages + parts, pages, hours: 0.01 });
    const { stdout } = await operator.run(['status', 'cost']);
    expect(stdout).toContain(`looked for in the list of all of the company (${calls} by Aircall's count), plan `);
    expect(stdout).toContain(
      `  cost       at most ${pages + parts} API requests more than this dry run sent (${pages} for further pages of calls, ${parts} for transcripts and insights if all calls there are of the person): 1 min if no other request of the company runs\n`,
    );
    const few = await ended(...args, '--request-id', 'cost-of-few', '--include', 'recordings');
    const { apiRequests, pages: ofNumbers = 0 } = few.result.plan?.cost ?? {};
    expect(ofNumbers).toBeGreaterThan(0);
    expect(apiRequests).toBe(ofNumbers);
  });
});

describe('package', () => {
  test('saves the same bytes again', async () => {
    const { exit, document } = await operator.ask(['package', 'first', '--out', here('again.zip')]);
    expect(exit).toBe(0);
    expect(savedSchema.parse(document).out).toBe(here('again.zip'));
    expect(readFileSync(here('again.zip')).equals(readFileSync(here('first.zip')))).toBe(true);
  });
});

describe('delete', () => {
  test('--dry-run tells the plan and sends only GETs', async () => {
    const company = sandbox.company('acme');
    const before = company.requests().length;
    const { exit, result } = await ended('delete', 'acme', EMAIL, '--request-id', 'plan', '--dry-run');
    expect(exit).toBe(0);
    expect(result).toMatchObject({
      kind: 'deletion',
      status: 'planned',
      dryRun: true,
      plan: { counts: { contacts: company.truth.contactIds.length } },
      planDigest: expect.stringMatching(/^[0-9a-f]{32,}$/),
      verification: { state: 'skipped' },
    });
    const sent = company.requests().slice(before);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter(({ method }) => method !== 'GET')).toEqual([]);
    const { stdout } = await operator.run(['status', 'plan']);
    expect(stdout).toMatch(/^dry run of a deletion plan: planned\n {2}found {6}2 contacts\n/);
    expect(stdout).toContain(`2 contacts would be deleted, plan ${result.planDigest}`);
    expect(stdout).toContain(`run: aircall-dsr delete acme - --plan ${result.planDigest} --wait`);
    const listed = (await operator.run(['list'])).stdout.split('\n').find(line => line.endsWith('  plan'));
    expect(listed).toMatch(/ {2}deletion \(dry run\) {2}acme {2}/);
  });

  test('--plan with another digest deletes nothing, and says what to do; one that is no digest is refused', async () => {
    const args = ['delete', 'acme', EMAIL, '--request-id', 'other-plan', '--plan', '0'.repeat(32)];
    const { exit, result } = await ended(...args);
    expect({ exit, status: result.status }).toEqual({ exit: 1, status: 'failed' });
    expect(result.failure?.code).toBe('plan-changed');
    const refused = await operator.ask(['delete', 'acme', EMAIL, '--plan', 'abc']);
    expect({ exit: refused.exit, code: errorOf(refused.document).code }).toEqual({ exit: 2, code: 'invalid-input' });
    const both = await operator.ask(['delete', 'acme', EMAIL, '--dry-run', '--plan', '0'.repeat(32)]);
    expect({ exit: both.exit, code: errorOf(both.document).code }).toEqual({ exit: 2, code: 'invalid-input' });
  });

  test('deletes all contacts of the person and proves it', async () => {
    const company = sandbox.company('acme');
    const { contactIds } = company.truth;
    const { exit, result } = await ended('delete', 'acme', EMAIL, '--request-id', 'plan-2', '--settle', '0');
    expect(exit).toBe(0);
    expect(result).toMatchObject({
      status: 'completed',
      counts: { deleted: contactIds.length, failed: 0 },
      verification: { state: 'verified' },
    });
    expect(company.contacts().filter(({ id }) => contactIds.includes(id))).toEqual([]);
  });

  test('that Aircall refuses for one record ends partial, with exit code 1', async () => {
    const refusal = { company: 'refusing', method: 'DELETE', occurrences: 1, action: 'status', status: 403 } as const;
    sandbox.setFaults({ rules: [refusal] });
    const { exit, result } = await ended('delete', 'refusing', EMAIL, '--request-id', 'refused', '--settle', '0');
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'partial', counts: { refused: 1, deleted: 1 } });
    expect(result.verification?.state).toBe('residual');
  });
});

describe('status, list and cancel', () => {
  test('tell a request that waits for credentials, and end it', async () => {
    sandbox.company('revoked').revokeCredentials();
    const args = ['access', 'revoked', EMAIL, '--request-id', 'waits'];
    expect((await operator.ask(args)).exit).toBe(0);
    await until('the request waits', async () => (await statusOf('waits')).status === 'waiting');
    expect(await statusOf('waits')).toMatchObject({
      status: 'waiting',
      waitingFor: { cause: 'credentials' },
      workflowId: 'dsr:revoked:access:waits',
    });
    await until('the list says that it waits', async () => {
      const { requests } = listSchema.parse((await operator.ask(['list'])).document);
      return requests.some(({ requestId, status }) => requestId === 'waits' && status === 'waiting');
    });

    const waiter = ended(...args);
    const asked = await operator.ask(['cancel', 'waits']);
    expect(asked).toEqual({
      exit: 0,
      document: { workflowId: 'dsr:revoked:access:waits', cancellationRequested: true },
    });
    expect((await waiter).result.status).toBe('cancelled');
    expect((await statusOf('waits')).status).toBe('cancelled');
  });

  test('tell a request that Aircall slows down, until when, and end it at once', async () => {
    const slow = { company: 'limited', action: 'status', status: 429, headers: { 'Retry-After': '300' } } as const;
    sandbox.setFaults({ rules: [slow] });
    await operator.ask(['delete', 'limited', EMAIL, '--request-id', 'slow']);
    const workflowId = 'dsr:limited:deletion:slow';
    await until('the pause is told', async () => (await statusOf(workflowId)).waitingFor?.cause === 'rate-limit');
    expect(await statusOf(workflowId)).toMatchObject({
      status: 'waiting',
      phase: 'searching',
      waitingFor: { cause: 'rate-limit', until: expect.any(String) },
      retrying: [{ step: 'searchContacts', code: 'rate-limited', attempts: 1, nextAt: expect.any(String) }],
    });
    expect((await operator.ask(['cancel', workflowId])).exit).toBe(0);
    await until('it has ended', async () => (await statusOf(workflowId)).status === 'cancelled');
    expect(sandbox.company('limited').requests()).toHaveLength(5); // four of connect, and the one that was limited
  });

  test('take a workflow id, or a request id where only one run has it', async () => {
    await ended('delete', 'acme', EMAIL, '--request-id', 'first', '--settle', '0');
    const { exit, document } = await operator.ask(['status', 'first']);
    expect(exit).toBe(2);
    const { code, message } = errorOf(document);
    expect(code).toBe('ambiguous-id');
    expect(message).toContain('dsr:acme:access:first, dsr:acme:deletion:first');
    expect(await statusOf('dsr:acme:deletion:first')).toMatchObject({ kind: 'deletion', status: 'no-match' });
  });

  test('list tells all requests, newest first', async () => {
    const listed = async () => listSchema.parse((await operator.ask(['list'])).document).requests;
    const wanted = ['dsr:acme:deletion:first', 'dsr:limited:deletion:slow', 'dsr:acme:access:first'];
    await until('the newest request is listed', async () =>
      (await listed()).some(({ workflowId, status }) => workflowId === wanted[0] && status === 'no-match'),
    );
    const requests = await listed();
    const startedAt = requests.map(request => request.startedAt);
    expect(startedAt).toEqual([...startedAt].sort().reverse());
    const ids = requests.map(({ workflowId }) => workflowId);
    expect(ids.filter(id => wanted.includes(id))).toEqual(wanted);
    expect(requests.find(({ workflowId }) => workflowId === wanted[1])).toMatchObject({
      requestId: 'slow',
      connection: 'limited',
      kind: 'deletion',
      status: 'cancelled',
    });
  });
});

test('SIGTERM ends a worker with exit code 0, and it printed nothing on stdout and nobody’s address', async () => {
  const { exit, stdout, stderr } = await worker.end('SIGTERM');
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: '' });
  expect(stderr).toMatch(/^ready$/m);
  expect(stderr.toLowerCase()).not.toContain(EMAIL.toLowerCase());
});
