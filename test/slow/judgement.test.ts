/** The judgement against the oracle of test/judgement/oracle.test.ts, which compares the first tenth of these companies. */
import { firstDifference } from '../judgement/oracle/agreement';
import { createCompanies, SEED } from '../judgement/oracle/companies';

const COMPANIES = 10_000;
const AT_ONCE = 1_000;

test(`the judgement is that of the oracle on ${COMPANIES} companies`, () => {
  for (let compared = 0; compared < COMPANIES; compared += AT_ONCE)
    expect(firstDifference(createCompanies(AT_ONCE, SEED + compared))).toBeUndefined();
});
