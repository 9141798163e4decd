/**
 * What a step of an API request checks in the vault before it sends anything: whose company it is, whether the request has ended,
 * and whether it may delete.
 */
import type { Info } from '@temporalio/activity';
import { writeObject } from '../../src/activities/case-objects';
import { type CaseRef, createCases } from '../../src/vault/cases';
import { createVault } from '../../src/vault/vault';
import { askedFor } from '../support/asked';
import {
  attempt as attemptAs,
  cardsOf,
  endedAs,
  failureOf,
  infoOf,
  peopleOf,
  planOf,
  type Steps,
  startSteps,
} from './support/steps';

let steps: Steps;
let subject: CaseRef;
let people: CaseRef;
let plan: CaseRef;
let media: CaseRef;
let spoken: CaseRef;
beforeEach(async () => {
  steps = await startSteps({ kind: 'deletion' });
  subject = await steps.write('subject', { emails: ['zoe.nunez@example.com'], phoneNumbers: [] });
  const cards = cardsOf(steps.company, steps.company.truth.contactIds);
  people = await steps.people(cards, ['33639981234']);
  plan = await steps.plan(cards);
  const [call = 0] = steps.company.truth.callIds;
  media = await steps.write('media', [{ call, kind: 'recording', code: 'expired' }]);
  spoken = await steps.write('spoken', [call]);
  steps.company.behave({ intelligence: true });
});
afterEach(async () => steps.stop());

/** Of the deletion. */
const attempt = <T>(step: () => Promise<T>, info: Partial<Info> = {}) =>
  attemptAs(step, { ...infoOf(steps.request, 'run-0'), ...info });

const window = {};
const STEPS = {
  searchContacts: () =>
    steps.api.searchContacts({ request: steps.request, subject, by: 'address', place: 0, window, page: 1 }),
  fetchCalls: () => steps.api.fetchCalls({ request: steps.request, people, number: 0, window, page: 1 }),
  getContact: () => steps.api.getContact({ request: steps.request, people, contact: 0 }),
  deleteContact: () => steps.api.deleteContact({ request: steps.request, people, plan, contact: 0 }),
  ping: () => steps.api.ping({ connection: 'acme' }),
  renewMediaLink: () => steps.api.renewMediaLink({ request: steps.request, media, place: 0 }),
  fetchTranscript: () => steps.api.fetchTranscript({ request: steps.request, spoken, place: 0 }),
  fetchInsight: () => steps.api.fetchInsight({ request: steps.request, spoken, place: 0, insight: 'summary' }),
};
const NAMES = [
  ...(['searchContacts', 'fetchCalls', 'getContact', 'deleteContact', 'ping'] as const),
  ...(['renewMediaLink', 'fetchTranscript', 'fetchInsight'] as const),
];

/** Another process of the same deployment. */
const elsewhere = () => createCases(createVault(steps.driver, steps.keyring));

const globex = () => steps.sandbox.company('globex');

/** As `connect --replace` stores it. */
function connectAnother(): Promise<unknown> {
  const { apiId, apiToken } = globex();
  return steps.connect({ kind: 'api-key', apiId, apiToken }, { company: 'globex', incarnation: 2 });
}

describe.each(NAMES)('%s', name => {
  test('sends nothing to another company than the one that its request began with', async () => {
    await connectAnother();
    const failure = await failureOf(attempt<unknown>(STEPS[name]));
    expect(failure).toMatchObject({ code: 'connection-replaced', nonRetryable: true, detail: { apiRequests: 0 } });
    expect(steps.sandbox.requests()).toEqual([]);

    await steps.connect();
    await attempt<unknown>(STEPS[name]);
    expect(steps.sandbox.requests()).toMatchObject([{ company: 'acme' }]);
  });

  test('sends nothing once its request has ended in this process', async () => {
    await steps.cases.close(steps.request, endedAs('cancelled'));
    expect(await failureOf(attempt<unknown>(STEPS[name]))).toMatchObject({ code: 'request-ended', nonRetryable: true });
    expect(steps.sandbox.requests()).toEqual([]);
  });

  test('is refused outside a request of its connection', async () => {
    const others = ['dsr-of-nobody', 'dsr:globex:deletion:r-1', 'dsr:acme:deletion:no-record'];
    for (const workflowId of others) {
      const info = { workflowExecution: { workflowId, runId: 'run-1' } };
      expect((await failureOf(attempt<unknown>(STEPS[name], info))).code).toMatch(/^(invalid-input|case-file-broken)$/);
    }
    expect(steps.sandbox.requests()).toEqual([]);
  });
});

test('nothing is sent to the company that a connection had before, also where somebody puts it back and hides it', async () => {
  const before = await steps.driver.get('connections/acme');
  await connectAnother();
  const request = { ...steps.request, requestId: 'r-2' };
  const startedAt = '2026-01-31T00:00:00.000Z';
  await steps.cases.open({ request, ...askedFor('of-nobody'), runId: 'run-1', startedAt, incarnation: 2 });
  for (const witness of await steps.driver.list('connections/acme')) await steps.driver.delete(witness);
  await steps.driver.delete('connections/acme');
  await steps.driver.putIfAbsent('connections/acme', before?.value ?? Buffer.alloc(0));

  const ping = (process: Steps) =>
    failureOf(attempt(() => process.api.ping({ connection: 'acme' }), infoOf(request, 'run-1')));
  expect(await ping(steps)).toMatchObject({ code: 'vault-rolled-back', nonRetryable: false });
  const another = await startSteps({ driver: steps.driver });
  expect(await ping(another)).toMatchObject({ code: 'connection-replaced', nonRetryable: true });
  await another.stop();
  expect(steps.sandbox.requests()).toEqual([]);
});

test('a deletion asks the vault anew: another process may have ended the request a moment ago', async () => {
  await attempt(STEPS.getContact);
  await elsewhere().close(steps.request, endedAs('cancelled'));
  expect(await failureOf(attempt(STEPS.deleteContact))).toMatchObject({ code: 'request-ended' });
  expect(steps.sandbox.requests().map(({ method }) => method)).toEqual(['GET']);
});

describe.each([
  ['an access request', { kind: 'access', requestId: 'r-2' }],
  ['a dry run', { kind: 'deletion', requestId: 'r-2', dryRun: true }],
] as const)('within %s', (_, { kind, requestId, ...more }) => {
  test('nothing is deleted, whatever schedules it; it may read', async () => {
    const request = { connection: 'acme', kind, requestId };
    const startedAt = '2026-01-31T00:00:00.000Z';
    await steps.cases.open({ request, ...askedFor('of-nobody'), runId: 'run-0', startedAt, incarnation: 1, ...more });
    const cards = cardsOf(steps.company, steps.company.truth.contactIds);
    const input = {
      request,
      people: await writeObject(steps.cases, request, 'people', peopleOf(cards)),
      plan: await writeObject(steps.cases, request, 'plan', planOf('deletion', cards)),
      contact: 0,
    };
    const info = infoOf(request, 'run-0');
    expect(await attempt(() => steps.api.getContact(input), info)).toMatchObject({ present: 'as-judged' });
    const failure = await failureOf(attempt(() => steps.api.deleteContact(input), info));
    expect(failure).toMatchObject({ code: 'deletion-not-asked', nonRetryable: true, detail: { apiRequests: 0 } });
    expect(steps.sandbox.requests().map(({ method }) => method)).toEqual(['GET']);
  });
});

test('steps that read cost the vault nothing for it', async () => {
  const asked: string[] = [];
  const { get, list } = steps.driver;
  Object.assign(steps.driver, {
    get: (key: string) => {
      asked.push(key);
      return get.call(steps.driver, key);
    },
    list: (key: string) => {
      asked.push(key);
      return list.call(steps.driver, key);
    },
  });
  for (let page = 0; page < 3; page += 1) await attempt(STEPS.searchContacts);
  expect(asked.filter(key => key.includes('/record') || key.startsWith('purged/'))).toEqual([]);
  expect(asked.filter(key => key === 'connections/acme')).toHaveLength(4);
});
