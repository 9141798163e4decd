/**
 * What a person understands of a request from the Temporal Web UI alone, in a real browser: one that runs, waits, is partial,
 * and has failed. The same pages are the pictures of docs/operate/monitor.md.
 */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { type DevServer, startDevServer } from '../../dev-server';
import { ANY_PORT, findFreePort, HOST } from '../../dev-server/free-port';
import { createCompanySeed } from '../../sandbox';
import { type CodecServer, startCodecServer } from '../../src/codec-server';
import { SEARCH_ATTRIBUTES } from '../../src/request/names';
import { openBrowser } from '../support/browser';
import { until } from '../support/patience';
import { installRuntime, startTestService, type TestService } from '../support/service';

/** A company for each state. */
const COMPANIES = { running: 'acme', waiting: 'globex', partial: 'initech', failed: 'umbrella' } as const;
type State = keyof typeof COMPANIES;

const SEEN_WITHIN_MS = 60_000;
const IMAGES = join(__dirname, '../../docs/images');
/** So few API requests a minute that a list of many pages takes a while. */
const SLOWLY = 60;

let server: DevServer;
let codec: CodecServer;
let service: TestService;
let browser: Browser;

beforeAll(async () => {
  installRuntime();
  const codecPort = await findFreePort(ANY_PORT);
  const uiCodecEndpoint = `http://${HOST}:${codecPort}`;
  server = await startDevServer({ ui: true, uiCodecEndpoint, searchAttributes: SEARCH_ATTRIBUTES });
  const companies = Object.values(COMPANIES).map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: name === COMPANIES.running ? 2_400 : 137, now: Date.now() }),
  );
  service = await startTestService({ address: server.address, sandbox: { companies } });
  const present = (await service.connections.get(service.connection))?.value;
  if (present === undefined) throw new Error('the service has a connection');
  for (const { name, apiId, apiToken } of service.sandbox.companies) {
    const limitPerMinute = name === COMPANIES.running ? SLOWLY : present.limitPerMinute;
    const credential = { kind: 'api-key' as const, apiId, apiToken };
    await service.connections.put({ ...present, name, limitPerMinute, credential }, undefined);
  }
  codec = await startCodecServer({
    keyring: service.keyring,
    host: HOST,
    port: codecPort,
    uiOrigin: server.uiUrl ?? '',
    encodes: false,
    log: () => {},
  });
  browser = await openBrowser();
  service.sandbox.setFaults({
    rules: [
      { company: COMPANIES.partial, path: '/calls/search', occurrences: 1, action: 'bad-record' },
      { company: COMPANIES.partial, path: '/calls/search', occurrences: 2, action: 'status', status: 404 },
      { company: COMPANIES.failed, path: '/contacts/search', action: 'status', status: 404 },
    ],
  });
  service.sandbox.company(COMPANIES.waiting).revokeCredentials();
});
afterAll(async () => {
  await browser?.close();
  await codec?.close();
  await service?.stop();
  await server?.stop();
});

async function start(state: State, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const connection = COMPANIES[state];
  const subject = { email: service.sandbox.company(connection).truth.subjectEmail };
  const { workflowId } = await service.client.start('access', { requestId: 'case-17', connection, subject, ...more });
  return workflowId;
}

/** What a run says of itself, once its timeline shows `step`. */
async function look(workflowId: string, state: State, step: string): Promise<string> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 820 } });
  await page.goto(`${server.uiUrl}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`);
  await page.getByText(step).first().waitFor({ timeout: SEEN_WITHIN_MS });
  if (state === 'running') await picture(page, 'timeline');
  await page.getByText('User Metadata').first().click();
  await page.frameLocator('iframe >> nth=-1').getByText('API requests sent').waitFor({ timeout: SEEN_WITHIN_MS });
  const told = await Promise.all(page.frames().map(frame => frame.locator('body').textContent()));
  await picture(page, state);
  await page.close();
  return told.join('\n');
}

async function picture(page: Page, name: string): Promise<void> {
  if (process.env.AIRCALL_DSR_SCREENSHOTS === '1') await page.screenshot({ path: join(IMAGES, `web-ui-${name}.png`) });
}

test('one that runs tells what it does now, how far it is, and which page each step fetches', async () => {
  const workflowId = await start('running', { calls: 'company', regime: 'gdpr' });
  await until('calls are fetched', async () => (await service.client.status(workflowId)).phase === 'fetching-calls');
  const told = await look(workflowId, 'running', 'fetchCalls • All calls of the company, page 1');
  expect(told).toContain('Access request case-17 of acme: running');
  expect(told).toContain('Now: fetching calls.');
  expect(told).toMatch(/Contacts: \d+ found, searched completely/);
  expect(told).toMatch(/Due at \S+ by the GDPR/);
});

test('one that waits tells for what, and which command ends that', async () => {
  const workflowId = await start('waiting', { regime: 'ccpa', submittedAt: daysAgo(41) });
  await until('it waits', async () => (await service.client.status(workflowId)).waitingFor?.cause === 'credentials');
  const told = await look(workflowId, 'waiting', 'Waits until somebody runs: aircall-dsr connect globex');
  expect(told).toContain('Access request case-17 of globex: waiting');
  expect(told).toContain('It waits for credentials: Aircall refuses those of globex. Run aircall-dsr connect globex.');
  expect(told).toContain('It then resumes by itself, at the same step.');
  expect(told).toMatch(/Due at \S+ by the CCPA: within a week/);
});

test('one that is partial tells what is missing, and why', async () => {
  const workflowId = await start('partial', { subject: { email: 'zoe.nunez@example.com' } });
  expect((await service.client.result(workflowId)).status).toBe('partial');
  const told = await look(workflowId, 'partial', 'Calls of number 1, page 1');
  expect(told).toContain('Access request case-17 of initech: partial');
  expect(told).toContain('It ended, but not everything was done: see below.');
  expect(told).toContain('Calls that could not be read, because of unexpected-record: 1');
  expect(told).toMatch(/Not covered in calls: not-found \(1\)/);
});

test('one that has failed tells why', async () => {
  const workflowId = await start('failed');
  expect((await service.client.result(workflowId)).status).toBe('failed');
  const told = await look(workflowId, 'failed', 'Contacts by the address as given, page 1');
  expect(told).toContain('Access request case-17 of umbrella: failed');
  expect(told).toContain('It ended because of not-found: the contact search never finished');
});

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}
