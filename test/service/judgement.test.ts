/**
 * Whose record it is, at the client boundary: each persona of the sandbox, by access request and by deletion, found by search and among
 * all contacts and calls of the company. What is true of a persona was noted while her records were made.
 */
import { createCompanySeed, type PersonaTruth, type SandboxCompany } from '../../sandbox';
import type { RequestResult } from '../../src/client';
import { InvalidInput } from '../../src/request/input';
import { sideBySide } from '../../src/side-by-side';
import { until } from '../support/patience';
import { documentOf, idsOf, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
const WAYS = {
  search: { contacts: 'search', calls: 'by-number' },
  company: { contacts: 'company', calls: 'company' },
} as const;
type Way = keyof typeof WAYS;
const WAY_NAMES = ['search', 'company'] as const;
const REQUESTS_AT_ONCE = 6;

const seedOf = (name: string) =>
  createCompanySeed({ name, seed: 7, contacts: 20, calls: 20, now: NOW_MS, personas: true });
const PERSONAS = Object.entries(seedOf('any').truth.personas);
const NAMES = PERSONAS.map(([name]) => name);
/** Their switches concern all requests of a company: they share one, apart from the other personas. */
const APART = PERSONAS.flatMap(([name, { behaviour }]) => (Object.keys(behaviour).length > 0 ? [name] : []));
const switched = (seed: ReturnType<typeof seedOf>) => ({
  ...seed,
  behaviour: Object.assign({}, ...APART.map(name => seed.truth.personas[name]?.behaviour)),
});

/** Where a persona's requests of one way go. */
const companyOf = (way: Way, name: string) => (APART.includes(name) ? `${way}-apart` : way);

let service: TestService;
const accesses = new Map<string, RequestResult>();
const deletions = new Map<string, RequestResult>();
const key = (way: Way, name: string) => `${way} ${name}`;

beforeAll(async () => {
  const companies = WAY_NAMES.flatMap(way => [seedOf(way), switched(seedOf(`${way}-apart`))]);
  service = await startTestService({ sandbox: { companies }, company: 'search' });
});
// Apart, because the limit of a hook is that of a test, and each of these runs all personas.
for (const way of WAY_NAMES)
  beforeAll(() =>
    sideBySide(NAMES, REQUESTS_AT_ONCE, async name => {
      const input = { requestId: `${way}-${name}`, subject: personaOf(name).identities, ...WAYS[way] };
      const connection = await connectTo(companyOf(way, name), personaOf(name).country);
      const { workflowId } = await service.client.start('access', { ...input, connection });
      accesses.set(key(way, name), await service.client.result(workflowId));
    }),
  );
// In the same companies: when the first deletion starts, all access requests have ended.
for (const way of WAY_NAMES)
  beforeAll(() =>
    sideBySide(NAMES, REQUESTS_AT_ONCE, async name => {
      const { contacts } = WAYS[way];
      const input = { requestId: name, subject: personaOf(name).identities, contacts, settleSeconds: 0 };
      const connection = await connectTo(companyOf(way, name), personaOf(name).country);
      const { workflowId } = await service.client.start('deletion', { ...input, connection });
      deletions.set(key(way, name), await service.client.result(workflowId));
    }),
  );
afterAll(async () => service?.stop());

const connected = new Map<string, Promise<string>>();

/** A connection to the company that reads numbers as of this country. */
function connectTo(company: string, country = ''): Promise<string> {
  const made = connected.get(`${company} ${country}`) ?? connect(company, country);
  connected.set(`${company} ${country}`, made);
  return made;
}

async function connect(company: string, country: string): Promise<string> {
  const plain = await service.connectCompany(company);
  if (country === '') return plain;
  const stored = await service.connections.get(plain);
  if (stored === undefined) throw new Error('the connection is not in the vault');
  const name = `${plain}-${country.toLowerCase()}`;
  await service.connections.put({ ...stored.value, name, country }, undefined);
  return name;
}

function personaOf(name: string): PersonaTruth {
  const found = PERSONAS.find(([each]) => each === name)?.[1];
  if (found === undefined) throw new Error(`there is no persona ${name}`);
  return found;
}

/** Her records in this company, and what a request finds of them in this way. */
function truthOf(company: SandboxCompany, name: string, way: Way) {
  const truth = company.truth.personas[name];
  if (truth === undefined) throw new Error(`there is no persona ${name}`);
  const { foundOnlyBy } = truth;
  const unseen = way === 'company' ? [] : [...foundOnlyBy['contacts=company'], ...foundOnlyBy['calls=company']];
  const seen = ({ certain, doubtful }: PersonaTruth['calls']) => ({
    certain: certain.filter(id => !unseen.includes(id)),
    doubtful: doubtful.filter(({ id }) => !unseen.includes(id)),
  });
  return { ...truth, contacts: seen(truth.contacts), calls: seen(truth.calls), cards: truth.contacts };
}

function doubtsOf(records: readonly { readonly code: string }[]) {
  const codes = [...new Set(records.map(({ code }) => code))].sort();
  return codes.map(code => {
    const count = records.filter(each => each.code === code).length;
    return { code, records: count, taken: 0, kept: count };
  });
}
const byCode = (doubts: RequestResult['doubts']) => [...doubts].sort((a, b) => (a.code < b.code ? -1 : 1));
const OF_THE_REQUEST = ['number-only', 'shared-address'];

interface Seen {
  readonly certain: number;
  readonly doubtful: readonly { readonly code: string }[];
  readonly gaps: readonly unknown[];
}

function statusOf({ certain, doubtful, gaps }: Seen): string {
  if (gaps.length > 0 || doubtful.some(({ code }) => OF_THE_REQUEST.includes(code))) return 'partial';
  if (certain > 0) return 'completed';
  return doubtful.length > 0 ? 'partial' : 'no-match';
}

describe.each(WAY_NAMES)('where contacts and calls are found by %s', way => {
  it.each(NAMES)('an access request hands over what is certainly hers, and tells what may be: %s', async name => {
    const result = accesses.get(key(way, name));
    if (result === undefined) throw new Error('the request has not ended');
    const company = service.sandbox.company(companyOf(way, name));
    const { contacts, calls, gaps, ignoredNumbers } = truthOf(company, name, way);
    const doubtful = [...contacts.doubtful, ...calls.doubtful];
    const certain = contacts.certain.length + calls.certain.length;
    expect({ status: result.status, doubts: byCode(result.doubts) }).toEqual({
      status: statusOf({ certain, doubtful, gaps }),
      doubts: doubtsOf(doubtful),
    });
    expect(result.counts).toMatchObject({ contacts: contacts.certain.length, calls: calls.certain.length, failed: 0 });
    expect(result.coverage.calls).toMatchObject({ ambiguous: calls.doubtful.length, ignoredNumbers });
    expect(result.coverage.calls?.gaps.filter(({ code }) => code === 'number-without-country')).toEqual(gaps);
    expect(result.outcomes.map(({ outcome, code = '' }) => `${outcome} ${code}`).sort()).toEqual(
      doubtful.map(({ code }) => `withheld ${code}`).sort(),
    );
    const document = await documentOf(service, result);
    expect(idsOf(document.contacts)).toEqual(sorted(contacts.certain));
    expect(idsOf(document.calls)).toEqual(sorted(calls.certain));
  });

  it.each(NAMES)('a deletion deletes what is certainly hers, and leaves and tells what may be: %s', name => {
    const company = service.sandbox.company(companyOf(way, name));
    const result = deletions.get(key(way, name));
    if (result === undefined) throw new Error('the request has not ended');
    const { contacts, cards, gaps } = truthOf(company, name, way);
    const { certain, doubtful } = contacts;
    expect({ status: result.status, doubts: byCode(result.doubts) }).toEqual({
      status: statusOf({ certain: certain.length, doubtful, gaps }),
      doubts: doubtsOf(doubtful),
    });
    const all = certain.length + doubtful.length;
    expect(result.counts).toMatchObject({ contacts: all, deleted: certain.length, retained: doubtful.length });
    expect(result.verification?.state).toBe(certain.length > 0 ? 'verified' : 'skipped');
    expect(result.coverage.contacts.by).toBe(way === 'company' ? 'company' : undefined);
    const made = [...cards.certain, ...cards.doubtful.map(({ id }) => id), ...cards.nobody];
    const there = new Set(company.contacts().map(({ id }) => id));
    expect(made.filter(id => there.has(id)).sort()).toEqual(made.filter(id => !certain.includes(id)).sort());
  });
});

it.each(PERSONAS.flatMap(([, { refused }]) => refused))('a text that is no address is refused: %s', async email => {
  const connection = await connectTo('search');
  const input = { requestId: 'refused', connection, subject: { email } };
  await expect(service.client.start('access', input)).rejects.toBeInstanceOf(InvalidInput);
});

it('calls that nothing leads to are skipped, and never called complete', () => {
  const skipped = accesses.get(key('search', 'hidden-card'));
  expect(skipped).toMatchObject({
    status: 'no-match',
    coverage: {
      calls: { state: 'skipped', by: 'number', gaps: [{ code: 'no-number-known' }] },
      recordings: { state: 'skipped' },
      insights: { state: 'skipped' },
    },
  });
  const listed = accesses.get(key('company', 'hidden-card'));
  expect(listed).toMatchObject({ status: 'completed', coverage: { calls: { state: 'complete', by: 'company' } } });
});

it('a deletion that finds nothing looks once more, and deletes what a lagging search shows by then', async () => {
  const name = 'late-card';
  const company = service.sandbox.company(companyOf('search', name));
  const { identities, later } = personaOf(name);
  const connection = await connectTo(company.name);
  const input = { requestId: 'late', connection, subject: identities, settleSeconds: 5 };
  const { workflowId } = await service.client.start('deletion', input);
  await until('it settles', async () => (await service.client.status(workflowId)).waitingFor?.cause === 'settle');
  const { id } = company.addContact(later ?? {});
  const result = await service.client.result(workflowId);
  expect(result).toMatchObject({ status: 'completed', counts: { contacts: 1, deleted: 1 } });
  expect(company.contacts().some(contact => contact.id === id)).toBe(false);
});
