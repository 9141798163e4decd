/** A store of audio that misbehaves: what is delivered, withheld and named as missing is together what it has, file by file. */
import type { SandboxCompany } from '../../sandbox';
import type { AccessInput } from '../../src/client';
import { callOf, documentOf, type Ended, expectHonestCounts, runToEnd } from '../support/requests';
import { startTestService, type TestService } from '../support/service';
import { audioOf, digest, spokenCompany } from '../support/spoken';
import { unzipBytes } from '../support/zip';

const INCLUDE = ['recordings', 'voicemails'] as const;
/** More than a link lives. */
const LATER_MS = 2 * 3_600_000;
const DAY_S = 86_400;

let service: TestService;
beforeAll(async () => {
  // Links are dead as soon as the store has sent half of the file that it cuts off.
  const isLater = () => service?.sandbox.mediaRequests().some(each => each.company === 'dying' && each.status !== null);
  service = await startTestService({
    shares: true,
    sandbox: {
      companies: [withOneTransferred(spokenCompany('mixed')), spokenCompany('dying')],
      now: () => Date.now() + (isLater() ? LATER_MS : 0),
    },
    company: 'mixed',
  });
});
afterAll(async () => service.stop());

/** In one of the recordings others may be heard. */
function withOneTransferred(seed: ReturnType<typeof spokenCompany>): typeof seed {
  const [first] = seed.calls.filter(({ recording, userId }) => recording && userId !== null);
  if (first?.userId == null) throw new Error('nobody of the company has answered a recorded call');
  const transferred = { ...first, transferredTo: first.userId };
  return { ...seed, calls: seed.calls.map(call => (call === first ? transferred : call)) };
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

  const mayFollow = mayFollowOf(company, fresh);
  const codes = new Map([
    [gone, 'gone'],
    [page, 'not-audio'],
  ]);
  const expected = [
    ...truth
      .filter(({ call }) => call !== withheld)
      .map(({ call, kind, sha256 }) => [`${kind} ${call}`, codes.get(call) ?? sha256] as const),
    ...mayFollow,
  ];
  expect(mayFollow.map(([name]) => name)).toContain(`recording ${fresh}`);
  expect(await fatesIn(ended)).toEqual(new Map(expected));
  expect(result.status).toBe('partial');
  expect(result.counts.failed).toBe(codes.size);
  expect(result.outcomes.flatMap(({ outcome, code }) => (outcome === 'failed' ? [code] : [])).sort()).toEqual(
    [...codes.values()].sort(),
  );
  expect(result.doubts).toContainEqual({ code: 'other-voices', records: 1, taken: 0, kept: 1 });
  expect((await documentOf(service, result)).withheld).toContainEqual({
    source: 'recordings',
    code: 'other-voices',
    count: 1,
  });
  // One new link, for the one that had died.
  const bare = await ask('mixed', 'bare', []);
  expect(result.apiRequests - bare.result.apiRequests).toBe(1);
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
