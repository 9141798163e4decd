/** The service with its vault in a bucket, as an operator meets it: from `connect` to the package, and what is refused. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { accessPackageSchema } from '../../src/package/document';
import { createOperator } from '../support/command-line';
import { errorOf, resultSchema, savedSchema } from '../support/documents';
import { idsOf, sorted } from '../support/requests';
import { type S3Server, startS3Server } from '../support/s3-server';
import { unzip } from '../support/zip';

const SEED = createCompanySeed({ name: 'acme', seed: 5, contacts: 30, calls: 60, now: Date.now() });
const EMAIL = SEED.truth.subjectEmail;
/** No other test's: all share one server, and so its ids. */
const CONNECTION = 'in-a-bucket';
const operator = createOperator();
let s3: S3Server;
let sandbox: Sandbox;

beforeAll(async () => {
  s3 = await startS3Server();
  await s3.makeBucket('vault');
  Object.assign(process.env, s3.environment); // the AWS SDK looks there
  sandbox = await startSandbox({ companies: [SEED] });
  operator.keepSecret(sandbox.company('acme').apiToken, s3.environment.AWS_SECRET_ACCESS_KEY ?? '');
  await operator.run(['keys', 'generate']);
});
afterAll(async () => {
  await operator.stop();
  await sandbox?.close();
  await s3?.stop();
});

const vaultAt = (place: string) => ({ ...s3.environment, AIRCALL_DSR_VAULT: place });
function connect(environment: Readonly<Record<string, string>>) {
  const { apiId, apiToken } = sandbox.company('acme');
  const args = ['connect', CONNECTION, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  return operator.ask(args, { ...environment, AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
}

/** Every version of every object in a bucket, and the marks that deletions leave. */
async function objectsOf(bucket: string) {
  const { Versions = [], DeleteMarkers = [] } = await s3.client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  return [...Versions, ...DeleteMarkers];
}

test('a person’s data are handed over, and nothing readable is in the bucket', async () => {
  const environment = vaultAt('s3://vault/companies/dsr');
  expect((await connect(environment)).exit).toBe(0);
  const worker = await operator.startWorker(environment);
  const [first, again] = ['first.zip', 'again.zip'].map(name => join(operator.folder, name));
  const { exit, document } = await operator.ask(
    ['access', CONNECTION, EMAIL, '--request-id', 'r-1', '--out', first ?? ''],
    environment,
  );
  expect(document).not.toHaveProperty('error');
  const { status, package: told } = resultSchema.parse(document);
  expect({ exit, status }).toEqual({ exit: 0, status: 'completed' });
  const bytes = readFileSync(first ?? '');
  expect(told).toMatchObject({ sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length });
  const saved = await operator.ask(['package', 'r-1', '--out', again ?? ''], environment);
  expect(savedSchema.parse(saved.document)).toEqual({ ...told, out: again });
  expect(readFileSync(again ?? '')).toEqual(bytes);
  const { contacts, calls } = accessPackageSchema.parse(
    JSON.parse((await unzip(bytes)).get('access-package.json') ?? ''),
  );
  const { truth, apiToken } = sandbox.company('acme');
  expect(idsOf(contacts)).toEqual(sorted(truth.contactIds));
  expect(idsOf(calls)).toEqual(sorted(truth.callIds));
  expect((await worker.end('SIGTERM')).exit).toBe(0);

  const objects = await objectsOf('vault');
  expect(objects.length).toBeGreaterThan(5);
  for (const { Key = '' } of objects) {
    expect(Key).toMatch(
      /^companies\/dsr\/(companies|connections|incarnations|requests|open-access|waiting-deletion|receipts|receipt-heads|receipt-places|ended|evidence|evidence-looked)\//,
    );
    const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: 'vault', Key }));
    const stored = Buffer.from((await Body?.transformToByteArray()) ?? '').toString('latin1');
    expect(stored.length).toBeGreaterThan(0);
    for (const readable of [EMAIL, apiToken, 'contacts']) expect(stored + Key).not.toContain(readable);
  }
});

test('a bucket that keeps versions is refused by connect and by a worker, and nothing is left in it', async () => {
  await s3.makeBucket('versioned');
  await s3.setVersioning('versioned', 'Enabled');
  const environment = vaultAt('s3://versioned');
  const asked = sandbox.requests().length;
  for (const { exit, document } of [await connect(environment), await operator.ask(['worker'], environment)]) {
    expect(exit).toBe(2);
    expect(errorOf(document)).toEqual({ code: 'vault-unsafe', message: expect.stringMatching(/keeps versions.*docs/) });
  }
  expect(await objectsOf('versioned')).toEqual([]);
  expect(sandbox.requests()).toHaveLength(asked);
});

const REFUSED = {
  'a bucket that is not there': ['vault-missing', { AIRCALL_DSR_VAULT: 's3://no-such-bucket' }, /AIRCALL_DSR_VAULT/],
  'a wrong secret': ['vault-denied', { AWS_SECRET_ACCESS_KEY: 'wrong' }, /credentials/],
  'no credentials': ['vault-denied', { AWS_ACCESS_KEY_ID: '' }, /credentials/],
  'no region': ['vault-refused', { AWS_REGION: '' }, /AWS_REGION/],
  'a store that does not answer': ['vault-unreachable', { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' }, /network/],
} as const;
test.each(Object.entries(REFUSED))('%s is told by a worker, which ends', async (_, [code, environment, message]) => {
  // Processes: the AWS SDK reads its variables by itself.
  const { exit, stdout } = await operator.processes.run(['worker', '--json'], {
    ...vaultAt('s3://vault'),
    ...environment,
  });
  expect(exit).toBe(2);
  expect(errorOf(JSON.parse(stdout))).toEqual({ code, message: expect.stringMatching(message) });
});
