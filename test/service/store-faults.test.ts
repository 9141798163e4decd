/** A store of audio that misbehaves: what is delivered, withheld and named as missing is together what it has, file by file. */
import type { CallRecord, CompanySeed, SandboxCompany } from '../../sandbox';
import { DOWNLOADS_AT_ONCE } from '../../src/activities/audio';
import type { AccessInput } from '../../src/client';
import { requestOf } from '../../src/request/names';
import { readRecordName } from '../../src/request/sources';
import { until } from '../support/patience';
import { callOf, documentOf, type Ended, expectHonestCounts, runToEnd } from '../support/requests';
import { startTestService, type TestService } from '../support/service';
import { audioOf, digest, spokenCompany } from '../support/spoken';
import { unzipBytes } from '../support/zip';

const INCLUDE = ['recordings', 'voicemails'] as const;
/** More than a link lives. */
const LATER_MS = 2 * 3_600_000;
const DAY_S = 86_400;
/** The client waits a second longer for the next piece of a file. */
const GIVEN_UP_MS = 29_000;

let service: TestService;
beforeAll(async () => {
  // Links are dead as soon as the store has sent half of the file that it cuts off.
  const isLater = () => service?.sandbox.mediaRequests().some(each => each.company === 'dying' && each.status !== null);
  service = await startTestService({
    shares: true,
    sandbox: {
      companies: [
        withEverySort(spokenCompany('mixed')),
        spokenCompany('dying'),
        spokenCompany('orphaned'),
        spokenCompany('silent'),
      ],
      now: () => Date.now() + (isLater() ? LATER_MS : 0),
    },
    company: 'mixed',
  });
});
afterAll(async () => service.stop());

/**
 * In one of the recordings others may be heard; two calls that may be somebody else's have a file too; and two of hers have one that only
 * Aircall's own pages show.
 */
function withEverySort(seed: CompanySeed): CompanySeed {
  const { callIds, ambiguousCallIds } = seed.truth;
  const sinceS = Date.now() / 1_000 - 2 * DAY_S;
  const shared = seed.calls.find(({ recording, userId }) => recording && userId !== null);
  const silent = seed.calls.filter(
    ({ id, recording, voicemail, started_at }) =>
      callIds.includes(id) && !recording && !voicemail && started_at < sinceS,
  );
  const [recordedOfOther, leftByOther] = seed.calls.filter(({ id }) => ambiguousCallIds.includes(id));
  const changes: readonly (readonly [CallRecord | undefined, (call: CallRecord) => Partial<CallRecord>])[] = [
    [shared, ({ userId }) => (userId === null ? {} : { transferredTo: userId })],
    [recordedOfOther, ({ started_at }) => ({ answered_at: started_at, recording: true })],
    [leftByOther, () => ({ answered_at: null, voicemail: true })],
    [silent.find(({ answered_at }) => answered_at !== null), () => ({ shownOnly: 'recording' })],
    [silent.find(({ answered_at }) => answered_at === null), () => ({ shownOnly: 'voicemail' })],
  ];
  const changed = new Map(
    changes.map(([call, change]) => {
      if (call === undefined) throw new Error('the company lacks a call of one sort');
      return [call.id, { ...call, ...change(call) }];
    }),
  );
  return { ...seed, calls: seed.calls.map(call => changed.get(call.id) ?? call) };
}

/** Files that only pages of Aircall show, as `recording 12`. */
function shownOnlyIn(company: SandboxCompany): string[] {
  return company.calls().flatMap(({ id, recording, voicemail, asset }) => {
    const [kind] = /[a-z]+$/.exec(asset ?? '') ?? [];
    return kind === undefined || recording !== null || voicemail !== null ? [] : [`${kind} ${id}`];
  });
}

async function ask(name: string, requestId: string, include: AccessInput['include']): Promise<Ended> {
  const company = service.sandbox.company(name);
  const connection = await service.connectCompany(name);
  const subject = { email: company.truth.subjectEmail };
  return runToEnd(service, company, () => service.client.start('access', { requestId, include, connection, subject }));
}

/** Of each file of the package its SHA-256, or the code of why it is not there. */
async function fatesIn({ result }: Ended): Promise<Map<string, string>> {
  const document = await documentOf(service, result);
  const files = await unzipBytes(await service.packageOf(result));
  const rows = [
    ...document.recordings.map(row => ({ kind: 'recording', ...row })),
    ...document.voicemails.map(row => ({ kind: 'voicemail', ...row })),
  ];
  const named = rows.flatMap(row => ('file' in row ? [row.file] : []));
  expect([...files.keys()].filter(path => path.startsWith('media/')).sort()).toEqual(named.sort());
  const fateOf = (row: (typeof rows)[number]) =>
    'file' in row ? digest(files.get(row.file) ?? Buffer.alloc(0)) : row.code;
  return new Map(rows.map(row => [`${row.kind} ${row.call}`, fateOf(row)]));
}

/** Calls of hers, besides `more`, that Aircall may still store a recording of. */
function mayFollowOf(company: SandboxCompany, ...more: readonly number[]): (readonly [string, string])[] {
  const hers = new Set([...company.truth.callIds, ...more]);
  const sinceS = Date.now() / 1_000 - DAY_S;
  const fresh = company.calls().filter(({ id, answered_at, ended_at, recording }) => {
    return hers.has(id) && answered_at !== null && recording === null && Number(ended_at) > sinceS;
  });
  return fresh.map(({ id }) => [`recording ${id}`, 'recording-may-follow']);
}

/** Each recording and voicemail of the receipt: found, which are delivered or missing, and withheld. */
async function receivedOf({ workflowId }: Ended) {
  const request = requestOf(workflowId);
  const receipt = request && (await service.receipts.newestOf(request));
  const rows = (receipt?.sources ?? []).filter(({ source }) => source === 'recordings' || source === 'voicemails');
  return rows.map(({ source, found, failed, withheld }) => ({ source, found, failed, withheld }));
}

test('what is delivered, withheld or named as missing is all that there is, and what is delivered is whole', async () => {
  const company = service.sandbox.company('mixed');
  const truth = audioOf(company);
  const of = (kind: 'recording' | 'voicemail') =>
    truth.flatMap(each => (each.kind === kind ? [each.call] : [])).filter(call => call !== withheld);
  const withheld = company.calls().find(({ transferred_to }) => transferred_to !== null)?.id;
  const [expired, gone] = of('recording');
  const [page, cut, down] = of('voicemail');
  const path = (call: number | undefined) => `call-${call}-`;
  service.sandbox.setFaults({
    rules: [],
    media: [
      { path: path(expired), times: 1, action: 'status', status: 403 },
      { path: path(gone), action: 'status', status: 404 },
      { path: path(page), action: 'html' },
      { path: path(cut), times: 1, action: 'truncate' },
      { path: path(down), times: 1, action: 'status', status: 503 },
    ],
  });
  const card = company.contacts().find(({ id }) => id === company.truth.contactIds[0]);
  const fresh = company.addCall({
    ...callOf(card?.phone_numbers[0]?.value ?? '', Math.floor(Date.now() / 1_000) - 600),
    lineId: company.calls()[0]?.number.id ?? 0,
  }).id;
  const ended = await ask('mixed', 'mixed', INCLUDE);
  expect(new Set(company.mediaRequests().map(({ fault }) => fault))).toEqual(
    new Set([null, 'status', 'html', 'truncate']),
  );
  service.sandbox.setFaults(undefined);
  const { result } = ended;

  const shown = shownOnlyIn(company);
  expect(shown).toHaveLength(2);
  const mayFollow = mayFollowOf(company, fresh);
  const codes = new Map([
    [gone, 'gone'],
    [page, 'not-audio'],
  ]);
  const expected = [
    ...truth
      .filter(({ call }) => call !== withheld)
      .map(({ call, kind, sha256 }) => [`${kind} ${call}`, codes.get(call) ?? sha256] as const),
    ...shown.map(name => [name, 'gone'] as const),
    ...mayFollow,
  ];
  expect(mayFollow.map(([name]) => name)).toContain(`recording ${fresh}`);
  expect(await fatesIn(ended)).toEqual(new Map(expected));
  expect(result.status).toBe('partial');
  expect(result.counts.failed).toBe(codes.size + shown.length);
  expect(result.outcomes.flatMap(({ outcome, code }) => (outcome === 'failed' ? [code] : [])).sort()).toEqual(
    [...codes.values(), ...shown.map(() => 'gone')].sort(),
  );

  const { ambiguousCallIds } = company.truth;
  const ofOthers = company.media().filter(({ call }) => ambiguousCallIds.includes(call));
  expect(ofOthers.map(({ kind }) => kind).sort()).toEqual(['recording', 'voicemail']);
  const kept = ambiguousCallIds.length + ofOthers.length;
  expect(result.doubts).toContainEqual({ code: 'other-voices', records: 1, taken: 0, kept: 1 });
  expect(result.doubts).toContainEqual({ code: 'other-contact', records: kept, taken: 0, kept });
  const document = await documentOf(service, result);
  const byName = (names: readonly string[]) => [...names].sort();
  expect(byName(document.withheld.map(({ source, code, count }) => `${source} ${code} ${count}`))).toEqual(
    byName([
      `calls other-contact ${ambiguousCallIds.length}`,
      'recordings other-contact 1',
      'recordings other-voices 1',
      'voicemails other-contact 1',
    ]),
  );
  const named = (source: string) =>
    result.outcomes.flatMap(({ record, outcome, code }) => {
      const name = readRecordName(record);
      return outcome === 'withheld' && code === 'other-contact' && name.source === source ? [name.number] : [];
    });
  for (const source of ['recordings', 'voicemails'])
    expect(named('calls')).toEqual(expect.arrayContaining(named(source)));
  const received = await receivedOf(ended);
  expect(received.map(({ source, withheld: count }) => [source, count])).toEqual([
    ['recordings', 2],
    ['voicemails', 1],
  ]);
  const told = received.reduce((sum, { found, withheld: count }) => sum + found + count, 0);
  expect(told).toBe(truth.length + ofOthers.length + shown.length);

  // One new link, for the one that had died, and one for each file that only a page shows.
  const bare = await ask('mixed', 'bare', []);
  expect(result.apiRequests - bare.result.apiRequests).toBe(1 + shown.length);
  expect(bare.result.outcomes.filter(({ record }) => /^(recording|voicemail) /.test(record))).toEqual([]);
  await expectHonestCounts(service, bare);
});

test('a download that breaks off after its link has died gets a new link, and so does each file behind it', async () => {
  const company = service.sandbox.company('dying');
  service.sandbox.setFaults({ rules: [], media: [{ company: 'dying', requests: 1, action: 'truncate' }] });
  const ended = await ask('dying', 'dying', INCLUDE);
  service.sandbox.setFaults(undefined);
  const log = company.mediaRequests();
  expect(log[0]?.fault).toBe('truncate');
  const dead = log.filter(({ status }) => status === 403).length;
  expect(dead).toBeGreaterThan(0);
  const expected = audioOf(company).map(({ call, kind, sha256 }) => [`${kind} ${call}`, sha256] as const);
  expect(await fatesIn(ended)).toEqual(new Map([...expected, ...mayFollowOf(company)]));
  expect(ended.result.status).toBe('completed');
  await expectHonestCounts(service, ended);
  const bare = await ask('dying', 'bare', []);
  expect(ended.result.apiRequests - bare.result.apiRequests).toBe(dead);
});

test('no live link outlives its request, also none that a step left when it died', async () => {
  const { client, cases, vault, sandbox } = service;
  const company = sandbox.company('orphaned');
  sandbox.setFaults({ rules: [], media: [{ company: company.name, requests: 1, action: 'hold-body' }] });
  const connection = await service.connectCompany(company.name);
  const subject = { email: company.truth.subjectEmail };
  const { workflowId } = await client.start('access', { requestId: 'orphaned', include: INCLUDE, connection, subject });
  await until('its first file is on its way', () => company.mediaRequests().length > 0);
  const request = { connection, kind: 'access', requestId: 'orphaned' } as const;
  const links = () => vault.list(`requests/${connection}/access/orphaned/links`);
  // As a page step whose worker is killed before anybody learns of what it wrote.
  await cases.links.write(request, ['https://live.example/?X-Amz-Signature=1']);
  expect((await links()).length).toBeGreaterThan(1);
  sandbox.setFaults(undefined);
  sandbox.release();
  expect((await client.result(workflowId)).status).toBe('completed');
  expect(await links()).toEqual([]);
});

test('a store that does not go on holds up its own requests, however many there are, and no other', async () => {
  const { client, vault, sandbox } = service;
  const company = sandbox.company('silent');
  sandbox.setFaults({ rules: [], media: [{ company: company.name, action: 'hold-body' }] });
  const connection = await service.connectCompany(company.name);
  const subject = { email: company.truth.subjectEmail };
  // More than a worker takes steps at once.
  const ids = Array.from({ length: 21 }, (_, place) => `silent-${place}`);
  const held = await Promise.all(
    ids.map(requestId => client.start('access', { requestId, include: INCLUDE, connection, subject })),
  );
  const linksOf = (id: string) => vault.list(`requests/${connection}/access/${id}/links`);
  await until('each of them has files to download', async () => {
    const all = await Promise.all(ids.map(linksOf));
    return all.every(links => links.length > 0);
  });
  await until('the places of downloads are taken', () => company.mediaRequests().length >= DOWNLOADS_AT_ONCE);
  const { result } = await ask('mixed', 'beside', []);
  expect(result.counts.calls).toBeGreaterThan(0);
  // No further download began before one of those was given up.
  const log = company.mediaRequests();
  const next = log[DOWNLOADS_AT_ONCE]?.at ?? Number.POSITIVE_INFINITY;
  expect(next - (log[0]?.at ?? 0)).toBeGreaterThanOrEqual(GIVEN_UP_MS);
  await Promise.all(held.map(({ workflowId }) => client.cancel(workflowId)));
  sandbox.setFaults(undefined);
  sandbox.release();
  for (const { workflowId } of held) expect((await client.result(workflowId)).status).toBe('cancelled');
});
