/** Traces of a real worker, as a collector gets them: whose spans they are, what they count, and whom they do not name. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createOperator } from '../support/command-line';
import { resultSchema } from '../support/documents';

const SEED = { name: 'acme', seed: 5, contacts: 30, calls: 1_200, now: Date.now() };
const EMAIL = createCompanySeed(SEED).truth.subjectEmail;

const attributeSchema = z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) });
const spanSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  attributes: z.array(attributeSchema),
  status: z.object({ code: z.number().optional(), message: z.string().optional() }),
});
const bodySchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attributeSchema) }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

const bodies: string[] = [];
const collector = createServer((request, response) => {
  let body = '';
  request.on('data', (part: Buffer) => {
    body += part.toString();
  });
  request.on('end', () => {
    if (request.url === '/v1/traces') bodies.push(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
});
const operator = createOperator();
let sandbox: Sandbox;

beforeAll(async () => {
  await new Promise<void>(resolve => {
    collector.listen(0, '127.0.0.1', resolve);
  });
  sandbox = await startSandbox({ companies: [createCompanySeed(SEED)] });
  await operator.run(['keys', 'generate']);
  const { apiId, apiToken } = sandbox.company('acme');
  const args = ['connect', 'acme', '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
  collector.close();
});

test('a request is one trace: its attempts under it, each API request a span; nobody is named', async () => {
  const { port } = z.custom<AddressInfo>().parse(collector.address());
  const worker = await operator.processes.startWorker({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  sandbox.setFaults({ rules: [{ occurrences: [2], action: 'status', status: 503 }] });
  const { document } = await operator.ask(['access', 'acme', EMAIL, '--calls', 'company', '--wait']);
  const result = resultSchema.parse(document);
  expect(result.status).toBe('completed');
  expect((await worker.end('SIGTERM')).exit).toBe(0);

  const told = bodies.map(body => bodySchema.parse(JSON.parse(body)));
  const spans = told.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans: each }) => each)),
  );
  expect(JSON.stringify(told[0]?.resourceSpans[0]?.resource)).toContain('"aircall-dsr"');
  const roots = spans.filter(({ name }) => name === 'accessRequest');
  expect(roots).toHaveLength(1);
  const [root] = roots;
  expect(root?.parentSpanId ?? '').toBe('');
  expect(root?.attributes).toContainEqual({ key: 'aircall_dsr.status', value: { stringValue: 'completed' } });
  const steps = spans.filter(({ traceId, name }) => traceId === root?.traceId && name !== 'accessRequest');
  for (const { parentSpanId } of steps) expect(parentSpanId).toBe(root?.spanId);
  const asking = steps.filter(({ name }) => ['searchContacts', 'fetchCalls'].includes(name));
  expect(asking.length).toBe(result.apiRequests); // of the child workflow too
  expect(asking.filter(({ status }) => status.code === 2).map(({ status }) => status.message)).toEqual(['unavailable']);
  expect(steps.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['openRequest', 'buildPackage', 'closeRequest']),
  );
  for (const body of bodies) expect(body.toLowerCase()).not.toContain(EMAIL.toLowerCase());
});

test('a collector that is not there is told once, without its address, and holds up nothing', async () => {
  const endpoint = 'http://127.0.0.1:9/secret-path';
  const worker = await operator.processes.startWorker({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    OTEL_EXPORTER_OTLP_TIMEOUT: '500',
  });
  const { document } = await operator.ask(['access', 'acme', EMAIL, '--wait']);
  expect(resultSchema.parse(document).status).toBe('completed');
  const { exit, stderr } = await worker.end('SIGTERM');
  expect(exit).toBe(0);
  expect(stderr.match(/traces-unsent/g)).toHaveLength(1);
  expect(stderr).not.toContain('secret-path');
});
