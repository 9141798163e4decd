/** The search of test/package/canaries.test.ts in the packages of all companies of the oracle. */
import { SEED } from '../judgement/oracle/companies';
import { leaksOf } from '../package/canaries/packages';

const COMPANIES = 10_000;

test(`nothing of others is in any file of the packages of ${COMPANIES} companies`, () => {
  expect(leaksOf(COMPANIES, SEED)).toEqual([]);
});
