/** The longest that a request can wait: some 7,000 looks. test/service/time.test.ts is its like. */
import { createCompanySeed } from '../../sandbox';
import { type SkippingService, startSkippingService } from '../support/skipping';
import { expectWaitWithoutEvents } from '../support/waits';

let service: SkippingService;
beforeAll(async () => {
  const companies = [createCompanySeed({ name: 'dead', seed: 1, contacts: 20, calls: 170, now: Date.now() })];
  service = await startSkippingService({ companies });
});
afterAll(async () => service.stop());

test('a request waits for credentials for a year without a growing history, and resumes', () =>
  expectWaitWithoutEvents(service, 'dead', 364));
