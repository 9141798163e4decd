/** What is kept of an ended request has an end: its data and histories go, whatever its end was; its record still answers. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { createCompanySeed } from '../../sandbox';
import { checkBundle } from '../../src/audit/bundle';
import { createEvidence } from '../../src/audit/evidence';
import { jsonIn } from '../../src/audit/history';
import { historyFromJson } from '../../src/audit/history-json';
import { replay } from '../../src/audit/replay';
import { createDataConverter } from '../../src/encryption/data-converter';
import { generateKeyFile } from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { createParts, createStores } from '../../src/parts';
import { requestOf, workflowIdOf } from '../../src/request/names';
import { SEARCH_KEYS } from '../../src/request/search-keys';
import { retentionScheduleId } from '../../src/retention/schedule';
import { createSweep, type Item, type SweepDependencies } from '../../src/retention/sweep';
import { historyOf, runAt } from '../../src/temporal/histories';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault, type VaultDriver } from '../../src/vault/vault';
import { readableIn } from '../replay/scenarios';
import { allDue, idOf, idsDue } from '../support/due';
import { until } from '../support/patience';
import { detailsOf } from '../support/requests';
import { environment, startTestService, type TestService } from '../support/service';

const EMAIL = 'zoe.nunez@example.com';
const NEVER = { requestMs: 1e12, packageMs: 1e12 };
/** Everything that has ended is past its time. */
const AT_ONCE = { requestMs: 0, packageMs: 0 };

let service: TestService;
beforeAll(async () => {
  const seed = { name: 'acme', seed: 1, contacts: 20, calls: 1_200, now: Date.now() };
  service = await startTestService({ sandbox: { companies: [createCompanySeed(seed)] }, retention: NEVER });
});
afterAll(async () => service.stop());

/** Without the witness of its record's generation, and the mark of its end. */
const keysOf = async (requestId: string, kind = 'access') =>
  (await service.vault.list(`requests/${service.connection}/${kind}/${requestId}`)).filter(
    key => !/\/(record|ended)\/\d+$/.test(key),
  );
const access = (requestId: string, more = {}) =>
  service.client.start('access', {
    requestId,
    connection: service.connection,
    subject: { email: EMAIL },
    ...more,
  });
async function ended(requestId: string, more = {}) {
  const { workflowId, runId } = await access(requestId, more);
  return { workflowId, runId, result: await service.client.result(workflowId) };
}
const nextMonths = (months: number) => new Date(Date.now() + months * 30 * 86_400_000).toISOString().slice(0, 10);
async function purge(workflowId: string) {
  const request = requestOf(workflowId);
  if (request === undefined) throw new Error('it is the id of a request');
  const { histories, ...rest } = await service.retention.destroy('request', request, new Date());
  return { ...rest, histories: histories.length };
}

const sweepWith = (more: Partial<SweepDependencies> = {}) =>
  createSweep({ ...service, policy: NEVER, log: () => {}, ...more });

/** Runs that the server has of a request and its children. */
async function runs(workflowId: string): Promise<string[]> {
  const found: string[] = [];
  for await (const run of service.temporal.workflow.list({ query: `TaskQueue = '${service.taskQueue}'` }))
    if (`${run.workflowId}:`.startsWith(`${workflowId}:`)) found.push(run.workflowId);
  return found;
}

const gone = (workflowId: string) =>
  until(`the server has forgotten ${workflowId}`, async () => {
    const newest = await runAt(service.temporal, workflowId);
    return newest === undefined && (await runs(workflowId)).length === 0;
  });

describe('a purged request', () => {
  it('has no package, no case file and no history any more; the one beside it has all of them', async () => {
    const { workflowId, runId, result } = await ended('purged', { calls: 'company' });
    const beside = await ended('beside');
    expect(await runs(workflowId)).toHaveLength(2); // its long list was read by a child
    expect((await keysOf('purged')).length).toBeGreaterThan(3);
    expect(await purge(workflowId)).toMatchObject({ histories: 2, result: { status: 'purged' } });
    await gone(workflowId);
    expect(await historyOf(service.temporal, { workflowId, runId })).toBeUndefined(); // as for one that was listed before
    expect(await keysOf('purged')).toEqual([`requests/${service.connection}/access/purged/record`]);
    await expect(service.packageOf(result)).rejects.toMatchObject({ code: 'case-file-shredded' });
    expect((await service.packageOf(beside.result)).length).toBe(beside.result.package?.sizeBytes);
    expect((await service.client.status(beside.workflowId)).status).toBe('completed');
  });

  it('has no history and no other object where one of its objects cannot be deleted, and is found again', async () => {
    const { workflowId } = await ended('stuck');
    const before = (await keysOf('stuck')).filter(key => !key.endsWith('/record'));
    expect(before.length).toBeGreaterThan(2);
    mkdirSync(join(service.folder, 'vault/requests', service.connection, 'access/stuck/x y/~1'), { recursive: true });
    const store = createFolderDriver(join(service.folder, 'vault'));
    const [first = ''] = before;
    const driver: VaultDriver = {
      ...store,
      delete: async key => (key === first ? Promise.reject(new Error('it cannot be deleted')) : store.delete(key)),
    };
    const { keyring } = service;
    const { retention } = createParts(createStores({ keyring, vault: createVault(driver, keyring) }), service);
    const request = { connection: service.connection, kind: 'access', requestId: 'stuck' } as const;
    await expect(retention.destroy('request', request, new Date())).rejects.toThrow('it cannot be deleted');
    await gone(workflowId);
    expect((await keysOf('stuck')).filter(key => !key.endsWith('/record'))).toEqual([first]);
    expect(await idsDue(service, AT_ONCE)).toContain(workflowId);
    expect(await purge(workflowId)).toMatchObject({ histories: 0, result: { status: 'purged' } });
    expect(await idsDue(service, AT_ONCE)).not.toContain(workflowId);
  });

  it('answers its status and its id from the record, without an API request, also to a starter that knows only the key', async () => {
    const { workflowId, result } = await ended('answered');
    await purge(workflowId);
    await gone(workflowId);
    const asked = service.company.requests().length;
    const answer = { status: 'purged', counts: result.counts, purged: { status: 'completed' } };
    expect(await service.client.status(workflowId)).toMatchObject({ status: 'purged', result: answer });
    expect(await service.client.result(workflowId)).toMatchObject(answer);
    expect((await ended('answered')).result).toMatchObject(answer);

    await purge(workflowId);
    await gone(workflowId);
    const { taskQueue, connection } = service;
    const input = { requestId: 'answered', connection, subject: { email: EMAIL } };
    const theirs = { workflowId, taskQueue, args: [{ kind: 'access', ...input }] };
    expect(await service.temporal.workflow.execute('accessRequest', theirs)).toMatchObject(answer);
    expect(await detailsOf(service.temporal, workflowId)).toContain('This request ended before.');
    await purge(workflowId);
    await gone(workflowId);
    const another = access('answered', { subject: { email: 'somebody.else@example.com' } });
    await expect(another).rejects.toMatchObject({ code: 'request-conflict' });
    expect(service.company.requests()).toHaveLength(asked);
  });

  it('was not open: an open one is left alone', async () => {
    service.sandbox.setFaults({ rules: [{ path: '/contacts/search', action: 'status', status: 500 }] });
    const { workflowId } = await access('open');
    await until('it has begun', async () => (await keysOf('open')).length > 1);
    const before = await keysOf('open');
    await expect(purge(workflowId)).rejects.toMatchObject({ code: 'request-open' });
    expect(await idsDue(service, AT_ONCE)).not.toContain(workflowId);
    expect(await keysOf('open')).toEqual(expect.arrayContaining(before));
    await service.client.cancel(workflowId);
    expect((await service.client.result(workflowId)).status).toBe('cancelled');
    service.sandbox.setFaults({ rules: [] });
    expect(await purge(workflowId)).toMatchObject({ result: { purged: { status: 'cancelled' } } });
    await gone(workflowId);
  });
});

describe('evidence', () => {
  const refOf = (requestId: string) => ({ connection: service.connection, kind: 'access' as const, requestId });
  const evidenceOf = async (requestId: string) => {
    const receipt = await service.lateReceipts.of(refOf(requestId));
    return receipt && (await service.evidence.of(receipt));
  };
  const unkept = async () =>
    (await service.evidence.unkept(Date.now())).requests.map(({ request }) => workflowIdOf(request));
  const keptKeys = (requestId: string) => service.vault.list(`evidence/${service.connection}/access/${requestId}`);

  it('is kept by the sweep of the schedule, once for each run, and outlives the histories', async () => {
    const { workflowId } = await ended('kept', { calls: 'company' });
    expect(await keptKeys('kept')).toEqual([]);
    const { taskQueue } = service;
    const sweep = (id: string) =>
      service.temporal.workflow.execute('retentionSweep', { workflowId: `${taskQueue}/${id}`, taskQueue });
    expect(await sweep('one')).toMatchObject({ kept: expect.any(Number), destroyed: 0 });
    expect(await keptKeys('kept')).toHaveLength(1);
    const all = await service.vault.list('evidence');
    await sweep('two');
    expect(await service.vault.list('evidence')).toEqual(all);

    const before = await evidenceOf('kept');
    expect(await purge(workflowId)).toMatchObject({ evidence: true });
    await gone(workflowId);
    const after = await evidenceOf('kept');
    expect([...(after?.keys() ?? [])].sort()).toEqual([
      'history-1.json',
      'history.json',
      'manifest.json',
      'public-key.pem',
      'receipt.json',
      'story.html',
    ]);
    expect(after).toEqual(before);
  });

  it('is kept by a purge that comes first, by several at once too', async () => {
    const { workflowId } = await ended('purged-first');
    const receipt = await service.lateReceipts.of(refOf('purged-first'));
    if (receipt === undefined) throw new Error('it has a receipt');
    expect(await Promise.all([1, 2, 3].map(() => service.evidence.keep(receipt)))).toEqual(['kept', 'kept', 'kept']);
    expect(await purge(workflowId)).toMatchObject({ evidence: true });
    expect(await keptKeys('purged-first')).toHaveLength(1);
  });

  it('holds nobody: neither the address and numbers of a request, nor anything of an input that was refused', async () => {
    const phone = '+33612345678';
    await ended('nobody', { subject: { email: EMAIL, phoneNumbers: [phone] } });
    const plain = new Client({ connection: service.temporal.connection });
    for (const [requestId, temporal] of Object.entries({ wrong: service.temporal, 'not-encrypted': plain })) {
      const request = refOf(requestId);
      const refused = { workflowId: workflowIdOf(request), taskQueue: service.taskQueue };
      const wrong = { ...request, email: EMAIL, note: 'Zoe Nunez', subject: { phoneNumbers: phone } };
      await temporal.workflow.start('accessRequest', { ...refused, args: [wrong] });
      const end = service.temporal.workflow.getHandle(refused.workflowId).result();
      await expect(end).rejects.toMatchObject({ cause: { type: 'invalid-input' } });
      const files = [...((await evidenceOf('nobody')) ?? []), ...((await evidenceOf(requestId)) ?? [])];
      // A run that nobody with our key started is no request: it leaves no evidence.
      expect(files.length).toBe(temporal === plain ? 5 : 10);
      const text = files.map(([, bytes]) => readableIn(bytes.toString())).join('\n');
      for (const personal of [EMAIL, phone, 'Zoe', '612345678']) expect(text).not.toContain(personal);
      await purge(refused.workflowId);
      await gone(refused.workflowId);
    }
  });

  it('holds nothing that somebody else wrote into a run, wherever it can be written, and replays all the same', async () => {
    const { temporal, taskQueue, connection, connections } = service;
    const canary = 'Zoe-Canary';
    const headers = { note: { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(`"${canary}"`) } };
    const starter = new Client({
      connection: temporal.connection,
      identity: canary,
      dataConverter: createDataConverter(service.keyring),
      interceptors: {
        workflow: [
          {
            start: (input, next) => next({ ...input, headers }),
            signal: (input, next) => next({ ...input, headers }),
            startUpdate: (input, next) => next({ ...input, headers }),
          },
        ],
      },
    });
    await connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
    const ids = ['written-into', 'ended-by-others'].map(requestId => `dsr:${connection}:access:${requestId}`);
    const [written = '', terminated = ''] = ids;
    for (const workflowId of ids) {
      await starter.workflow.start('accessRequest', {
        ...{ workflowId, taskQueue, memo: { note: canary, [canary]: 1 } },
        ...{ staticSummary: canary, staticDetails: canary, priority: { priorityKey: 2, fairnessKey: canary } },
        typedSearchAttributes: [{ key: SEARCH_KEYS.subject, value: canary }],
        args: [
          {
            ...{ kind: 'access', requestId: workflowId.split(':').at(-1), connection, subject: { email: EMAIL } },
            regime: 'gdpr' as const,
          },
        ],
      });
      await until('it waits', async () => (await service.client.status(workflowId)).waitingFor?.cause === 'paused');
      const handle = starter.workflow.getHandle(workflowId);
      await handle.signal('credentialsUpdated', canary);
      await handle.signal(canary, canary);
      await handle.executeUpdate('extend', {
        updateId: canary,
        args: [{ workflowId, reason: 'complexity', until: `${nextMonths(2)}T00:00:00Z`, note: canary }, canary],
      });
      const workflowExecution = { workflowId };
      const broken = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(`{${canary}`) };
      const said = { namespace: 'default', workflowExecution, identity: canary, reason: canary };
      await temporal.workflowService.signalWorkflowExecution({
        ...{ ...said, signalName: 'credentialsUpdated', input: { payloads: [broken] } },
      });
      const encoding = Buffer.from('binary/encrypted');
      const key = Buffer.from(service.keyring.primaryId);
      const torn = { metadata: { encoding, 'encryption-key-id': key }, data: Buffer.from(canary) };
      await temporal.workflowService.signalWorkflowExecution({
        ...{ ...said, signalName: 'credentialsUpdated', input: { payloads: [torn] } },
      });
      if (workflowId === terminated) await handle.terminate(canary);
      else await temporal.workflowService.requestCancelWorkflowExecution(said);
    }
    await service.client.result(written);
    await connections.change(connection, ({ pausedAt: _, ...present }) => present);
    for (const workflowId of ids) {
      const files = await evidenceOf(workflowId.split(':').at(-1) ?? '');
      if (files === undefined) throw new Error('it has evidence');
      const text = [...files.values()].map(bytes => readableIn(bytes.toString())).join('\n');
      // Any part of the canary or the address. Three letters alone stand in one signature of a hundred by chance.
      expect(text).not.toMatch(/zoe[-.]|canary|nunez/i);
      expect(text).toContain('complexity');
      expect(checkBundle(files).missing).toEqual([]);
      const history = historyFromJson(files.get('history.json')?.toString() ?? '');
      const workflowBundle = { codePath: environment('TEST_WORKFLOW_BUNDLE') };
      const [run] = checkBundle(files).runs;
      const sealed = [{ name: workflowId, history: run && (await historyOf(temporal, run)) }];
      expect(JSON.stringify(sealed)).toContain(canary);
      const codec = () => createPayloadCodec(service.keyring);
      expect(await replay(sealed, { workflowBundle, codec })).toMatchObject([{ verdict: 'same' }]);
      expect(await replay([{ name: workflowId, history }], { workflowBundle })).toMatchObject([{ verdict: 'same' }]);
      expect(await purge(workflowId)).toMatchObject({ evidence: true });
      await gone(workflowId);
    }
  });

  it('names the children whose histories are gone', async () => {
    const { workflowId } = await ended('childless', { calls: 'company' });
    const child = `${workflowId}:pages:1`;
    await service.temporal.workflowService.deleteWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: child },
    });
    await gone(child);
    const files = await evidenceOf('childless');
    expect(checkBundle(files ?? new Map())).toMatchObject({ runs: [{ workflowId }], missing: [{ workflowId: child }] });
  });

  it('is kept of all others where one of its objects cannot be read', async () => {
    const ids = ['poisoned', 'behind-it', 'also-behind-it'];
    for (const id of ids) await ended(id);
    const runIdOf = async (id: string) => (await service.cases.record(refOf(id)))?.runId ?? '';
    const folder = `evidence/${service.connection}/access/poisoned/${await runIdOf('poisoned')}`;
    mkdirSync(join(service.folder, 'vault', folder, '~1'), { recursive: true });
    const workflowIds = ids.map(id => workflowIdOf(refOf(id)));
    await until('they are listed', async () => {
      const listed = await unkept();
      return workflowIds.every(id => listed.includes(id));
    });
    const told: string[] = [];
    const sweep = sweepWith({ log: ({ message }) => void told.push(message) });
    for (let after: string | undefined = ''; after !== undefined; )
      ({ next: after } = await sweep.page(
        { nowMs: Date.now(), way: 'closed', after, failed: [] },
        { before: undefined, onItem() {}, async goOn() {} },
      ));
    expect(told.filter(line => line.startsWith('no evidence'))).toEqual([
      expect.stringMatching(/:poisoned \(EISDIR\); the next sweep tries again$/),
    ]);
    for (const id of ids.slice(1)) expect(await keptKeys(id)).toHaveLength(1);
    rmdirSync(join(service.folder, 'vault', folder, '~1'));
    const { items } = await sweep.find('unkept', Date.now(), '');
    expect(items.map(idOf)).toEqual([workflowIdOf(refOf('poisoned'))]); // it was noted
    for (const each of items) expect(await sweep.tryItem(each, Date.now())).toEqual({ kept: 1 });
    for (const workflowId of workflowIds) expect(await purge(workflowId)).toMatchObject({ evidence: true });
    for (const workflowId of workflowIds) await gone(workflowId);
  });

  it('that lacks a key here is tried again by the next sweep, whose worker may have it', async () => {
    const { temporal, vault, taskQueue } = service;
    const { workflowId } = await ended('locked');
    const keyFile = join(service.folder, 'other-keys.json');
    generateKeyFile(keyFile, new Date());
    const other = createEvidence({ temporal, vault, keyring: loadKeyring(keyFile), taskQueue, now: Date.now });
    const told: string[] = [];
    const log = ({ message }: { readonly message: string }) => void told.push(message);
    const item = { request: refOf('locked'), way: 'closed', endedMs: [Date.now()] } as const;
    expect(await sweepWith({ evidence: other, log }).tryItem(item, Date.now())).toEqual({ unkept: 1 });
    expect(told.join()).toContain('the next sweep tries again');
    expect(await keptKeys('locked')).toEqual([]);
    // It was noted, and is found by that note.
    const { items } = await sweepWith().find('unkept', Date.now(), '');
    expect(items).toEqual([expect.objectContaining({ request: refOf('locked') })]);
    for (const each of items) expect(await sweepWith().tryItem(each, Date.now())).toEqual({ kept: 1 });
    expect((await sweepWith().find('unkept', Date.now(), '')).items).toEqual([]);
    expect(await keptKeys('locked')).toHaveLength(1);
    await purge(workflowId);
  });

  it('that somebody broke in the vault is made again by a purge while its history is there, and missing afterwards if not', async () => {
    const driver = createFolderDriver(join(service.folder, 'vault'));
    const put = async (key: string) => {
      await driver.delete(key);
      await driver.putIfAbsent(key, Buffer.from('junk'));
    };
    const { workflowId } = await ended('broken');
    const told: string[] = [];
    const all = sweepWith({ policy: AT_ONCE, log: ({ message }) => void told.push(message) });
    const [ofEvidence, ofData] = (['closed', 'ended'] as const).map(way => ({ request: refOf('broken'), way }));
    const keep = () => ofEvidence && all.tryItem(ofEvidence, Date.now());
    const destroy = () => ofData && all.tryItem(ofData, Date.now());
    // Stored before its evidence was, it does not pass for it.
    const receipt = await service.lateReceipts.of(refOf('broken'));
    const key = `evidence/${service.connection}/access/broken/${receipt?.request.runId}`;
    await put(key);
    expect(await unkept()).toContain(workflowId);
    expect(await keep()).toEqual({ kept: 1 });
    expect(await unkept()).not.toContain(workflowId);
    await put(key);
    expect(await destroy()).toEqual({ destroyed: 1, foreign: 0 });
    await gone(workflowId);
    expect(told).toEqual([]);
    expect(checkBundle((await evidenceOf('broken')) ?? new Map())).toMatchObject({ workflowId });
    // Now nobody can make it again.
    await put(key);
    expect(await keep()).toEqual({ kept: 1 });
    expect(await purge(workflowId)).toMatchObject({ evidence: false, result: { status: 'purged' } });
    expect(await destroy()).toEqual({ destroyed: 1, foreign: 0 });
    expect(told).toEqual([
      expect.stringContaining(`no evidence of ${workflowId}: that of the vault cannot be read`),
      expect.stringContaining(`no evidence of ${workflowId}: it was purged without`),
    ]);
    await expect(evidenceOf('broken')).rejects.toMatchObject({ code: 'evidence-broken' });
  });

  it('is searched for again in all ended requests if nobody can read how far it was kept; the sweep destroys all the same', async () => {
    const { workflowId } = await ended('searched');
    const driver = createFolderDriver(join(service.folder, 'vault'));
    await driver.delete('evidence-looked/up-to');
    await driver.putIfAbsent('evidence-looked/up-to', Buffer.from('junk'));
    const run = { workflowId: `${service.taskQueue}/junk-time`, taskQueue: service.taskQueue };
    const sweep = () => service.temporal.workflow.execute('retentionSweep', run);
    const swept = await service.withoutWorker(() => service.withAnotherWorker(sweep, AT_ONCE));
    expect(swept).toMatchObject({ unkept: 0 });
    await gone(workflowId);
    expect(await keptKeys('searched')).toHaveLength(1);
    expect((await service.vault.get('evidence-looked/up-to'))?.value.toString()).toMatch(/^\d{4}-/);
  });

  it('names the same person by one pseudonym in a connection, and by another one in another connection', async () => {
    const other = await service.connectCompany('acme');
    const pseudonymIn = async (connection: string, requestId: string) => {
      await service.client.result((await access(requestId, { connection })).workflowId);
      const receipt = await service.lateReceipts.of({ connection, kind: 'access', requestId });
      const history = receipt && (await service.evidence.of(receipt))?.get('history.json');
      const started = historyFromJson(history?.toString() ?? '').events?.[0]?.workflowExecutionStartedEventAttributes;
      return String(Object(Object(jsonIn(started?.input?.payloads?.[0] ?? {})).subject).emails?.[0]);
    };
    const [one, again, elsewhere] = [
      await pseudonymIn(service.connection, 'person-1'),
      await pseudonymIn(service.connection, 'person-2'),
      await pseudonymIn(other, 'person-1'),
    ];
    expect(one).toMatch(/^subject-[0-9a-f]{12}@example\.invalid$/);
    expect(again).toBe(one);
    expect(elsewhere).toMatch(/^subject-[0-9a-f]{12}@example\.invalid$/);
    expect(elsewhere).not.toBe(one);
  });

  it('that can never be made is told, and keeps nobody from destroying the rest', async () => {
    const { workflowId } = await ended('lost');
    await service.temporal.workflowService.deleteWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId },
    });
    await gone(workflowId);
    expect(await purge(workflowId)).toMatchObject({ evidence: false, result: { status: 'purged' } });
    expect(await keptKeys('lost')).toEqual([]);
  });
});

describe('the retention sweep', () => {
  const sweep = async (policy: typeof AT_ONCE) => {
    for (;;) {
      const due = await allDue(service, policy);
      if (due.length === 0) return;
      for (const { item } of due) await sweepWith({ policy }).tryItem(item, Date.now());
      for (const { item, due: what } of due) if (what !== 'data') await gone(idOf(item));
    }
  };

  it('leaves what is younger than its age', async () => {
    await ended('young');
    expect(await allDue(service, NEVER)).toEqual([]);
    expect(await allDue(service, { requestMs: 3_600_000, packageMs: 3_600_000 })).toEqual([]);
  });

  it('destroys package and case file sooner than the history where that is configured', async () => {
    const { workflowId, result } = await ended('package-first');
    await sweep({ requestMs: 3_600_000, packageMs: 0 });
    await expect(service.packageOf(result)).rejects.toMatchObject({ code: 'case-file-shredded' });
    expect(await service.client.status(workflowId)).toMatchObject({ status: 'completed' });
    expect(await keysOf('package-first')).toHaveLength(1);
  });

  it('destroys every ended request, whatever its end: terminated, failed, cancelled, refused, begun by nobody', async () => {
    const { temporal, connection, taskQueue } = service;
    service.sandbox.setFaults({ rules: [{ path: '/contacts/search', action: 'status', status: 500 }] });
    const terminated = await access('terminated');
    const cancelled = await access('cancelled');
    const open = await access('still-open');
    await until(
      'they have begun',
      async () =>
        (await keysOf('still-open')).length + (await keysOf('cancelled')).length + (await keysOf('terminated')).length >
        5,
    );
    await temporal.workflow.getHandle(terminated.workflowId).terminate();
    await service.client.cancel(cancelled.workflowId);
    await service.client.result(cancelled.workflowId);
    const refused = `dsr:${connection}:access:refused`;
    await temporal.workflow.start('accessRequest', { workflowId: refused, taskQueue, args: [{ email: EMAIL }] });
    const end = temporal.workflow.getHandle(refused).result();
    await expect(end).rejects.toMatchObject({ cause: { type: 'invalid-input' } });
    const deletion = await service.client.start('deletion', {
      requestId: 'dry',
      connection: await service.connectCompany('acme'),
      subject: { email: 'nobody.known@example.com' },
      dryRun: true,
      deadlineDays: 0.04,
    });
    const ids = [terminated.workflowId, cancelled.workflowId, refused];

    await sweep(AT_ONCE);
    for (const workflowId of ids) expect(await runAt(temporal, workflowId)).toBeUndefined();
    expect((await service.cases.unshredded()).map(({ requestId }) => requestId).sort()).toEqual(['dry', 'still-open']);
    expect(await service.client.status(terminated.workflowId)).toMatchObject({ status: 'purged' });
    for (const { workflowId } of [open, deletion])
      expect(await service.client.status(workflowId)).not.toMatchObject({ status: 'purged' });
    service.sandbox.setFaults({ rules: [] });
    expect((await service.client.result(open.workflowId)).status).toBe('completed');
    await service.client.result(deletion.workflowId);
  });

  it('destroys no other run because of what somebody wrote into a workflow id', async () => {
    const { temporal, taskQueue } = service;
    const beside = await ended('not-meant');
    const workflowId = `x' OR TaskQueue = '${taskQueue}`;
    const { firstExecutionRunId: runId } = await temporal.workflow.start('accessRequest', {
      workflowId,
      taskQueue,
      args: [{}],
    });
    await expect(temporal.workflow.getHandle(workflowId).result()).rejects.toThrow();
    const item: Item = { run: { workflowId, runId } };
    await until('it is listed', async () => (await idsDue(service, AT_ONCE)).includes(workflowId));
    expect(await allDue(service, AT_ONCE)).toContainEqual({ item, due: 'run' });
    expect(await sweepWith().tryItem(item, Date.now())).toEqual({ destroyed: 1 });
    await until('it is gone', async () => (await runAt(temporal, workflowId)) === undefined);
    expect((await service.client.status(beside.workflowId)).status).toBe('completed');
  });

  it('is started by a schedule on the server, and destroys what the policy of its worker says', async () => {
    const { temporal, taskQueue } = service;
    const { workflowId } = await ended('swept');
    const handle = temporal.schedule.getHandle(retentionScheduleId(taskQueue));
    const { action, policies, spec } = await handle.describe();
    expect(action).toMatchObject({ workflowType: 'retentionSweep', taskQueue, args: [] });
    expect(policies.overlap).toBe('SKIP');
    expect(spec.intervals).toMatchObject([{ every: 3_600_000 }]);

    // On the hour it has run by itself before.
    const before = (await handle.describe()).info.numActionsTaken;
    await handle.trigger();
    await until('it has run', async () => (await handle.describe()).info.numActionsTaken > before);
    const last = (await handle.describe()).info.recentActions.at(-1);
    const swept = temporal.workflow.getHandle(last?.action.workflow.workflowId ?? '');
    expect(await swept.result()).toMatchObject({ destroyed: 0, left: 0 });
    expect((await service.client.status(workflowId)).status).toBe('completed');

    const sweep = async () => {
      await temporal.workflow.execute('retentionSweep', { workflowId: `${taskQueue}-sweep`, taskQueue, args: [] });
      await gone(workflowId);
    };
    await service.withoutWorker(() => service.withAnotherWorker(sweep, AT_ONCE));
    expect(await service.client.status(workflowId)).toMatchObject({ status: 'purged' });
  });
});
