/**
 * A batch of 1,000 rows that is interrupted twice, by SIGTERM and by SIGKILL, each time after a part of it was started: run
 * once more it ends with exactly 1,000 runs, and Aircall was asked nothing twice. Prints what it took.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createOperator } from '../support/command-line';
import { resultSchema } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';

const ROWS = 1_000;
const COMPANY = 'thousand';
/** How many are started when the batch is interrupted. */
const INTERRUPTED_AT = [200, 600] as const;
/** 15 API requests a second, so that the small server of the tests keeps up. */
const LIMIT_PER_MINUTE = 1_200;

const operator = createOperator();
let sandbox: Sandbox;
let server: Connection;

beforeAll(async () => {
  const seed = createCompanySeed({ name: COMPANY, seed: 8, contacts: 1_200, calls: 3_000, now: Date.now() });
  sandbox = await startSandbox({ companies: [seed] });
  server = await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  operator.keepSecret('@example.net', seed.apiToken);
  await operator.run(['keys', 'generate']);
  const args = ['connect', COMPANY, '--base-url', sandbox.baseUrl, '--limit-per-minute', String(LIMIT_PER_MINUTE)];
  const { exit } = await operator.run(args, { AIRCALL_API_ID: seed.apiId, AIRCALL_API_TOKEN: seed.apiToken });
  expect(exit).toBe(0);
  await operator.processes.startWorker();
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
  await server.close();
});

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
  const { exit, stdout, stderr } = await last.ended();
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
  expect(searched).toHaveLength(ROWS + deletions.length); // a deletion searches again
  const counted = requests.reduce((sum, { apiRequests }) => sum + apiRequests, 0);
  expect(asked).toHaveLength(counted);
  process.stderr.write(
    `batch of ${ROWS} rows: SIGTERM after ${started[0]} runs, SIGKILL after ${known}, then ${ids.length} runs in all, ` +
      `${asked.length} API requests, ${counted} counted, ${tookSeconds.toFixed(0)} s (${((again - began) / 1_000).toFixed(0)} s until it was run for the third time)\n`,
  );
});
