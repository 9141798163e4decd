/**
 * The vault in a real S3 server: the suite of every driver, and what only a store over a network can do wrong. A store that
 * breaks its promises is the same server behind a proxy.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { probeVault } from '../../src/vault/probe';
import { createS3Driver } from '../../src/vault/s3';
import type { VaultDriver } from '../../src/vault/vault';
import {
  type S3Proxy,
  type S3Reply,
  type S3Request,
  type S3Server,
  startS3Proxy,
  startS3Server,
} from '../support/s3-server';
import { describeVaultDriver } from './driver-suite';
import { INCREMENT_PROCESS, increment } from './increment';

const run = promisify(execFile);
const BUCKET = 'vault';
const one = Buffer.from('one');
const two = Buffer.from('two');
/** Of each of two processes. */
const TIMES = 40;

let server: S3Server;
let made = 0;
const proxies: S3Proxy[] = [];

beforeAll(async () => {
  server = await startS3Server();
  Object.assign(process.env, server.environment);
  await server.makeBucket(BUCKET);
});
afterAll(async () => {
  for (const proxy of proxies) await proxy.stop();
  await server?.stop();
});

/** An empty place of the bucket. */
const newPrefix = () => `place-${++made}/of-tests`;
const driverAt = (prefix: string, bucket = BUCKET, endpoint = server.endpoint) =>
  createS3Driver({ bucket, prefix, endpoint });
/** The driver of a new bucket, and the bucket. */
async function bucketDriver(): Promise<{ bucket: string; driver: VaultDriver }> {
  const bucket = `vault-${++made}`;
  await server.makeBucket(bucket);
  return { bucket, driver: driverAt('', bucket) };
}

/** Everything that a bucket holds, versions and marks of deletions too. */
async function holdings(bucket: string, prefix = ''): Promise<number> {
  const { Versions = [], DeleteMarkers = [] } = await server.client.send(
    new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }),
  );
  return Versions.length + DeleteMarkers.length;
}

/** A driver whose store answers as told. */
async function driverBehind(
  answer: (request: S3Request, forward: () => Promise<S3Reply>) => Promise<S3Reply>,
  prefix = newPrefix(),
): Promise<VaultDriver> {
  const proxy = await startS3Proxy(server, answer);
  proxies.push(proxy);
  return driverAt(prefix, BUCKET, proxy.endpoint);
}

const isWrite = ({ method }: S3Request) => method === 'PUT';
const isConditional = ({ headers }: S3Request) => 'if-none-match' in headers || 'if-match' in headers;

/** Writes what a request would, on no condition. */
async function writeAnyway({ path, body }: S3Request): Promise<S3Reply> {
  const { ETag = '' } = await server.client.send(new PutObjectCommand({ ...objectOf(path), Body: body }));
  return { status: 200, headers: { etag: ETag } };
}

function objectOf(path: string): Pick<PutObjectCommandInput, 'Bucket' | 'Key'> {
  const [, Bucket = '', ...rest] = decodeURIComponent(path.split('?')[0] ?? '').split('/');
  return { Bucket, Key: rest.join('/') };
}

const errorReply = (status: number, code: string): S3Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>secret words of the store</Message></Error>`,
});

describeVaultDriver('an S3-compatible bucket', () => driverAt(newPrefix()));

describe('the vault in a bucket', () => {
  test('lists more objects than a page holds, in order, each once', async () => {
    const prefix = newPrefix();
    const keys = Array.from({ length: 1_050 }, (_, index) => `many/object-${String(index).padStart(4, '0')}`);
    const folder = join(server.objects, BUCKET, prefix);
    mkdirSync(join(folder, 'many'), { recursive: true });
    for (const key of keys) writeFileSync(join(folder, `${key}~`), one);
    expect(await driverAt(prefix).list('many')).toEqual(keys);
  });

  test('passes over names that are no keys, a thousand at a time however few are wanted', async () => {
    const prefix = newPrefix();
    const folder = join(server.objects, BUCKET, prefix, 'many');
    mkdirSync(folder, { recursive: true });
    for (let index = 0; index < 1_050; index++) writeFileSync(join(folder, `a name ${index}~`), one);
    let lists = 0;
    const driver = await driverBehind(async ({ method, path }, forward) => {
      if (method === 'GET' && path.includes('list-type=2')) lists += 1;
      return forward();
    }, prefix);
    await driver.putIfAbsent('many/object', one);
    expect(await driver.page('many', 1)).toEqual(['many/object']);
    expect(lists).toBe(2);
    expect(await driver.list('')).toEqual(['many/object']);
  });

  test('keeps to its prefix, and overlooks what others put there', async () => {
    const prefix = newPrefix();
    const [driver, neighbour, whole] = [driverAt(prefix), driverAt(`${prefix}-too`), driverAt('')];
    await driver.putIfAbsent('a', one);
    await neighbour.putIfAbsent('a', two);
    await server.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${prefix}/readme.txt`, Body: 'hello' }));
    expect(await driver.list('')).toEqual(['a']);
    expect((await driver.get('a'))?.value).toEqual(one);
    expect(await whole.list(prefix)).toEqual([`${prefix}/a`]);
  });

  test('loses and repeats none of the increments of two processes', async () => {
    const { bucket, driver } = await bucketDriver();
    const script = [INCREMENT_PROCESS, `s3://${bucket}`, 'a/counter', String(TIMES), server.endpoint];
    const ended = await Promise.all([1, 2].map(() => run(process.execPath, script, { env: process.env })));
    expect(ended.map(({ stdout }) => stdout)).toEqual([String(TIMES), String(TIMES)]);
    expect((await driver.get('a/counter'))?.value.toString()).toBe(String(2 * TIMES));
    expect(await holdings(bucket)).toBe(1);
  });
});

describe('a store that answers badly', () => {
  test('loses no write whose reply it lost, and repeats none', async () => {
    let writes = 0;
    const driver = await driverBehind(async (request, forward) => {
      const reply = await forward();
      return isWrite(request) && ++writes % 3 === 0 ? undefined : reply;
    });
    for (let round = 0; round < 12; round++) await increment(driver, 'a');
    expect(writes).toBe(12);
    expect((await driver.get('a'))?.value.toString()).toBe('12');
  });

  test('is asked again where a write failed or met another one, and never where the condition did not hold', async () => {
    const troubles = [errorReply(409, 'ConditionalRequestConflict'), errorReply(503, 'SlowDown'), undefined];
    let writes = 0;
    const driver = await driverBehind(async (request, forward) => {
      if (!isWrite(request)) return forward();
      writes++;
      return troubles.length > 0 ? troubles.shift() : forward();
    });
    expect(await driver.putIfAbsent('a', one)).toBe(true);
    expect(writes).toBe(4);
    expect(await driver.putIfAbsent('a', two)).toBe(false);
    expect(await driver.putIfUnchanged('a', two, '"stale"')).toBe(false);
    expect(writes).toBe(6);
    expect((await driver.get('a'))?.value).toEqual(one);
  });

  test.each(['ConditionalRequestConflict', 'ExistingObjectIsDirectory'])(
    'is asked again when a write met another one or a deletion (%s)',
    async name => {
      const replies = [errorReply(409, name)];
      const driver = await driverBehind(async (request, forward) =>
        isWrite(request) && replies.length > 0 ? replies.shift() : forward(),
      );
      expect(await driver.putIfAbsent('a', one)).toBe(true);
      expect((await driver.get('a'))?.value).toEqual(one);
    },
  );

  test('does not pass for a lost race where nobody knows who won', async () => {
    const prefix = newPrefix();
    const rival = driverAt(prefix);
    let broken = false;
    const driver = await driverBehind(async (request, forward) => {
      const reply = await forward();
      if (isWrite(request) && !broken) {
        broken = true;
        await increment(rival, 'a'); // it saw the write, and goes on from there
        return undefined;
      }
      return reply;
    }, prefix);
    await expect(driver.putIfAbsent('a', Buffer.from('1'))).rejects.toMatchObject({ code: 'vault-unreachable' });
    expect((await driver.get('a'))?.value.toString()).toBe('2');
  });

  test.each([
    ['breaks every connection', async (): Promise<S3Reply> => undefined, 'vault-unreachable'],
    ['is out of order', async () => errorReply(503, 'SlowDown'), 'vault-unreachable'],
    ['is a web page', async () => ({ status: 502, body: '<html>secret words of a proxy' }), 'vault-unreachable'],
    ['is another kind of store', async () => ({ status: 200, body: 'hello' }), 'vault-refused'],
    ['lies in another region', async () => errorReply(400, 'AuthorizationHeaderMalformed'), 'vault-refused'],
    ['allows nothing', async () => errorReply(403, 'AccessDenied'), 'vault-denied'],
    ['knows no conditions', async () => errorReply(501, 'NotImplemented'), 'vault-unsafe'],
  ] as const)('that %s is told with a code and what to do, and without its words', async (_, answer, code) => {
    const driver = await driverBehind(answer);
    for (const ask of [() => driver.get('secret-key'), () => driver.putIfUnchanged('secret-key', one, 'v')]) {
      const error = await ask().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'VaultError', code });
      expect(String(error)).not.toMatch(/secret|sesame|vault-tests|127\.0/);
      expect(error).not.toHaveProperty('cause');
    }
  });

  test('cannot fill the memory with one object, and no object is written that could not be read', async () => {
    const driver = await driverBehind(async ({ method }, forward) =>
      method === 'GET'
        ? { status: 200, headers: { 'content-length': '400000000', etag: '"e"' }, body: 'the first bytes' }
        : forward(),
    );
    await expect(driver.get('a')).rejects.toMatchObject({ code: 'vault-too-large' });
    const large = Buffer.alloc(256 * 1024 * 1024 + 1);
    await expect(driver.putIfAbsent('a', large)).rejects.toMatchObject({ code: 'vault-too-large' });
  });

  test('is told apart from a bucket that is not there, wrong credentials, no region', async () => {
    await expect(driverAt('', 'no-such-bucket').list('')).rejects.toMatchObject({ code: 'vault-missing' });
    await expect(driverAt('', 'no-such-bucket').putIfAbsent('a', one)).rejects.toMatchObject({ code: 'vault-missing' });
    const withVariable = async (name: string, value: string | undefined) => {
      const before = process.env[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
      try {
        return await driverAt('')
          .get('a')
          .catch((error: unknown) => error);
      } finally {
        process.env[name] = before;
      }
    };
    expect(await withVariable('AWS_SECRET_ACCESS_KEY', 'wrong')).toMatchObject({ code: 'vault-denied' });
    expect(await withVariable('AWS_SECRET_ACCESS_KEY', undefined)).toMatchObject({ code: 'vault-denied' });
    expect(await withVariable('AWS_REGION', undefined)).toMatchObject({ code: 'vault-refused' });
  });
});

describe('the probe', () => {
  test('passes a store that keeps its promises, and leaves nothing in it', async () => {
    const { bucket, driver } = await bucketDriver();
    await probeVault(driver);
    expect(await holdings(bucket)).toBe(0);
  });

  test.each([
    ['keeps versions', ['Enabled']],
    ['kept versions once', ['Enabled', 'Suspended']],
  ] as const)('refuses a bucket that %s, and leaves no object in it', async (_, statuses) => {
    const { bucket, driver } = await bucketDriver();
    for (const status of statuses) await server.setVersioning(bucket, status);
    await expect(probeVault(driver)).rejects.toMatchObject({
      code: 'vault-unsafe',
      message: expect.stringContaining('keeps versions'),
    });
    const { Versions = [] } = await server.client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    expect(Versions).toEqual([]);
  });

  test('is not needed to notice that versions are kept from now on: what is written then is taken back', async () => {
    const { bucket, driver } = await bucketDriver();
    await driver.putIfAbsent('a', one);
    const { version = '' } = (await driver.get('a')) ?? {};
    await server.setVersioning(bucket, 'Enabled');
    await expect(driver.putIfUnchanged('a', two, version)).rejects.toMatchObject({ code: 'vault-unsafe' });
    expect(await driver.get('a')).toEqual({ value: one, version });
    expect(await holdings(bucket)).toBe(1);
    await expect(driver.delete('a')).rejects.toMatchObject({ code: 'vault-unsafe' });
  });

  test('refuses a store that overlooks conditions, and leaves nothing in it', async () => {
    const prefix = newPrefix();
    let overlooked = 0;
    const driver = await driverBehind(async (request, forward) => {
      if (!isWrite(request) || !isConditional(request)) return forward();
      overlooked++;
      return writeAnyway(request);
    }, prefix);
    await expect(probeVault(driver)).rejects.toMatchObject({
      code: 'vault-unsafe',
      message: expect.stringContaining('replaces an existing one'),
    });
    expect(overlooked).toBe(2);
    expect(await holdings(BUCKET, prefix)).toBe(0);
  });

  test.each([
    ['lists in no order', (keys: readonly string[]) => keys.toReversed()],
    ['begins every list with the first object', (keys: readonly string[]) => keys],
  ])('refuses a store that %s, and leaves nothing in it', async (_, listed) => {
    const prefix = newPrefix();
    const driver = await driverBehind(async ({ path }, forward) => {
      const query = new URL(path, server.endpoint).searchParams;
      if (query.get('max-keys') === null) return forward();
      const Prefix = query.get('prefix') ?? '';
      const { Contents = [] } = await server.client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }));
      const keys = listed(Contents.map(({ Key = '' }) => Key));
      const body = keys.map(key => `<Contents><Key>${key}</Key></Contents>`).join('');
      const headers = { 'content-type': 'application/xml' };
      return { status: 200, headers, body: `<?xml version="1.0"?><ListBucketResult>${body}</ListBucketResult>` };
    }, prefix);
    await expect(probeVault(driver)).rejects.toMatchObject({
      code: 'vault-unsafe',
      message: expect.stringContaining('order of their names'),
    });
    expect(await holdings(BUCKET, prefix)).toBe(0);
  });

  test('refuses a store that looks first and writes then, so that several writers win', async () => {
    const prefix = newPrefix();
    let racing = 0;
    let release = () => {};
    const allHaveLooked = new Promise<void>(resolve => {
      release = resolve;
    });
    const driver = await driverBehind(async (request, forward) => {
      if (!isWrite(request)) return forward();
      const { ETag } = await server.client
        .send(new HeadObjectCommand(objectOf(request.path)))
        .catch(() => ({ ETag: undefined }));
      const wanted = request.headers['if-match'];
      if (ETag !== wanted) return errorReply(412, 'PreconditionFailed');
      if (request.body.includes('racer')) {
        if (++racing === 8) release();
        await allHaveLooked;
      }
      return writeAnyway(request);
    }, prefix);
    await expect(probeVault(driver)).rejects.toMatchObject({
      code: 'vault-unsafe',
      message: expect.stringContaining('8 got the answer that they had won'),
    });
    expect(await holdings(BUCKET, prefix)).toBe(0);
  });
});
