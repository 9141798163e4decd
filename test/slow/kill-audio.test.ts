/**
 * `kill -9` of the worker in the middle of a download, and while it makes the package: started again, the request hands over what an
 * undisturbed one does, and a purge leaves nothing of the killed attempts. A killed step is found after two minutes of silence.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { type LoggedRequest, type Sandbox, startSandbox } from '../../sandbox';
import { loadKeyring } from '../../src/encryption/keyring';
import { accessPackageSchema } from '../../src/package/document';
import { packageManifestSchema } from '../../src/package/manifest';
import { connectTemporal } from '../../src/temporal/connect';
import { FILE_LIMITS } from '../../src/vault/chunks';
import { createOperator, type Environment, type RunningProcess } from '../support/command-line';
import { resultSchema } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';
import { audioOf, digest, SPOKEN, spokenCompany } from '../support/spoken';
import { unzipBytes } from '../support/zip';

const NAME = 'spoken';
/** Each file is stored in three chunks. */
const FILE_BYTES = Math.ceil(FILE_LIMITS.chunkBytes * 2.2);

const operator = createOperator();
const slowVault = join(operator.folder, 'slow-vault');
const slowly: Environment = {
  NODE_OPTIONS: `--require ${join(__dirname, '../fixtures/slow-vault.js')}`,
  SLOW_VAULT: slowVault,
};
let sandbox: Sandbox;
let worker: RunningProcess;
let temporal: Client;
let calm: Handed;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: [spokenCompany(NAME, { mediaBytes: FILE_BYTES })] });
  const { apiId, apiToken } = sandbox.company(NAME);
  operator.keepSecret(apiToken);
  await operator.run(['keys', 'generate']);
  const args = ['connect', NAME, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  const { exit } = await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
  expect(exit).toBe(0);
  temporal = await connectTemporal(loadKeyring(join(operator.folder, 'keys.json')), {
    connectionOptions: { address: environment('TEST_TEMPORAL_ADDRESS') },
    namespace: 'default',
  });
  slow();
  worker = await operator.processes.startWorker(slowly);
  calm = await handedOver(await start('calm'));
});
afterAll(async () => {
  await operator.stop();
  await temporal.connection.close();
  await sandbox.close();
});

/** From now on reading these paths of the vault takes so many milliseconds. */
function slow(...paths: readonly (readonly [number, string])[]): void {
  writeFileSync(slowVault, paths.map(([ms, path]) => `${ms} ${path}\n`).join(''));
}

interface Started {
  readonly requestId: string;
  readonly workflowId: string;
  readonly before: Readonly<Record<'api' | 'media', number>>;
}

const askedFor = (requestId: string) => [
  ...['access', NAME, sandbox.company(NAME).truth.subjectEmail, '--request-id', requestId],
  // Without what the company does not pay for, which the first request of a day would ask for.
  ...['--include', 'recordings,voicemails'],
];

async function start(requestId: string): Promise<Started> {
  const before = { api: sandbox.requests().length, media: sandbox.mediaRequests().length };
  expect((await operator.run(askedFor(requestId))).exit).toBe(0);
  return { requestId, workflowId: `dsr:${NAME}:access:${requestId}`, before };
}

interface Handed {
  readonly exit: number | null;
  readonly result: ReturnType<typeof resultSchema.parse>;
  readonly sent: LoggedRequest[];
  readonly downloads: number;
  readonly files: ReadonlyMap<string, Buffer>;
}

async function handedOver({ requestId, workflowId, before }: Started): Promise<Handed> {
  const { exit, document } = await operator.ask([...askedFor(requestId), '--wait']);
  const path = join(operator.folder, `${requestId}.zip`);
  expect((await operator.run(['package', workflowId, '--out', path])).exit).toBe(0);
  const bytes = readFileSync(path);
  const result = resultSchema.parse(document);
  expect(digest(bytes)).toBe(result.package?.sha256);
  return {
    exit,
    result,
    sent: sandbox.requests().slice(before.api),
    downloads: sandbox.mediaRequests().length - before.media,
    files: await unzipBytes(bytes),
  };
}

const jsonIn = (files: Handed['files'], path: string): unknown => JSON.parse(String(files.get(path)));

/** What must not depend on which request it was, and when: the document but for that, and the digest of each table and file. */
function contentOf(files: Handed['files']) {
  const {
    requestId: _,
    createdAt: _at,
    coverage,
    ...document
  } = accessPackageSchema.parse(jsonIn(files, 'access-package.json'));
  const { window: _window, ...calls } = coverage.calls;
  const same = [...files].filter(([path]) => /^(csv|media)\//.test(path));
  return {
    document: { ...document, coverage: { ...coverage, calls } },
    digests: Object.fromEntries(same.map(([path, bytes]) => [path, digest(bytes)])),
  };
}

/** The same as the undisturbed request, every file as the signed manifest and the store say. */
function expectAsCalm({ exit, result, files, sent }: Handed): void {
  expect(exit).toBe(0);
  expect(result).toMatchObject({ status: 'completed', counts: calm.result.counts });
  expect(contentOf(files)).toEqual(contentOf(calm.files));
  for (const { path, sha256 } of packageManifestSchema.parse(jsonIn(files, 'manifest.json')).files)
    expect([path, digest(files.get(path) ?? Buffer.alloc(0))]).toEqual([path, sha256]);
  const stored = audioOf(sandbox.company(NAME)).map(({ sha256 }) => sha256);
  expect(stored).toHaveLength(SPOKEN);
  const media = [...files].flatMap(([path, bytes]) => (path.startsWith('media/') ? [digest(bytes)] : []));
  expect(media.sort()).toEqual(stored.sort());
  expect(sent).toHaveLength(calm.sent.length);
  expect(result.apiRequests).toBe(sent.length);
}

/** Objects of the vault under a request's folder of that name, as paths. */
function inVault({ requestId }: Started, name: string): string[] {
  const folder = join(operator.folder, 'vault/requests', NAME, 'access', requestId);
  if (!existsSync(folder)) return []; // it has not begun
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(path => path.startsWith(`${name}/`));
}

/** The chunks of each file that was begun. */
function begunFiles(started: Started): Map<string, number> {
  const chunks = new Map<string, number>();
  for (const path of inVault(started, 'chunks')) {
    const [, file = '', chunk, generation] = path.split('/');
    if (chunk !== undefined && generation !== undefined) chunks.set(file, (chunks.get(file) ?? 0) + 1);
  }
  return chunks;
}

async function openSteps({ workflowId }: Started): Promise<string[]> {
  const { raw } = await temporal.workflow.getHandle(workflowId).describe();
  return (raw.pendingActivities ?? []).flatMap(({ activityType }) => activityType?.name ?? []);
}

async function killWorker(): Promise<void> {
  expect((await worker.end('SIGKILL')).exit).toBeNull();
  slow();
  sandbox.setFaults(undefined);
  sandbox.release();
  worker = await operator.processes.startWorker(slowly);
}

/** Files that an attempt has begun and nobody names are there, until the purge. */
async function expectPurgeOfAll(started: Started): Promise<void> {
  expect(begunFiles(started).size).toBeGreaterThan(SPOKEN + 1);
  expect((await operator.run(['purge', started.workflowId])).exit).toBe(0);
  expect([...begunFiles(started)]).toEqual([]);
  expect(inVault(started, 'package')).toEqual([]);
}

test('a request whose worker is killed in the middle of a download hands over the same', async () => {
  // The first file that is asked for stops half-way: one chunk of it is stored.
  sandbox.setFaults({ rules: [], media: [{ company: NAME, requests: 1, action: 'hold-body' }] });
  const started = await start('downloading');
  await until('only the download is left, and a part of it is stored', async () => {
    const isHalf = [...begunFiles(started).values()].includes(1);
    const steps = await openSteps(started);
    return isHalf && steps.length > 0 && steps.every(name => name === 'downloadAudio');
  });
  await killWorker();
  const handed = await handedOver(started);
  expectAsCalm(handed);
  expect(handed.downloads).toBeGreaterThan(calm.downloads);
  await expectPurgeOfAll(started);
});

test('a request whose worker is killed while it makes the package hands over the same', async () => {
  slow([200, '/chunks/']);
  const started = await start('packaging');
  await until('a part of the package is stored', () => begunFiles(started).size > SPOKEN);
  expect(await openSteps(started)).toEqual(['buildPackage']);
  await killWorker();
  const handed = await handedOver(started);
  expectAsCalm(handed);
  expect(handed.downloads).toBe(calm.downloads);
  await expectPurgeOfAll(started);
});
