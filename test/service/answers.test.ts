/**
 * Somebody who reaches the Temporal server and has no key starts runs under the ids of requests, and answers in the place of a
 * worker with payloads that they copied. The client says what is true of the request, or that it does not know.
 */
import type { Payload } from '@temporalio/common';
import { createDsrClient, type DsrClient } from '../../src/client';
import { until } from '../support/patience';
import { startTestService, type TestService } from '../support/service';
import { createStranger, PLAIN, type Stranger } from '../support/stranger';

const EMAIL = 'zoe.nunez@example.com';
const subject = { email: EMAIL };

let service: TestService;
let stranger: Stranger;
/** Without the vault, as another service has it. */
let starter: DsrClient;
let copied: { readonly input: Payload[]; readonly result: Payload[] };
beforeAll(async () => {
  service = await startTestService({ shares: true });
  const { temporal, keyring, taskQueue, connection } = service;
  stranger = createStranger(temporal);
  starter = createDsrClient({ temporal, keyring, taskQueue });
  const { workflowId } = await starter.start('access', { requestId: 'bob', connection, subject });
  expect((await starter.result(workflowId)).status).toBe('completed');
  copied = { input: await stranger.inputOf(workflowId), result: await stranger.resultOf(workflowId) };
  expect([copied.input.length, copied.result.length]).toEqual([1, 1]);
});
afterAll(async () => service.stop());

const idOf = (kind: 'access' | 'deletion', requestId: string) => `dsr:${service.connection}:${kind}:${requestId}`;
const codeOf = (work: Promise<unknown>) =>
  work.then(
    value => `no error: ${JSON.stringify(value)}`,
    error => error.code ?? String(error),
  );

let queues = 0;
/** Served by nobody but the stranger. */
function ownQueue(): string {
  queues += 1;
  return `${service.taskQueue}-strangers-${queues}`;
}

/** What clients with and without the vault say of a request. */
async function said(workflowId: string) {
  const of = async (client: DsrClient) => ({
    status: await codeOf(client.status(workflowId)),
    result: await codeOf(client.result(workflowId)),
    cancel: await codeOf(client.cancel(workflowId)),
    extend: await codeOf(client.extend(workflowId, { reason: 'complexity' })),
    known: await client.known([workflowId]),
    listed: (await client.list({ connection: service.connection })).filter(listed => listed.workflowId === workflowId),
  });
  return { starter: await of(starter), client: await of(service.client) };
}

describe('a run that somebody without a key started under the id of a request that never was', () => {
  const unknown = { status: 'not-found', result: 'not-found', cancel: 'not-found', extend: 'not-found' };
  const nothing = { ...unknown, known: [], listed: [] };

  it.each(['of another type, ended with the result of another request', 'of its type and queue, with a copied input'])(
    '%s, is no request; nor does it pass for one that was started',
    async what => {
      const isEnded = what.includes('ended');
      const requestId = isEnded ? 'liam' : 'june';
      for (const kind of ['access', 'deletion'] as const) {
        const workflowId = idOf(kind, requestId);
        const queue = isEnded ? ownQueue() : service.taskQueue;
        const type = isEnded ? 'anything' : `${kind}Request`;
        await stranger.start({
          workflowId,
          type,
          queue,
          payloads: copied.input,
          ...(!isEnded && { delayDays: 3_650 }),
        });
        if (isEnded) await stranger.complete(queue, copied.result);
        expect(await said(workflowId)).toEqual({ starter: nothing, client: nothing });
        for (const client of [starter, service.client]) {
          const input = { requestId, connection: service.connection, subject };
          expect(await codeOf(client.start(kind, input))).toBe('request-conflict');
          expect(await codeOf(client.startedBefore(kind, input))).toBe('request-conflict');
        }
        if (!isEnded) await stranger.terminate(workflowId);
      }
    },
  );
});

describe('a run that somebody without a key started under the id of a request that has ended', () => {
  it.each(['open', 'ended'])('%s, changes no answer', async state => {
    const workflowId = idOf('access', 'bob');
    const input = { requestId: 'bob', connection: service.connection, subject };
    const before = [await starter.status(workflowId), await starter.result(workflowId)];
    const started = await starter.start('access', input);
    const queue = ownQueue();
    await stranger.start({ workflowId, type: 'accessRequest', queue, payloads: copied.input });
    if (state === 'ended') await stranger.complete(queue, [PLAIN]);
    for (const client of [starter, service.client]) {
      expect([await client.status(workflowId), await client.result(workflowId)]).toEqual(before);
      expect(await client.cancel(workflowId)).toBe(false);
      expect(await codeOf(client.extend(workflowId, { reason: 'complexity' }))).toBe('extension-refused');
      expect(await client.start('access', input)).toMatchObject({ runId: started.runId });
      expect(await client.startedBefore('access', input)).toBeDefined();
      expect(await codeOf(client.start('access', { ...input, subject: { email: 'other@example.com' } }))).toBe(
        'request-conflict',
      );
    }
    if (state === 'open') await stranger.terminate(workflowId);
  });

  it('whose histories are gone: the record answers', async () => {
    const { connection } = service;
    const input = { requestId: 'gone', connection, subject };
    const { workflowId, runId } = await service.client.start('access', input);
    const result = await service.client.result(workflowId);
    await service.temporal.workflowService.deleteWorkflowExecution({
      ...{ namespace: 'default', workflowExecution: { workflowId, runId } },
    });
    await until('it is gone', async () => !(await starter.known([workflowId])).includes(workflowId));
    await stranger.start({ workflowId, type: 'anything', queue: ownQueue() });
    expect(await service.client.result(workflowId)).toEqual(result);
    expect(await service.client.status(workflowId)).toMatchObject({ status: 'completed', result });
    expect(await service.client.start('access', input)).toMatchObject({ runId });
    const other = { ...input, subject: { email: 'other@example.com' } };
    expect(await codeOf(service.client.start('access', other))).toBe('request-conflict');
    expect(await codeOf(starter.start('access', input))).toBe('request-conflict');
    await stranger.terminate(workflowId);
  });
});

describe("a request's own run, served by somebody without a key,", () => {
  const broken = (payload: Payload = {}) => [{ ...payload, data: Buffer.from(payload.data ?? []).subarray(0, 60) }];
  const FORGED = {
    'the result of another request': () => copied.result,
    'an input': () => copied.input,
    'what is not encrypted': () => [PLAIN],
    'what was changed': () => broken(copied.result[0]),
    nothing: () => [],
  };

  /** On a queue that only the stranger serves. */
  async function begun(requestId: string) {
    const queue = ownQueue();
    const { temporal, keyring, connection } = service;
    const client = createDsrClient({ temporal, keyring, taskQueue: queue });
    const input = { requestId, connection, subject, regime: 'gdpr' } as const;
    return { queue, client, ...(await client.start('access', input)) };
  }

  it.each(Object.keys(FORGED) as (keyof typeof FORGED)[])('that ends with %s has no result', async what => {
    const { queue, client, workflowId } = await begun(`ends with ${what}`.replaceAll(' ', '-'));
    const result = codeOf(client.result(workflowId));
    await stranger.complete(queue, FORGED[what]());
    expect(await result).toBe('payload-unusable');
    expect(await codeOf(client.result(workflowId))).toBe('payload-unusable');
    expect(await client.status(workflowId)).toMatchObject({
      ...{ status: 'failed', failure: { code: 'payload-unusable' } },
    });
  });

  it.each(Object.keys(FORGED) as (keyof typeof FORGED)[])('that tells %s tells no status', async what => {
    const { queue, client, workflowId } = await begun(`tells ${what}`.replaceAll(' ', '-'));
    await stranger.pass(queue);
    const status = codeOf(client.status(workflowId));
    await stranger.answer(queue, FORGED[what]());
    expect(await status).toBe('payload-unusable');
    await stranger.terminate(workflowId);
  });

  it.each(Object.keys(FORGED) as (keyof typeof FORGED)[])(
    'that answers an extension with %s extends nothing',
    async what => {
      const { queue, client, workflowId } = await begun(`extends ${what}`.replaceAll(' ', '-'));
      await stranger.pass(queue);
      const extended = codeOf(client.extend(workflowId, { reason: 'complexity' }));
      await stranger.accept(queue, FORGED[what]());
      expect(await extended).toBe('payload-unusable');
      await stranger.terminate(workflowId);
    },
  );
});
