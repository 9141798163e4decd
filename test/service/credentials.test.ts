/** Credentials that die while requests run: a request waits and goes on, it never fails for them. */
import { createCompanySeed, OAUTH_CLIENT } from '../../sandbox';
import { tokenSchema } from '../../src/aircall/schemas';
import type { Credential } from '../../src/vault/connections';
import { until } from '../support/patience';
import { documentOf, idsOf, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NAMES = ['revoked', 'left', 'refreshed'];
/** So many that their pages are read by child workflows. */
const MANY_CALLS = 2_500;
const NOW_MS = Date.now();
const TOKEN_SECONDS = 7_200;
/** How far the sandbox's clock goes ahead. */
let aheadMs = 0;

let service: TestService;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS }));
  companies.push(createCompanySeed({ name: 'many', seed: 9, contacts: 20, calls: MANY_CALLS, now: NOW_MS }));
  service = await startTestService({
    shares: true,
    sandbox: { companies, now: () => Date.now() + aheadMs },
    company: 'revoked',
  });
});
afterAll(async () => service.stop());

async function start(name: string, connection: string, requestId: string) {
  const { truth } = service.sandbox.company(name);
  return service.client.start('access', { requestId, connection, subject: { email: truth.subjectEmail } });
}

/** Authorizes at the sandbox, as `connect --oauth` does. */
async function authorize(name: string): Promise<Credential> {
  const client = { client_id: OAUTH_CLIENT.id, client_secret: OAUTH_CLIENT.secret };
  const reply = await fetch(`${service.sandbox.baseUrl}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...client,
      grant_type: 'authorization_code',
      code: service.sandbox.company(name).mintOauthCode(),
      redirect_uri: 'https://example.com/callback',
    }),
  });
  const { access_token, refresh_token } = tokenSchema.parse(await reply.json());
  const refresh = { refreshToken: refresh_token ?? '', clientId: OAUTH_CLIENT.id, clientSecret: OAUTH_CLIENT.secret };
  return { kind: 'oauth', accessToken: access_token, refresh };
}

const untilWaiting = (workflowId: string, cause: string) =>
  until(`the request waits for ${cause}`, async () => {
    const { status, waitingFor } = await service.client.status(workflowId);
    return status === 'waiting' && waitingFor?.cause === cause;
  });

describe('where credentials are revoked in the middle of a request', () => {
  it('the request waits, visibly, and goes on from the same steps once it is connected anew', async () => {
    const company = service.sandbox.company('revoked');
    const connection = await service.connectCompany('revoked');
    service.sandbox.setFaults({ rules: [{ company: 'revoked', path: '/contacts', action: 'hold' }] });
    const { workflowId } = await start('revoked', connection, 'revoked');
    await until('the search is under way', () => company.requests().length === 1);
    company.revokeCredentials();
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    await untilWaiting(workflowId, 'credentials');

    // A second request of the same connection asks nothing: the credential is known to be dead.
    const asked = company.requests().length;
    const other = await start('revoked', connection, 'revoked-too');
    await untilWaiting(other.workflowId, 'credentials');
    expect(company.requests()).toHaveLength(asked);
    expect(await service.client.list({ connection })).toEqual(
      expect.arrayContaining([expect.objectContaining({ workflowId, status: 'waiting' })]),
    );

    await service.connectCompany('revoked', { kind: 'api-key', ...company.issueApiKey() });
    const [result, too] = [await service.client.result(workflowId), await service.client.result(other.workflowId)];
    expect(result.status).toBe('completed');
    expect(too.status).toBe('completed');
    const document = await documentOf(service, result);
    expect(idsOf(document.contacts)).toEqual(sorted(company.truth.contactIds));
    expect(idsOf(document.calls)).toEqual(sorted(company.truth.callIds));
    expect(result.apiRequests + too.apiRequests).toBe(company.requests().length);
    // What had been found before was not searched for again: her address and her four numbers, once for each request.
    const searches = company.requests().filter(({ path, status }) => path === '/v1/contacts/search' && status === 200);
    expect(searches).toHaveLength(2 * (1 + 4));
  });

  it('a request that waits for them can be cancelled', async () => {
    const company = service.sandbox.company('left');
    const connection = await service.connectCompany('left');
    company.revokeCredentials();
    const { workflowId } = await start('left', connection, 'left');
    await untilWaiting(workflowId, 'credentials');
    await service.client.cancel(workflowId);
    const result = await service.client.result(workflowId);
    expect(result.status).toBe('cancelled');
    expect(result.apiRequests).toBe(company.requests().length);
  });

  it('an expired token is refreshed once for all steps in flight, and nobody waits for a person', async () => {
    const company = service.sandbox.company('refreshed');
    company.behave({ refreshGrant: true, tokenSeconds: TOKEN_SECONDS });
    const connection = await service.connectCompany('refreshed', await authorize('refreshed'));
    // Revoked after the search, so that the call lists of all numbers are refused together.
    service.sandbox.setFaults({
      rules: [{ company: 'refreshed', path: '/contacts/search', action: 'hold' }],
    });
    const { workflowId } = await start('refreshed', connection, 'refreshed');
    await until('the search is under way', () => company.requests().length === 1);
    aheadMs += (TOKEN_SECONDS + 1) * 1_000;
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    const result = await service.client.result(workflowId);
    expect(result.status).toBe('completed');
    expect(idsOf((await documentOf(service, result)).calls)).toEqual(sorted(company.truth.callIds));
    const refreshes = service.sandbox.requests().filter(({ path }) => path === '/v1/oauth/token');
    expect(refreshes.map(({ status }) => status)).toEqual([200, 200]); // the code's, and one refresh
    const { events } = await service.temporal.workflow.getHandle(workflowId).fetchHistory();
    const steps = events?.flatMap(event => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
    expect(steps).toContain('refreshToken');
    expect(steps).not.toContain('awaitCredentials');
  });
});

it('a page that is refused while the credential is good costs that page only: all others are asked for, and had', async () => {
  const company = service.sandbox.company('many');
  const connection = await service.connectCompany('many');
  service.sandbox.setFaults({
    rules: [{ company: 'many', path: '/v1/calls\\?.*page=2(&|$)', action: 'status', status: 403 }],
  });
  const { workflowId } = await service.client.start('access', {
    requestId: 'many',
    connection,
    subject: { email: company.truth.subjectEmail },
    calls: 'company',
  });
  const result = await service.client.result(workflowId);
  service.sandbox.setFaults(undefined);
  expect(result).toMatchObject({
    status: 'partial',
    coverage: { calls: { state: 'partial', gaps: [{ code: 'forbidden', count: 1 }] } },
    apiRequests: company.requests().length,
  });
  const asked = company.requests().filter(({ path }) => path === '/v1/calls');
  const pages = asked.map(({ query }) => Number(query.page));
  expect(pages.length).toBeGreaterThan(40);
  expect(sorted(pages)).toEqual(pages.map((_, index) => index + 1)); // each once
  expect(asked.filter(({ status }) => status === 403).map(({ query }) => query.page)).toEqual(['2']);
  expect(company.requests().filter(({ path }) => path === '/v1/ping')).toHaveLength(1);
});
