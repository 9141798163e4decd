/** The personas: one for every trap of the judgement, apart from the standard subject and from each other. */
import { type CompanySeed, createCompanySeed, createStandardCompanies, type PersonaName } from '../../sandbox/index';
import { at, closeAfterEach, ids, NOW, setUp } from './ask';

closeAfterEach();

const INPUT = { name: 'acme', seed: 1, contacts: 120, calls: 600, now: NOW, audio: true };
const plain = createCompanySeed(INPUT);
const acme = createCompanySeed({ ...INPUT, personas: true });
const PERSONAS = Object.entries(acme.truth.personas);

/** What can be unclear, and who shows it. */
const TRAPS: Readonly<Record<string, readonly PersonaName[]>> = {
  'a number without country': [
    'number-without-country',
    'country-of-the-connection',
    'national-form',
    'country-of-her-other-numbers',
    'numbers-of-two-countries',
  ],
  'a number that serves many': ['extension', 'toll-free', 'premium-rate', 'universal-access', 'shared-cost'],
  "her number on somebody else's card": ['number-on-two-cards', 'other-name-without-email'],
  "a given number on somebody else's card": ['given-number-of-somebody-else'],
  'a second card without e-mail': ['second-card-without-email', 'nameless-card'],
  'an address of several people': ['two-people-one-address', 'role-address', 'own-and-role-address'],
  'nothing certain': ['only-doubtful', 'number-alone-of-two'],
  'a card that is edited': ['edited-card'],
  'one number in several spellings': ['argentina', 'mexico', 'bare-before-plus', 'bare-only'],
  'one address in several forms': ['international-domain', 'address-in-other-forms'],
  'a text that is no address': ['malformed-address'],
  'a number without a card by e-mail': ['number-without-card-by-email'],
  'a search that heeds case, hides or lags': ['capitalised-card', 'hidden-card', 'late-card'],
  'what keypads write': ['keypad-number'],
  'several addresses, or none': ['several-addresses', 'number-alone'],
  'a conference': ['conference'],
};

function idsOf({ certain, doubtful, nobody }: (typeof acme.truth.personas)[string]['calls']): number[] {
  return [...certain, ...doubtful.map(({ id }) => id), ...nobody];
}

test('there is a persona for each trap, and each persona is for one', () => {
  expect(Object.values(TRAPS).flat().sort()).toEqual(PERSONAS.map(([name]) => name).sort());
});

test("every contact and call of the personas is said to be of exactly one of them: certain, doubtful or nobody's", () => {
  const added = (key: 'contacts' | 'calls') => {
    const before = new Set(plain[key].map(({ id }) => id));
    return acme[key].map(({ id }) => id).filter(id => !before.has(id));
  };
  expect(PERSONAS.flatMap(([, { contacts }]) => idsOf(contacts)).sort()).toEqual(added('contacts').sort());
  expect(PERSONAS.flatMap(([, { calls }]) => idsOf(calls)).sort()).toEqual(added('calls').sort());
  expect(new Set([...acme.contacts, ...acme.calls].map(({ id }) => id)).size).toBe(
    acme.contacts.length + acme.calls.length,
  );
  for (const [, { contacts, calls, foundOnlyBy }] of PERSONAS) {
    const hers = [...contacts.certain, ...calls.certain, ...[...contacts.doubtful, ...calls.doubtful].map(d => d.id)];
    expect(hers).toEqual(expect.arrayContaining(Object.values(foundOnlyBy).flat()));
  }
});

test('personas change nothing of the company that they join', () => {
  const withoutPersonas = (seed: CompanySeed) => ({
    ...seed,
    contacts: seed.contacts.slice(0, plain.contacts.length),
    calls: seed.calls.slice(0, plain.calls.length),
    truth: { ...seed.truth, personas: {} },
  });
  expect(withoutPersonas(acme)).toEqual(plain);
  expect(createCompanySeed({ ...INPUT, personas: true })).toEqual(acme);
});

test('the standard company acme has them, unless the number of its records is set', () => {
  const [standard, other] = createStandardCompanies({ seed: 1, now: NOW });
  expect(standard).toEqual(acme);
  expect(other?.truth.personas).toEqual({});
  expect(createStandardCompanies({ seed: 1, now: NOW, calls: 600 })[0]).toEqual(plain);
});

const digitsOf = (value: string) => value.replace(/\D/g, '');

/** Addresses and numbers, as a person reads them, of a company without personas, or of one persona. */
function detailsOf({ contacts, calls }: Pick<CompanySeed, 'contacts' | 'calls'>): string[] {
  return [
    ...contacts.flatMap(({ emails }) => emails.map(({ value }) => value.toLowerCase())),
    ...contacts.flatMap(({ phone_numbers }) => phone_numbers.map(({ value }) => digitsOf(value))),
    ...calls.map(({ raw_digits }) => digitsOf(raw_digits)),
  ].filter(each => each !== '');
}

test('no persona shares an address or a number with the standard company or with another persona', () => {
  const groups = PERSONAS.map(([, { identities, contacts, calls }]) => {
    const mine = new Set([...idsOf(contacts), ...idsOf(calls)]);
    const made = {
      contacts: acme.contacts.filter(({ id }) => mine.has(id)),
      calls: acme.calls.filter(({ id }) => mine.has(id)),
    };
    return new Set([...detailsOf(made), ...identities.emails, ...identities.phoneNumbers.map(digitsOf)]);
  });
  const seen = new Set(detailsOf(plain));
  for (const group of groups) {
    expect([...group].filter(each => seen.has(each))).toEqual([]);
    for (const each of group) seen.add(each);
  }
});

test('personas use only numbers and domains that belong to nobody', () => {
  const fictional = [
    /^1\d{3}55501\d\d(12)?$/, // North America; 12 is an extension
    /^470?55501\d\d$/, // the same in national form; read as international, Norway: no subscriber's number begins with 0
    /^18005550199$/, // North America, toll-free
    /^(44|0)2079460\d{3}$/, // Ofcom: London
    /^449098790\d{3}$/, // Ofcom: premium rate
    /^443069990\d{3}$/, // Ofcom: UK-wide
    /^611300975707$/, // ACMA: local rate
    /^(33|0)63998\d{4}$/, // Arcep
    /^549?110000\d{4}$/, // Argentina: no subscriber's number begins with 0
    /^521?550000\d{4}$/, // Mexico, likewise
    /^(266696687|7378742833)$/, // the keypad: ANONYMOUS, RESTRICTED
  ];
  const hers = acme.contacts.slice(plain.contacts.length);
  const numbers = [
    ...hers.flatMap(({ phone_numbers }) => phone_numbers.map(({ value }) => value)),
    ...acme.calls.slice(plain.calls.length).map(({ raw_digits }) => raw_digits),
    ...PERSONAS.flatMap(([, { identities }]) => identities.phoneNumbers),
  ].filter(each => each !== 'anonymous');
  expect(numbers.map(digitsOf).filter(each => !fictional.some(range => range.test(each)))).toEqual([]);
  const domains = [
    ...hers.flatMap(({ emails }) => emails.map(({ value }) => value)),
    ...PERSONAS.flatMap(([, { identities }]) => identities.emails),
  ]
    .flatMap(value => value.split(';'))
    .map(value => /@([^>]+?)\.?>?$/.exec(value)?.[1]?.toLowerCase());
  expect(domains.filter(each => !/(^|\.)example(\.(com|net|org))?$/.test(each ?? ''))).toEqual([]);
});

test('a persona whose search is switched is found by listing only, and others by searching', async () => {
  const { ask, acme: company } = await setUp();
  const search = async (name: PersonaName) => {
    const persona = company.truth.personas[name];
    if (persona === undefined) throw new Error(`no persona ${name}`);
    company.behave({ search: 'exact', hideFromSearch: [], ...persona.behaviour });
    const [email = ''] = persona.identities.emails;
    return { found: ids(await ask(`/contacts/search?email=${encodeURIComponent(email)}`)), persona };
  };
  for (const name of ['capitalised-card', 'hidden-card'] as const) {
    const { found, persona } = await search(name);
    expect(found).toEqual([]);
    expect(persona.foundOnlyBy['contacts=company']).toEqual(expect.arrayContaining([...persona.contacts.certain]));
  }
  const { found, persona } = await search('two-people-one-address');
  expect(found).toEqual(persona.contacts.doubtful.map(({ id }) => id));
});

test('a conference call names who took part, any other call has no such member', async () => {
  const { ask, acme: company } = await setUp();
  const { calls } = company.truth.personas.conference ?? {};
  const read = async (id: number | undefined) =>
    at((await ask(`/calls/${id}`)).json, 'call', 'conference_participants');
  expect(await read(calls?.certain[1])).toEqual([{ type: 'external', phone_number: '+1 602-555-0145' }]);
  expect(await read(calls?.certain[0])).toBeUndefined();
});
