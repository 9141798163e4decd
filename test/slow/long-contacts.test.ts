/** A contact search that ignores its filter, in a company of more than 10,000 contacts: test/service/long-lists.test.ts is its like. */
import { createCompanySeed } from '../../sandbox';
import { expectHonestCounts, runToEnd } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

let service: TestService;
beforeAll(async () => {
  const seed = createCompanySeed({ name: 'contacts', seed: 2, contacts: 10_300, calls: 170, now: Date.now() });
  const companies = [{ ...seed, behaviour: { search: 'ignores-filter' as const } }];
  service = await startTestService({ sandbox: { companies }, company: 'contacts' });
});
afterAll(async () => service.stop());

test('more than 10,000 contacts are read whole where the search ignores its filter', async () => {
  const { company, connection } = service;
  const subject = { email: company.truth.subjectEmail };
  const ended = await runToEnd(service, company, () =>
    service.client.start('deletion', { requestId: 'long', connection, subject, dryRun: true }),
  );
  expect(ended.result).toMatchObject({
    status: 'planned',
    coverage: { contacts: { state: 'complete', gaps: [] } },
    plan: { counts: { contacts: company.truth.contactIds.length } },
  });
  await expectHonestCounts(service, ended);
});
