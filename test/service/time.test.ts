/** What takes hours and weeks: the deadline, waiting for a person, a deletion that will not become clean; and a server without rate limits. */
import { createCompanySeed } from '../../sandbox';
import { ratePerSecond } from '../../src/budget';
import type { RequestResult } from '../../src/client';
import { paceOn } from '../../src/temporal/queue-rate';
import { createBudgetKeeper } from '../../src/worker/budget-keeper';
import { until } from '../support/patience';
import { type SkippingService, startSkippingService } from '../support/skipping';
import { expectWaitWithoutEvents } from '../support/waits';

const NAMES = [
  'down',
  'stuck',
  'dead',
  'abandoned',
  'midway',
  'lying',
  'pingless',
  'tokenless',
  'endless',
  'flooding',
  'edited',
  'returning',
];
const subject = { email: 'zoe.nunez@example.com' };

let service: SkippingService;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 170, now: Date.now() }),
  );
  service = await startSkippingService({ companies });
});
afterAll(async () => service.stop());

describe('a request past its deadline', () => {
  const common = { requestId: 'late', subject, deadlineDays: 0.04 };
  let results: Map<string, RequestResult>;

  beforeAll(async () => {
    const [first = 0] = service.sandbox.company('stuck').truth.contactIds;
    service.sandbox.setFaults({
      rules: [
        { company: 'down', action: 'status', status: 500 },
        { company: 'endless', path: '/calls/search', action: 'wrong-total', total: Number.MAX_SAFE_INTEGER },
        { company: 'flooding', path: '/contacts/search', action: 'many-rows', rows: 51 },
        { company: 'midway', path: '/calls/search', action: 'revoke' },
        { company: 'stuck', method: 'DELETE', path: `/${first}$`, action: 'status', status: 503 },
        { company: 'pingless', path: '/contacts/search', action: 'status', status: 403 },
        { company: 'pingless', path: '/ping', action: 'status', status: 500 },
        { path: '/oauth/token', action: 'status', status: 500 },
      ],
    });
    service.sandbox.company('tokenless').revokeCredentials();
    const { accessToken } = service.sandbox.company('tokenless');
    const refresh = { refreshToken: 'good', clientId: 'client', clientSecret: 'secret' };
    await service.connections.change('tokenless', present => ({
      ...present,
      credential: { kind: 'oauth', accessToken, refresh },
    }));
    service.sandbox.company('abandoned').revokeCredentials();
    const started = {
      down: await service.client.start('access', { ...common, connection: 'down' }),
      stuck: await service.client.start('deletion', { ...common, connection: 'stuck', settleSeconds: 0 }),
      abandoned: await service.client.start('access', { ...common, connection: 'abandoned' }),
      pingless: await service.client.start('access', { ...common, connection: 'pingless' }),
      endless: await service.client.start('access', { ...common, connection: 'endless' }),
      flooding: await service.client.start('access', { ...common, connection: 'flooding' }),
      tokenless: await service.client.start('access', { ...common, connection: 'tokenless' }),
      midway: await service.client.start('access', { ...common, connection: 'midway' }),
    };
    await service.pass(0.045);
    const ended = Object.entries(started).map(async ([name, { workflowId }]) => {
      const result = await service.client.result(workflowId);
      return [name, result] as const;
    });
    results = new Map(await Promise.all(ended));
  });
  afterAll(() => service.sandbox.setFaults(undefined));

  it('has failed, with the code deadline, where the contact search never finished', () => {
    const asked = service.sandbox.company('down').requests().length;
    expect(asked).toBeGreaterThan(20);
    expect(results.get('down')).toMatchObject({
      status: 'failed',
      failure: { code: 'deadline' },
      counts: { contacts: 0 },
      apiRequests: asked,
    });
  });

  it('has failed, or hands over what it has, where what Aircall answered was never one of its replies', () => {
    expect(results.get('flooding')).toMatchObject({ status: 'failed', failure: { code: 'deadline' } });
    const endless = results.get('endless');
    expect(endless).toMatchObject({ status: 'partial', counts: { contacts: 2, calls: 0 } });
    expect(endless?.coverage.calls).toMatchObject({ state: 'failed', gaps: [{ code: 'deadline' }] });
    expect(endless?.package).toBeDefined();
    for (const name of ['flooding', 'endless'])
      expect(results.get(name)?.apiRequests).toBe(service.sandbox.company(name).requests().length);
  });

  it('lists the record that could not be deleted until then, and what it has deleted', () => {
    const company = service.sandbox.company('stuck');
    const [first = 0, second = 0] = company.truth.contactIds;
    expect(results.get('stuck')).toMatchObject({
      status: 'partial',
      counts: { contacts: 2, deleted: 1, failed: 1 },
      outcomes: expect.arrayContaining([
        { record: 'contact 1', outcome: 'failed', code: 'deadline' },
        { record: 'contact 2', outcome: 'deleted' },
      ]),
      verification: { state: 'residual' },
      apiRequests: company.requests().length,
    });
    const left = company.contacts().map(({ id }) => id);
    expect(left).toContain(first);
    expect(left).not.toContain(second);
  });

  it('is partial where its credentials died after the contacts were found, and hands over what it has', () => {
    const result = results.get('midway');
    expect(result).toMatchObject({
      status: 'partial',
      counts: { contacts: 2, calls: 0 },
      coverage: { contacts: { state: 'complete' }, calls: { state: 'failed' } },
      apiRequests: service.sandbox.company('midway').requests().length,
    });
    expect(result?.coverage.calls?.gaps.map(({ code }) => code)).toContain('deadline');
    expect(result?.package).toBeDefined();
  });

  it.each(['pingless', 'tokenless'])(
    'has condemned no credential where Aircall only did not answer what would have told: %s',
    async name => {
      expect(results.get(name)).toMatchObject({ status: 'failed', failure: { code: 'deadline' } });
      const present = (await service.connections.get(name))?.value;
      expect([present?.refusedAt, present?.renewalRefusedAt]).toEqual([undefined, undefined]);
    },
  );

  it('no longer waits for credentials', () => {
    expect(results.get('abandoned')).toMatchObject({
      status: 'failed',
      failure: { code: 'deadline' },
      apiRequests: service.sandbox.company('abandoned').requests().length,
    });
  });
});

it('a request waits for credentials for a month without a growing history, and goes on', () =>
  expectWaitWithoutEvents(service, 'dead', 30));

it('a deletion that never becomes clean is checked ever more rarely, for hours, and ends as residual', async () => {
  const company = service.sandbox.company('lying');
  // Aircall says that it has deleted, and has not.
  service.sandbox.setFaults({ rules: [{ company: 'lying', method: 'DELETE', action: 'wrong-shape' }] });
  const { workflowId } = await service.client.start('deletion', { requestId: 'lying', connection: 'lying', subject });
  await service.pass(1);
  const result = await service.client.result(workflowId);
  expect(result).toMatchObject({ status: 'partial', verification: { state: 'residual' } });
  const searches = company.requests().filter(({ query }) => 'email' in query).length;
  expect(searches).toBeGreaterThanOrEqual(10);
  expect(searches).toBeLessThan(20);
  const hours = (Date.parse(result.verification?.checkedAt ?? '') - Date.parse(result.startedAt)) / 3_600_000;
  expect(hours).toBeGreaterThan(1);
  expect(hours).toBeLessThan(4);
});

it('a contact that came back is deleted again and checked once more, also after the longest pause before the first check', async () => {
  const company = service.sandbox.company('returning');
  const input = { requestId: 'returning', connection: 'returning', subject, settleSeconds: 3_600 };
  const { workflowId } = await service.client.start('deletion', input);
  const settles = async () => (await service.client.status(workflowId)).waitingFor?.cause === 'settle';
  await until('it settles', settles);
  const { id: back } = company.addContact({ emails: [subject.email] });
  await service.pass(0.2);
  const result = await service.client.result(workflowId);
  expect(company.contacts().map(({ id }) => id)).not.toContain(back);
  expect(result).toMatchObject({ status: 'completed', verification: { state: 'verified' } });
});

it('a contact that somebody edited while its deletion waited for weeks is left; another one is read before it is deleted', async () => {
  const company = service.sandbox.company('edited');
  const [first = 0, second = 0] = company.truth.contactIds;
  service.sandbox.setFaults({ rules: [{ company: 'edited', method: 'DELETE', action: 'revoke' }] });
  const input = { requestId: 'edited', connection: 'edited', subject };
  const { workflowId } = await service.client.start('deletion', input);
  const waits = async () => (await service.client.status(workflowId)).waitingFor?.cause === 'credentials';
  await until('it waits', waits);
  await service.pass(21);
  service.sandbox.setFaults(undefined);
  company.updateContact(second, { first_name: 'Somebody', last_name: 'Else' });
  await service.connect('edited');
  await service.pass(0.1); // it looks by itself within an hour and a half
  const result = await service.client.result(workflowId);
  const left = company.contacts().map(({ id }) => id);
  expect([left.includes(first), left.includes(second)]).toEqual([false, true]);
  expect(result).toMatchObject({
    status: 'partial',
    counts: { contacts: 2, deleted: 1, retained: 1 },
    outcomes: [{ outcome: 'deleted' }, { outcome: 'retained', code: 'changed-since-plan' }],
    verification: { state: 'residual' },
    apiRequests: company.requests().length,
  });
  const ofFirst = company.requests().filter(({ path }) => path === `/v1/contacts/${first}`);
  expect(ofFirst.slice(-2).map(({ method, status }) => [method, status])).toEqual([
    ['GET', 200],
    ['DELETE', 204],
  ]);
  expect(company.requests().filter(({ path, status }) => path.endsWith(`/${second}`) && status === 204)).toEqual([]);
});

it('the rate of a queue is left to the workers on a server that keeps none, which is logged once', async () => {
  const log: string[] = [];
  const keeper = createBudgetKeeper(({ message }) => log.push(message));
  const { connection } = service.temporal;
  const budget = { limitPerMinute: 100, share: 0.75 };
  const queue = { connection, namespace: 'default', taskQueue: 'one' };
  expect((await paceOn(queue, budget)).queueRate).toBe(ratePerSecond(budget, 4)); // it may have four partitions
  keeper.keep('one', queue, 1);
  await until('it is logged', () => log.length > 0);
  keeper.keep('two', { ...queue, taskQueue: 'two' }, 1);
  await keeper.stop();
  expect(log).toEqual([expect.stringMatching(/keeps no rate limits for task queues .* 1\.29/)]);
});
