/** Workers of the service: connections that come and go while it runs, and several processes. */
import { join } from 'node:path';
import type { ConnectionLike } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createCompanySeed } from '../../sandbox';
import { ratePerSecond } from '../../src/budget';
import { apiTaskQueue } from '../../src/request/names';
import { describeQueue, sameRate } from '../../src/temporal/queue-rate';
import { createFolderDriver } from '../../src/vault/folder';
import { createConnectionWorkers } from '../../src/worker/connection-workers';
import { until } from '../support/patience';
import { documentOf, expectHonestCounts, idsOf, runToEnd, sorted } from '../support/requests';
import { environment, startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
const NAMES = ['shared', 'late', 'slow', 'quick', 'changing'];
const EMAIL = 'zoe.nunez@example.com';

let service: TestService;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS }));
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'shared' });
});
afterEach(() => {
  service.sandbox.setFaults(undefined);
  service.sandbox.release();
});
afterAll(async () => service.stop());

describe('the workers of a service', () => {
  it('share a request, and what one has begun another one ends', async () => {
    const { company, connection } = service;
    await service.withAnotherWorker(async () => {
      service.sandbox.setFaults({ rules: [{ company: 'shared', path: '/calls', action: 'hold' }] });
      const running = runToEnd(service, company, () =>
        service.client.start('access', { requestId: 'both', connection, subject: { email: EMAIL } }),
      );
      await until('calls are asked for', () => company.requests().some(({ path }) => path === '/v1/calls/search'));
      const ending = service.withoutWorker(() => running); // it lets its steps in flight end
      service.sandbox.setFaults(undefined);
      service.sandbox.release();
      const ended = await ending;
      expect(ended.result.status).toBe('completed');
      expect(idsOf((await documentOf(service, ended.result)).calls)).toEqual(sorted(company.truth.callIds));
      await expectHonestCounts(service, ended);
    });
  });

  it('serve a connection that was added while they ran, and leave one that was removed', async () => {
    const connection = await service.connectCompany('late');
    const subject = { email: EMAIL };
    const first = await service.client.start('access', { requestId: 'late', connection, subject });
    expect((await service.client.result(first.workflowId)).status).toBe('completed');
    await service.connections.delete(connection);
    await until('it is left', () => service.log.includes(`connection ${connection}: no longer served`));
    const asked = service.sandbox.company('late').requests().length;
    const second = await service.client.start('access', { requestId: 'too-late', connection, subject });
    await expect(service.client.result(second.workflowId)).rejects.toMatchObject({ code: 'invalid-input' });
    expect(service.sandbox.company('late').requests()).toHaveLength(asked);
  });

  it('serve everybody else while one connection lets its last step end', async () => {
    const slow = service.sandbox.company('slow');
    const connection = await service.connectCompany('slow');
    service.sandbox.setFaults({ rules: [{ company: 'slow', action: 'hold' }] });
    const held = await service.client.start('access', { requestId: 'slow', connection, subject: { email: EMAIL } });
    await until('its step is in flight', () => slow.requests().length === 1);
    await service.connections.delete(connection);
    await until('it is left', () => service.log.includes(`connection ${connection}: no longer served`));
    const quick = await service.connectCompany('quick');
    const { workflowId } = await service.client.start('access', {
      requestId: 'quick',
      connection: quick,
      subject: { email: EMAIL },
    });
    expect((await service.client.result(workflowId)).status).toBe('completed');
    expect(slow.requests()).toMatchObject([{ status: null }]);
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    await service.connectCompany('slow'); // connected again, its request goes on
    expect((await service.client.result(held.workflowId)).status).toBe('completed');
  });

  it('take steps all the time while the budget of a connection changes', async () => {
    const changing = service.sandbox.company('changing');
    const connection = await service.connectCompany('changing');
    const subject = { email: EMAIL };
    const rateAt = (limitPerMinute: number) => ratePerSecond({ limitPerMinute, share: 0.75 }, 1);
    service.sandbox.setFaults({ rules: [{ company: 'changing', times: 1, action: 'hold' }] });
    const held = await service.client.start('access', { requestId: 'held', connection, subject });
    await until('its step is in flight', () => changing.requests().length === 1);
    for (const limitPerMinute of [5_000, 6_000]) {
      await service.connections.change(connection, stored => ({ ...stored, limitPerMinute }));
      const serving = `connection ${connection}: serving at ${rateAt(limitPerMinute).toFixed(4)}`;
      await until('it has its new budget', () => service.log.some(line => line.startsWith(serving)));
      const requestId = `at-${limitPerMinute}`;
      const meanwhile = await service.client.start('access', { requestId, connection, subject });
      expect((await service.client.result(meanwhile.workflowId)).status).toBe('completed');
      const queue = { connection: service.temporal.connection, namespace: 'default' };
      await until('the server has it too', async () => {
        const { rate } = await describeQueue({ ...queue, taskQueue: apiTaskQueue(service.taskQueue, connection) });
        return sameRate(rate, rateAt(limitPerMinute));
      });
    }
    expect(changing.requests()[0]).toMatchObject({ status: null }); // the first worker still has its step
    service.sandbox.release();
    const ended = await service.client.result(held.workflowId);
    expect(ended.status).toBe('completed');
    expect(ended.apiRequests * 3).toBe(changing.requests().length); // no step was taken twice
  });

  it('serve everybody else where one connection cannot be read', async () => {
    const driver = createFolderDriver(join(service.folder, 'vault'));
    await driver.putIfAbsent('connections/0-broken', Buffer.from('not sealed'));
    try {
      await until('it is told', () =>
        service.log.some(line => line.startsWith('connection 0-broken: cannot be served')),
      );
      await service.stopWorker();
      await service.startWorker();
      const { connection, client } = service;
      const { workflowId } = await client.start('access', { requestId: 'on', connection, subject: { email: EMAIL } });
      expect((await client.result(workflowId)).status).toBe('completed');
    } finally {
      await driver.delete('connections/0-broken');
    }
  });

  it('serve a connection whose limit is too low for its partitions with permits, and without them when the limit is higher', async () => {
    const name = await service.connectCompany('late');
    const log: string[] = [];
    const learnt: number[] = [];
    const native = await NativeConnection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
    const server: ConnectionLike = {
      ...service.temporal.connection,
      withDeadline: (_, work) => work(),
      workflowService: Object.assign(Object.create(service.temporal.workflowService), {
        listTaskQueuePartitions: async () => ({ activityTaskQueuePartitions: [{}, {}, {}, {}] }),
      }),
    };
    const workers = createConnectionWorkers({
      connections: { ...service.connections, names: async () => [name], keptNames: async () => [] },
      server,
      namespace: 'default',
      taskQueue: `${service.taskQueue}-too-low`,
      workerOptions: { connection: native, activities: { async nothing() {} } },
      permits: {
        learn: (_, { partitions, limitPerMinute }) => void learnt.push(partitions, limitPerMinute),
        forget() {},
      },
      renew: async () => {},
      wake: async () => {},
      // The budget keeper, which does its work beside this, logs here too.
      log: ({ message }) => void (/serving at/.test(message) && log.push(message)),
    });
    const setLimit = (limitPerMinute: number) =>
      service.connections.change(name, connection => ({ ...connection, limitPerMinute }));
    await setLimit(4);
    await workers.poll();
    await setLimit(60);
    await until('it is served at its new limit', async () => {
      await workers.poll();
      return log.length === 2;
    });
    expect(log).toEqual([
      'serving at 0.0484 API requests a second, each with a permit: its queue has several partitions',
      'serving at 0.7500 API requests a second',
    ]);
    expect([learnt.slice(0, 2), learnt.slice(-2)]).toEqual([
      [4, 4],
      [4, 60],
    ]);
    await workers.stop();
    await native.close();
  });

  it('check connections in turn; one that breaks again is logged again', async () => {
    const names = await Promise.all(['shared', 'late', 'quick'].map(name => service.connectCompany(name)));
    const [breaking = ''] = names;
    const broken = new Set<string>();
    const checked: string[] = [];
    const log: string[] = [];
    const native = await NativeConnection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
    const workers = createConnectionWorkers({
      connections: {
        ...service.connections,
        names: async () => names,
        keptNames: async () => [],
        async get(name) {
          if (broken.has(name)) throw new RangeError('broken');
          return service.connections.get(name);
        },
      },
      server: service.temporal.connection,
      namespace: 'default',
      taskQueue: `${service.taskQueue}-in-turn`,
      workerOptions: { connection: native, activities: { async nothing() {} } },
      watch: { seen: name => void checked.push(name), budget() {}, queue() {} },
      permits: { learn() {}, forget() {} },
      renew: async () => {},
      wake: async () => {},
      log: ({ message, connection }) => void (connection === breaking && log.push(message)),
      checkedPerPoll: 1,
    });
    await workers.poll();
    expect(new Set(checked.splice(0))).toEqual(new Set(names)); // those that are not yet served, all at once
    for (const _ of names) await workers.poll();
    expect(checked).toHaveLength(names.length);
    expect(new Set(checked)).toEqual(new Set(names));

    const isBroken = expect.stringContaining('cannot be served (RangeError)');
    const isServed = expect.stringContaining('serving at');
    broken.add(breaking);
    for (let check = 0; check < 2; check += 1) await workers.checkNow(breaking);
    expect(log).toEqual([isServed, isBroken]);
    broken.clear();
    await workers.checkNow(breaking);
    broken.add(breaking);
    await workers.checkNow(breaking);
    expect(log).toEqual([isServed, isBroken, isBroken]);
    await workers.stop();
    await native.close();
  });
});
