/**
 * No package holds anything of an agent, of somebody else, or a link that is a key: on the companies of the judgement's oracle, with
 * records full of canaries, made into packages by the functions that the service uses.
 */
import { SEED } from '../judgement/oracle/companies';
import { KINDS } from './canaries/marks';
import { canariesOf, leaksOf } from './canaries/packages';

/** The first of those in test/slow/package-canaries.test.ts. */
const COMPANIES = 300;
/** Enough to meet each canary in each file. */
const SAMPLE = 40;

test(`nothing of others is in any file of the packages of ${COMPANIES} companies`, () => {
  expect(leaksOf(COMPANIES, SEED)).toEqual([]);
});

test('without redaction each kind of canary is found in each file that shows records', () => {
  const found = new Set(canariesOf(SAMPLE, SEED).map(({ kind, file }) => `${kind} in ${file}`));
  const shown = ['index.html', 'access-package.json'].flatMap(file =>
    [...KINDS, 'address'].map(kind => `${kind} in ${file}`),
  );
  const tables = ['contacts', 'calls', 'comments', 'tags', 'transcripts', 'insights'].map(
    name => `agent in csv/${name}.csv`,
  );
  expect([...shown, ...tables].filter(each => !found.has(each))).toEqual([]);
});
