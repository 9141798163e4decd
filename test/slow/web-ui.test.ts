/** What a person sees in the Temporal Web UI of a request: ciphertext, and through the codec server who it is about. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { type DevServer, startDevServer } from '../../dev-server';
import { ANY_PORT, findFreePort, HOST } from '../../dev-server/free-port';
import { type CodecServer, startCodecServer } from '../../src/codec-server';
import { SEARCH_ATTRIBUTES } from '../../src/request/names';
import { openBrowser } from '../support/browser';
import { until } from '../support/patience';
import { installRuntime, startTestService, type TestService } from '../support/service';

const EMAIL = 'zoe.nunez@example.com';
const SEEN_WITHIN_MS = 30_000;
/** Embedded in the documents; written anew where it is asked for. */
const SCREENSHOT = join(__dirname, '../../docs/images/web-ui-decoded.png');

let server: DevServer;
let service: TestService;
let browser: Browser;
let codecPort: number;
const log: string[] = [];

beforeAll(async () => {
  installRuntime();
  codecPort = await findFreePort(ANY_PORT);
  server = await startDevServer({
    ui: true,
    uiCodecEndpoint: `http://${HOST}:${codecPort}`,
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  service = await startTestService({ address: server.address });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await service?.stop();
  await server?.stop();
});

const serveCodec = (uiOrigin: string): Promise<CodecServer> =>
  startCodecServer({
    keyring: service.keyring,
    host: HOST,
    port: codecPort,
    uiOrigin,
    encodes: false,
    log: ({ message }) => log.push(message),
  });

async function open(workflowId: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${server.uiUrl}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`);
  await page.getByText('accessRequest').first().waitFor({ timeout: SEEN_WITHIN_MS });
  return page;
}

test('the Web UI shows ciphertext without the codec server, or with one for another Web UI, and the input of a request through its own', async () => {
  const { workflowId } = await service.client.start('access', {
    requestId: 'seen',
    connection: service.connection,
    subject: { email: EMAIL },
  });
  expect((await service.client.result(workflowId)).status).toBe('completed');

  const seesCiphertext = async () => {
    const page = await open(workflowId);
    await page.getByText('YmluYXJ5L2VuY3J5cHRlZA').first().waitFor({ timeout: SEEN_WITHIN_MS });
    expect(await page.content()).not.toContain(EMAIL);
    await page.close();
  };
  await seesCiphertext();
  const another = await serveCodec('http://localhost:8233');
  await seesCiphertext();
  await until('it was refused', () => log.some(line => line.startsWith('refused with 403')));
  expect(log.join('\n')).not.toMatch(/^decoded/m);
  await another.close();

  const codec = await serveCodec(server.uiUrl ?? '');
  const through = await open(workflowId);
  await through.getByText(EMAIL).first().waitFor({ timeout: SEEN_WITHIN_MS });
  expect(log.join('\n')).toMatch(/^decoded [1-9]\d* of \d+ payloads of namespace default/m);
  expect(log.join('\n')).not.toContain(EMAIL);
  if (process.env.AIRCALL_DSR_SCREENSHOTS === '1') await through.screenshot({ path: SCREENSHOT });
  await through.close();
  await codec.close();
});
