/** What a request costs beforehand, and how far it is meanwhile: through the client, against what the sandbox received and has. */
import { type Behaviour, type CallRecord, type CompanySeed, createCompanySeed } from '../../sandbox';
import type { AccessInput } from '../../src/client';
import { INSIGHTS } from '../../src/request/insights';
import { until } from '../support/patience';
import { detailsOf, type Ended, expectHonestCounts, runToEnd } from '../support/requests';
import { connectingOnce, startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
const OF_ONE_CALL = 1 + INSIGHTS.length;
const SPOKEN = 4;

/** She has 110 calls on one of her numbers, three pages; a company may have some of the newest of them only. */
const LATER_PAGES = 2;

/** Of the calls on that number the newest and the oldest keep their audio. */
function companyOf(name: string, callsMax: number, behaviour: Partial<Behaviour> = {}) {
  const seed = createCompanySeed({ name, seed: 3, contacts: 20, calls: 200, now: NOW_MS, audio: true });
  const most = callsOnOneNumber(seed);
  const left = most.slice(-callsMax);
  const audible = left.filter(({ recording, voicemail }) => recording || voicemail);
  const kept = new Set([...audible.slice(0, SPOKEN / 2), ...audible.slice(-SPOKEN / 2)]);
  const calls = seed.calls
    .filter(call => !most.includes(call) || left.includes(call))
    .map(call => (kept.has(call) ? call : { ...call, recording: false, voicemail: false }));
  return { ...seed, calls, behaviour };
}

/** The most calls of the subject on one number, the oldest first. */
function callsOnOneNumber({ calls, truth }: CompanySeed): CallRecord[] {
  const numberOf = ({ raw_digits }: CallRecord) => raw_digits.replace(/\D/g, '');
  const hers = calls.filter(({ id }) => truth.callIds.includes(id));
  const byNumber = hers.map(call => hers.filter(other => numberOf(other) === numberOf(call)));
  const [most = []] = byNumber.sort((one, other) => other.length - one.length);
  return most.sort((one, other) => one.started_at - other.started_at);
}

let service: TestService;
beforeAll(async () => {
  const clever = { intelligence: true };
  const companies = [
    companyOf('clever', 110, clever),
    companyOf('short', 40, clever),
    companyOf('lacking', 110, { ...clever, intelligenceLacks: [...INSIGHTS] }),
    companyOf('none', 40),
    companyOf('paced', 110),
    companyOf('failing', 40),
    companyOf('watched', 110, clever),
    companyOf('stopped', 110),
  ];
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'clever' });
});
afterAll(async () => service.stop());

type Options = Omit<AccessInput, 'kind' | 'connection' | 'subject'>;

const connectionTo = connectingOnce(() => service);

const subjectOf = (name: string) => ({ email: service.sandbox.company(name).truth.subjectEmail });

async function ask(name: string, options: Options): Promise<Ended> {
  const connection = await connectionTo(name);
  const input = { ...options, connection, subject: subjectOf(name) };
  return runToEnd(service, service.sandbox.company(name), () => service.client.start('access', input));
}

/** The paths of what was sent for a request, while nothing else was. */
const sentFor = ({ company, requestsBefore }: Ended) => company.requests().slice(requestsBefore);
const pagesOf = (ended: Ended) => sentFor(ended).filter(({ path }) => /\/calls(\/search)?$/.test(path));

/** A dry run, then the request itself. */
async function both(name: string, options: Options) {
  const dry = await ask(name, { ...options, requestId: `${options.requestId}-dry`, dryRun: true });
  const { cost } = dry.result.plan ?? {};
  if (cost === undefined) throw new Error('the dry run names no cost');
  const firstPages = pagesOf(dry).length;
  const real = await ask(name, options);
  return { dry, cost, firstPages, real, rest: real.result.apiRequests - dry.result.apiRequests };
}

describe('the cost that a dry run names', () => {
  it.each(['by-number', 'company'] as const)(
    'is exact for pages, calls %s, and sends GETs of first pages only',
    async calls => {
      const { dry, cost, firstPages, real, rest } = await both('clever', { requestId: calls, calls, include: [] });
      expect(cost.pages).toBeGreaterThan(0);
      expect(cost.apiRequests).toBe(cost.pages);
      expect(rest).toBe(cost.apiRequests);
      expect(pagesOf(real).length).toBe(firstPages + cost.pages);
      await expectHonestCounts(service, real);
      expect(dry.result).toMatchObject({
        status: 'planned',
        counts: { contacts: 2, calls: 0 },
        coverage: { calls: { state: 'skipped', gaps: [], window: { from: null } } },
      });
      const { truth } = service.sandbox.company('clever');
      expect(dry.result.plan?.counts.calls).toBeGreaterThanOrEqual(truth.callIds.length);
      expect(dry.result.package).toBeUndefined();
    },
  );

  it('sends nothing but first pages, and downloads nothing', async () => {
    const before = service.sandbox.mediaRequests().length;
    const dry = await ask('clever', { requestId: 'gets', dryRun: true });
    const sent = sentFor(dry);
    expect(sent.filter(({ method, query }) => method !== 'GET' || query.page !== '1')).toEqual([]);
    expect(pagesOf(dry).length).toBeGreaterThan(0);
    expect(sent.every(({ path }) => /\/(calls|contacts)\/search$/.test(path))).toBe(true);
    expect(service.sandbox.mediaRequests()).toHaveLength(before);
  });

  it.each([
    ['all', undefined],
    ['transcripts', ['transcripts']],
    ['insights', ['insights']],
  ] as const)('is never below what is sent: %s', async (what, include) => {
    const { cost, real, rest } = await both('clever', { requestId: what, ...(include && { include }) });
    expect(real.result.status).toBe('completed');
    expect(rest).toBeGreaterThan(SPOKEN);
    expect(cost.apiRequests).toBeGreaterThanOrEqual(rest);
  });

  it('is at most one request of each kind too high if each list is one page', async () => {
    const { cost, rest } = await both('short', { requestId: 'tight' });
    expect(rest).toBe(SPOKEN * OF_ONE_CALL);
    expect(cost).toMatchObject({ apiRequests: (SPOKEN + 1) * OF_ONE_CALL, pages: 0 });
  });

  it('also holds where the company turns out not to pay for any insight', async () => {
    const { cost, rest } = await both('lacking', { requestId: 'lacking', include: ['insights'] });
    expect(rest).toBeGreaterThan(INSIGHTS.length);
    expect(cost.apiRequests).toBeGreaterThanOrEqual(rest);
  });

  it('has nothing for what the company is known not to pay for', async () => {
    const first = await both('none', { requestId: 'first' });
    expect(first.cost.apiRequests).toBe((SPOKEN + 1) * OF_ONE_CALL);
    expect(first.rest).toBe(2); // the refused request, and the ping that shows that the credential is good
    const again = await both('none', { requestId: 'again' });
    expect([again.cost.apiRequests, again.rest]).toEqual([0, 0]);
  });

  it('takes as many hours as the budget of the company allows', async () => {
    const connection = await connectionTo('paced');
    await service.connections.change(connection, present => ({ ...present, limitPerMinute: 600 }));
    const { result } = await ask('paced', { requestId: 'paced', calls: 'company', dryRun: true });
    const { apiRequests = 0, hours } = result.plan?.cost ?? {};
    expect(hours).toBe(Math.ceil((apiRequests / (600 * 0.75 * 60)) * 100) / 100);
    expect(hours).toBeGreaterThan(0.02);
  });

  it('is not named if a list could not be counted, and that is told', async () => {
    service.sandbox.setFaults({
      rules: [{ company: 'failing', path: '/calls/search', occurrences: 1, action: 'status', status: 422 }],
    });
    const { result } = await ask('failing', { requestId: 'failing', dryRun: true });
    service.sandbox.setFaults(undefined);
    expect(result).toMatchObject({
      status: 'planned',
      coverage: { calls: { state: 'failed', gaps: [{ code: 'rejected', count: 1 }] } },
    });
    expect(result.plan).toEqual({ counts: { contacts: 2, numbers: expect.any(Number) } });
  });
});

/** Starts a request whose later pages of calls are held. */
async function startHeld(name: string) {
  const company = service.sandbox.company(name);
  service.sandbox.setFaults({ rules: [{ company: name, path: '/calls/search.*[?&]page=[23]', action: 'hold' }] });
  const connection = await connectionTo(name);
  const input = { requestId: name, connection, subject: subjectOf(name) };
  const { workflowId } = await service.client.start('access', input);
  const status = () => service.client.status(workflowId);
  await until('only the held pages are left, and the audio of the others is there', async () => {
    const { progress } = await status();
    return progress?.apiRequestsLeft === LATER_PAGES && progress.files === SPOKEN / 2;
  });
  const letGo = (rules: Parameters<TestService['sandbox']['setFaults']>[0]) => {
    service.sandbox.setFaults(rules);
    service.sandbox.release();
  };
  return { company, workflowId, status, letGo };
}

describe('the status of a request that fetches', () => {
  it('shows records by source, files with their size, and what is left', async () => {
    const { company, workflowId, status, letGo } = await startHeld('watched');
    const hers = company.media().filter(({ call }) => company.truth.callIds.includes(call));
    expect(hers).toHaveLength(SPOKEN);
    const sizeBytes = hers.reduce((sum, file) => sum + file.sizeBytes, 0);
    const early = await status();
    expect(early.phase).toBe('fetching-calls');
    expect(early.counts?.calls).toBeGreaterThanOrEqual(50);
    expect((early.counts?.recordings ?? 0) + (early.counts?.voicemails ?? 0)).toBe(SPOKEN / 2);
    expect(early.progress?.sizeBytes).toBeGreaterThan(0);
    expect(early.progress?.sizeBytes).toBeLessThan(sizeBytes);
    expect(await detailsOf(service.temporal, workflowId)).toContain('Still to be sent: at most 2 API requests');

    letGo({ rules: [{ company: 'watched', path: 'transcription$', action: 'hold' }] });
    const asked = () => company.requests().filter(({ path }) => path.endsWith('/transcription')).length;
    await until('a transcript is asked for', () => asked() === 1);
    const { counts, progress, phase } = await status();
    expect(phase).toBe('fetching-transcripts');
    expect(counts?.calls).toBe(company.truth.callIds.length);
    expect(progress).toEqual({
      ...{ files: SPOKEN, sizeBytes, apiRequestsLeft: SPOKEN * OF_ONE_CALL, hoursLeft: 0.01 },
    });

    letGo({ rules: [{ company: 'watched', path: '/summary$', occurrences: 2, action: 'hold' }] });
    const insights = SPOKEN * INSIGHTS.length;
    await until(
      'all insights are there but the held one',
      async () => (await status()).counts?.insights === insights - 1,
    );
    // As of the last round: what is under way is subtracted when all of it has ended.
    expect((await status()).progress?.apiRequestsLeft).toBe(insights - INSIGHTS.length);

    letGo(undefined);
    const { counts: found, apiRequests } = await service.client.result(workflowId);
    expect(found).toMatchObject({ transcripts: SPOKEN, insights });
    expect(apiRequests).toBe(company.requests().length);
    const ended = await status();
    expect([ended.status, ended.progress]).toEqual(['completed', undefined]);
  });

  it('leaves nothing of it in the result of a request that is cancelled meanwhile', async () => {
    const { workflowId, status, letGo } = await startHeld('stopped');
    expect((await status()).counts?.calls).toBeGreaterThan(0);
    await service.client.cancel(workflowId);
    letGo(undefined);
    const result = await service.client.result(workflowId);
    expect(result).toMatchObject({ status: 'cancelled', counts: { calls: 0, recordings: 0 } });
    expect(await detailsOf(service.temporal, workflowId)).toContain('- Calls: 0 found, **search broken off**');
  });
});
