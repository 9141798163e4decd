/** The steps that ask nobody but the vault: opening, merging, identifying, packaging, waiting, closing. */

import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Info } from '@temporalio/activity';
import fc from 'fast-check';
import { planDigestOf } from '../../src/activities/approved';
import { type Listing, type Read, readListing, readObject } from '../../src/activities/case-objects';
import { createClosingActivities } from '../../src/activities/closing';
import { createMerge } from '../../src/activities/lists';
import type { Decisions } from '../../src/judgement/plan';
import { accessPackageSchema } from '../../src/package/document';
import type { RequestResult } from '../../src/request/model';
import { type RequestRef, workflowIdOf } from '../../src/request/names';
import type { ListName } from '../../src/request/sources';
import { createCases } from '../../src/vault/cases';
import { createReceipts } from '../../src/vault/receipts';
import { createVault, type VaultDriver } from '../../src/vault/vault';
import { unzip } from '../support/zip';
import { attempt, failureOf, infoOf, type Steps, startSteps } from './support/steps';

const EMAIL = 'Zoe.Nunez@Example.com';
const SEEDED = { seed: 20_261_123, numRuns: 40 };

/** 1 January 1980, 0:00, as zip files write it. */
const DOS_TIME_OF_1980 = 0x0021_0000;

let steps: Steps;
beforeAll(async () => {
  steps = await startSteps();
});
afterAll(async () => steps.stop());

let count = 0;
/** A request that nobody used before. */
function newRequest(kind: RequestRef['kind'] = 'access'): RequestRef {
  count += 1;
  return { connection: 'acme', kind, requestId: `opened-${count}` };
}

const inputOf = ({ connection, kind, requestId }: RequestRef, email = EMAIL, options = {}) => ({
  kind,
  requestId,
  connection,
  subject: { email },
  ...options,
});

const open = (request: RequestRef, input: unknown = inputOf(request), runId = 'run-1') =>
  attempt(
    () => {
      const now = new Date().toISOString();
      return steps.local.openRequest({ input, receivedAt: now, openedAt: now, runId });
    },
    infoOf(request, runId),
  );

async function opened(request: RequestRef, input?: unknown, runId?: string) {
  const opening = await open(request, input, runId);
  if (!('opened' in opening)) throw new Error('the request was answered, not opened');
  return opening.opened;
}

function resultOf({ connection, kind, requestId }: RequestRef): RequestResult {
  return {
    connection,
    kind,
    requestId,
    status: 'no-match',
    counts: { contacts: 0, refused: 0, failed: 0 },
    outcomes: [],
    coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
    apiRequests: 1,
    startedAt: '2026-01-31T12:00:00.000Z',
    completedAt: '2026-01-31T12:00:01.000Z',
    doubts: [],
    approvals: [],
  };
}

describe('opening a request', () => {
  test('seals who it is about, and tells the workflow nothing of it', async () => {
    const request = newRequest();
    const input = { ...inputOf(request), subject: { email: ` ${EMAIL} `, phoneNumbers: ['+33 6 39 98 12 34'] } };
    const answer = await opened(request, input);
    expect(answer).toMatchObject({ request, spellings: 2, dryRun: false, settleMs: 5_000, accessesOpen: false });
    expect(await readObject(steps.cases, request, answer.subject, 'subject')).toEqual({
      emails: [EMAIL],
      phoneNumbers: ['+33 6 39 98 12 34'],
    });
    for (const secret of ['zoe', 'example.com', '33639981234', '639 98']) {
      expect(JSON.stringify(answer).toLowerCase()).not.toContain(secret);
    }
    const record = await steps.cases.record(request);
    expect(record).toMatchObject({ request, runId: 'run-1', subjectHash: answer.subjectHash });
    expect(JSON.stringify(record).toLowerCase()).not.toContain('zoe');
  });

  test('knows one subject of a connection by one hash, whatever the letter case', async () => {
    const [one, two] = [newRequest(), newRequest()];
    const { subjectHash } = await opened(one);
    expect(subjectHash).toBe((await opened(two, inputOf(two, EMAIL.toUpperCase()))).subjectHash);
    const other = newRequest();
    expect(subjectHash).not.toBe((await opened(other, inputOf(other, 'somebody.else@example.com'))).subjectHash);
  });

  test('knows one subject of two connections by two hashes', async () => {
    const acme = await steps.connections.get('acme');
    if (acme === undefined) throw new Error('the test has no connection');
    await steps.connections.put({ ...acme.value, name: 'beta' }, undefined);
    const one = newRequest();
    const two = { ...one, connection: 'beta' };
    expect((await opened(one)).subjectHash).not.toBe((await opened(two)).subjectHash);
    await steps.connections.delete('beta');
  });

  test('tells what an access request goes by to know its cost: the budget in force, and what the company does not pay for', async () => {
    const { name, limitPerMinute, share } = await steps.connection();
    const costs = async (request: RequestRef) => {
      const { requestsPerHour, notEntitled } = await opened(request);
      return { requestsPerHour, notEntitled };
    };
    const perHour = Number(limitPerMinute) * share * 60;
    expect(await costs(newRequest())).toEqual({ requestsPerHour: expect.closeTo(perHour), notEntitled: [] });
    await steps.connections.noteRateLimit(name, new Date(), 20);
    const nowMs = Date.now();
    for (const what of ['summary', 'transcription'] as const)
      await attempt(() => steps.local.noteNotEntitled({ connection: name, what, nowMs }));
    expect(await costs(newRequest())).toEqual({
      requestsPerHour: expect.closeTo(20 * share * 60),
      notEntitled: ['transcription', 'summary'],
    });
    expect(await costs(newRequest('deletion'))).toEqual({ notEntitled: [] });
    await steps.connections.forgetRateLimits(name);
    await steps.connections.forgetEntitlements(name);
  });

  test('covers the whole of the last day that was asked for, and never the future', async () => {
    const request = newRequest();
    const options = { calls: 'company', from: '2026-01-01', to: '2026-01-31' };
    const { calls } = await opened(request, inputOf(request, EMAIL, options));
    expect(calls).toEqual({
      by: 'company',
      from: Date.UTC(2026, 0, 1) / 1_000,
      to: Date.UTC(2026, 1, 1) / 1_000 - 1,
    });
    const later = newRequest();
    const before = steps.now();
    const pinned = await opened(later, inputOf(later, EMAIL, { to: '2099-01-01' }));
    expect(pinned.calls.to).toBeGreaterThanOrEqual(Math.floor(before / 1_000));
    expect(pinned.calls.to).toBeLessThanOrEqual(Math.floor(steps.now() / 1_000));
  });

  test.each([
    ['no input', null],
    ['no e-mail address', { kind: 'access', requestId: 'r', connection: 'acme', subject: { email: '' } }],
    [
      'two addresses',
      { kind: 'access', requestId: 'r', connection: 'acme', subject: { email: 'a@example.com,b@example.com' } },
    ],
    [
      'a short number',
      { kind: 'access', requestId: 'r', connection: 'acme', subject: { email: EMAIL, phoneNumbers: ['+123'] } },
    ],
    [
      'an option that is not known',
      { kind: 'access', requestId: 'r', connection: 'acme', subject: { email: EMAIL }, dryrun: true },
    ],
    [
      'an option of the other kind',
      { kind: 'access', requestId: 'r', connection: 'acme', subject: { email: EMAIL }, settleSeconds: 0 },
    ],
    [
      'another request id than its workflow id names',
      { kind: 'access', requestId: 'x', connection: 'acme', subject: { email: EMAIL } },
    ],
    [
      'a connection that the vault does not hold',
      { kind: 'access', requestId: 'r', connection: 'nobody', subject: { email: EMAIL } },
    ],
  ])('refuses %s, finally and without repeating a value', async (_, input) => {
    const connection = input?.connection === 'nobody' ? 'nobody' : 'acme';
    const request: RequestRef = { connection, kind: 'access', requestId: 'r' };
    const failure = await failureOf(open(request, input));
    expect(failure).toMatchObject({ code: 'invalid-input', nonRetryable: true, detail: { apiRequests: 0 } });
    expect(failure.message.toLowerCase()).not.toMatch(/zoe|a@example|\+123|dryrun/);
    expect(await steps.cases.record(request)).toBeUndefined();
  });

  test('takes a request whose connection is gone and waited for', async () => {
    await steps.connections.delete('acme', { waitedFor: true });
    const request = newRequest();
    expect(await opened(request)).toMatchObject({ request });
    await steps.connect();
  });

  describe('with a notice of the company', () => {
    const TEXTS = { en: 'Who we are', fr: 'Qui nous sommes', it: 'Chi siamo' };
    const acme = { name: 'acme', incarnation: 1 };
    afterEach(() => steps.connections.forgetNotice('acme'));

    /** Of a request with these options, as its package will have it. */
    async function noticeFor(options: object = {}, kind: RequestRef['kind'] = 'access') {
      const request = newRequest(kind);
      const { notice } = await opened(request, inputOf(request, EMAIL, options));
      return notice === undefined || notice === 'none' ? notice : readObject(steps.cases, request, notice, 'notice');
    }

    test('keeps it in its language; else in that of the connection, in English, in the first that there is', async () => {
      await steps.connections.setNotice(acme, TEXTS);
      expect(await noticeFor({ language: 'fr' })).toEqual({ language: 'fr', text: TEXTS.fr });
      expect(await noticeFor({ language: 'de' })).toEqual({ language: 'en', text: TEXTS.en });
      await steps.connections.change('acme', present => ({ ...present, language: 'it' }));
      expect(await noticeFor({ language: 'de' })).toEqual({ language: 'it', text: TEXTS.it });
      expect(await noticeFor()).toEqual({ language: 'it', text: TEXTS.it });
      await steps.connections.change('acme', ({ language: _, ...present }) => present);
      await steps.connections.setNotice(acme, { nl: 'Wie wij zijn', pt: 'Quem somos' });
      expect(await noticeFor({ language: 'de' })).toEqual({ language: 'nl', text: 'Wie wij zijn' });
    });

    test('keeps that of the moment, also if the company gives another one afterwards', async () => {
      await steps.connections.setNotice(acme, TEXTS);
      const request = newRequest();
      const { notice } = await opened(request);
      await steps.connections.setNotice(acme, { en: 'Changed' });
      if (notice === undefined || notice === 'none') throw new Error('the request has no notice');
      expect(await readObject(steps.cases, request, notice, 'notice')).toEqual({ language: 'en', text: TEXTS.en });
    });

    test('knows one that is given in another way, and has none of another company', async () => {
      expect(await noticeFor()).toBeUndefined();
      await steps.connections.setNotice(acme, 'none');
      expect(await noticeFor()).toBe('none');
      await steps.connections.setNotice({ name: 'acme', incarnation: 2 }, TEXTS);
      expect(await noticeFor()).toBeUndefined();
    });

    test('a deletion and a dry run have none, and a broken one does not stop them', async () => {
      await steps.connections.setNotice(acme, TEXTS);
      expect(await noticeFor({ dryRun: true })).toBeUndefined();
      expect(await noticeFor({}, 'deletion')).toBeUndefined();
      await steps.vault.replace('notices/acme', Buffer.from('{}'));
      expect(await noticeFor({ dryRun: true })).toBeUndefined();
      expect(await noticeFor({}, 'deletion')).toBeUndefined();
      expect(await failureOf(noticeFor())).toMatchObject({ code: 'notice-broken', nonRetryable: false });
    });
  });

  test('refuses the same request id for another subject, and leaves the first as it is', async () => {
    const request = newRequest();
    const first = await opened(request);
    const failure = await failureOf(open(request, inputOf(request, 'somebody.else@example.com'), 'run-2'));
    expect(failure).toMatchObject({ code: 'request-conflict', nonRetryable: true, detail: { apiRequests: 0 } });
    expect(await steps.cases.record(request)).toMatchObject({ runId: 'run-1', subjectHash: first.subjectHash });
  });

  test('answers a request that has ended from its record', async () => {
    const request = newRequest();
    await opened(request);
    const result = resultOf(request);
    await attempt(
      () => steps.local.closeRequest({ request, runId: 'run-1', result, phases: {} }),
      infoOf(request, 'run-1'),
    );
    expect(await open(request, inputOf(request), 'run-2')).toEqual({ ended: result });
    expect((await failureOf(open(request, inputOf(request, 'somebody.else@example.com'), 'run-3'))).code).toBe(
      'request-conflict',
    );
  });

  test('finds its own end if the task that came to it was lost, and issues the receipt that is missing', async () => {
    const request = newRequest();
    const { identityHashes } = await opened(request);
    await steps.cases.close(request, resultOf(request));
    expect(await open(request)).toEqual({ ended: resultOf(request) });
    expect(await steps.receipts.of(request, 'run-1')).toMatchObject({ status: 'no-match', issued: { how: 'at-end' } });
    expect(await steps.cases.marked('access', 'acme', identityHashes)).not.toContainEqual(request);
  });

  test('taken again after a reset keeps the deadline, and the time up to which calls are delivered', async () => {
    const request = newRequest();
    const openAt = (openedAt: string) =>
      attempt(
        () => steps.local.openRequest({ input: inputOf(request), receivedAt: openedAt, openedAt, runId: 'run-1' }),
        infoOf(request, 'run-of-the-reset'),
      );
    const first = await openAt('2026-03-01T00:00:00.000Z');
    const { deadlineMs, calls } = 'opened' in first ? first.opened : {};
    expect(deadlineMs).toBeGreaterThan(0);
    expect(await openAt('2026-03-09T00:00:00.000Z')).toMatchObject({ opened: { deadlineMs, calls } });
  });

  test('takes over from a run that the server has lost, and is safe to do twice', async () => {
    const request = newRequest();
    await opened(request);
    await opened(request);
    expect((await steps.cases.record(request))?.runId).toBe('run-1');
    await opened(request, inputOf(request), 'run-2');
    expect((await steps.cases.record(request))?.runId).toBe('run-2');
  });

  test.each<[string, (request: RequestRef) => Promise<unknown>]>([
    [
      'that the server knows',
      async request => {
        await opened(request, inputOf(request), 'known');
        steps.knownRuns.add('known');
      },
    ],
    [
      'that is known to have ended so',
      async request => {
        await opened(request, inputOf(request), 'run-2');
        await steps.cases.cutShort(request, 'run-2', new Date());
      },
    ],
    [
      'of which there is only a receipt',
      request =>
        steps.receipts.issue({
          ...{ request, runId: 'unbegun', dryRun: false, subjectHash: null, startedAt: null, clock: undefined },
          ...{ ending: { code: 'terminated', receivedAt: null, endedAt: null }, phases: {}, how: 'afterwards' },
        }),
    ],
  ])('goes on with no request whose run ended without its last step, %s', async (_, ends) => {
    const request = newRequest();
    await ends(request);
    const before = await steps.cases.record(request);
    const failure = await failureOf(open(request, inputOf(request), 'run-2'));
    expect(failure).toMatchObject({ code: 'request-ended', nonRetryable: true, detail: { apiRequests: 0 } });
    expect(failure.message).toContain('choose a new request id');
    expect(await steps.cases.record(request)).toEqual(before);
    steps.knownRuns.clear();
  });
});

describe('a deletion and the access requests of its subject', () => {
  const waitFor = (identityHashes: readonly string[], attemptNumber: number) =>
    attempt(() => steps.local.awaitAccessRequests({ connection: 'acme', identityHashes }), { attempt: attemptNumber });

  test('waits while one is open, and is woken when that is closed, whether the server answers then or not', async () => {
    const access = newRequest();
    const email = 'waits@example.com';
    const { identityHashes } = await opened(access, inputOf(access, email));
    const deletion = newRequest('deletion');
    expect((await opened(deletion, inputOf(deletion, email))).accessesOpen).toBe(true);

    steps.openRuns.add(`${workflowIdOf(access)} run-1`);
    const look = () =>
      attempt(() => steps.local.awaitAccessRequests({ connection: 'acme', identityHashes }), infoOf(deletion, 'run-1'));
    const marks = () => steps.cases.marked('deletion', 'acme', identityHashes);
    for (let looks = 0; looks < 2; looks += 1)
      expect(await failureOf(look())).toMatchObject({
        code: 'access-request-awaited',
        nonRetryable: false,
        detail: { apiRequests: 0 },
      });
    expect(await marks()).toEqual([deletion]);

    const input = { request: access, runId: 'run-1', result: resultOf(access), phases: {} };
    const close = () => attempt(() => steps.local.closeRequest(input), infoOf(access, 'run-1'));
    steps.wakeFails = true;
    await close();
    expect(steps.woken).toEqual([]);
    steps.wakeFails = false;
    await close();
    expect(steps.woken).toEqual([deletion]);
    await look();
    expect(await marks()).toEqual([]);
    const next = newRequest('deletion');
    expect((await opened(next, inputOf(next, email))).accessesOpen).toBe(false);
  });

  test('does not wait for a run that was terminated', async () => {
    const access = newRequest();
    const email = 'terminated@example.com';
    const { identityHashes } = await opened(access, inputOf(access, email));
    await waitFor(identityHashes, 1);
    // A later run of the same request may count on the mark: only its end, or a purge, deletes it.
    expect(await steps.cases.marked('access', 'acme', identityHashes)).toHaveLength(1);
  });

  test('does not wait for another run under the id of one, nor for a mark without a record', async () => {
    const access = newRequest();
    const { identityHashes } = await opened(access, inputOf(access, 'squatted@example.com'));
    await steps.cases.mark(identityHashes, newRequest());
    steps.openRuns.add(`${workflowIdOf(access)} of-somebody`);
    await waitFor(identityHashes, 1);
    steps.openRuns.add(`${workflowIdOf(access)} run-1`);
    expect((await failureOf(waitFor(identityHashes, 1))).code).toBe('access-request-awaited');
    await steps.cases.cutShort(access, 'run-1', new Date());
    await waitFor(identityHashes, 1);
  });

  test('that ends while it waits is not woken any more', async () => {
    const access = newRequest();
    const email = 'ends@example.com';
    const { identityHashes } = await opened(access, inputOf(access, email));
    const deletion = newRequest('deletion');
    await opened(deletion, inputOf(deletion, email));
    steps.openRuns.add(`${workflowIdOf(access)} run-1`);
    const { awaitAccessRequests, closeRequest } = steps.local;
    const look = () => awaitAccessRequests({ connection: 'acme', identityHashes });
    await failureOf(attempt(look, infoOf(deletion, 'run-1')));
    expect(await steps.cases.marked('deletion', 'acme', identityHashes)).toEqual([deletion]);
    const input = { request: deletion, runId: 'run-1', result: resultOf(deletion), phases: {} };
    await attempt(() => closeRequest(input), infoOf(deletion, 'run-1'));
    expect(await steps.cases.marked('deletion', 'acme', identityHashes)).toEqual([]);
  });

  test('does not wait for somebody else’s', async () => {
    const access = newRequest();
    await opened(access, inputOf(access, 'first@example.com'));
    const deletion = newRequest('deletion');
    expect((await opened(deletion, inputOf(deletion, 'second@example.com'))).accessesOpen).toBe(false);
  });
});

describe('waiting for a credential', () => {
  const wait = (failedVersion: number, connection = 'acme', info: Partial<Info> = {}) =>
    attempt(() => steps.local.awaitCredentials({ connection, failedVersion }), info);

  test('goes on with a newer one only', async () => {
    const { credentialVersion } = await steps.connection();
    await wait(credentialVersion - 1);
    expect(await failureOf(wait(credentialVersion))).toMatchObject({
      code: 'credentials-awaited',
      nonRetryable: false,
      detail: { apiRequests: 0 },
    });
    await steps.connect();
    await wait(credentialVersion);
  });

  const YEAR_MS = 365 * 86_400_000;
  test.each([
    ['some seconds after the first look', 1, YEAR_MS, 8_000],
    ['then ever more rarely', 4, YEAR_MS, 512_000],
    ['in the end about once an hour', 50, YEAR_MS, 3_600_000],
    ['however often it has looked', 1_000_000, YEAR_MS, 3_600_000],
    ['shortly before the deadline the last time', 50, 90_000, 82_000],
    ['and then not before it', 51, 8_000, 8_000],
  ])('looks again by itself %s', async (_, attemptNumber, leftMs, delayMs) => {
    const { credentialVersion } = await steps.connection();
    const now = Date.now();
    const info = {
      attempt: attemptNumber,
      scheduledTimestampMs: now - 1_000,
      currentAttemptScheduledTimestampMs: now,
      scheduleToCloseTimeoutMs: leftMs + 1_000,
    };
    expect((await failureOf(wait(credentialVersion, 'acme', info))).delayMs).toBe(delayMs);
  });

  test('does not look at the same time as others that began with it', async () => {
    let random = 0;
    const others = await startSteps({
      random: () => {
        random += 0.25;
        return random;
      },
    });
    const { credentialVersion } = await others.connection();
    const delays: (number | undefined)[] = [];
    const now = Date.now();
    const info = {
      scheduledTimestampMs: now,
      currentAttemptScheduledTimestampMs: now,
      scheduleToCloseTimeoutMs: YEAR_MS,
    };
    for (let nth = 0; nth < 3; nth += 1) {
      const look = () => others.local.awaitCredentials({ connection: 'acme', failedVersion: credentialVersion });
      delays.push((await failureOf(attempt(look, info))).delayMs);
    }
    await others.stop();
    expect(delays).toEqual([9_000, 10_000, 11_000]);
  });

  test('goes on for a connection that comes back', async () => {
    expect((await failureOf(wait(0, 'gone'))).code).toBe('credentials-awaited');
    await steps.connections.put({ ...(await steps.connection()), name: 'gone' }, undefined);
    await wait(0, 'gone');
  });
});

const recordIds = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 12 });
const listing: fc.Arbitrary<Listing> = fc
  .tuple(recordIds, recordIds, recordIds, fc.nat(3), fc.integer({ min: 1, max: 9 }))
  .map(([own, others, unreadable, unnamed, readMs]) => ({
    ids: [...new Set([...own, ...others, ...unreadable])],
    records: own.map(id => ({ id, information: `record ${id}` })),
    unreadable,
    unnamed,
    readMs,
  }));

describe('merging lists', () => {
  test('takes lists of one source only', async () => {
    const { request } = steps;
    const objects = [await listingOf('contacts', [{ id: 1 }]), await listingOf('calls', [{ id: 2 }])];
    for (const source of ['contacts', 'calls'] as const) {
      const failure = await failureOf(attempt(() => steps.local.mergeListings({ request, of: source, objects })));
      expect(failure).toMatchObject({ code: 'case-file-broken', nonRetryable: true });
    }
  });

  const merge = async (listings: readonly Listing[]) => {
    const { request } = steps;
    const objects = await Promise.all(listings.map(each => steps.write('contacts', each)));
    const merged = await attempt(() => steps.local.mergeListings({ request, of: 'contacts', objects }));
    return { merged, content: await readListing(steps.cases, request, merged.object, 'contacts') };
  };
  const union = (listings: readonly Listing[], of: (listing: Listing) => readonly number[]) =>
    [...new Set(listings.flatMap(of))].sort((a, b) => a - b);
  const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

  test('gives every record once, whatever the order of the pages, and counts each row that could not be read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(listing, { maxLength: 5 }), async listings => {
        const forwards = await merge(listings);
        const backwards = await merge([...listings].reverse());
        const own = union(listings, ({ records }) => records.map(({ id }) => id));
        const unreadable = union(listings, each => each.unreadable).filter(id => !own.includes(id));
        const unnamed = listings.reduce((sum, each) => sum + each.unnamed, 0);
        for (const { merged, content } of [forwards, backwards]) {
          expect(sorted(content.records.map(({ id }) => id))).toEqual(own);
          expect(sorted(content.ids)).toEqual(union(listings, ({ ids }) => ids));
          expect(content.readMs).toBe(Math.min(...listings.map(({ readMs }) => readMs), listings.length === 0 ? 0 : 9));
          expect(sorted(content.unreadable)).toEqual(unreadable);
          expect(merged).toMatchObject({
            distinct: content.ids.length + unnamed,
            records: own.length,
            unreadable: unreadable.length + unnamed,
          });
        }
      }),
      SEEDED,
    );
  });

  /** Merges pages of this many characters each, and counts the reads that are open at the same time. */
  async function mostAtOnce(...lengths: readonly number[]) {
    const get = steps.driver.get;
    let reading = 0;
    let most = 0;
    Object.assign(steps.driver, {
      async get(key: string) {
        if (!key.includes('/case/')) return get.call(steps.driver, key);
        reading += 1;
        most = Math.max(most, reading);
        try {
          return await get.call(steps.driver, key);
        } finally {
          reading -= 1;
        }
      },
    });
    const page = (length: number, id: number) => ({
      ids: [id],
      records: [{ id, note: 'x'.repeat(length) }],
      unreadable: [],
      unnamed: 0,
      readMs: 1,
    });
    const { content } = await merge(lengths.map(page)).finally(() => Object.assign(steps.driver, { get }));
    expect(content.ids).toEqual(lengths.map((_, index) => index));
    return most;
  }

  test('reads eight pages at a time, in their order, and of large objects only as many as a process can hold', async () => {
    expect(await mostAtOnce(...Array(20).fill(10))).toBe(8);
    const MIB = 1_048_576;
    expect(await mostAtOnce(7 * MIB, 7 * MIB, 7 * MIB, 7 * MIB)).toBe(2);
    expect(await mostAtOnce(20 * MIB, 20 * MIB, 1)).toBe(1);
  });

  test('does not count a row as unreadable that another reading delivered', async () => {
    const bad = { ids: [1], records: [], unreadable: [1], unnamed: 0, readMs: 1 };
    const { merged } = await merge([bad, { ...bad, records: [{ id: 1 }], unreadable: [] }]);
    expect(merged).toMatchObject({ distinct: 1, records: 1, unreadable: 0 });
  });
});

const listingOf = (of: ListName, records: readonly { readonly id: number }[]) =>
  steps.write(of, { ids: [], records: [...records], unreadable: [], unnamed: 0, readMs: 1 });
const subjectWith = (...phoneNumbers: string[]) => steps.write('subject', { emails: [EMAIL], phoneNumbers });

test('records of a list beyond what a process can hold count as unreadable, also where the list is merged again', () => {
  const page = (...records: { id: number; note: string }[]) => ({
    ids: records.map(({ id }) => id),
    records,
    unreadable: [],
    unnamed: 0,
    readMs: 1,
  });
  const record = (id: number, length: number) => ({ id, note: 'x'.repeat(length) });
  const length = JSON.stringify([record(1, 40), record(3, 50)]).length - '[,]'.length;
  const merging = createMerge(length);
  for (const each of [page(record(1, 40), record(2, 60)), page(record(1, 40), record(3, 50)), page(record(4, 0))])
    merging.add(each);
  const merged = merging.end();
  expect(merged.records.map(({ id }) => id)).toEqual([1, 3]);
  expect(merged).toMatchObject({ ids: [1, 2, 3, 4], unreadable: [2, 4] });
  const again = createMerge(length);
  again.add(merged);
  expect(again.end()).toEqual(merged);
});

describe('the access package', () => {
  const calls = [
    { id: 2, started_at: 100, raw_digits: '+33 6 39 98 12 34', comments: [{ content: 'ü 王' }] },
    { id: 3, started_at: 100, raw_digits: null },
    { id: 1, started_at: 200, contact: { id: 7 } },
  ];
  const coverage = {
    contacts: { state: 'partial', gaps: [{ code: 'unexpected-record', count: 1 }] },
    calls: {
      state: 'complete',
      gaps: [],
      window: { from: null, to: '2026-01-31T12:00:00.000Z' },
      ambiguous: 2,
      ignoredNumbers: 1,
    },
    notice: { state: 'complete', gaps: [] },
    outOfReach: ['messages'],
  } as const;
  const rowOf =
    (record: 'contact' | 'call') =>
    ({ id }: { readonly id: number }) => ({
      ref: `${record} ${id}`,
      record,
      id,
      verb: 'deliver' as const,
      because: [],
    });
  type Rows = Read['plan']['rows'];
  interface More {
    readonly rows?: Rows;
    readonly transcripts?: readonly Read['transcript'][];
    readonly insights?: readonly Read['insight'][];
    readonly decisions?: Decisions;
  }
  const build = async (
    order: readonly { readonly id: number }[],
    { rows: moreRows = [], transcripts = [], insights = [], decisions }: More = {},
  ) => {
    const { request } = steps;
    const contacts = [{ id: 7, emails: [{ value: EMAIL }], favourite: 'tea' }];
    const rows = [...contacts.map(rowOf('contact')), ...order.map(rowOf('call')), ...moreRows];
    const input = {
      request,
      subject: await subjectWith('+33639981234'),
      people: await steps.people(contacts, ['33639981234']),
      calls: await listingOf('calls', order),
      plan: await steps.write('plan', { rows }),
      ...(decisions !== undefined && { approval: await approvalOf(rows, decisions) }),
      intelligence: await madeOf(transcripts, insights),
      notice: await steps.write('notice', { language: 'fr', text: '# Qui nous *sommes*' }),
      language: 'en' as const,
      timezone: 'UTC',
      withheld: [],
      coverage,
      startedAt: '2026-01-31T12:00:00.000Z',
    };
    return attempt(() => steps.local.buildPackage(input));
  };

  /** As a request leaves them: the first one alone, the others behind one reference. */
  const madeOf = async (transcripts: More['transcripts'] = [], insights: More['insights'] = []) => {
    const [first, ...others] = [
      ...(await Promise.all(transcripts.map(made => steps.write('transcript', made)))),
      ...(await Promise.all(insights.map(made => steps.write('insight', made)))),
    ];
    if (first === undefined) return [];
    const { request } = steps;
    return [first, await attempt(() => steps.local.gatherIntelligence({ request, objects: others }))];
  };
  type Built = Pick<Awaited<ReturnType<typeof build>>, 'package'>;

  /** What somebody decided where nobody is a registered approver. */
  const approvalOf = (rows: Rows, decisions: Decisions) =>
    steps.write('approval', {
      planDigest: planDigestOf(steps.keyring.hash, rows),
      decisions,
      approvals: [{ at: '2026-01-31T12:00:00.000Z' }],
    });
  const documentIn = async (built: Built) => {
    const files = await unzip(await packageOf(built));
    return accessPackageSchema.parse(JSON.parse(files.get('access-package.json') ?? ''));
  };

  const packageOf = async (built: Built) => {
    const file = await steps.cases.openPackage(steps.request, built.package.sha256);
    if (file === undefined) throw new Error('the package is not in the vault');
    return buffer(file.read(0));
  };

  test('is the same file however often it is built, and in whatever order its calls were found', async () => {
    const first = await build(calls);
    expect(await build([...calls].reverse())).toEqual(first);
    const bytes = await packageOf(first);
    expect(first.package).toEqual({
      uri: first.package.uri,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      sizeBytes: bytes.length,
    });
    expect(bytes.readUInt32LE(10)).toBe(DOS_TIME_OF_1980); // the time of its first file: no time of making
    expect((await build(calls.slice(1))).package.sha256).not.toBe(first.package.sha256);
  });

  test('holds what was made of a call with several people only if a person decided to take its recording', async () => {
    const moved = [2, 3].map(id => ({ id, started_at: id, transferred_to: { name: 'Omar' } }));
    const row = { verb: 'deliver', because: [], doubt: 'other-voices' } as const;
    const more: More = {
      rows: moved.map(({ id }) => ({ ref: `recording ${id}`, record: 'recording', id, ...row })),
      insights: moved.map(({ id: call }) => ({ call, kind: 'summary', content: 'They agreed.' })),
    };
    const insightsOf = async (decisions?: Decisions) =>
      (await documentIn(await build(moved, { ...more, ...(decisions !== undefined && { decisions }) }))).insights;
    const made = (call: number, content: string) => ({ call, kind: 'summary', content });
    for (const decisions of [undefined, {}, { 'recording 2': 'keep', 'call 2': 'take' }] as const)
      expect(await insightsOf(decisions)).toEqual([made(2, '[withheld]'), made(3, '[withheld]')]);
    expect(await insightsOf({ 'recording 2': 'take' })).toEqual([made(2, 'They agreed.'), made(3, '[withheld]')]);
  });

  test('holds what was made of calls in its order, long or short, and whole if its envelope is not known', async () => {
    const said = (text: string) => ({ content: { utterances: [{ participant_type: 'internal', text }] } });
    const transcripts = [1, 2, 3].map(call => ({ call, content: said(`of ${call} `.repeat(call * 1_000)) }));
    const unknown = { call: 2, kind: 'topics', raw: { odd: ['a', null, 1.5] } } as const;
    const insights = [{ call: 1, kind: 'summary', content: 'Short.' } as const, unknown];
    const document = await documentIn(await build(calls, { transcripts, insights }));
    expect(document.transcripts).toEqual(transcripts);
    expect(document.insights).toEqual([insights[0], { call: 2, kind: 'topics', content: { raw: unknown.raw } }]);
  });

  test('names each place that was redacted, and their number by reason is returned', async () => {
    const agent = { id: 5, name: 'Julie Martin' };
    const handled = [1, 2].map(id => ({ id, user: agent, recording: 'https://media.aircall.io/a.mp3' }));
    const assigned = { id: 3, assigned_to: agent };
    const built = await build([...handled, assigned]);
    const { redactions } = await documentIn(built);
    expect(redactions.map(({ reason }) => reason).sort()).toEqual(['agent', 'agent', 'agent', 'link', 'link']);
    expect(built.redactions).toEqual([
      { reason: 'agent', count: 3 },
      { reason: 'link', count: 2 },
    ]);
    expect((await build(calls)).redactions).toEqual([]);
  });

  test('holds what was found with every field, newest call first, and says what is missing', async () => {
    const files = await unzip(await packageOf(await build(calls)));
    expect([...files.keys()]).toEqual([
      ...['README.txt', 'index.html', 'notice.html', 'access-package.json', 'access-package.schema.json'],
      ...['contacts', 'calls', 'comments', 'tags', 'transcripts', 'insights'].map(name => `csv/${name}.csv`),
      'manifest.json',
    ]);
    const document = accessPackageSchema.parse(JSON.parse(files.get('access-package.json') ?? ''));
    expect(document).toMatchObject({
      requestId: 'r-1',
      createdAt: '2026-01-31T12:00:00.000Z',
      subject: { emails: [EMAIL], phoneNumbers: ['+33639981234'] },
      contacts: [{ id: 7, favourite: 'tea' }],
      coverage,
    });
    expect(document.calls.map(({ id }) => id)).toEqual([1, 3, 2]);
    expect(document.calls[2]).toEqual({ ...calls[0], iso: { started_at: '1970-01-01T00:01:40.000Z' } });
    expect(files.get('notice.html')).toContain('lang="fr"><h2>Qui nous <em>sommes</em></h2>');
    expect(files.get('index.html')).toContain('href="notice.html"');
    expect(files.get('README.txt')).toContain('notice.html');
    expect(files.get('manifest.json')).toContain('"notice.html"');
    expect(JSON.parse(files.get('access-package.schema.json') ?? '')).toMatchObject({ type: 'object' });
  });
});

describe('closing a request', () => {
  test('keeps how it ended, beside what its record held before, and is safe to do twice', async () => {
    const request = newRequest();
    await opened(request);
    const result = resultOf(request);
    const close = () =>
      attempt(
        () => steps.local.closeRequest({ request, runId: 'run-1', result, phases: {} }),
        infoOf(request, 'run-1'),
      );
    const before = await steps.cases.record(request);
    await close();
    await close();
    expect(await steps.cases.record(request)).toEqual({ ...before, result });
  });

  test('after a reset it finds its receipt, also if somebody removed the note of its place', async () => {
    const request = newRequest();
    await opened(request);
    const closeIn = (run: string) =>
      attempt(
        () => steps.local.closeRequest({ request, runId: 'run-1', result: resultOf(request), phases: {} }),
        infoOf(request, run),
      );
    await closeIn('run-1');
    const before = await steps.receipts.chain('acme');
    const notes = (await steps.driver.list('')).filter(key => key.includes(request.requestId) && key.endsWith('run-1'));
    expect(notes).toHaveLength(1);
    for (const key of notes) await steps.driver.delete(key);
    await closeIn('reset-1');
    expect(await steps.receipts.chain('acme')).toEqual(before);
  });

  test('taken again by another process it reads what is behind the head of the chain, not the whole chain', async () => {
    const filler = { runId: 'run-1', dryRun: false, subjectHash: null, startedAt: null, clock: undefined, phases: {} };
    await Promise.all(
      Array.from({ length: 100 }, () => {
        const request = newRequest();
        return steps.receipts.issue({ ...filler, request, ending: { result: resultOf(request) }, how: 'at-end' });
      }),
    );
    const read: string[] = [];
    const get: VaultDriver['get'] = key => {
      read.push(key);
      return steps.driver.get(key);
    };
    const another = createVault({ ...steps.driver, get }, steps.keyring);
    const { closeRequest } = createClosingActivities({
      cases: createCases(another),
      receipts: createReceipts({ vault: another, keyring: steps.keyring, now: steps.now }),
      alarms: { log() {}, async send() {} },
      workflows: 'c'.repeat(64),
      onEnded() {},
      async wake() {},
    });
    // Of the one its receipt is in the chain, of the other its worker ended before: it was told to come again.
    const [issued, awaited] = [newRequest(), newRequest()];
    for (const request of [issued, awaited]) await opened(request);
    const inputFor = (request: RequestRef) => ({ request, runId: 'run-1', result: resultOf(request), phases: {} });
    await attempt(() => steps.local.closeRequest(inputFor(issued)), infoOf(issued, 'run-1'));
    await steps.cases.close(awaited, resultOf(awaited));
    const before = await steps.receipts.chain('acme');
    for (const request of [issued, awaited])
      await attempt(() => closeRequest(inputFor(request)), { ...infoOf(request, 'run-1'), attempt: 2 });
    expect(read.filter(key => key.startsWith('receipts/')).length).toBeLessThanOrEqual(2);
    expect(await steps.receipts.chain('acme')).toHaveLength(before.length + 1);
    expect(await steps.receipts.of(awaited, 'run-1')).toBeDefined();
  });

  test('taken again it ends as its receipt says, whatever it would say now', async () => {
    const request = newRequest();
    await opened(request);
    const result = resultOf(request);
    const close = (other: Partial<typeof result>) => {
      const input = { request, runId: 'run-1', result: { ...result, ...other }, phases: {} };
      return attempt(() => steps.local.closeRequest(input), infoOf(request, 'run-1'));
    };
    expect(await close({})).toBeUndefined();
    expect(await close({})).toBeUndefined();
    expect(await close({ status: 'cancelled', completedAt: '2030-01-01T00:00:00.000Z' })).toEqual(result);
  });
});
