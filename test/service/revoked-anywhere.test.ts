/** A credential that dies at any API request of a request: it waits, goes on from the same steps, and repeats only what was refused. */
import { createCompanySeed, type LoggedRequest, OAUTH_CLIENT } from '../../sandbox';
import { ENDPOINTS } from '../../src/aircall/endpoints';
import { readTokens } from '../../src/aircall/oauth';
import type { RequestResult } from '../../src/client';
import { wakeWaiting } from '../../src/temporal/waiting';
import { type Credential, oauthCredential } from '../../src/vault/connections';
import { until } from '../support/patience';
import { documentOf, idsOf, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
/** Pages of one person's calls are asked for side by side. */
const STEPS_IN_FLIGHT_MAX = 16;
const AT_MOST = 16;
const REDIRECT_URI = 'https://dsr.example.com/oauth/callback';
const CLIENT = { clientId: OAUTH_CLIENT.id, clientSecret: OAUTH_CLIENT.secret };

/** A key is refused by 403, which a ping confirms; a token by 401, after which its refresh token is tried. */
const CASES = [
  { kind: 'access', credential: 'oauth', pings: 0, refreshes: 1 },
  { kind: 'deletion', credential: 'api-key', pings: 1, refreshes: 0 },
] as const;
type Case = (typeof CASES)[number];
const nameOf = ({ kind, credential }: Case, nth: number) => `${kind}-${credential}-${nth}`;

let service: TestService;
beforeAll(async () => {
  const names = CASES.flatMap(each => Array.from({ length: AT_MOST }, (_, nth) => nameOf(each, nth)));
  const companies = names.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS }));
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'access-oauth-0' });
});
afterAll(async () => service.stop());

/** A token that can be refreshed, as `connect --oauth` gets it. */
async function authorize(name: string): Promise<Credential> {
  const company = service.sandbox.company(name);
  company.behave({ refreshGrant: true, deadToken: 401 });
  const reply = await fetch(service.sandbox.baseUrl + ENDPOINTS.token.path, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: company.mintOauthCode(REDIRECT_URI),
      redirect_uri: REDIRECT_URI,
      client_id: OAUTH_CLIENT.id,
      client_secret: OAUTH_CLIENT.secret,
    }),
  });
  return oauthCredential(readTokens(await reply.json()), CLIENT, Date.now());
}

/** Runs a request whose credentials are revoked by its nth API request, and connected anew when it waits. */
async function run(each: Case, nth: number) {
  const company = service.sandbox.company(nameOf(each, nth));
  const connection = await service.connectCompany(
    company.name,
    each.credential === 'oauth' ? await authorize(company.name) : undefined,
  );
  const subject = { email: company.truth.subjectEmail };
  const { workflowId } = await service.client.start(each.kind, {
    requestId: 'revoked',
    connection,
    subject,
    ...(each.kind === 'deletion' && { settleSeconds: 0 }),
  });
  if (nth > 0) {
    await until('it waits for credentials', async () => {
      const { status, waitingFor } = await service.client.status(workflowId);
      return status === 'waiting' && waitingFor?.cause === 'credentials';
    });
    await service.connectCompany(company.name, { kind: 'api-key', ...company.issueApiKey() });
    await wakeWaiting(service.temporal, service.taskQueue, connection);
  }
  return { company, result: await service.client.result(workflowId) };
}

const isPing = ({ path }: LoggedRequest) => path === '/v1/ping';
const isGood = ({ status }: LoggedRequest) => status !== null && status < 300;
const named = ({ method, path, query }: LoggedRequest) => JSON.stringify([method, path, query]);

/** What was asked until all was deleted, and what verifies it then; of an access request, all is the former. */
function phasesOf(requests: readonly LoggedRequest[]): readonly (readonly LoggedRequest[])[] {
  const searching = requests.findLastIndex(({ method }) => method === 'DELETE') + 1 || requests.length;
  return [requests.slice(0, searching), requests.slice(searching)];
}

describe.each(CASES)('$kind with a credential of the kind $credential', each => {
  let whole: RequestResult;
  beforeAll(async () => {
    whole = (await run(each, 0)).result;
    expect(whole.status).toBe('completed');
    expect(whole.apiRequests).toBeGreaterThan(3);
    expect(whole.apiRequests).toBeLessThan(AT_MOST);
  });

  test('completes wherever it is revoked, and repeats what was refused and nothing else', async () => {
    const places = Array.from({ length: whole.apiRequests }, (_, index) => index + 1);
    service.sandbox.setFaults({
      rules: places.map(nth => ({ company: nameOf(each, nth), requests: nth, action: 'revoke' })),
    });
    const ends = await Promise.all(places.map(nth => run(each, nth)));
    service.sandbox.setFaults(undefined);
    const repeats: number[] = [];
    for (const { company, result } of ends) {
      expect(result).toMatchObject({ status: whole.status, counts: { contacts: whole.counts.contacts, failed: 0 } });
      if (each.kind === 'access') {
        const document = await documentOf(service, result);
        expect(idsOf(document.calls)).toEqual(sorted(company.truth.callIds));
      } else {
        expect(result.verification?.state).toBe('verified');
        expect(company.contacts().filter(({ id }) => company.truth.contactIds.includes(id))).toEqual([]);
      }
      const requests = company.requests();
      expect(result.apiRequests).toBe(requests.length + each.refreshes);
      expect(requests.filter(isPing)).toHaveLength(each.pings);
      const asked = phasesOf(requests.filter(request => !isPing(request)));
      for (const phase of asked) {
        const good = phase.filter(isGood).map(named);
        expect(good).toHaveLength(new Set(good).size); // what was answered is not asked for again
        expect(new Set(good)).toEqual(new Set(phase.map(named))); // what was refused is
      }
      const refused = asked.flat().filter(request => !isGood(request)).length;
      const again = asked.reduce((sum, phase) => sum + phase.length - new Set(phase.map(named)).size, 0);
      expect(again).toBe(refused);
      expect(refused).toBeGreaterThan(0);
      expect(refused).toBeLessThanOrEqual(STEPS_IN_FLIGHT_MAX);
      repeats.push(again);
    }
    console.log(
      `${each.kind}, ${each.credential}: revoked at each of ${places.length} API requests; repeated ${repeats.join(', ')}`,
    );
  });
});
