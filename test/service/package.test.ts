/** What a person gets of recordings, voicemails, transcripts and insights, through the client, against the sandbox's truth. */
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { createCompanySeed } from '../../sandbox';
import type { AccessInput } from '../../src/client';
import { resultLines } from '../../src/commands/result-lines';
import type { Decisions } from '../../src/judgement/plan';
import type { AccessPackage } from '../../src/package/document';
import { packageManifestSchema } from '../../src/package/manifest';
import { catalogOf } from '../../src/package/page/catalogs';
import type { Notice } from '../../src/vault/notices';
import { until } from '../support/patience';
import { detailsOf, documentOf, type Ended, expectHonestCounts, runToEnd } from '../support/requests';
import { connectingOnce, startTestService, type TestService } from '../support/service';
import { audioOf, digest, SPOKEN, spokenCompany } from '../support/spoken';
import { unzipBytes } from '../support/zip';

const INSIGHTS_OF_ONE_CALL = 6;
let service: TestService;
beforeAll(async () => {
  const companies = [
    spokenCompany('plain'),
    spokenCompany('clever', { intelligence: true }),
    spokenCompany('unlike', { intelligence: true, envelopes: 'unknown' }),
    spokenCompany('half', { intelligence: true, intelligenceLacks: ['custom_summary_result'] }),
    spokenCompany('brief'),
    spokenCompany('moved', { intelligence: true }, call =>
      call.recording && call.userId !== null ? { ...call, transferredTo: call.userId } : call,
    ),
    spokenCompany('none'),
    {
      ...createCompanySeed({ name: 'talkative', seed: 3, contacts: 20, calls: 260, audio: true, now: Date.now() }),
      behaviour: { intelligence: true },
    },
  ];
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'plain' });
});
afterAll(async () => service.stop());

type Options = Omit<AccessInput, 'kind' | 'connection' | 'subject'>;

const connectionTo = connectingOnce(() => service);

async function ask(name: string, options: Options): Promise<Ended> {
  const company = service.sandbox.company(name);
  const connection = await connectionTo(name);
  const subject = { email: company.truth.subjectEmail };
  return runToEnd(service, company, () => service.client.start('access', { ...options, connection, subject }));
}

/** The same, with decisions about rows of its plan. */
async function askApproved(name: string, options: Options, decisions: Decisions) {
  const connection = await connectionTo(name);
  const subject = { email: service.sandbox.company(name).truth.subjectEmail };
  const { workflowId } = await service.client.start('access', {
    ...{ ...options, connection, subject },
    requireApproval: true,
  });
  let planDigest: string | undefined;
  await until('it waits for approval', async () => {
    const status = await service.client.status(workflowId);
    planDigest = status.waitingFor?.cause === 'approval' ? status.planDigest : undefined;
    return planDigest !== undefined;
  });
  await service.client.approve(workflowId, { planDigest: planDigest ?? '', decisions });
  return service.client.result(workflowId);
}

test('holds each recording and voicemail, byte by byte, and no API request was sent for them', async () => {
  const ended = await ask('plain', { requestId: 'audio', include: ['recordings', 'voicemails'] });
  const bare = await ask('plain', { requestId: 'bare', include: [] });
  const { result } = ended;
  const truth = audioOf(service.sandbox.company('plain'));
  expect(truth).toHaveLength(SPOKEN);
  expect(result.status).toBe('completed');
  const document = await documentOf(service, result);
  const files = await unzipBytes(await service.packageOf(result));
  const handed = [...document.recordings, ...document.voicemails].map(row => {
    if (!('file' in row)) throw new Error(`a file is missing: ${row.code}`);
    return { call: row.call, sha256: digest(files.get(row.file) ?? Buffer.alloc(0)) };
  });
  const byCall = (a: { call: number }, b: { call: number }) => a.call - b.call;
  expect(handed.sort(byCall)).toEqual(truth.map(({ call, sha256 }) => ({ call, sha256 })).sort(byCall));
  expect(result.counts).toMatchObject({ recordings: SPOKEN / 2, voicemails: SPOKEN / 2, failed: 0 });
  expect(result.coverage).toMatchObject({
    recordings: { state: 'complete', gaps: [] },
    transcripts: { state: 'not-asked' },
    insights: { state: 'not-asked' },
  });
  expect(bare.result.coverage.recordings?.state).toBe('not-asked');
  expect(result.apiRequests).toBe(bare.result.apiRequests);
  await expectHonestCounts(service, bare);
});

test('holds no link that is a key, in the package or in the vault', async () => {
  const { result } = await ask('plain', { requestId: 'keys' });
  const files = await unzipBytes(await service.packageOf(result));
  for (const bytes of files.values()) expect(bytes.toString('latin1')).not.toMatch(/X-Amz-|assets\.aircall|short-urls/);
});

test('holds transcripts and insights of each spoken call: one API request each', async () => {
  const ended = await ask('clever', { requestId: 'spoken' });
  const bare = await ask('clever', { requestId: 'bare', include: [] });
  const { result } = ended;
  const document = await documentOf(service, result);
  expect(document.transcripts).toHaveLength(SPOKEN);
  expect(document.insights).toHaveLength(SPOKEN * INSIGHTS_OF_ONE_CALL);
  expect(result.status).toBe('completed');
  expect(result.counts).toMatchObject({ transcripts: SPOKEN, insights: SPOKEN * INSIGHTS_OF_ONE_CALL });
  expect(result.apiRequests - bare.result.apiRequests).toBe(SPOKEN * (1 + INSIGHTS_OF_ONE_CALL));
  await expectHonestCounts(service, bare);
});

test('keeps what comes in an envelope that nobody knows', async () => {
  const { result } = await ask('unlike', { requestId: 'raw', include: ['transcripts'] });
  const { transcripts } = await documentOf(service, result);
  expect(transcripts).toHaveLength(audioOf(service.sandbox.company('unlike')).length);
  for (const { content } of transcripts) expect(content).toHaveProperty('raw');
});

test('says what the company may not read, and asks for it once a day', async () => {
  const first = await ask('none', { requestId: 'first' });
  const again = await ask('none', { requestId: 'again' });
  for (const { result } of [first, again]) {
    expect(result.status).toBe('completed');
    expect(result.coverage).toMatchObject({
      transcripts: { state: 'not-entitled' },
      insights: { state: 'not-entitled' },
    });
  }
  // The refused request, and the ping that shows that the credential is good.
  expect(first.result.apiRequests - again.result.apiRequests).toBe(2);
  await expectHonestCounts(service, again);
});

test('says which insights the company may not read, and delivers the others', async () => {
  const { result } = await ask('half', { requestId: 'half' });
  expect(result.status).toBe('completed');
  expect(result.counts.insights).toBe(SPOKEN * (INSIGHTS_OF_ONE_CALL - 1));
  expect(result.coverage.insights).toEqual({ state: 'complete', gaps: [{ code: 'not-entitled', count: 1 }] });
});

test('asks for no more insights once there are so many that the package could not be made of them', async () => {
  const sizeBytes = 20 * 1024 * 1024;
  const interceptor: ActivityInterceptorsFactory = ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const answer = await next(input);
        if (info.activityType !== 'fetchTranscript' && info.activityType !== 'fetchInsight') return answer;
        const { result, ...rest } = answer as { result: { object: object } };
        return { ...rest, result: { ...result, object: { ...result.object, sizeBytes } } };
      },
    },
  });
  const { company, requestsBefore, result } = await service.withoutWorker(() =>
    service.withAnotherWorker(
      () => ask('clever', { requestId: 'large', include: ['transcripts', 'insights'] }),
      undefined,
      interceptor,
    ),
  );
  const { transcripts, insights } = await documentOf(service, result);
  const all = SPOKEN * INSIGHTS_OF_ONE_CALL;
  const asked = company.requests().slice(requestsBefore);
  expect(transcripts).toHaveLength(SPOKEN);
  // 512 MiB are 26 of both; those in flight come too.
  expect(SPOKEN + insights.length).toBeGreaterThanOrEqual(26);
  expect(insights.length).toBeLessThan(all);
  expect(asked.filter(({ path }) => /\/calls\/\d+\//.test(path))).toHaveLength(SPOKEN + insights.length);
  expect(result.status).toBe('partial');
  expect(result.counts.insights).toBe(all);
  expect(result.coverage.insights).toEqual({
    state: 'partial',
    gaps: [{ code: 'not-fetched', count: all - insights.length }],
  });
  const failed = result.outcomes.filter(({ outcome }) => outcome === 'failed');
  expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(['file-too-large']));
});

test('a step that fails in a child is the failure of its request, which counts what the child had sent', async () => {
  const interceptor: ActivityInterceptorsFactory = ({ info }) => ({
    inbound: {
      async execute(input, next) {
        if (info.activityType !== 'gatherIntelligence') return next(input);
        throw ApplicationFailure.nonRetryable('an object is missing', 'case-file-broken');
      },
    },
  });
  const ended = await service.withoutWorker(() =>
    service.withAnotherWorker(
      () => ask('talkative', { requestId: 'broken', include: ['insights'] }),
      undefined,
      interceptor,
    ),
  );
  expect(ended.result).toMatchObject({ status: 'failed', failure: { code: 'case-file-broken' } });
  await expectHonestCounts(service, ended);
});

test('names the one transcript that Aircall refuses, and remembers nothing of it', async () => {
  const rule = { company: 'clever', path: '/transcription$', occurrences: 3, action: 'status', status: 403 } as const;
  service.sandbox.setFaults({ rules: [rule] });
  const { result } = await ask('clever', { requestId: 'one-refused' });
  service.sandbox.setFaults(undefined);
  expect(result.status).toBe('partial');
  expect(result.coverage).toMatchObject({
    transcripts: { state: 'partial', gaps: [{ code: 'not-fetched', count: 1 }] },
    insights: { state: 'complete', gaps: [] },
  });
  const [failed, ...others] = result.outcomes.filter(({ outcome }) => outcome === 'failed');
  expect([failed?.code, others]).toEqual(['forbidden', []]);
  const document = await documentOf(service, result);
  expect(document.transcripts).toHaveLength(SPOKEN - 1);
  expect(document.insights).toHaveLength(SPOKEN * INSIGHTS_OF_ONE_CALL);
  // It is named as its call.
  const [, number = ''] = /^transcript (\d+)$/.exec(failed?.record ?? '') ?? [];
  const call = document.calls[Number(number) - 1];
  expect(document.transcripts.some(transcript => transcript.call === call?.id)).toBe(false);
  expect(audioOf(service.sandbox.company('clever')).map(file => file.call)).toContain(call?.id);
  expect((await ask('clever', { requestId: 'after-it' })).result.status).toBe('completed');
});

test('asks once for a new link where one died', async () => {
  service.sandbox.setFaults({ rules: [], media: [{ company: 'brief', requests: 1, action: 'status', status: 403 }] });
  const ended = await ask('brief', { requestId: 'dead', include: ['recordings', 'voicemails'] });
  service.sandbox.setFaults(undefined);
  const bare = await ask('brief', { requestId: 'bare', include: [] });
  expect(ended.result.status).toBe('completed');
  expect(ended.result.counts).toMatchObject({ recordings: SPOKEN / 2, voicemails: SPOKEN / 2 });
  expect(ended.result.apiRequests - bare.result.apiRequests).toBe(1);
});

test('keeps back a recording in which others may be heard, and what was made of it, until somebody decides', async () => {
  const include = ['recordings', 'transcripts', 'insights'] as const;
  const { result } = await ask('moved', { requestId: 'kept', include });
  expect(result.status).toBe('completed');
  expect(result.counts.recordings).toBe(0);
  expect(result.doubts).toContainEqual({ code: 'other-voices', records: SPOKEN / 2, taken: 0, kept: SPOKEN / 2 });
  const document = await documentOf(service, result);
  // Of the others nothing is known but that they may follow.
  expect(document.recordings.filter(row => !('code' in row && row.code === 'recording-may-follow'))).toEqual([]);
  expect(document.withheld).toContainEqual({ source: 'recordings', code: 'other-voices', count: SPOKEN / 2 });
  expect(insightsWithheld(document)).toBe((SPOKEN / 2) * INSIGHTS_OF_ONE_CALL);

  const [ref = ''] = result.outcomes.flatMap(({ record, code }) => (code === 'other-voices' ? [record] : []));
  const decided = await askApproved('moved', { requestId: 'decided', include }, { [ref]: 'take' });
  expect(decided.doubts).toContainEqual({ code: 'other-voices', records: SPOKEN / 2, taken: 1, kept: SPOKEN / 2 - 1 });
  expect(decided.counts.recordings).toBe(1);
  expect(insightsWithheld(await documentOf(service, decided))).toBe((SPOKEN / 2 - 1) * INSIGHTS_OF_ONE_CALL);
  // The link on the page has died while people decided.
  expect(decided.apiRequests - result.apiRequests).toBe(1);
});

describe('what the company tells people of its processing', () => {
  const TEXTS = { en: '# Who we are\n\nAcme Telephones.', fr: '# Qui nous sommes\n\nAcme Téléphones.' };
  const GDPR = { include: [], regime: 'gdpr' } as const;

  async function packaged(requestId: string, options: Omit<Options, 'requestId'>) {
    const { result, workflowId } = await ask('brief', { requestId, ...options });
    const files = await unzipBytes(await service.packageOf(result));
    const textOf = (path: string) => files.get(path)?.toString() ?? '';
    const { coverage } = await documentOf(service, result);
    expect(coverage.notice).toEqual(result.coverage.notice);
    expect(result.status).toBe('completed');
    return { result, workflowId, paths: [...files.keys()], textOf };
  }

  async function say(notice: Notice): Promise<void> {
    const name = await connectionTo('brief');
    await service.connections.setNotice({ name, incarnation: 1 }, notice);
  }

  test('is in the package in the language of the person, and in its manifest', async () => {
    await say(TEXTS);
    const { result, textOf } = await packaged('noted', { ...GDPR, language: 'fr' });
    expect(result.coverage.notice).toEqual({ state: 'complete', gaps: [] });
    expect(textOf('notice.html')).toContain('<h2>Qui nous sommes</h2>\n<p>Acme Téléphones.</p>');
    expect(textOf('index.html')).toContain('href="notice.html"');
    expect(textOf('README.txt')).toContain('notice.html');
    const manifest = packageManifestSchema.parse(JSON.parse(textOf('manifest.json')));
    const sha256 = digest(Buffer.from(textOf('notice.html')));
    expect(manifest.files).toContainEqual(expect.objectContaining({ path: 'notice.html', sha256 }));
  });

  test('is missing where there is none: a gap under the GDPR, told to the person and to the operator', async () => {
    await service.connections.forgetNotice(await connectionTo('brief'));
    const { result, workflowId, paths, textOf } = await packaged('unnoted', GDPR);
    expect(result.coverage.notice).toEqual({ state: 'skipped', gaps: [{ code: 'notice-missing' }] });
    expect(paths).not.toContain('notice.html');
    const sentence = catalogOf('en').gaps['notice-missing'];
    expect(textOf('index.html')).toContain(sentence);
    expect(textOf('README.txt')).toContain(`${sentence}.`);
    expect(await detailsOf(service.temporal, workflowId)).toContain('Not covered in notice: `notice-missing`');
    expect(resultLines(result).join('\n')).toContain('missing    notice: notice-missing: the package does not hold');

    const elsewhere = await packaged('unnoted-lawless', { include: [] });
    expect(elsewhere.result.coverage.notice).toEqual({ state: 'skipped', gaps: [] });
    expect(elsewhere.textOf('index.html')).not.toContain(sentence);
  });

  test('is not part of it if the company informs people in another way', async () => {
    await say('none');
    const { result, paths, textOf } = await packaged('told-elsewhere', GDPR);
    expect(result.coverage.notice).toEqual({ state: 'not-asked', gaps: [] });
    expect(paths).not.toContain('notice.html');
    expect(textOf('index.html') + textOf('README.txt')).not.toContain(catalogOf('en').gaps['notice-missing']);
  });

  test('a dry run and a deletion say nothing of it', async () => {
    await say(TEXTS);
    const { result } = await ask('brief', { requestId: 'only-planned', dryRun: true, regime: 'gdpr' });
    expect([result.status, result.coverage.notice]).toEqual(['planned', undefined]);
    const connection = await connectionTo('brief');
    const nobody = { connection, subject: { email: 'nobody.at.all@example.org' }, settleSeconds: 0 };
    const { workflowId } = await service.client.start('deletion', { ...nobody, requestId: 'of-nobody' });
    expect((await service.client.result(workflowId)).coverage).not.toHaveProperty('notice');
  });
});

function insightsWithheld({ insights }: AccessPackage): number {
  return insights.filter(({ content }) => content === '[withheld]').length;
}

test('confirms that nothing was found, in the same form', async () => {
  const connection = await connectionTo('plain');
  const subject = { email: 'nobody.at.all@example.org' };
  const { workflowId } = await service.client.start('access', { requestId: 'nobody', connection, subject });
  const result = await service.client.result(workflowId);
  expect(result.status).toBe('no-match');
  const files = await unzipBytes(await service.packageOf(result));
  expect([...files.keys()]).toEqual(expect.arrayContaining(['README.txt', 'index.html', 'access-package.json']));
});
