/**
 * A batch as an operator meets it: a file is checked as a whole, its requests are started once however often it is run,
 * and the result names each by id and line, and nobody by address.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createFolderDriver } from '../../src/vault/folder';
import { startBusyServer } from '../support/busy-server';
import { createOperator } from '../support/command-line';
import { errorOf, listSchema, resultSchema, startedSchema } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';

const SEED = { seed: 8, contacts: 30, calls: 60, now: Date.now() };
const COMPANIES = ['batch-a', 'batch-b', 'batch-c', 'batch-d', 'batch-e'] as const;
const EMAIL = createCompanySeed({ name: 'batch-a', ...SEED }).truth.subjectEmail;
const NOBODY = 'batch.nobody@example.org';

const operator = createOperator();
const here = (name: string) => join(operator.folder, name);
let sandbox: Sandbox;
let server: Client;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: COMPANIES.map(name => createCompanySeed({ name, ...SEED })) });
  operator.keepSecret(EMAIL, NOBODY, ...sandbox.companies.map(({ apiToken }) => apiToken));
  await operator.run(['keys', 'generate']);
  await Promise.all(COMPANIES.map(connect));
  await operator.startWorker();
  server = new Client({ connection: await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') }) });
});
afterAll(async () => {
  await operator.stop();
  await server.connection.close();
  await sandbox.close();
});

async function connect(name: string): Promise<void> {
  const { apiId, apiToken } = sandbox.company(name);
  const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  const { exit } = await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
  expect(exit).toBe(0);
}

function write(name: string, ...rows: string[]): string {
  writeFileSync(here(name), ['requestId,kind,email,phone', ...rows, ''].join('\n'));
  return here(name);
}

const lineSchema = z.strictObject({
  requestId: z.string(),
  workflowId: z.string().regex(/^dsr:/),
  kind: z.enum(['access', 'deletion']),
  status: z.string(),
  counts: resultSchema.shape.counts.optional(),
  withheld: z.number().int().optional(),
  apiRequests: z.number().int().optional(),
  codes: z.array(z.string()).optional(),
  lines: z.array(z.number().int()).min(1),
});
const documentSchema = z.strictObject({
  connection: z.string(),
  rows: z.number().int(),
  statuses: z.record(z.string(), z.number().int()),
  requests: z.array(lineSchema),
});

async function run(...args: string[]) {
  const { exit, document } = await operator.ask(['batch', ...args]);
  return { exit, ...documentSchema.parse(document) };
}

async function refused(...args: string[]) {
  const { exit, document } = await operator.ask(['batch', ...args]);
  expect(exit).toBe(2);
  return errorOf(document);
}

async function runsOf(connection: string) {
  const { requests } = listSchema.parse((await operator.ask(['list'])).document);
  return requests.filter(request => request.connection === connection);
}

describe('a batch', () => {
  const rows = [
    `known,access,${EMAIL},`,
    `,access,${NOBODY},+49 30 123456 +33123456789`,
    `gone,deletion,${EMAIL},`,
    `,access, ${NOBODY.toUpperCase()} ,+33 1 23 45 67 89;+4930123456`,
  ];

  test('with --dry-run says what would be started, starts nothing and asks nobody', async () => {
    const asked = sandbox.requests().length;
    const { exit, statuses, requests } = await run('batch-a', write('a.csv', ...rows), '--dry-run');
    expect({ exit, statuses }).toEqual({ exit: 0, statuses: { new: 3 } });
    expect(requests.map(({ kind, lines }) => [kind, ...lines])).toEqual([
      ['access', 2],
      ['access', 3, 5],
      ['deletion', 4],
    ]);
    expect(await runsOf('batch-a')).toEqual([]);
    expect(sandbox.requests()).toHaveLength(asked);
  });

  test('ends with the result as CSV: each request by id, workflow and lines, and nobody’s address', async () => {
    const { exit, stdout, stderr } = await operator.run(['batch', 'batch-a', here('a.csv')]);
    expect(exit).toBe(0);
    expect(stderr).toContain('4 rows: 3 requests (2 access, 1 deletion); 1 row repeated, counted once; starting 3');
    expect(stderr).toMatch(/^3 requests \(2 completed, 1 no-match\)$/m);
    expect(stdout.split('\n')[0]).toBe(
      'requestId,workflowId,kind,status,contacts,calls,recordings,voicemails,transcripts,insights,deleted,alreadyAbsent,retained,withheld,refused,failed,apiRequests,codes,lines',
    );
    const { truth } = sandbox.company('batch-a');
    const found = { contacts: String(truth.contactIds.length) };
    const result: unknown[] = parse(stdout, { columns: true });
    expect(result).toMatchObject([
      {
        requestId: 'known',
        kind: 'access',
        status: 'completed',
        ...found,
        calls: String(truth.callIds.length),
        lines: '2',
      },
      { requestId: expect.stringMatching(/^row-/), status: 'no-match', contacts: '0', deleted: '', lines: '3 5' },
      {
        requestId: 'gone',
        workflowId: 'dsr:batch-a:deletion:gone',
        status: 'completed',
        ...found,
        calls: '',
        deleted: found.contacts,
        codes: '',
        lines: '4',
      },
    ]);
    expect(`${stdout}${stderr}`.toLowerCase()).not.toContain('@');
  });

  test('run again, or in another order, finds its requests and starts none', async () => {
    const asked = sandbox.requests().length;
    const again = await run('batch-a', write('b.csv', ...[...rows].reverse()));
    expect(again).toMatchObject({ exit: 0, rows: 4, statuses: { completed: 2, 'no-match': 1 } });
    expect((await run('batch-a', here('b.csv'), '--dry-run')).statuses).toEqual({ known: 3 });
    expect(sandbox.requests()).toHaveLength(asked);
    expect((await runsOf('batch-a')).map(({ workflowId }) => workflowId).sort()).toEqual(
      again.requests.map(({ workflowId }) => workflowId).sort(),
    );
  });

  test('saves its result for the operator only, and never over another file', async () => {
    const out = here('result.csv');
    const { exit, stdout } = await operator.run(['batch', 'batch-a', here('a.csv'), '--out', out]);
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: `Saved the result: ${out}\n` });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const saved: unknown[] = parse(readFileSync(out), { columns: true });
    expect(saved).toHaveLength(3);
    expect(await refused('batch-a', here('a.csv'), '--out', out)).toMatchObject({ code: 'usage' });
  });

  test('with --no-wait starts all and waits for none', async () => {
    sandbox.setFaults({ rules: [{ company: 'batch-b', path: '/contacts/search', action: 'status', status: 503 }] });
    const { exit, statuses } = await run('batch-b', write('c.csv', 'one,access,a@example.com,'), '--no-wait');
    expect({ exit, statuses }).toEqual({ exit: 0, statuses: { started: 1 } });
    expect((await run('batch-b', here('c.csv'), '--no-wait')).statuses).toEqual({ known: 1 });
    sandbox.setFaults(undefined);
    expect((await run('batch-b', here('c.csv'))).statuses).toEqual({ 'no-match': 1 });
  });

  test('tells what is missing of a request that ends partial or failed, and ends with exit code 1', async () => {
    const refusal = { company: 'batch-b', method: 'DELETE', occurrences: 1, action: 'status', status: 403 } as const;
    sandbox.setFaults({ rules: [refusal] });
    const { exit, requests } = await run('batch-b', write('d.csv', `partly,deletion,${EMAIL},`, `,access,${NOBODY},`));
    sandbox.setFaults(undefined);
    expect(exit).toBe(1);
    expect(requests).toMatchObject([
      { requestId: 'partly', status: 'partial', counts: { refused: 1 }, codes: ['forbidden'] },
      { status: 'no-match' },
    ]);
  });

  test('shows how many records of a request were kept, because they may be somebody else’s', async () => {
    const company = sandbox.company('batch-b');
    const name = { first_name: 'Ada', last_name: 'Lund' };
    const phone_numbers = [{ label: 'Mobile', value: '+33612345678' }];
    company.addContact({ ...name, phone_numbers, emails: [{ label: 'Home', value: 'ada@example.org' }] });
    company.addContact({ ...name, phone_numbers });
    const path = write('kept.csv', 'held,access,ada@example.org,', 'left,deletion,ada@example.org,');
    const { exit, stdout } = await operator.run(['batch', 'batch-b', path]);
    expect(exit).toBe(1);
    const result: unknown[] = parse(stdout, { columns: true });
    expect(result).toMatchObject([
      { requestId: 'held', status: 'partial', contacts: '1', retained: '', withheld: '1', codes: 'number-only' },
      { requestId: 'left', status: 'partial', deleted: '1', retained: '1', withheld: '', codes: 'number-only' },
    ]);
  });

  test('starts the deletion of a person after the end of their access request in the same file, whatever the order of its rows', async () => {
    const company = sandbox.company('batch-c');
    sandbox.setFaults({ rules: [{ company: 'batch-c', path: '/calls', action: 'hold' }] });
    const path = write(
      'e.csv',
      `last,deletion,${EMAIL.toUpperCase()},`,
      `first,access,${EMAIL},`,
      `,access,${NOBODY},`,
    );
    const running = await operator.serve(['batch', 'batch-c', path, '--no-wait', '--json'], /ends when the last one/);
    await until('the other request has ended', async () =>
      (await runsOf('batch-c')).some(({ status }) => status === 'no-match'),
    );
    expect((await runsOf('batch-c')).map(({ kind }) => kind)).toEqual(['access', 'access']);
    sandbox.setFaults(undefined);
    sandbox.release();
    expect((await running.ended()).exit).toBe(0);
    const { exit, requests } = await run('batch-c', path);
    const { contactIds, callIds } = company.truth;
    expect(exit).toBe(0);
    expect(requests).toMatchObject([
      { requestId: 'last', counts: { deleted: contactIds.length } },
      { requestId: 'first', counts: { contacts: contactIds.length, calls: callIds.length } },
      { status: 'no-match' },
    ]);
  });

  describe('has a bounded number of its requests open', () => {
    /** By the server's times: no request is open before its start, or behind its end. */
    async function mostOpenAtOnce(ids: readonly string[]): Promise<number> {
      const runs = await Promise.all(
        ids.map(async id => {
          const { startTime, closeTime } = await server.workflow.getHandle(id).describe();
          return { from: startTime.getTime(), to: closeTime?.getTime() ?? Number.POSITIVE_INFINITY };
        }),
      );
      return Math.max(...runs.map(({ from }) => runs.filter(run => run.from <= from && from < run.to).length));
    }
    const rows = (name: string, many: number) =>
      Array.from({ length: many }, (_, index) => `,access,${name}-${index}@example.org,`);

    test('100, or what --open-max says; the next one is started when one has ended', async () => {
      sandbox.setFaults({ rules: [{ company: 'batch-c', path: '/contacts/search', action: 'hold' }] });
      const path = write('paced.csv', ...rows('paced', 8));
      const before = (await runsOf('batch-c')).length;
      const running = await operator.serve(['batch', 'batch-c', path, '--open-max', '3', '--json'], /at most 3 open/);
      await until('three are open', async () => (await runsOf('batch-c')).length === before + 3);
      sandbox.setFaults(undefined);
      sandbox.release();
      const { exit, stdout } = await running.ended();
      const { statuses, requests } = documentSchema.parse(JSON.parse(stdout));
      expect({ exit, statuses }).toEqual({ exit: 0, statuses: { 'no-match': 8 } });
      expect(await mostOpenAtOnce(requests.map(({ workflowId }) => workflowId))).toBe(3);
    });

    test('also of one that was stopped and is run again, and without waiting for the last ones', async () => {
      sandbox.setFaults({ rules: [{ company: 'batch-c', path: '/contacts/search', action: 'hold' }] });
      const path = write('again.csv', ...rows('again', 6));
      const before = (await runsOf('batch-c')).length;
      const args = ['batch', 'batch-c', path, '--open-max', '2', '--no-wait', '--json'];
      const first = await operator.serve(args, /starting 6/);
      await until('two are open', async () => (await runsOf('batch-c')).length === before + 2);
      expect(await first.end('SIGTERM')).toMatchObject({ exit: 1 });
      const second = await operator.serve(args, /2 started before; starting 4/);
      sandbox.setFaults(undefined);
      sandbox.release();
      const { exit, stdout } = await second.ended();
      const { requests } = documentSchema.parse(JSON.parse(stdout));
      expect(exit).toBe(0);
      expect(requests.filter(({ status }) => status === 'no-match').length).toBeGreaterThanOrEqual(4);
      const { statuses } = await run('batch-c', path);
      expect(statuses).toEqual({ 'no-match': 6 });
      expect(await mostOpenAtOnce(requests.map(({ workflowId }) => workflowId))).toBe(2);
    });

    test.each(['0', '1001', '1.5', 'all', '-1'])('and takes no bound of %s', async openMax => {
      const error = await refused('batch-c', here('a.csv'), `--open-max=${openMax}`);
      expect(error).toEqual({ code: 'usage', message: '--open-max takes a whole number from 1 to 1000.' });
    });
  });

  test('on a busy server repeats its calls, and makes few', async () => {
    const busy = await startBusyServer();
    const [deadlineExceeded, unavailable] = [4, 14];
    busy.refuse('StartWorkflowExecution', 2, deadlineExceeded);
    busy.refuse('GetWorkflowExecutionHistory', 1, deadlineExceeded);
    busy.refuse('DescribeWorkflowExecution', 11, unavailable); // the SDK repeats it ten times
    const path = write('busy.csv', ...Array.from({ length: 6 }, (_, index) => `,access,busy-${index}@example.org,`));
    const { exit, stderr } = await operator
      .run(['batch', 'batch-c', path], { TEMPORAL_ADDRESS: busy.address })
      .finally(busy.close);
    expect(stderr).toMatch(/^note: [3-9] calls repeated, because the Temporal server was busy/m);
    expect(exit).toBe(0);
    expect(stderr).toMatch(/^6 requests \(6 no-match\)$/m);
    // The refused read may belong to a start, which is repeated as a whole.
    expect(busy.calls.get('StartWorkflowExecution')).toBeLessThanOrEqual(6 + 2 + 1);
    expect(busy.calls.get('ListWorkflowExecutions')).toBeUndefined();
  });

  test('names the row that is refused, and goes on with the others', async () => {
    const vault = createFolderDriver(here('vault'));
    await vault.putIfAbsent('requests/batch-c/access/broken/record', Buffer.from('broken'));
    const path = write(
      'refused.csv',
      `broken,access,${EMAIL},`,
      `after,deletion,${EMAIL},`,
      ',access,not.refused@example.org,',
    );
    const asked = sandbox.company('batch-c').requests().length;
    const { exit, requests } = await run('batch-c', path);
    expect(exit).toBe(1);
    expect(requests).toMatchObject([
      { requestId: 'broken', status: 'not-started', codes: ['record-broken'] },
      { requestId: 'after', status: 'not-started', codes: ['access-not-started'] },
      { status: 'no-match' },
    ]);
    const deleted = sandbox.company('batch-c').requests().slice(asked);
    expect(deleted.filter(({ method }) => method === 'DELETE')).toEqual([]);
  });
});

test('a batch whose connection was removed still has its result, each code once; with a new row it is refused', async () => {
  const row = `both,deletion,${EMAIL},`;
  sandbox.setFaults({ rules: [{ company: 'batch-e', method: 'DELETE', action: 'status', status: 403 }] });
  const ended = await run('batch-e', write('g.csv', row));
  sandbox.setFaults(undefined);
  const refusals = sandbox.company('batch-e').truth.contactIds.length;
  expect(refusals).toBeGreaterThan(1);
  expect(ended.requests).toMatchObject([{ counts: { refused: refusals }, codes: ['forbidden'] }]);
  expect((await operator.ask(['disconnect', 'batch-e'])).exit).toBe(0);
  expect(await run('batch-e', here('g.csv'))).toEqual(ended);
  const error = await refused('batch-e', write('h.csv', row, `more,access,${EMAIL},`));
  expect(error.code).toBe('unknown-connection');
});

describe('an interrupted batch', () => {
  const ROWS = 30;
  const rows = Array.from({ length: ROWS }, (_, index) => `,access,interrupted-${index}@example.org,`);

  test('says so, and goes on where it is run again: one run a row', async () => {
    const path = write('f.csv', ...rows);
    const first = await operator.serve(['batch', 'batch-d', path, '--open-max', '5'], new RegExp(`starting ${ROWS}`));
    const ended = await first.end('SIGTERM');
    expect(ended).toMatchObject({ exit: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^error interrupted: .* Run the same command again/m);
    const { exit, statuses } = await run('batch-d', path);
    expect({ exit, statuses }).toEqual({ exit: 0, statuses: { 'no-match': ROWS } });
    const runs = (await runsOf('batch-d')).map(({ workflowId }) => workflowId);
    expect({ runs: runs.length, different: new Set(runs).size }).toEqual({ runs: ROWS, different: ROWS });
    const asked = sandbox.company('batch-d').requests();
    expect(asked.filter(({ query }) => query.email?.startsWith('interrupted-'))).toHaveLength(ROWS);
  });
});

describe('nothing is started', () => {
  test('where a row is not good: each is named by its line, and none by what it holds', async () => {
    const path = write('bad.csv', `good,access,${EMAIL},`, `,delete,${NOBODY},`, `${EMAIL},access,${EMAIL},+1`);
    const { code, message } = await refused('batch-b', path);
    expect(code).toBe('batch-refused');
    expect(message.split('\n')).toEqual([
      expect.stringContaining('2 problems'),
      'line 3: kind takes access or deletion',
      expect.stringMatching(/^line 4: requestId takes .*; phone takes /),
    ]);
    expect((await runsOf('batch-b')).map(({ requestId }) => requestId)).not.toContain('good');
  });

  test('where a request id was used for somebody else before', async () => {
    const started = await operator.ask(['access', 'batch-b', NOBODY, '--request-id', 'taken']);
    expect(startedSchema.parse(started.document).requestId).toBe('taken');
    const path = write('taken.csv', `fresh,access,${EMAIL},`, `taken,access,${EMAIL},`);
    for (const options of [[], ['--dry-run']]) {
      const { code, message } = await refused('batch-b', path, ...options);
      expect(code).toBe('batch-refused');
      expect(message).toMatch(/\nline 3: Request id taken was used with other values of subject, priority\./);
    }
    expect((await runsOf('batch-b')).map(({ requestId }) => requestId)).not.toContain('fresh');
  });

  test.each([
    ['of an unknown connection', ['nobody-made-it', 'a.csv'], 'unknown-connection'],
    ['of a name that is none', [EMAIL, 'a.csv'], 'usage'],
    ['of a file that is not there', ['batch-b', 'missing.csv'], 'batch-refused'],
    ['of a folder', ['batch-b', '.'], 'batch-refused'],
  ])('%s', async (_, [name = '', path = ''], code) => {
    const error = await refused(name, here(path));
    expect(error.code).toBe(code);
    expect(existsSync(here('missing.csv'))).toBe(false);
  });
});
