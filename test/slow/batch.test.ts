/**
 * A batch of 1,000 rows beside two busy loops, on a dev server of its own; prints how often server or command timed out. It is
 * interrupted twice, by SIGTERM and by SIGKILL, each time after a part of it was started: run once more it ends with exactly
 * 1,000 runs, and Aircall was asked nothing twice. Prints what it took.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { ANY_PORT, DYNAMIC_CONFIG, findFreePort, HOST, resolveTemporalCli } from '../../dev-server';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createOperator, type Operator } from '../support/command-line';
import { resultSchema } from '../support/documents';
import { until } from '../support/patience';

const ROWS = 1_000;
const COMPANY = 'thousand';
/** How many are started when the batch is interrupted. */
const INTERRUPTED_AT = [200, 600] as const;
/** 25 API requests a second: with fewer the budget would take the time, not the small server. */
const LIMIT_PER_MINUTE = 2_000;

/** What a server logs if a write took too long, and what a command prints if a call did. */
const TIMED_OUT = /deadline exceeded|Update workflow execution operation failed|DEADLINE_EXCEEDED|calls? repeated/i;
const BUSY_LOOPS = 2;
/** Of the command and of the worker; the server holds its whole database in memory. */
const RESIDENT_MB_MAX = 512;

let operator: Operator;
let sandbox: Sandbox;
let server: Connection;
let workerPid: number;
const logged: string[] = [];
const children: ChildProcess[] = [];

function start(file: string, args: readonly string[]): ChildProcess {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  for (const stream of [child.stdout, child.stderr])
    stream
      ?.setEncoding('utf8')
      .on('data', (text: string) => logged.push(...text.split('\n').filter(line => line !== '')));
  return child;
}

async function startServer(): Promise<string> {
  const port = await findFreePort(ANY_PORT);
  start(await resolveTemporalCli(), [
    ...['server', 'start-dev', '--headless', '--ip', HOST, '--port', String(port), '--log-level', 'warn'],
    ...DYNAMIC_CONFIG.flatMap(setting => ['--dynamic-config-value', setting]),
  ]);
  const address = `${HOST}:${port}`;
  await until('the server answers', () =>
    Connection.connect({ address, connectTimeout: 1_000 }).then(
      async connection => {
        await connection.close();
        return true;
      },
      () => false,
    ),
  );
  return address;
}

beforeAll(async () => {
  const seed = createCompanySeed({ name: COMPANY, seed: 8, contacts: 1_200, calls: 3_000, now: Date.now() });
  sandbox = await startSandbox({ companies: [seed] });
  const address = await startServer();
  operator = createOperator({ TEMPORAL_ADDRESS: address });
  server = await Connection.connect({ address });
  operator.keepSecret('@example.net', seed.apiToken);
  await operator.run(['keys', 'generate']);
  const args = ['connect', COMPANY, '--base-url', sandbox.baseUrl, '--limit-per-minute', String(LIMIT_PER_MINUTE)];
  const { exit } = await operator.run(args, { AIRCALL_API_ID: seed.apiId, AIRCALL_API_TOKEN: seed.apiToken });
  expect(exit).toBe(0);
  workerPid = (await operator.processes.startWorker()).pid;
  for (let nth = 0; nth < BUSY_LOOPS; nth += 1) start(process.execPath, ['-e', 'for (;;);']);
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
  await server.close();
  for (const child of children) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
});

/** The highest resident memory of a process so far, as the kernel says; undefined if it has ended. */
function peakMb(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
  } catch {
    return undefined;
  }
}

/** Every third row a deletion, every second one without a request id; nobody is there twice. */
function rowOf(index: number): string {
  const person = Math.floor(index / 9) * 10 + (index % 9) + 1; // one in ten made-up people has no address
  const kind = index % 3 === 0 ? 'deletion' : 'access';
  return `${index % 2 === 0 ? `case-${index}` : ''},${kind},person.${person}@example.net`;
}

const documentSchema = z.object({
  rows: z.number(),
  statuses: z.record(z.string(), z.number()),
  requests: z.array(
    z.object({
      workflowId: z.string(),
      kind: z.string(),
      status: z.string(),
      counts: resultSchema.shape.counts,
      apiRequests: z.number(),
    }),
  ),
});

test('1,000 rows, interrupted twice, are exactly 1,000 runs', async () => {
  const file = join(operator.folder, 'thousand.csv');
  writeFileSync(file, ['requestId,kind,email', ...Array.from({ length: ROWS }, (_, index) => rowOf(index))].join('\n'));
  const temporal = new Client({ connection: server });
  const query = `TaskQueue = '${operator.taskQueue}' AND WorkflowType IN ('accessRequest', 'deletionRequest')`;
  const runs = async () => (await temporal.workflow.count(query)).count;
  const company = sandbox.company(COMPANY);
  const askedBefore = company.requests().length;
  const began = Date.now();
  const started: number[] = [];

  for (const [index, signal] of (['SIGTERM', 'SIGKILL'] as const).entries()) {
    const running = await operator.processes.serve(['batch', COMPANY, file, '--json'], /starting \d+/);
    await until('a part is started', async () => (await runs()) >= (INTERRUPTED_AT[index] ?? 0));
    const ended = await running.end(signal);
    expect(ended.exit).toBe(signal === 'SIGKILL' ? null : 1);
    started.push(await runs());
  }
  // Both times in the middle of starting; the second run had gone on where the first was stopped.
  expect(started[0]).toBeLessThan(started[1] ?? 0);
  expect(started[1]).toBeLessThan(ROWS);

  const again = Date.now();
  const last = await operator.processes.serve(['batch', COMPANY, file, '--json'], /starting \d+/);
  const peaksMb = { command: 0, worker: 0, server: 0 };
  const measured = setInterval(() => Object.assign(peaksMb, { command: peakMb(last.pid) ?? peaksMb.command }), 1_000);
  const { exit, stdout, stderr } = await last.ended().finally(() => clearInterval(measured));
  Object.assign(peaksMb, { worker: peakMb(workerPid), server: peakMb(children[0]?.pid ?? 0) });
  const tookSeconds = (Date.now() - began) / 1_000;
  // What the killed process had under way may have begun after the count.
  const known = Number(/(\d+) started before/.exec(stderr)?.[1]);
  expect(known).toBeGreaterThanOrEqual(started[1] ?? 0);
  expect(known).toBeLessThan(ROWS);
  const { rows, statuses, requests } = documentSchema.parse(JSON.parse(stdout));
  expect({ exit, rows, statuses }).toEqual({ exit: 0, rows: ROWS, statuses: { completed: ROWS } });

  const ids: string[] = [];
  for await (const { workflowId } of temporal.workflow.list({ query })) ids.push(workflowId);
  expect({ runs: ids.length, different: new Set(ids).size }).toEqual({ runs: ROWS, different: ROWS });
  expect([...ids].sort()).toEqual(requests.map(({ workflowId }) => workflowId).sort());

  // Each person had one contact: each deletion deleted it once, each access found it.
  const asked = company.requests().slice(askedBefore);
  const deletions = requests.filter(({ kind }) => kind === 'deletion');
  expect(deletions.every(({ counts }) => counts.contacts === 1 && counts.deleted === 1)).toBe(true);
  expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(deletions.length);
  const searched = asked.filter(({ path }) => path === '/v1/contacts/search');
  expect(searched).toHaveLength(2 * (ROWS + deletions.length)); // by address and by number; a deletion searches again
  const counted = requests.reduce((sum, { apiRequests }) => sum + apiRequests, 0);
  expect(asked).toHaveLength(counted);
  const timedOut = [...logged, ...stderr.split('\n')].filter(line => TIMED_OUT.test(line));
  process.stderr.write(
    `timed out: ${timedOut.length} lines; highest memory, MB: ${JSON.stringify(peaksMb)}\n` +
      `batch of ${ROWS} rows: SIGTERM after ${started[0]} runs, SIGKILL after ${known}, then ${ids.length} runs in all, ` +
      `${asked.length} API requests, ${counted} counted, ${tookSeconds.toFixed(0)} s (${((again - began) / 1_000).toFixed(0)} s until it was run for the third time)\n`,
  );
  expect(Math.max(peaksMb.command, peaksMb.worker)).toBeLessThan(RESIDENT_MB_MAX);
});
