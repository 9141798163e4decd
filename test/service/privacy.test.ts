/** Personal data and secrets are nowhere but in memory and in sealed or encrypted bytes: not on the server, not in a log. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { createCompanySeed, type FaultRule } from '../../sandbox';
import { createDataConverter } from '../../src/encryption/data-converter';
import { generateKeyFile } from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { requestOf } from '../../src/request/names';
import { askedFor } from '../support/asked';
import { type Canaries, formsOf, foundIn, numberForms } from '../support/canaries';
import { until } from '../support/patience';
import { environment, installRuntime, startTestService, type TestService } from '../support/service';

const SUBJECT = { first_name: 'Quirina', last_name: 'Vandermolen-Ósk', email: 'Quirina.Vandermolen@Example.org' };
const NUMBERS = ['+14155550123', '+442079460958', '+33639981234', '+14155550199'];
const GIVEN_NUMBER = '+13105550166';
const PLANTED = 'planted-canary@example.org';

const lines: string[] = [];
let service: TestService;
let write: typeof process.stderr.write;

beforeAll(async () => {
  write = process.stderr.write;
  process.stderr.write = chunk => lines.push(String(chunk)) > 0;
  installRuntime(line => lines.push(line));
  const companies = ['private', 'refusing'].map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 170, now: Date.now(), subject: SUBJECT }),
  );
  service = await startTestService({ sandbox: { companies }, company: 'private' });
});
afterAll(async () => {
  process.stderr.write = write;
  await service.stop();
});

function canaries(): Canaries {
  const secrets = service.sandbox.companies.flatMap(({ apiId, apiToken, accessToken }) => [
    ...[apiId, apiToken, accessToken],
    `${apiId}:${apiToken}`,
  ]);
  const shown = service.company.calls().map(({ raw_digits }) => raw_digits);
  const displayed = shown.filter(digits => NUMBERS.includes(digits.replace(/[^+\d]/g, ''))).slice(0, 50);
  return new Map([
    ['email', formsOf(SUBJECT.email)],
    ['name', [SUBJECT.first_name, SUBJECT.last_name].flatMap(formsOf)],
    ['number', [...NUMBERS, GIVEN_NUMBER].flatMap(numberForms)],
    ['number as displayed', displayed.flatMap(formsOf)],
    ['secret', secrets.flatMap(formsOf)],
  ]);
}

const found = (bytes: Buffer, wanted: Canaries = canaries()) => foundIn(bytes, wanted);

const isPayload = (value: object): value is Payload => 'metadata' in value && 'data' in value;

/** The server's database with what is not yet merged into it. */
function database(): Buffer {
  const path = environment('TEST_TEMPORAL_DATABASE');
  const files = ['', '-wal', '-journal'].flatMap(ending => {
    try {
      return [readFileSync(path + ending)];
    } catch {
      return [];
    }
  });
  return Buffer.concat(files);
}

/** Names and contents of all files below a folder. */
function everything(folder: string): Buffer {
  const parts = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => {
    const path = join(folder, name);
    return Buffer.concat([Buffer.from(`${name}\n`), statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0)]);
  });
  return Buffer.concat(parts);
}

describe('after requests of all sorts, failed ones included', () => {
  beforeAll(async () => {
    const faults: readonly FaultRule[] = [
      { path: '/contacts/search', occurrences: 1, action: 'malformed' },
      { path: '/contacts/search', occurrences: 2, action: 'status', status: 500 },
      { path: '/calls', occurrences: 1, action: 'drop' },
      { path: '/calls', occurrences: 3, action: 'status', status: 422 },
      { path: '/calls', occurrences: 5, action: 'bad-record' },
    ];
    service.sandbox.setFaults({ rules: faults.map(rule => ({ company: 'private', ...rule })) });
    const { client, connection } = service;
    const subject = { email: SUBJECT.email, phoneNumbers: [GIVEN_NUMBER] };
    const access = await client.start('access', { requestId: 'access', connection, subject });
    const refusing = await service.connectCompany('refusing');
    const { company } = { company: service.sandbox.company('refusing') };
    company.behave({ refuseContacts: company.truth.contactIds.slice(0, 1) });
    const deletion = await client.start('deletion', {
      requestId: 'deletion',
      connection: refusing,
      subject,
      settleSeconds: 0,
    });
    expect((await client.result(access.workflowId)).status).toBe('partial');
    expect((await client.result(deletion.workflowId)).status).toBe('partial');

    // Bad input, with the address where it does not belong.
    const bad = {
      kind: 'access',
      requestId: 'bad',
      connection,
      subject,
      [SUBJECT.email]: SUBJECT.email,
      from: SUBJECT.email,
    };
    const workflowId = `dsr:${connection}:access:bad`;
    await service.temporal.workflow.start('accessRequest', { workflowId, taskQueue: service.taskQueue, args: [bad] });
    await expect(client.result(workflowId)).rejects.toMatchObject({ code: 'invalid-input' });
    // Cancelled while its credentials are dead.
    service.company.revokeCredentials();
    const stopped = await client.start('access', { requestId: 'stopped', connection, subject });
    await until('it waits', async () => (await client.status(stopped.workflowId)).status === 'waiting');
    await client.cancel(stopped.workflowId);
    expect((await client.result(stopped.workflowId)).status).toBe('cancelled');
    // A request of a key that this worker does not have; another worker has opened it.
    const request = { connection, kind: 'access', requestId: 'foreign' } as const;
    const startedAt = new Date().toISOString();
    await service.cases.open({ request, ...askedFor('f'.repeat(32)), runId: 'foreign', startedAt, incarnation: 1 });
    generateKeyFile(join(service.folder, 'other-keys.json'), new Date());
    const keyring = loadKeyring(join(service.folder, 'other-keys.json'));
    const foreign = new Client({
      connection: service.temporal.connection,
      dataConverter: createDataConverter(keyring),
    });
    const run = await foreign.workflow.start('accessRequest', {
      workflowId: `dsr:${connection}:access:foreign`,
      taskQueue: service.taskQueue,
      args: [{ kind: 'access', requestId: 'foreign', connection, subject }],
    });
    await until('the missing key is told', () => service.log.some(line => line.includes(keyring.primaryId)));
    await run.terminate();
  });

  it('Temporal’s database holds none of it', async () => {
    // The same search finds what was planted in the clear.
    const plain = new Client({ connection: service.temporal.connection });
    const handle = await plain.workflow.start('nobody', {
      workflowId: `planted-${service.connection}`,
      taskQueue: `nobody-${service.taskQueue}`,
      args: [PLANTED],
    });
    await handle.terminate();
    expect(found(database(), new Map([['planted', formsOf(PLANTED)]]))).toEqual(['planted']);
    expect(found(database())).toEqual([]);
  });

  it('its histories hold none of it even decrypted, but for the identity in the input', async () => {
    const { temporal, keyring, taskQueue } = service;
    const codec = createPayloadCodec(keyring);
    const decrypted: string[] = [];
    const decryptAll = async (value: unknown): Promise<void> => {
      if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
      if (isPayload(value)) {
        const [payload] = await codec.decode([value]).catch(() => []);
        decrypted.push(Buffer.from(payload?.data ?? []).toString());
      } else for (const child of Object.values(value)) await decryptAll(child);
    };
    for await (const run of temporal.workflow.list({ query: `TaskQueue = '${taskQueue}'` })) {
      const { events } = await temporal.workflow.getHandle(run.workflowId, run.runId).fetchHistory();
      const [started, ...others] = events ?? [];
      const first = decrypted.length;
      await decryptAll(started?.workflowExecutionStartedEventAttributes?.input);
      const input = decrypted.splice(first).join();
      if (requestOf(run.workflowId) !== undefined && !run.workflowId.includes('foreign'))
        expect(found(Buffer.from(input))).toContain('email');
      for (const event of others)
        if (event.activityTaskScheduledEventAttributes?.activityType?.name !== 'openRequest') await decryptAll(event);
    }
    expect(decrypted.length).toBeGreaterThan(50);
    expect(decrypted.join()).toContain('"distinct"'); // what merging answers
    expect(found(Buffer.from(decrypted.join('\n')))).toEqual([]);
  });

  it('the vault holds none of it, neither in a file nor in a name', () => {
    const bytes = everything(join(service.folder, 'vault'));
    expect(bytes.includes(`requests/${service.connection}/access/access`)).toBe(true);
    expect(found(bytes)).toEqual([]);
  });

  it('nothing that was logged holds any of it', () => {
    const logged = Buffer.from([...lines, ...service.log].join('\n'));
    // The lines of failed steps are among them.
    expect(lines.some(line => line.includes('status 422'))).toBe(true);
    expect(found(logged)).toEqual([]);
  });

  it('the search would have found each of it', () => {
    for (const [what, forms] of canaries()) {
      expect(forms.length).toBeGreaterThan(0);
      for (const form of forms) expect(found(Buffer.concat([Buffer.from('x'), form]))).toContain(what);
    }
  });
});
