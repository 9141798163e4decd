/** Objects of the vault that somebody without a key breaks while requests are open: they wait, others go on, and once repaired they end. */
import { createCompanySeed } from '../../sandbox';
import { isReceipt } from '../../src/receipt/model';
import type { Kind } from '../../src/request/names';
import { createFolderDriver } from '../../src/vault/folder';
import type { VaultDriver } from '../../src/vault/vault';
import { until } from '../support/patience';
import { startTestService, type TestService } from '../support/service';

const NAMES = ['broken', 'beside'];

let service: TestService;
let driver: VaultDriver;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 50, now: Date.now() }),
  );
  service = await startTestService({ sandbox: { companies }, company: 'broken' });
  driver = createFolderDriver(`${service.folder}/vault`);
});
afterAll(async () => service.stop());

async function start(kind: Kind, requestId: string, name = 'broken', connection = service.connection) {
  const subject = { email: service.sandbox.company(name).truth.subjectEmail };
  return (await service.client.start(kind, { requestId, connection, subject })).workflowId;
}

/** Somebody without a key changes an object. It answers how to undo that. */
async function change(key: string, to: (present: Buffer) => Buffer | undefined): Promise<() => Promise<void>> {
  const present = (await driver.get(key))?.value;
  if (present === undefined) throw new Error(`${key} is not there`);
  const put = async (bytes: Buffer | undefined) => {
    await driver.delete(key);
    if (bytes !== undefined) await driver.putIfAbsent(key, bytes);
  };
  await put(to(present));
  return () => put(present);
}

const untilRetrying = (workflowId: string, code: string) =>
  until(`a step is tried again after ${code}`, async () => {
    const { retrying = [] } = await service.client.status(workflowId);
    return retrying.some(each => each.code === code);
  });

const cut = (present: Buffer) => present.subarray(0, present.length / 2);
const removed = () => undefined;

test.each([
  ['cut off', 'connection-broken', cut],
  ['removed', 'vault-rolled-back', removed],
])('while a connection is %s nothing is sent for it and none of its requests ends; others do', async (_, code, how) => {
  const undo = await change(`connections/${service.connection}`, how);
  const asked = service.company.requests().length;
  const waits = await start('access', `connection-${code}`);
  await untilRetrying(waits, code);
  const beside = await service.connectCompany('beside');
  const other = await start('access', `beside-${code}`, 'beside', beside);
  expect((await service.client.result(other)).status).toBe('completed');
  expect(service.company.requests()).toHaveLength(asked);
  await until('the worker says so', () =>
    service.log.some(line => line.includes(`${service.connection}: cannot be served (${code})`)),
  );
  await undo();
  expect((await service.client.result(waits)).status).toBe('completed');
});

test('a request whose case file is removed ends as failed, with what it had found and a receipt', async () => {
  const { connection, sandbox, company, client, receipts } = service;
  sandbox.setFaults({ rules: [{ path: '/calls', action: 'hold' }] });
  const asked = () => company.requests().filter(({ path }) => path.startsWith('/v1/calls')).length;
  const before = asked();
  const workflowId = await start('access', 'no-case-file');
  await until('calls are asked for', () => asked() > before);
  const keys = await driver.list(`requests/${connection}/access/no-case-file/case`);
  for (const key of keys) await driver.delete(key);
  sandbox.setFaults(undefined);
  sandbox.release();
  const result = await client.result(workflowId);
  expect(result).toMatchObject({
    status: 'failed',
    counts: { contacts: company.truth.contactIds.length },
    failure: { code: 'case-file-broken' },
  });
  const chain = (await receipts.chain(connection)).filter(isReceipt);
  expect(chain.find(({ request }) => request.requestId === 'no-case-file')?.failure).toBe('case-file-broken');
});

test.each([
  ['cut off', 'record-broken', cut],
  ['removed', 'vault-rolled-back', removed],
])(
  'a request whose record is %s waits before its end, and ends with one receipt once it is there again',
  async (_, code, how) => {
    const requestId = `record-${code}`;
    service.sandbox.setFaults({ rules: [{ path: '/contacts/search', action: 'hold' }] });
    const asked = service.company.requests().length;
    const workflowId = await start('access', requestId);
    await until('the search is under way', () => service.company.requests().length > asked);
    const undo = await change(`requests/${service.connection}/access/${requestId}/record`, how);
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    await untilRetrying(workflowId, code);
    await undo();
    const result = await service.client.result(workflowId);
    expect(result.status).toBe('completed');
    const chain = await service.receipts.chain(service.connection);
    expect(chain.filter(entry => isReceipt(entry) && entry.request.requestId === requestId)).toHaveLength(1);
  },
);
