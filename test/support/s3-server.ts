/**
 * A real S3 server for a test file: versitygw on a folder of its own, which goes with it. It also stands between: a proxy can
 * answer in its place, so that a store which breaks its promises is still a store that keeps objects.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { ANY_PORT, findFreePort, HOST, resolveS3Server } from '../../dev-server';
import { hasEnded } from '../../dev-server/run-command';
import { until } from './patience';

export interface S3Server {
  readonly endpoint: string;
  /** Every bucket is a folder in it, every object a file. */
  readonly objects: string;
  /** What AWS's SDKs need to know to use it, secrets among it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sees the server as it is, whatever the environment says. */
  readonly client: S3Client;
  makeBucket(name: string): Promise<void>;
  setVersioning(bucket: string, status: 'Enabled' | 'Suspended'): Promise<void>;
  stop(): Promise<void>;
}

/** @throws {TemporalServerUnavailable} with what to do, where no S3 server is to be had */
export async function startS3Server(): Promise<S3Server> {
  const path = await resolveS3Server({ onProgress: message => process.stderr.write(`${message}\n`) });
  const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-s3-'));
  const objects = join(folder, 'objects');
  const versions = join(folder, 'versions');
  for (const made of [objects, versions]) mkdirSync(made);
  const port = await findFreePort(ANY_PORT);
  const endpoint = `http://${HOST}:${port}`;
  const [accessKeyId, secretAccessKey, region] = ['vault-tests', 'open-sesame-vault', 'us-east-1'];

  const child = spawn(
    path,
    ['--port', `${HOST}:${port}`, '--keep-alive', '--quiet', 'posix', '--versioning-dir', versions, objects],
    {
      env: { PATH: process.env.PATH, ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const ended = once(child, 'close');
  let told = '';
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
  await until('the S3 server answers', async () => {
    if (hasEnded(child)) throw new Error(`the S3 server ended with ${child.signalCode ?? child.exitCode}: ${told}`);
    return fetch(endpoint).then(
      () => true,
      () => false,
    );
  });

  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  return {
    endpoint,
    objects,
    environment: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: region,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: join(folder, 'no-config'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-credentials'),
    },
    client,
    async makeBucket(name) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    async setVersioning(bucket, status) {
      const VersioningConfiguration = { Status: status };
      await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
    },
    async stop() {
      client.destroy();
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface S3Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** `undefined` for a connection that breaks instead. */
export type S3Reply =
  | { readonly status: number; readonly headers?: IncomingHttpHeaders; readonly body?: Buffer | string }
  | undefined;

export interface S3Proxy {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** `answer` says what comes back for each request; `forward` asks the server for it, signature and all. */
export async function startS3Proxy(
  server: S3Server,
  answer: (request: S3Request, forward: () => Promise<S3Reply>) => Promise<S3Reply>,
): Promise<S3Proxy> {
  const proxy = createServer((incoming, outgoing) => {
    void (async () => {
      const { method = '', url: path = '', headers } = incoming;
      const request = { method, path, headers, body: await buffer(incoming) };
      const reply = await answer(request, () => forwardTo(server.endpoint, request));
      if (reply === undefined) return outgoing.destroy();
      outgoing.writeHead(reply.status, reply.headers);
      return outgoing.end(reply.body);
    })().catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : undefined));
  });
  proxy.listen(ANY_PORT, HOST);
  await once(proxy, 'listening');
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    endpoint: `http://${HOST}:${address.port}`,
    async stop() {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

function forwardTo(endpoint: string, { method, path, headers, body }: S3Request): Promise<S3Reply> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(`${endpoint}${path}`, { method, headers }, reply => {
      buffer(reply).then(
        bytes => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: bytes }),
        reject,
      );
    });
    asked.once('error', reject);
    asked.end(body);
  });
}
