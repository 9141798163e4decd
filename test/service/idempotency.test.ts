/** One request id is one run with one answer, whoever starts it and however often; bad input ends, before Aircall is asked. */
import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { startDevServer } from '../../dev-server';
import { createCompanySeed } from '../../sandbox';
import { createDsrClient, DsrError, type GivenSubject, InvalidInput, type RequestResult } from '../../src/client';
import { createDataConverter } from '../../src/encryption/data-converter';
import { runAt } from '../../src/temporal/histories';
import { signalNews } from '../../src/temporal/waiting';
import { until } from '../support/patience';
import { documentOf, idsOf, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
const NAMES = ['twice', 'waiting', 'ordered', 'terminated', 'other'];
const EMAIL = 'zoe.nunez@example.com';

let service: TestService;
let finished: ReturnType<typeof finishAndForget>;
let finishedToo: ReturnType<typeof finishAndForget>;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS }));
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'twice' });
  finished = finishAndForget('forgotten');
  finishedToo = finishAndForget('forgotten-too');
  await Promise.all([finished, finishedToo]);
});
afterAll(async () => service.stop());

const failureOf = (running: Promise<unknown>) =>
  running.then(
    () => undefined,
    error => (error instanceof DsrError ? error.code : error),
  );

/** What the server says of a run, whoever started it. */
const endOfRun = (workflowId: string) =>
  service.temporal.workflow
    .getHandle(workflowId)
    .result()
    .then(String, ({ cause }) => cause.type);

describe('the same request id', () => {
  it('is refused with other options, which are named, while it runs and after its end', async () => {
    const input = { requestId: 'timed', connection: service.connection, subject: { email: EMAIL } };
    const timed = { ...input, regime: 'gdpr' as const, submittedAt: new Date(NOW_MS - 60_000).toISOString() };
    const { workflowId, runId } = await service.client.start('access', timed);
    const later = { ...timed, submittedAt: new Date(NOW_MS).toISOString(), calls: 'by-number' as const };
    const refused = {
      code: 'request-conflict',
      message: expect.stringContaining('other values of calls, submittedAt.'),
    };
    await expect(service.client.start('access', later)).rejects.toMatchObject(refused);
    expect((await service.client.result(workflowId)).submittedAt).toBe(timed.submittedAt);
    await expect(service.client.start('access', later)).rejects.toMatchObject(refused);
    await expect(service.client.startedBefore('access', later)).rejects.toMatchObject(refused);
    expect((await service.client.start('access', timed)).runId).toBe(runId);
  });

  it('is the same run, started twice at once or after its end, and asks Aircall once', async () => {
    const input = { requestId: 'same', connection: service.connection, subject: { email: EMAIL } };
    const asked = service.company.requests().length;
    const started = await Promise.all([1, 2, 3].map(() => service.client.start('access', input)));
    const result = await service.client.result(started[0]?.workflowId ?? '');
    const later = await service.client.start('access', { ...input, subject: { email: ` ${EMAIL.toUpperCase()}` } });
    expect(new Set([...started, later].map(({ runId }) => runId)).size).toBe(1);
    expect(service.company.requests()).toHaveLength(asked + result.apiRequests);
    const listed = await service.client.list({ connection: service.connection });
    expect(listed.filter(({ requestId }) => requestId === 'same')).toHaveLength(1);
  });

  it('is refused for another subject and leaves the first one’s request alone', async () => {
    const input = { requestId: 'conflict', connection: service.connection, subject: { email: EMAIL } };
    const { workflowId } = await service.client.start('access', input);
    const other = service.client.start('access', { ...input, subject: { email: 'mary.zoe.nunez@example.com' } });
    await expect(other).rejects.toMatchObject({
      code: 'request-conflict',
      message: 'Request id conflict was used with other values of subject. Choose a new one.',
    });
    expect((await service.client.result(workflowId)).status).toBe('completed');
  });

  it('is the same run for the same identities, in any order, spelling and number; it is refused for fewer', async () => {
    const [other, number] = ['zoe@work.example', '+33639981234'];
    const subjects = [
      { email: EMAIL, emails: [other], phoneNumbers: [number] },
      { emails: [other.toUpperCase(), ` ${EMAIL}`, EMAIL], phoneNumbers: ['+33 6 39 98 12 34', number] },
    ];
    const input = { requestId: 'several', connection: service.connection };
    const [first, second] = await Promise.all(
      subjects.map(subject => service.client.start('access', { ...input, subject })),
    );
    expect(second?.runId).toBe(first?.runId);
    expect((await service.client.result(first?.workflowId ?? '')).status).toBe('completed');
    const { startedBefore } = service.client;
    for (const subject of subjects) expect(await startedBefore('access', { ...input, subject })).toEqual(first);
    for (const subject of [{ email: EMAIL }, { emails: [EMAIL, other] }, { phoneNumbers: [number] }])
      await expect(startedBefore('access', { ...input, subject })).rejects.toMatchObject({
        code: 'request-conflict',
        message: expect.stringContaining('other values of subject.'),
      });
  });

  it('that another client starts with other options fails, and names them; so it does once the request is purged', async () => {
    const { temporal, taskQueue, connection } = service;
    const workflowId = `dsr:${connection}:access:theirs-too`;
    const subject = { email: EMAIL };
    const { runId } = await service.client.start('access', { requestId: 'theirs-too', connection, subject });
    await service.client.result(workflowId);
    const request = { connection, kind: 'access', requestId: 'theirs-too' } as const;
    /** As a client without the vault, once the server has forgotten the run. */
    const again = async (more: object) => {
      await temporal.workflowService.deleteWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId },
      });
      await untilForgotten(workflowId);
      const args = [{ kind: 'access', requestId: 'theirs-too', connection, subject, ...more }];
      await temporal.workflow.start('accessRequest', { workflowId, taskQueue, args });
      return temporal.workflow
        .getHandle(workflowId)
        .result()
        .then(
          result => result,
          ({ cause }) => ({ code: cause.type, message: cause.message }),
        );
    };
    const differing = { calls: 'company', subject: { email: EMAIL, phoneNumbers: ['+33639981234'] } };
    const refused = {
      code: 'request-conflict',
      message: 'this request id was used with other values of subject, calls; choose a new one',
    };
    expect(await again(differing)).toEqual(refused);
    await service.cases.purge(request, new Date(), runId);
    expect(await again(differing)).toEqual(refused);
    expect(await again({})).toMatchObject({ status: 'purged' });
    const ours = service.client.start('access', { requestId: 'theirs-too', connection, subject, calls: 'company' });
    await expect(ours).rejects.toMatchObject({
      code: 'request-conflict',
      message: expect.stringContaining('of calls.'),
    });
  });
});

it('a person is found by each of several addresses, and searched for by a number alone', async () => {
  const { connection, company } = service;
  const other = 'tomas.obriain@example.net';
  const theirs = company.contacts().filter(({ emails }) => emails.some(({ value }) => value === other));
  const two = { email: EMAIL, emails: [other] };
  const both = await service.client.start('access', { requestId: 'both', connection, subject: two });
  const handed = await documentOf(service, await service.client.result(both.workflowId));
  expect(theirs).toHaveLength(1);
  expect(idsOf(handed.contacts)).toEqual(sorted([...company.truth.contactIds, ...theirs.map(({ id }) => id)]));
  expect(handed.subject).toEqual({ emails: [EMAIL, other], phoneNumbers: [] });

  const before = company.requests().length;
  const subject = { phoneNumbers: ['+14155550123'] };
  const alone = await service.client.start('access', { requestId: 'number', connection, subject });
  const found = await documentOf(service, await service.client.result(alone.workflowId));
  expect(found.calls.length).toBeGreaterThan(0);
  expect(found.subject).toEqual({ emails: [], ...subject });
  const searches = company
    .requests()
    .slice(before)
    .filter(({ path }) => path.endsWith('/search'));
  expect(searches.some(({ path }) => path === '/v1/calls/search')).toBe(true);
  // A search without its filter returns everybody.
  for (const { query } of searches) expect(query).toMatchObject({ phone_number: subject.phoneNumbers[0] });
});

it('a dry run never answers for a deletion, nor the other way round', async () => {
  const input = { requestId: 'plan', connection: service.connection, subject: { email: 'mary.zoe.nunez@example.com' } };
  const { workflowId } = await service.client.start('deletion', { ...input, dryRun: true });
  expect((await service.client.result(workflowId)).status).toBe('planned');
  await expect(service.client.start('deletion', input)).rejects.toMatchObject({
    code: 'request-conflict',
    message: expect.stringContaining('other values of dryRun.'),
  });
});

it('a run that another client has just started is the same request, before its first step too', async () => {
  const input = { requestId: 'theirs', connection: service.connection, subject: { email: EMAIL } };
  const workflowId = `dsr:${service.connection}:access:theirs`;
  const { taskQueue } = service;
  await service.withoutWorker(async () => {
    const theirs = await service.temporal.workflow.start('accessRequest', {
      workflowId,
      taskQueue,
      args: [{ kind: 'access', ...input }],
    });
    const ours = await service.client.start('access', input);
    const stranger = service.client.start('access', { ...input, subject: { email: 'someone@example.org' } });
    await expect(stranger).rejects.toMatchObject({ code: 'request-conflict' });
    expect(ours.runId).toBe(theirs.firstExecutionRunId);
  });
  expect((await service.client.result(workflowId)).status).toBe('completed');
});

it('a request can be started on a server that no worker has prepared yet', async () => {
  const server = await startDevServer();
  const { connection } = server.env;
  const temporal = new Client({ connection, dataConverter: createDataConverter(service.keyring) });
  const client = createDsrClient({ temporal, keyring: service.keyring });
  const { workflowId } = await client.start('access', {
    requestId: 'early',
    connection: 'acme',
    subject: { email: EMAIL },
  });
  expect(await client.known([workflowId])).toEqual([workflowId]);
  await server.stop();
});

describe('input that is not good', () => {
  const SUBJECTS: readonly (readonly [what: string, subject: GivenSubject])[] = [
    ['nobody', {}],
    ['a link to an address', { email: `mailto:${EMAIL}` }],
    ['an address with two dots', { email: 'a@b..c' }],
    ['a pattern', { email: '*@*' }],
    ['a name with an address', { email: `Zoe <${EMAIL}>` }],
    ['an invisible character', { email: `zoe\u200b.nunez@example.com` }],
    ['a domain without its end', { email: 'zoe@example' }],
    ['a good address and a bad one', { emails: [EMAIL, 'zoe.nunez'] }],
    ['a number of hidden callers', { phoneNumbers: ['+266696687'] }],
    ['a number without its country', { email: EMAIL, phoneNumbers: ['0639981234'] }],
  ];

  it.each(SUBJECTS)(
    'is refused before anything is started, and ends a run that another client started: %s',
    async (what, subject) => {
      const asked = service.company.requests().length;
      const requestId = what.replaceAll(' ', '-');
      const input = { requestId, connection: service.connection, subject };
      await expect(service.client.start('access', input)).rejects.toBeInstanceOf(InvalidInput);
      const workflowId = `dsr:${service.connection}:access:${requestId}`;
      const args = [{ kind: 'access', ...input }];
      await service.temporal.workflow.start('accessRequest', { workflowId, taskQueue: service.taskQueue, args });
      expect(await endOfRun(workflowId)).toBe('invalid-input');
      expect(service.company.requests()).toHaveLength(asked);
    },
  );

  it.each([
    ['an e-mail address as request id', { requestId: EMAIL }],
    ['an empty e-mail address', { subject: { email: ' ' } }],
    ['two addresses', { subject: { email: `${EMAIL},other@example.org` } }],
    ['an unknown field', { settleSecond: 5 }],
  ])('is refused before anything is started: %s', async (_, wrong) => {
    const input = { requestId: 'bad', connection: service.connection, subject: { email: EMAIL }, ...wrong };
    const error: unknown = await service.client.start('access', input).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidInput);
    expect(String(error)).not.toContain(EMAIL);
  });

  it.each([
    ['an empty e-mail address', 'raw-1', { subject: { email: '' } }, 'invalid-input'],
    ['an unknown field', 'raw-2', { extra: true }, 'invalid-input'],
    ['a workflow id that names another request', 'raw-3', { requestId: 'raw-33' }, 'not-found'],
    ['a connection that nobody made', 'raw-4', { connection: 'nobody' }, 'invalid-input'],
    ['no kind', 'raw-5', { kind: undefined }, 'not-found'],
    ['another kind', 'raw-6', { kind: 'deletion' }, 'not-found'],
  ])('ends the run that another client started with it: %s', async (_, requestId, wrong, code) => {
    const asked = service.company.requests().length;
    const connection = 'connection' in wrong ? wrong.connection : service.connection;
    const input = { kind: 'access', requestId, connection, subject: { email: EMAIL }, ...wrong };
    const workflowId = `dsr:${connection}:access:${requestId}`;
    await service.temporal.workflow.start('accessRequest', { workflowId, taskQueue: service.taskQueue, args: [input] });
    expect(await endOfRun(workflowId)).toBe('invalid-input');
    expect(await failureOf(service.client.result(workflowId))).toBe(code);
    const shown = service.client.status(workflowId).then(
      ({ failure }) => failure?.code,
      error => error.code,
    );
    expect(await shown).toBe(code);
    expect(service.company.requests()).toHaveLength(asked);
  });

  it.each(['accessRequest', 'deletionRequest'])('ends a %s that was started without encryption', async type => {
    const asked = service.company.requests().length;
    const kind = type === 'accessRequest' ? 'access' : 'deletion';
    const plain = new Client({ connection: service.temporal.connection });
    const workflowId = `dsr:${service.connection}:${kind}:plain`;
    // An address of nobody: this one does lie readable in the server's database.
    const input = { kind, requestId: 'plain', connection: service.connection, subject: { email: 'plain@example.org' } };
    await plain.workflow.start(type, { workflowId, taskQueue: service.taskQueue, args: [input] });
    expect(await endOfRun(workflowId)).toBe('invalid-input');
    expect(await failureOf(service.client.result(workflowId))).toBe('not-found');
    expect(service.company.requests()).toHaveLength(asked);
  });

  it('ends a run that was encrypted with another key of the same id, which no deadline could reach', async () => {
    const theirs = createDataConverter({ ...service.keyring, key: () => randomBytes(32) });
    const client = new Client({ connection: service.temporal.connection, dataConverter: theirs });
    const workflowId = `dsr:${service.connection}:access:broken`;
    const input = { requestId: 'broken', connection: service.connection, subject: { email: EMAIL } };
    await client.workflow.start('accessRequest', { workflowId, taskQueue: service.taskQueue, args: [input] });
    expect(await endOfRun(workflowId)).toBe('invalid-input');
    for (const work of [() => service.client.result(workflowId), () => service.client.start('access', input)])
      expect(await failureOf(work())).toBe('unknown-key');
  });

  it('ends a run whose workflow id is none of ours', async () => {
    const input = { kind: 'access', requestId: 'odd', connection: service.connection, subject: { email: EMAIL } };
    const workflowId = `odd-${service.connection}`;
    await service.temporal.workflow.start('accessRequest', { workflowId, taskQueue: service.taskQueue, args: [input] });
    expect(await endOfRun(workflowId)).toBe('invalid-input');
    expect(await failureOf(service.client.status(workflowId))).toBe('not-found');
  });
});

describe('a deletion', () => {
  /** An access request that hangs at its search for as long as the fault lasts. */
  async function openAccess(name: string) {
    const company = service.sandbox.company(name);
    const connection = await service.connectCompany(name);
    service.sandbox.setFaults({ rules: [{ company: name, action: 'status', status: 503, path: '/calls' }] });
    const access = await service.client.start('access', { requestId: 'a', connection, subject: { email: EMAIL } });
    await until('the access request is under way', () => company.requests().some(({ status }) => status === 503));
    return { company, connection, access };
  }

  const untilItWaits = (workflowId: string) =>
    until('the deletion waits for the access request', async () => {
      const { status, waitingFor } = await service.client.status(workflowId);
      return status === 'waiting' && waitingFor?.cause === 'access-request';
    });

  it('waits for an open access request of its subject, which hands over all of it', async () => {
    const { company, connection, access } = await openAccess('waiting');
    const subject = { email: EMAIL };
    const deletion = await service.client.start('deletion', { requestId: 'd', connection, subject, settleSeconds: 0 });
    const dry = await service.client.start('deletion', { requestId: 'dry', connection, subject, dryRun: true });
    const others = await service.client.start('deletion', {
      requestId: 'o',
      connection,
      subject: { email: 'tomas.obriain@example.net' },
      settleSeconds: 0,
    });
    await untilItWaits(deletion.workflowId);
    expect((await service.client.result(others.workflowId)).counts.deleted).toBe(1);
    expect((await service.client.result(dry.workflowId)).plan).toEqual({ counts: { contacts: 2 } });
    expect(company.contacts().filter(({ id }) => company.truth.contactIds.includes(id))).toHaveLength(2);

    service.sandbox.setFaults(undefined);
    const handed = await documentOf(service, await service.client.result(access.workflowId));
    expect(idsOf(handed.contacts)).toEqual(sorted(company.truth.contactIds));
    const { status, counts }: RequestResult = await service.client.result(deletion.workflowId);
    expect({ status, deleted: counts.deleted }).toEqual({ status: 'completed', deleted: 2 });
    const log = company.requests().map(({ method, path, status }) => ({ method, path, status }));
    const lastCalls = log.findLastIndex(({ path, status }) => path === '/v1/calls/search' && status === 200);
    const hers = company.truth.contactIds.map(id => `/v1/contacts/${id}`);
    const firstDeletion = log.findIndex(({ method, path }) => method === 'DELETE' && hers.includes(path));
    expect(firstDeletion).toBeGreaterThan(lastCalls);
  });

  it('waits for an open access request of any of its identities, and is woken by its end', async () => {
    const company = service.sandbox.company('ordered');
    const connection = await service.connectCompany('ordered');
    service.sandbox.setFaults({ rules: [{ company: 'ordered', action: 'status', status: 503, path: '/contacts' }] });
    const [other, number] = ['zoe@work.example', '+33639981234'];
    const ofBoth = { emails: [other, EMAIL], phoneNumbers: [number] };
    const access = await service.client.start('access', { requestId: 'a', connection, subject: ofBoth });
    await until('the access request is under way', () => company.requests().some(({ status }) => status === 503));
    const subjects = [{ email: EMAIL }, { email: other.toUpperCase() }, { phoneNumbers: ['+33 6 39 98 12 34'] }];
    const deletions = await Promise.all(
      subjects.map((subject, index) => {
        const input = { requestId: `d-${index}`, connection, subject, settleSeconds: 0 };
        return service.client.start('deletion', input);
      }),
    );
    for (const { workflowId } of deletions) await untilItWaits(workflowId);
    service.sandbox.setFaults(undefined);
    expect((await service.client.result(access.workflowId)).counts.contacts).toBe(2);
    const ends = await Promise.all(deletions.map(({ workflowId }) => service.client.result(workflowId)));
    expect(ends.map(({ counts }) => counts.deleted)).toEqual([2, 0, 0]);
    const { identityHashes = [] } = (await service.cases.record({ connection, kind: 'access', requestId: 'a' })) ?? {};
    expect(identityHashes).toHaveLength(3);
    for (const kind of ['access', 'deletion'] as const)
      expect(await service.cases.marked(kind, connection, identityHashes)).toEqual([]);
  });

  it('does not wait for an access request that was terminated', async () => {
    const { connection, access } = await openAccess('terminated');
    const subject = { email: EMAIL };
    const deletion = await service.client.start('deletion', { requestId: 'd', connection, subject, settleSeconds: 0 });
    await untilItWaits(deletion.workflowId);
    await service.temporal.workflow.getHandle(access.workflowId).terminate('by a test');
    await signalNews(service.temporal, deletion.workflowId); // it would look by itself, later
    expect((await service.client.result(deletion.workflowId)).status).toBe('completed');
    const next = await service.client.start('deletion', { requestId: 'e', connection, subject, settleSeconds: 0 });
    expect((await service.client.result(next.workflowId)).status).toBe('no-match');
    service.sandbox.setFaults(undefined);
    expect(await failureOf(service.client.result(access.workflowId))).toBe('request-failed');
  });
});

describe('a request whose run the server has forgotten', () => {
  it('is answered from its record, without any API request, and still not to another subject', async () => {
    const { input, run, result } = await finished;
    await untilForgotten(run.workflowId);
    const asked = service.company.requests().length;
    const another = { ...input, subject: { email: 'someone@example.org' } };
    expect(await failureOf(service.client.start('access', another))).toBe('request-conflict');
    const { temporal, keyring, taskQueue } = service;
    const starter = createDsrClient({ temporal, keyring, taskQueue }); // the vault is not available to it
    const stranger = await starter.start('access', another);
    expect(stranger.runId).not.toBe(run.runId);
    expect(await failureOf(starter.result(stranger.workflowId))).toBe('request-conflict');

    const { input: other, run: before, result: resultBefore } = await finishedToo;
    await untilForgotten(before.workflowId);
    expect(await service.client.start('access', other)).toMatchObject({ runId: before.runId });
    const again = await starter.start('access', other);
    expect(again.runId).not.toBe(before.runId);
    expect(await starter.result(again.workflowId)).toEqual(resultBefore);
    expect(service.company.requests()).toHaveLength(asked);
    // The package is still the one that was handed over.
    const document = await documentOf(service, result);
    expect(idsOf(document.calls)).toEqual(sorted(service.company.truth.callIds));
  });
});

const untilForgotten = (workflowId: string) =>
  until('the server has forgotten the run', async () => (await runAt(service.temporal, workflowId)) === undefined);

/** Ends a request and deletes its run, as the server's retention does. The server takes a while for it, so it begins first. */
async function finishAndForget(requestId: string) {
  const input = { requestId, connection: service.connection, subject: { email: EMAIL } };
  const run = await service.client.start('access', input);
  const result = await service.client.result(run.workflowId);
  await service.temporal.workflowService.deleteWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: run.workflowId },
  });
  return { input, run, result };
}
