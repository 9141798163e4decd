/** A credential that dies at any API request of a request: it waits, goes on from the same steps, and repeats next to nothing. */
import { createCompanySeed } from '../../sandbox';
import type { RequestResult } from '../../src/client';
import { tellWaiting } from '../../src/temporal/waiting';
import { documentOf, idsOf, sorted, until } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
/** Pages of one person's calls are asked for side by side. */
const STEPS_IN_FLIGHT_MAX = 16;
const AT_MOST = 16;
const names = (kind: string) => Array.from({ length: AT_MOST }, (_, index) => `${kind}-${index}`);

let service: TestService;
beforeAll(async () => {
  const companies = [...names('access'), ...names('deletion')].map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS }),
  );
  service = await startTestService({ sandbox: { companies }, company: 'access-0' });
});
afterAll(async () => service.stop());

/** Runs a request whose credentials are revoked by its nth API request, and connected anew when it waits. */
async function run(kind: 'access' | 'deletion', nth: number) {
  const company = service.sandbox.company(`${kind}-${nth}`);
  const connection = await service.connectCompany(company.name);
  const subject = { email: company.truth.subjectEmail };
  const { workflowId } = await service.client.start(kind, {
    requestId: 'revoked',
    connection,
    subject,
    ...(kind === 'deletion' && { settleSeconds: 0 }),
  });
  if (nth > 0) {
    await until('it waits for credentials', async () => {
      const { status, waitingFor } = await service.client.status(workflowId);
      return status === 'waiting' && waitingFor?.cause === 'credentials';
    });
    await service.connectCompany(company.name, { kind: 'api-key', ...company.issueApiKey() });
    await tellWaiting(service.temporal, service.taskQueue, connection);
  }
  return { company, result: await service.client.result(workflowId) };
}

describe.each(['access', 'deletion'] as const)('%s', kind => {
  let whole: RequestResult;
  beforeAll(async () => {
    whole = (await run(kind, 0)).result;
    expect(whole.status).toBe('completed');
    expect(whole.apiRequests).toBeGreaterThan(3);
    expect(whole.apiRequests).toBeLessThan(AT_MOST);
  });

  test('completes wherever its credential is revoked, and repeats at most the steps in flight, and one ping', async () => {
    const places = Array.from({ length: whole.apiRequests }, (_, index) => index + 1);
    service.sandbox.setFaults({
      rules: places.map(nth => ({ company: `${kind}-${nth}`, requests: nth, action: 'revoke' })),
    });
    const ends = await Promise.all(places.map(nth => run(kind, nth)));
    service.sandbox.setFaults(undefined);
    const repeated = await Promise.all(
      ends.map(async ({ company, result }) => {
        expect(result).toMatchObject({ status: whole.status, counts: { contacts: whole.counts.contacts, failed: 0 } });
        expect(result.apiRequests).toBe(company.requests().length);
        if (kind === 'access') {
          const document = await documentOf(service, result);
          expect(idsOf(document.calls)).toEqual(sorted(company.truth.callIds));
        } else {
          expect(result.verification?.state).toBe('verified');
          expect(company.contacts().filter(({ id }) => company.truth.contactIds.includes(id))).toEqual([]);
        }
        const pings = company.requests().filter(({ path }) => path === '/v1/ping').length;
        return { pings, again: result.apiRequests - whole.apiRequests - pings };
      }),
    );
    expect(Math.max(...repeated.map(({ again }) => again))).toBeLessThanOrEqual(STEPS_IN_FLIGHT_MAX);
    expect(Math.max(...repeated.map(({ pings }) => pings))).toBe(1);
  });
});
