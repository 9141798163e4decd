/**
 * Small companies made by chance, each from a seed: cards that share numbers, addresses and names in many spellings, calls, and a
 * request. A few scenes of each company put a trap on purpose; the rest falls as it falls. No real person: names, domains and numbers
 * are made up.
 */
import type { CallRecord, Card, Country, Identities } from '../../../src/judgement/judgement';

export interface Company {
  readonly identities: Identities;
  /** Of the connection. */
  readonly country: Country | undefined;
  readonly cards: readonly Card[];
  readonly calls: readonly CallRecord[];
  /** Whether the search for its cards by addresses had no gap. */
  readonly areAllByAddress: boolean;
  /** Nor that by numbers. */
  readonly areAll: boolean;
}

/** Of the first company of all tests. */
export const SEED = 16_000;
const CARDS_MAX = 12;
const CALLS_MAX = 20;
/** More different values than are read of one person. */
const MANY_VALUES = 205;
/** Companies whose search has a gap. */
const GAP_PERCENT = { addresses: 10, any: 18 };
const SCENES = { least: 1, most: 5 };

export interface Chance {
  /** True in so many of a hundred cases. */
  in100(percent: number): boolean;
  /** From least to most, both included. */
  between(least: number, most: number): number;
  pick<T>(values: readonly [T, ...T[]]): T;
  some<T>(values: readonly T[], most: number): T[];
  shuffle<T>(values: readonly T[]): T[];
}

/** Mulberry32: a whole sequence from a seed of 32 bits. */
export function createChance(seed: number): Chance {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  const shuffle = <T>(values: readonly T[]) =>
    values
      .map(value => ({ value, at: next() }))
      .sort((one, other) => one.at - other.at)
      .map(({ value }) => value);
  return {
    in100: percent => next() * 100 < percent,
    between,
    pick: values => values[between(0, values.length - 1)] ?? values[0],
    some: (values, most) => shuffle(values).slice(0, between(0, most)),
    shuffle,
  };
}

// Telephone lines

/** A line of somebody. */
interface Line {
  /** With country code, as it is written most often. */
  readonly digits: string;
  /** The length of the country code. */
  readonly code: number;
  /** As it is written in its country. */
  readonly national: string;
  /** Other digits that reach the same line. */
  readonly other?: string;
}

const LINES: readonly [Line, ...Line[]] = [
  { digits: '33612345678', code: 2, national: '06 12 34 56 78' },
  { digits: '33698765432', code: 2, national: '06.98.76.54.32' },
  { digits: '447400123456', code: 2, national: '07400 123456' },
  { digits: '447797123456', code: 2, national: '07797 123456' },
  { digits: '12042345678', code: 1, national: '(204) 234-5678' },
  { digits: '4915123456789', code: 2, national: '01512 3456789' },
  { digits: '541123456789', code: 2, national: '011 15-2345-6789', other: '5491123456789' },
  { digits: '525512345678', code: 2, national: '55 1234 5678', other: '5215512345678' },
];
/** Norway's and Arkansas' digits are the same without the country. */
const TWINS: readonly [Line, Line] = [
  { digits: '4792345678', code: 2, national: '92 34 56 78' },
  { digits: '14792345678', code: 1, national: '(479) 234-5678' },
];
const LATIN_AMERICAN: readonly [Line, ...Line[]] = [
  { digits: '541145678901', code: 2, national: '011 15-4567-8901', other: '5491145678901' },
  { digits: '525587654321', code: 2, national: '55 8765 4321', other: '5215587654321' },
];
const OF_MANY: Readonly<Record<'toll-free' | 'premium' | 'shared-cost' | 'universal', readonly [Line, ...Line[]]>> = {
  'toll-free': [
    { digits: '33800123456', code: 2, national: '0 800 12 34 56' },
    { digits: '18002345678', code: 1, national: '(800) 234-5678' },
    { digits: '80012345678', code: 3, national: '1234 5678' },
  ],
  premium: [
    { digits: '33899123456', code: 2, national: '0 899 12 34 56' },
    { digits: '448701234567', code: 2, national: '0870 123 4567' },
  ],
  'shared-cost': [
    { digits: '33820123456', code: 2, national: '0 820 12 34 56' },
    { digits: '49180212345', code: 2, national: '01802 12345' },
  ],
  universal: [
    { digits: '443001234567', code: 2, national: '0300 123 4567' },
    { digits: '443309876543', code: 2, national: '0330 987 6543' },
  ],
};
/** Not valid, not even possible, or of no known plan. */
const ODD: readonly [Line, ...Line[]] = [
  { digits: '4719999999', code: 2, national: '19 99 99 99' },
  { digits: '441632960018', code: 2, national: '01632 960018' },
  { digits: '15552345678', code: 1, national: '(555) 234-5678' },
  { digits: '99912345678', code: 3, national: '12345678' },
  { digits: '33612345', code: 2, national: '06 12 34 5' },
];
/** What Aircall shows for hidden callers. */
export const KEYPAD_NUMBERS = [
  '266696687',
  '7378742833',
  '2562533',
  '8656696',
  '86282452253',
  '7748283',
  '94844353',
] as const;
const NO_NUMBERS = [
  '12345',
  'unknown',
  'n/a',
  '-',
  '+33 12',
  'ask for Anna',
  '00',
  '+0612345678',
  '000 612345678',
] as const;
const COUNTRIES = ['FR', 'FR', 'US', 'US', 'GB', 'MX', 'AR', 'NO'] as const;

const INVISIBLE = ['\u200b', '\u200e', '\ufeff', '\u202a', '\u00ad', '\u2060'] as const;
const fullWidth = (text: string) => text.replace(/[!-~]/g, sign => String.fromCharCode(sign.charCodeAt(0) + 0xfee0));
const putInto = (text: string, sign: string, at: number) => `${text.slice(0, at)}${sign}${text.slice(at)}`;

function spellInternational(line: Line, chance: Chance): string {
  const digits = line.other !== undefined && chance.in100(50) ? line.other : line.digits;
  const code = digits.slice(0, line.code);
  const rest = digits.slice(line.code);
  const grouped = rest.replace(/(..)(?=..)/g, '$1 ');
  return chance.pick([
    `+${digits}`,
    `+${digits}`,
    `+${digits}`,
    `+${code} ${grouped}`,
    `00${digits}`,
    `00 ${code} ${grouped}`,
    `(+${code}) ${grouped}`,
    `tel:+${digits}`,
    fullWidth(`+${digits}`),
    putInto(`+${digits}`, chance.pick(INVISIBLE), chance.between(0, digits.length + 1)),
    `+${code} ${grouped.replaceAll(' ', chance.pick(['-', '\u2010', '\u2013', '\ufe58', '.']))}`,
  ]);
}

const spellBare = (line: Line, chance: Chance) =>
  line.other !== undefined && chance.in100(50) ? line.other : line.digits;
const spellNational = (line: Line, chance: Chance) =>
  chance.in100(80)
    ? line.national
    : chance.pick([`tel:${line.national}`, fullWidth(line.national), ` ${line.national}\u200f`]);

/** libphonenumber reads no extension after a number of no known plan, so there the page is not clear. */
function extend(line: Line, text: string, chance: Chance): string {
  if (line.digits.startsWith('999')) return text;
  return `${text}${chance.pick([' ext. 12', 'x12', ';ext=12', '#12', ' ext 4711', ' x7'])}`;
}

/** As somebody typed it; mostly with its country. */
function spellLine(line: Line, chance: Chance): string {
  const spell = chance.pick([
    spellInternational,
    spellInternational,
    spellInternational,
    spellInternational,
    spellBare,
    spellNational,
  ]);
  const text = spell(line, chance);
  return chance.in100(3) ? extend(line, text, chance) : text;
}

// Addresses

const ADDRESSES = [
  'anna@firma.example',
  'anna.muller+home@firma.example',
  'bob@stone.example',
  'ren\u00e9@caf\u00e9.example',
  'k.meier@b\u00fccher.example',
  'chloe@sub.domain.example',
  'o\u2019neil@irish.example',
  'sale@firma.example',
] as const;
const ROLE_ADDRESSES = [
  'info@firma.example',
  'sales+de@firma.example',
  'support@b\u00fccher.example',
  'no-reply@stone.example',
  'contact@irish.example',
] as const;
const PUNYCODE: Readonly<Record<string, string>> = {
  'b\u00fccher.example': 'xn--bcher-kva.example',
  'caf\u00e9.example': 'xn--caf-dma.example',
};
const LONG = 'x'.repeat(1_025);

function withDomain(address: string, change: (domain: string) => string): string {
  const at = address.lastIndexOf('@') + 1;
  return `${address.slice(0, at)}${change(address.slice(at))}`;
}
const toPunycode = (address: string) => withDomain(address, domain => PUNYCODE[domain] ?? domain);

/** One address as it may be typed. */
function spellAddress(address: string, chance: Chance): string {
  const spelled = chance.pick([
    address,
    address,
    address.toUpperCase(),
    toPunycode(address),
    toPunycode(address),
    address.normalize('NFD'),
    `${address}.`,
  ]);
  return chance.in100(15) ? putInto(spelled, chance.pick(INVISIBLE), chance.between(0, spelled.length)) : spelled;
}

/** A field as it may be stored: one address or several, with names, blanks, or far too long. */
function storeAddress(address: string, chance: Chance): string {
  const spelled = spellAddress(address, chance);
  if (chance.in100(70)) return spelled;
  const other = spellAddress(chance.pick(ADDRESSES), chance);
  return chance.pick([
    ` ${spelled}\t`,
    `Anna <${spelled}>`,
    `<${spelled}>`,
    `Anna M\u00fcller <${spelled}>; ${other}`,
    `${other}, ${spelled}`,
    `${other};Bob <${spelled}>`,
    `mailto:${spelled}`,
    `"Anna; ${other}; home" <${spelled}>`,
    `"M\u00fcller, Anna" <${spelled}>, Bob <${other}>`,
    chance.in100(30) ? `${LONG} <${spelled}>` : spelled,
  ]);
}

// Names

type Name = Pick<Card, 'first_name' | 'last_name'>;

const PEOPLE = [
  { first_name: 'Anna', last_name: 'M\u00fcller' },
  { first_name: 'Ren\u00e9', last_name: 'Dubois' },
  { first_name: 'Bob', last_name: 'Stone' },
  { first_name: '\u041f\u0451\u0442\u0440', last_name: '\u0418\u0432\u0430\u043d\u043e\u0432' },
] as const;
type Person = (typeof PEOPLE)[number];
const NAMELESS: readonly [Name, ...Name[]] = [
  {},
  { first_name: null, last_name: '' },
  { first_name: ' - ' },
  { last_name: `${'-'.repeat(256)}Stone` },
];

const bare = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '');

/** The name of a person, as cards have it; always with a word of it. */
function spellName({ first_name, last_name }: Person, chance: Chance): Name {
  return chance.pick<Name>([
    { first_name, last_name },
    { first_name, last_name },
    { first_name: last_name, last_name: first_name },
    { first_name: bare(first_name), last_name: bare(last_name) },
    { first_name: null, last_name: `${last_name.toUpperCase()}, ${first_name}` },
    { first_name: `Dr. ${bare(first_name).toUpperCase()}` },
    { first_name: first_name.normalize('NFD'), last_name: '' },
    { last_name: bare(last_name).toLowerCase() },
  ]);
}

// Companies

/** A company while it is made. */
interface Making {
  readonly chance: Chance;
  readonly subject: Person;
  readonly stranger: Person;
  /** Her own; the request names it unless a scene says otherwise. */
  readonly address: string;
  readonly line: Line;
  /** What else people of this company have. */
  readonly lines: [Line, ...Line[]];
  readonly addresses: readonly [string, ...string[]];
  readonly emails: Set<string>;
  readonly phoneNumbers: Set<string>;
  readonly cards: Omit<Card, 'id'>[];
  country: Country | undefined;
}

/** What stands on a card; without id. */
interface Content {
  readonly name?: Name;
  readonly emails?: readonly string[];
  readonly numbers?: readonly string[];
}

function addCard({ cards, chance }: Making, { name = {}, emails = [], numbers = [] }: Content): void {
  const values = (texts: readonly string[]) =>
    texts.length === 0 && chance.in100(30) ? null : chance.shuffle(texts).map(value => ({ value }));
  cards.push({ ...name, emails: values(emails), phone_numbers: values(numbers) });
}

const nameOf = (person: Person, chance: Chance): Name =>
  chance.in100(15) ? chance.pick(NAMELESS) : spellName(person, chance);

function addHers(making: Making, numbers: readonly string[]): void {
  const { chance, subject, address } = making;
  addCard(making, { name: nameOf(subject, chance), emails: [storeAddress(address, chance)], numbers });
}

/** Each puts a trap into the company that is being made. */
const SCENE_LIST: readonly [(making: Making) => void, ...((making: Making) => void)[]] = [
  // A number without country on her card: alone, beside one of its country, beside several.
  making => {
    const { chance, lines } = making;
    const line = chance.pick([...TWINS, ...LINES]);
    lines.push(line);
    if (chance.in100(50)) making.country = undefined;
    const beside = chance.in100(60) ? [spellInternational(chance.in100(50) ? line : chance.pick(LINES), chance)] : [];
    const more = chance.in100(60) ? [spellInternational(chance.pick(LINES), chance)] : [];
    addHers(making, [spellNational(line, chance), ...beside, ...more]);
  },
  // The twin of the same digits belongs to somebody else.
  making => {
    const { chance, stranger, lines } = making;
    lines.push(...TWINS);
    addHers(making, [TWINS[1].national]);
    addCard(making, {
      name: spellName(stranger, chance),
      emails: [storeAddress(chance.pick(ADDRESSES), chance)],
      numbers: [spellInternational(TWINS[0], chance)],
    });
  },
  // Of one country: two lines of it, one of them without.
  making => {
    const { chance, lines } = making;
    lines.push(...LINES.slice(0, 2));
    addHers(making, [spellNational(LINES[0], chance), `+${LINES[1]?.digits}`]);
    if (chance.in100(50)) addCard(making, { name: chance.pick(NAMELESS), numbers: [`+${LINES[0].digits}`] });
  },
  // An island of a shared plan names its own country; a number of nobody's country names none.
  making => {
    const { chance, lines } = making;
    const line = chance.pick([ODD[0], ...LINES.slice(2, 5), ...ODD.slice(1, 3)]);
    lines.push(line, ...LINES.slice(2, 5));
    addHers(making, [spellNational(chance.pick(LINES), chance), `+${line.digits}`]);
  },
  making => {
    const { chance, line, lines } = making;
    const extended = chance.in100(50) ? line : chance.pick(lines);
    addHers(making, [extend(extended, chance.in100(70) ? `+${extended.digits}` : spellLine(extended, chance), chance)]);
  },
  making => {
    const { chance, stranger, line } = making;
    const emails = chance.in100(50) ? [storeAddress(chance.pick(ADDRESSES), chance)] : [];
    addCard(making, { name: nameOf(stranger, chance), emails, numbers: [extend(line, `+${line.digits}`, chance)] });
  },
  ...(['toll-free', 'premium', 'shared-cost', 'universal'] as const).map(kind => (making: Making) => {
    const { chance, lines } = making;
    const line = chance.pick(OF_MANY[kind]);
    lines.push(line);
    if (chance.in100(30)) making.phoneNumbers.add(`+${line.digits}`);
    addHers(making, [spellLine(line, chance), ...(chance.in100(50) ? [spellLine(making.line, chance)] : [])]);
  }),
  making => {
    const { chance, lines } = making;
    const line = chance.pick(ODD);
    lines.push(line);
    addHers(making, [spellInternational(line, chance)]);
  },
  // Her number on somebody else's card.
  making => {
    const { chance, stranger, line, lines } = making;
    const emails = chance.in100(60) ? [storeAddress(chance.pick(ADDRESSES), chance)] : [];
    addCard(making, {
      name: nameOf(stranger, chance),
      emails,
      numbers: [spellLine(line, chance), ...(chance.in100(40) ? [spellLine(chance.pick(lines), chance)] : [])],
    });
  },
  // A given number on somebody else's card, on hers, or on nobody's.
  making => {
    const { chance, stranger, lines, phoneNumbers } = making;
    const line = chance.pick(lines);
    const number = `+${spellBare(line, chance)}`;
    phoneNumbers.add(chance.in100(15) ? extend(line, number, chance) : number);
    if (chance.in100(60))
      addCard(making, {
        name: spellName(stranger, chance),
        emails: chance.in100(70) ? [storeAddress(chance.pick(ADDRESSES), chance)] : [],
        numbers: [spellLine(line, chance)],
      });
  },
  // Her card without an address, with her name, with none, with another.
  making => {
    const { chance, subject, stranger, line, lines } = making;
    addCard(making, {
      name: chance.in100(70) ? nameOf(subject, chance) : spellName(stranger, chance),
      emails: chance.pick([[], [], ['']]),
      numbers: [spellLine(line, chance), ...(chance.in100(30) ? [spellLine(chance.pick(lines), chance)] : [])],
    });
  },
  // Two cards under one address.
  making => {
    const { chance, subject, stranger, address, lines } = making;
    for (const person of [subject, chance.in100(60) ? stranger : subject])
      addCard(making, {
        name: nameOf(person, chance),
        emails: [storeAddress(address, chance), ...(chance.in100(25) ? [chance.pick(ADDRESSES)] : [])],
        numbers: [spellLine(chance.pick(lines), chance)],
      });
  },
  making => {
    const { chance, subject, stranger, address, emails, lines } = making;
    const role = chance.pick(ROLE_ADDRESSES);
    emails.add(role);
    for (const person of chance.some([subject, stranger, stranger], 3))
      addCard(making, {
        name: nameOf(person, chance),
        emails: [storeAddress(role, chance), ...(chance.in100(30) ? [address] : [])],
        numbers: [spellLine(chance.pick(lines), chance)],
      });
  },
  making => {
    const { chance, lines } = making;
    const line = chance.pick(LATIN_AMERICAN);
    lines.push(line);
    making.country ??= chance.in100(30) ? chance.pick(['AR', 'MX']) : undefined;
    addHers(making, [`+${line.digits}`]);
    if (chance.in100(60))
      addCard(making, { name: nameOf(making.stranger, chance), numbers: [`+${line.other ?? line.digits}`] });
  },
  // Digits without a plus: beside the same with one, or alone.
  making => {
    const { chance, lines } = making;
    const line = chance.pick(lines);
    const digits = spellBare(line, chance);
    const beside = chance.in100(50) ? [`+${digits}`] : [];
    addHers(making, [digits, ...beside, ...(chance.in100(70) ? [spellInternational(line, chance)] : [])]);
  },
  making => {
    const { chance } = making;
    const keypad = chance.pick(KEYPAD_NUMBERS);
    addHers(making, [`${chance.pick(['+', '+', '', '00'])}${keypad}`, ...(chance.in100(50) ? ['06 12 34 56 78'] : [])]);
    if (chance.in100(50)) addCard(making, { name: nameOf(making.stranger, chance), numbers: [`+${keypad}`] });
  },
  making => {
    const { chance } = making;
    addHers(making, [chance.pick(NO_NUMBERS), chance.in100(20) ? `+33612345678${' '.repeat(250)}` : '06 12 34 56 78']);
  },
  // Several identities.
  making => {
    const { chance, subject, emails, phoneNumbers, lines } = making;
    const other = chance.pick(ADDRESSES);
    emails.add(spellAddress(other, chance).replace(/[.\p{Cf}]+$/u, ''));
    if (chance.in100(50)) phoneNumbers.add(`+${chance.pick(lines).digits}`);
    addCard(making, {
      name: nameOf(subject, chance),
      emails: [storeAddress(other, chance)],
      numbers: [spellLine(chance.pick(lines), chance)],
    });
  },
];

function addRandomCard(making: Making): void {
  const { chance, subject, stranger, addresses, lines } = making;
  addCard(making, {
    name: nameOf(chance.pick([subject, stranger, ...PEOPLE]), chance),
    emails: chance.some(addresses, 2).map(address => storeAddress(address, chance)),
    numbers: chance.some([...lines], 3).map(line => spellLine(line, chance)),
  });
}

function makeCall(id: number, ids: readonly number[], { chance, lines, line }: Making): CallRecord {
  const raw = () => {
    if (chance.in100(12))
      return chance.pick([`+${chance.pick(KEYPAD_NUMBERS)}`, chance.pick(KEYPAD_NUMBERS), 'anonymous', null]);
    return spellLine(chance.in100(40) ? line : chance.pick(lines), chance);
  };
  const [first, ...rest] = ids;
  const contact =
    chance.in100(45) || first === undefined
      ? null
      : { id: chance.in100(8) ? 1_000_000 : chance.pick([first, ...rest]) };
  const participants = chance.in100(15)
    ? { conference_participants: [...Array(chance.between(0, 3))].map(() => ({ phone_number: raw() })) }
    : {};
  return { id, raw_digits: raw(), ...(chance.in100(10) ? {} : { contact }), ...participants };
}

function startMaking(chance: Chance): Making {
  const [subject, stranger] = chance.shuffle(PEOPLE);
  const address = chance.pick(ADDRESSES);
  const line = chance.pick(LINES);
  const making: Making = {
    chance,
    subject: subject ?? PEOPLE[0],
    stranger: stranger ?? PEOPLE[1],
    address,
    line,
    lines: [line, ...chance.shuffle(LINES).slice(0, chance.between(1, 3))],
    addresses: [address, chance.pick(ADDRESSES), chance.pick(ROLE_ADDRESSES)],
    emails: new Set([spellAddress(address, chance).replace(/[.\p{Cf}]+$/u, '')]),
    phoneNumbers: new Set(),
    cards: [],
    country: chance.in100(55) ? undefined : chance.pick(COUNTRIES),
  };
  if (chance.in100(75)) addHers(making, [spellInternational(line, chance)]);
  if (chance.in100(1))
    addHers(
      making,
      [...Array(MANY_VALUES)].map((_, index) => `+4930${1_000_000 + index}`),
    );
  return making;
}

/** Some requests name numbers alone, some an address of a function alone. */
function identitiesOf({ chance, emails, phoneNumbers, line, lines }: Making): Identities {
  const numbers = new Set(phoneNumbers);
  if (chance.in100(15)) numbers.add(`+${line.digits}`);
  if (chance.in100(12)) {
    const more = chance.in100(50) ? [chance.pick(lines)] : [];
    for (const { digits } of [line, ...more]) numbers.add(`+${digits}`);
    return { emails: [], phoneNumbers: [...numbers] };
  }
  return { emails: chance.in100(8) ? [chance.pick(ROLE_ADDRESSES)] : [...emails], phoneNumbers: [...numbers] };
}

/** The company of a seed: always the same. */
export function createCompany(seed: number): Company {
  const chance = createChance(seed);
  const making = startMaking(chance);
  for (const scene of chance.shuffle(SCENE_LIST).slice(0, chance.between(SCENES.least, SCENES.most))) scene(making);
  const more = chance.between(0, 4);
  for (let added = 0; added < more || making.cards.length < 2; added += 1) addRandomCard(making);
  const ids = chance.shuffle([...Array(CARDS_MAX)].map((_, index) => 101 + index));
  const cards = chance
    .shuffle(making.cards)
    .slice(0, CARDS_MAX)
    .map((card, index) => ({ id: ids[index] ?? 0, ...card }));
  const callIds = chance.shuffle([...Array(chance.between(0, CALLS_MAX))].map((_, index) => 501 + index));
  const calls = callIds.map(id =>
    makeCall(
      id,
      cards.map(card => card.id),
      making,
    ),
  );
  const identities = identitiesOf(making);
  const gap = chance.between(1, 100);
  return {
    identities,
    country: making.country,
    cards,
    calls,
    areAllByAddress: gap > GAP_PERCENT.addresses,
    areAll: gap > GAP_PERCENT.any,
  };
}

/** Companies of consecutive seeds. */
export function createCompanies(count: number, seed: number): Company[] {
  return [...Array(count)].map((_, index) => createCompany(seed + index));
}
