/**
 * Each kind of object in the vault, broken in each way by somebody without a key: what uses it says so or does without it, what
 * does not use it goes on, and nothing else is lost. One table; the runner prints it where `POISON_TABLE=1`.
 */
import { text } from 'node:stream/consumers';
import type { Client } from '@temporalio/client';
import { createEvidence } from '../../src/audit/evidence';
import { errorCode } from '../../src/error-code';
import type { RequestResult } from '../../src/request/model';
import type { RequestRef } from '../../src/request/names';
import { createAuthorizations } from '../../src/vault/authorizations';
import { type CaseRef, createCases } from '../../src/vault/cases';
import { budgetOf, type Connection, createConnections } from '../../src/vault/connections';
import { sha256Of } from '../../src/vault/digest';
import { createFolderDriver } from '../../src/vault/folder';
import { createReceipts } from '../../src/vault/receipts';
import { createVault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { askedFor } from '../support/asked';
import { makeFolder, removeFolder } from '../support/folders';
import { streamOf } from '../support/streams';

const keyring = keyringOf(['k-1', keyOf('poison')]);
const NOW = new Date('2026-01-31T12:00:00.000Z');
const SUBJECT = 'f'.repeat(32);
const ZIP = Buffer.from('zip, and more of it');
const DAY_MS = 86_400_000;

let folder: string;
let driver: VaultDriver;
beforeEach(() => {
  folder = makeFolder();
  driver = createFolderDriver(folder);
});
afterEach(() => removeFolder(folder));

const NOT_FOUND = Object.assign(new Error('no such run'), { code: 5, details: '', metadata: {} });
/** Whether the server still has the histories of requests. */
let hasHistories: boolean;
/** The filter of the last list. */
let query: string;
const temporal = {
  options: { namespace: 'default' },
  workflow: {
    getHandle: () => ({
      async fetchHistory() {
        if (hasHistories) return { events: [] };
        throw NOT_FOUND;
      },
    }),
  },
  workflowService: {
    async describeWorkflowExecution({ execution }: { readonly execution: { readonly workflowId: string } }) {
      if (!hasHistories) throw NOT_FOUND;
      const COMPLETED = 2;
      const run = { workflowId: execution.workflowId, runId: 'run-1' };
      return { workflowExecutionInfo: { execution: run, firstRunId: run.runId, status: COMPLETED } };
    },
    async listWorkflowExecutions(list: { readonly query: string }) {
      query = list.query;
      return {};
    },
  },
} as unknown as Client;

/** A process of its own, which has seen nothing yet. */
function process() {
  const vault = createVault(driver, keyring);
  return {
    vault,
    connections: createConnections(vault),
    cases: createCases(vault),
    receipts: createReceipts({ vault, keyring, now: () => NOW.getTime() }),
    authorizations: createAuthorizations(vault),
    evidence: createEvidence({ temporal, vault, keyring, taskQueue: 'queue', now: () => NOW.getTime() }),
  };
}
type Process = ReturnType<typeof process>;

const requestOf = (connection: string, requestId: string): RequestRef => ({ connection, kind: 'access', requestId });
const R1 = requestOf('acme', 'r-1');

function connectionOf(name: string): Connection {
  return {
    name,
    company: name,
    baseUrl: 'https://api.aircall.io/v1',
    limitPerMinute: 60,
    share: 0.75,
    credential: { kind: 'api-key', apiId: 'id', apiToken: 'sesame' },
    credentialVersion: 1,
    connectedAt: NOW.toISOString(),
    incarnation: 1,
  };
}

function resultOf(request: RequestRef): RequestResult {
  return {
    ...request,
    status: 'completed',
    counts: { contacts: 1, calls: 0, refused: 0, failed: 0 },
    outcomes: [],
    coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
    apiRequests: 1,
    startedAt: NOW.toISOString(),
    completedAt: NOW.toISOString(),
    doubts: [],
    approvals: [],
  };
}

function open({ cases }: Process, request: RequestRef) {
  return cases.open({
    request,
    ...askedFor(SUBJECT),
    runId: 'run-1',
    startedAt: NOW.toISOString(),
    incarnation: 1,
  });
}

async function end({ cases, receipts }: Process, request: RequestRef) {
  const result = resultOf(request);
  const { endedBefore } = await cases.close(request, result);
  return receipts.issue({
    endedBefore,
    request,
    runId: 'run-1',
    dryRun: false,
    subjectHash: SUBJECT,
    startedAt: NOW.toISOString(),
    clock: undefined,
    ending: { result: resultOf(request) },
    phases: {},
    how: 'at-end',
    workflows: 'c'.repeat(64),
  });
}

/** The place of the receipt of a request of acme that begins and ends, or has. */
async function life(mine: Process, requestId: string): Promise<string> {
  const request = requestOf('acme', requestId);
  await open(mine, request);
  return String((await end(mine, request)).chain.sequence);
}

/** What a request leaves in the vault from its first step to its last, and that all of it can be read. */
async function lifeOf(connection: string, requestId: string): Promise<void> {
  const mine = process();
  const request = requestOf(connection, requestId);
  expect((await mine.connections.get(connection))?.value).toEqual(connectionOf(connection));
  await mine.connections.noteRateLimit(connection, NOW, 30);
  await open(mine, request);
  await mine.cases.mark([SUBJECT], request);
  const ref = await mine.cases.write(request, ['anna']);
  await mine.cases.noteProgress(request, 'step', { sent: 1, uncertain: false });
  await mine.cases.writePackage(request, streamOf(ZIP));
  await end(mine, request);
  await mine.cases.unmark([SUBJECT], request);
  const other = process();
  expect(await other.cases.read(request, ref)).toEqual(['anna']);
  expect(await packageOf(request, other)).toBe(ZIP.toString());
  expect(await other.receipts.newestOf(request)).toMatchObject({ request: { requestId } });
}

async function packageOf(request: RequestRef, { cases }: Process): Promise<string> {
  const file = await cases.openPackage(request, sha256Of(ZIP));
  return file === undefined ? 'no package' : text(file.read(0));
}

/** How the user of a broken object fares: its words, or the code of its error. */
async function fateOf(use: (fresh: Process) => Promise<string>): Promise<string> {
  try {
    return await use(process());
  } catch (error) {
    return errorCode(error) ?? `unexpected: ${String(error)}`;
  }
}

interface Kind {
  /** Writes the object, replaced once if it is ever replaced, and names it. `older` notes what it was before. */
  readonly make: (mine: Process, older: (key: string) => Promise<void>) => Promise<string>;
  readonly use: (fresh: Process) => Promise<string>;
  /** By the ways below. No entry where the object is never replaced; the words are those of `use`. */
  readonly fates: {
    readonly truncated: string;
    readonly other: string;
    readonly older?: string;
    /** It names a key that nobody has. */
    readonly locked: string;
    readonly deleted: string;
  };
}

let caseRef: CaseRef;
let state: string;
const firstIn = async (prefix: string) => (await driver.list(prefix))[0] ?? '';

const KINDS: Readonly<Record<string, Kind>> = {
  connection: {
    async make({ connections }, older) {
      await older('connections/acme');
      await connections.change('acme', present => ({ ...present, limitPerMinute: 30 }));
      return 'connections/acme';
    },
    use: async ({ connections }) => `limit ${(await connections.get('acme'))?.value.limitPerMinute}`,
    fates: {
      truncated: 'connection-broken',
      other: 'connection-broken',
      older: 'vault-rolled-back',
      locked: 'unknown-key',
      deleted: 'vault-rolled-back',
    },
  },
  'witness of a connection': {
    async make({ connections }) {
      await connections.change('acme', present => ({ ...present, limitPerMinute: 30 }));
      return firstIn('connections/acme');
    },
    use: async ({ connections }) => `limit ${(await connections.get('acme'))?.value.limitPerMinute}`,
    fates: { truncated: 'limit 30', other: 'limit 30', locked: 'limit 30', deleted: 'limit 30' },
  },
  'kept connection': {
    async make({ connections }, older) {
      await connections.beginIncarnation('acme', 1);
      await connections.delete('acme', { waitedFor: true });
      await older('companies/acme');
      await connections.put({ ...connectionOf('acme'), company: 'Acme Group' }, undefined);
      await connections.delete('acme', { waitedFor: true });
      return 'companies/acme';
    },
    use: async ({ connections }) =>
      `${JSON.stringify(await connections.kept('acme'))} of ${await connections.incarnation('acme')}`,
    fates: {
      truncated: '{"broken":true} of 1',
      other: '{"broken":true} of 1',
      older: '{"name":"acme","incarnation":1} of 1',
      locked: 'unknown-key',
      deleted: 'undefined of undefined',
    },
  },
  incarnation: {
    async make({ connections }) {
      await connections.beginIncarnation('acme', 1);
      return 'incarnations/acme/1';
    },
    use: async ({ connections }) =>
      `incarnation ${await connections.incarnation('acme')}, the next ${await connections.beginIncarnation('acme', 1)}`,
    fates: {
      truncated: 'incarnation 1, the next 2',
      other: 'incarnation 1, the next 2',
      locked: 'incarnation 1, the next 2',
      deleted: 'incarnation 1, the next 1',
    },
  },
  authorization: {
    async make({ authorizations }, older) {
      state = await authorizations.begin('acme', NOW);
      const key = await firstIn('authorizations');
      await older(key);
      await authorizations.redeem('acme', state, NOW);
      return key;
    },
    async use({ authorizations }) {
      await authorizations.begin('globex', NOW);
      return authorizations.redeem('acme', state, NOW);
    },
    fates: { truncated: 'seal-broken', other: 'seal-broken', older: 'good', locked: 'unknown-key', deleted: 'unknown' },
  },
  'rate limits': {
    async make({ connections }, older) {
      await connections.noteRateLimit('acme', NOW, 40);
      await older('rate-limits/acme');
      await connections.noteRateLimit('acme', NOW, 20);
      return 'rate-limits/acme';
    },
    async use({ connections }) {
      const { limitPerMinute } = budgetOf(connectionOf('acme'), await connections.rateLimits('acme'));
      await connections.noteRateLimit('acme', NOW, 10);
      const next = budgetOf(connectionOf('acme'), await connections.rateLimits('acme')).limitPerMinute;
      return `limit ${limitPerMinute}, after the next 429 ${next}`;
    },
    fates: {
      truncated: 'limit 60, after the next 429 10',
      other: 'limit 60, after the next 429 10',
      older: 'limit 40, after the next 429 10',
      locked: 'unknown-key',
      deleted: 'limit 60, after the next 429 10',
    },
  },
  'notice of a company': {
    async make({ connections }, older) {
      const acme = connectionOf('acme');
      await connections.setNotice(acme, { en: 'old' });
      await older('notices/acme');
      await connections.setNotice(acme, { en: 'new' });
      return 'notices/acme';
    },
    async use({ connections }) {
      const notice = await connections.notice(connectionOf('acme'));
      return `says ${JSON.stringify(notice)}`;
    },
    fates: {
      truncated: 'notice-broken',
      other: 'notice-broken',
      older: 'says {"en":"old"}',
      locked: 'unknown-key',
      deleted: 'says undefined',
    },
  },
  'what a company does not pay for': {
    async make({ connections }, older) {
      const { name, connectedAt } = connectionOf('acme');
      await connections.noteNotEntitled({ name, connectedAt }, 'summary', NOW.getTime());
      await older('entitlements/acme');
      await connections.noteNotEntitled({ name, connectedAt }, 'topics', NOW.getTime());
      return 'entitlements/acme';
    },
    async use({ connections }) {
      const refused = ['summary', 'topics'] as const;
      const asked = await Promise.all(
        refused.map(each => connections.isNotEntitled(connectionOf('acme'), each, NOW.getTime())),
      );
      await connections.noteNotEntitled(connectionOf('acme'), 'topics', NOW.getTime());
      return `refused: ${asked.join(', ')}`;
    },
    fates: {
      truncated: 'refused: false, false',
      other: 'refused: false, false',
      older: 'refused: true, false',
      locked: 'unknown-key',
      deleted: 'refused: false, false',
    },
  },
  'record of an open request': {
    async make(mine, older) {
      await open(mine, R1);
      await older('requests/acme/access/r-1/record');
      await mine.cases.noteCancellation(R1, 'run-1', NOW.toISOString());
      return 'requests/acme/access/r-1/record';
    },
    async use(fresh) {
      await end(fresh, R1);
      return 'ended';
    },
    fates: {
      truncated: 'record-broken',
      other: 'record-broken',
      older: 'vault-rolled-back',
      locked: 'unknown-key',
      deleted: 'vault-rolled-back',
    },
  },
  'witness of a record': {
    async make(mine) {
      await open(mine, R1);
      await mine.cases.noteCancellation(R1, 'run-1', NOW.toISOString());
      return firstIn('requests/acme/access/r-1/record');
    },
    async use(fresh) {
      await end(fresh, R1);
      return 'ended';
    },
    fates: { truncated: 'ended', other: 'ended', locked: 'ended', deleted: 'ended' },
  },
  'record of an ended request': {
    async make(mine, older) {
      await open(mine, R1);
      await older('requests/acme/access/r-1/record');
      await end(mine, R1);
      return 'requests/acme/access/r-1/record';
    },
    use: async fresh => `answers ${(await open(fresh, R1)).result?.status}`,
    fates: {
      truncated: 'record-broken',
      other: 'record-broken',
      older: 'vault-rolled-back',
      locked: 'unknown-key',
      deleted: 'vault-rolled-back',
    },
  },
  'record of a purged request': {
    async make(mine, older) {
      await open(mine, R1);
      await end(mine, R1);
      await older('requests/acme/access/r-1/record');
      await mine.cases.purge(R1, NOW, 'run-1');
      return 'requests/acme/access/r-1/record';
    },
    use: async fresh => `answers ${(await open(fresh, R1)).result?.status}`,
    fates: {
      truncated: 'answers purged',
      other: 'answers purged',
      older: 'answers purged',
      locked: 'answers purged',
      deleted: 'answers purged',
    },
  },
  tombstone: {
    async make(mine) {
      await open(mine, R1);
      await end(mine, R1);
      await mine.cases.purge(R1, NOW, 'run-1');
      return 'purged/acme/access/r-1';
    },
    use: async fresh => `answers ${(await open(fresh, R1)).result?.status}`,
    fates: { truncated: 'answers purged', other: 'answers purged', locked: 'unknown-key', deleted: 'answers purged' },
  },
  'object of a case file': {
    async make(mine) {
      await open(mine, R1);
      caseRef = await mine.cases.write(R1, ['anna']);
      return `requests/acme/access/r-1/case/${caseRef.ref}`;
    },
    async use(fresh) {
      await fresh.cases.write(R1, ['more']);
      return JSON.stringify(await fresh.cases.read(R1, caseRef));
    },
    fates: { truncated: 'seal-broken', other: 'wrong-key', locked: 'wrong-key', deleted: 'case-file-broken' },
  },
  'progress of a step': {
    async make(mine, older) {
      await open(mine, R1);
      await mine.cases.noteProgress(R1, 'step', { sent: 1, uncertain: false });
      await older('requests/acme/access/r-1/progress/step');
      await mine.cases.noteProgress(R1, 'step', { sent: 2, uncertain: false });
      return 'requests/acme/access/r-1/progress/step';
    },
    async use({ cases }) {
      const before = await cases.progress(R1, 'step');
      await cases.noteProgress(R1, 'step', { sent: 3, uncertain: false });
      return `${JSON.stringify(before ?? 'not there')}, then ${(await cases.progress(R1, 'step'))?.sent}`;
    },
    fates: {
      truncated: '{"sent":0,"uncertain":true}, then 3',
      other: '{"sent":0,"uncertain":true}, then 3',
      older: '{"sent":1,"uncertain":false}, then 3',
      locked: '{"sent":0,"uncertain":true}, then 3',
      deleted: '"not there", then 3',
    },
  },
  package: {
    async make(mine) {
      await open(mine, R1);
      await mine.cases.writePackage(R1, streamOf(ZIP));
      return firstIn('requests/acme/access/r-1/package');
    },
    use: fresh => packageOf(R1, fresh),
    fates: { truncated: 'seal-broken', other: 'wrong-key', locked: 'wrong-key', deleted: 'no package' },
  },
  'chunk of a package': {
    async make(mine) {
      await open(mine, R1);
      await mine.cases.writePackage(R1, streamOf(ZIP));
      return firstIn('requests/acme/access/r-1/chunks');
    },
    use: fresh => packageOf(R1, fresh),
    fates: { truncated: 'seal-broken', other: 'wrong-key', locked: 'wrong-key', deleted: 'case-file-broken' },
  },
  'mark of an open access request': {
    async make({ cases }) {
      await cases.mark([SUBJECT], R1);
      return firstIn('open-access');
    },
    use: async ({ cases }) => `${(await cases.marked('access', 'acme', [SUBJECT])).length} to wait for`,
    fates: { truncated: '1 to wait for', other: '1 to wait for', locked: '1 to wait for', deleted: '0 to wait for' },
  },
  receipt: {
    async make(mine) {
      await open(mine, R1);
      await end(mine, R1);
      return firstIn('receipts/acme');
    },
    async use(fresh) {
      const request = requestOf('acme', 'r-2');
      await open(fresh, request);
      await end(fresh, request);
      const own = await fateOf(async ({ receipts }) => `number ${(await receipts.of(R1, 'run-1'))?.chain.sequence}`);
      return `the next is issued; its own: ${own}`;
    },
    fates: {
      truncated: 'the next is issued; its own: receipt-unreadable',
      other: 'the next is issued; its own: receipt-unreadable',
      locked: 'the next is issued; its own: unknown-key',
      deleted: 'the next is issued; its own: receipt-unreadable',
    },
  },
  'head of a chain': {
    async make(mine, older) {
      await life(mine, 'r-1');
      await older('receipt-heads/acme');
      await life(mine, 'r-2');
      return 'receipt-heads/acme';
    },
    use: async fresh =>
      `${await life(fresh, 'r-1')}, ${await life(fresh, 'r-2')}, then ${await life(fresh, 'r-3')} of ${(await fresh.receipts.chain('acme')).length}`,
    fates: {
      truncated: '1, 2, then 3 of 3',
      other: '1, 2, then 3 of 3',
      older: '1, 2, then 3 of 3',
      locked: '1, 2, then 3 of 3',
      deleted: '1, 2, then 3 of 3',
    },
  },
  'place of a receipt': {
    async make(mine) {
      await life(mine, 'r-1');
      return firstIn('receipt-places/acme');
    },
    use: async fresh =>
      `${await fateOf(() => life(fresh, 'r-1'))}, then ${await life(fresh, 'r-2')} of ${(await fresh.receipts.chain('acme')).length}`,
    fates: {
      truncated: '1, then 2 of 2',
      other: '1, then 2 of 2',
      locked: 'unknown-key, then 2 of 2',
      deleted: '1, then 2 of 2',
    },
  },
  'place of the statement about a lost receipt': {
    async make(mine) {
      await life(mine, 'r-1');
      await life(mine, 'r-2');
      await driver.delete('receipts/acme/0000000001');
      await mine.receipts.repair('acme');
      return 'receipt-repairs/acme/1';
    },
    async use(fresh) {
      const stated = await fresh.receipts.repair('acme');
      const own = await fateOf(async () => String((await fresh.receipts.of(R1, 'run-1')) ?? 'stated'));
      return `${stated.length} more statements; its own: ${own}`;
    },
    fates: {
      truncated: '0 more statements; its own: stated',
      other: '0 more statements; its own: stated',
      locked: '0 more statements; its own: unknown-key',
      deleted: '0 more statements; its own: stated',
    },
  },
  evidence: {
    async make(mine) {
      hasHistories = true;
      await open(mine, R1);
      await mine.evidence.keep(await end(mine, R1));
      return firstIn('evidence/acme');
    },
    async use({ evidence, receipts }) {
      const receipt = await receipts.newestOf(R1);
      if (receipt === undefined) throw new Error('it has a receipt');
      hasHistories = false;
      const without = `${await evidence.keep(receipt)} (${await fateOf(async () => ((await evidence.of(receipt)) ? 'read' : 'none'))})`;
      hasHistories = true;
      const again = await evidence.keep(receipt);
      hasHistories = false;
      return `without its history ${without}; with it ${again}, ${(await evidence.of(receipt))?.size} files`;
    },
    fates: {
      truncated: 'without its history broken (evidence-broken); with it kept, 5 files',
      other: 'without its history broken (evidence-broken); with it kept, 5 files',
      locked: 'without its history broken (evidence-broken); with it kept, 5 files',
      deleted: 'without its history gone (none); with it kept, 5 files',
    },
  },
  'time up to which evidence is kept': {
    async make({ evidence }, older) {
      await evidence.noteKept(NOW.getTime());
      await older('evidence-looked/up-to');
      await evidence.noteKept(NOW.getTime() + DAY_MS);
      return 'evidence-looked/up-to';
    },
    async use({ evidence }) {
      const searched = async () => {
        await evidence.unkept(NOW.getTime() + 3 * DAY_MS);
        return /CloseTime >= '(.{10})/.exec(query)?.[1] ?? 'all';
      };
      const first = await searched();
      await evidence.noteKept(NOW.getTime() + 2 * DAY_MS);
      return `${first}, then from ${await searched()}`;
    },
    fates: {
      truncated: 'all, then from 2026-02-02',
      other: 'all, then from 2026-02-02',
      older: '2026-01-31, then from 2026-02-02',
      locked: 'all, then from 2026-02-02',
      deleted: 'all, then from 2026-02-02',
    },
  },
};

const WAYS = ['truncated', 'other', 'older', 'locked', 'deleted'] as const;
const CASES = Object.entries(KINDS).flatMap(([kind, { fates }]) =>
  WAYS.flatMap(way => (fates[way] === undefined ? [] : [[kind, way, fates[way]] as const])),
);
const seen = new Map<string, Map<string, string>>();

describe.each(CASES)('a %s that is %s', (name, way, fate) => {
  test(`ends as: ${fate}`, async () => {
    const kind = KINDS[name];
    if (kind === undefined) throw new Error('there is no such kind');
    const mine = process();
    for (const each of ['acme', 'globex']) await mine.connections.put(connectionOf(each), undefined);
    let before: Buffer | undefined;
    const key = await kind.make(mine, async at => {
      before = (await driver.get(at))?.value;
    });
    const present = (await driver.get(key))?.value;
    if (present === undefined) throw new Error(`${key} is not there`);
    const elsewhere = (await driver.get('connections/globex'))?.value;
    const bytes = {
      truncated: present.subarray(0, present.length - 7),
      other: elsewhere,
      older: before,
      locked: lockedOf(present),
      deleted: undefined,
    };
    await driver.delete(key);
    const broken = bytes[way];
    if (broken === undefined && way !== 'deleted') throw new Error('there is nothing to put there');
    if (broken !== undefined) await driver.putIfAbsent(key, broken);

    const objects = await driver.list('');
    const answer = await fateOf(kind.use);
    seen.set(name, (seen.get(name) ?? new Map()).set(way, answer));
    await lifeOf('globex', 'beside');
    expect(await driver.list('')).toEqual(expect.arrayContaining(objects.filter(isNoWitness)));
    expect(answer).toBe(fate);
  });
});

/** With the last character of its key's id changed. */
function lockedOf(sealed: Buffer): Buffer {
  const bytes = Buffer.from(sealed);
  bytes.write('x', 4 + bytes.readUInt8(4));
  return bytes;
}

/** A witness gives way to the next one. */
function isNoWitness(key: string): boolean {
  return !/\/\d{10}$/.test(key) || key.startsWith('receipts/');
}

afterAll(() => {
  const rows = [...seen].map(([name, fates]) => [name, ...WAYS.map(way => fates.get(way) ?? 'never replaced')]);
  const table = [['object', ...WAYS], ['-', ...WAYS.map(() => '-')], ...rows];
  if (globalThis.process.env.POISON_TABLE === '1')
    globalThis.process.stdout.write(`${table.map(row => `| ${row.join(' | ')} |`).join('\n')}\n`);
});
