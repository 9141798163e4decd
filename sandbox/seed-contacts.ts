/**
 * The contacts of a seeded company: fillers, the subject's two, and those that are easily mistaken for hers.
 * None may be real: names are invented, addresses under example domains, numbers reserved.
 * Facts: docs/aircall.md 6.
 */
import { fictionalNumber, SUBJECT_NUMBERS } from './phones';
import type { Random } from './random';
import type { ContactRecord, Detail } from './wire';

const DAY_SECONDS = 86_400;

export interface Person {
  readonly first_name: string;
  readonly last_name: string;
  readonly email: string;
}

/** A contact before its ids and times are known. */
export interface ContactDraft {
  readonly first_name: string | null;
  readonly last_name: string | null;
  readonly information?: string | null;
  readonly company_name?: string | null;
  readonly is_shared?: boolean;
  readonly phones?: readonly string[];
  readonly emails?: readonly string[];
}

export interface ContactsInput {
  readonly random: Random;
  readonly nowSeconds: number;
  readonly base: number;
  readonly total: number;
  readonly subject: Person;
}

export interface People {
  readonly all: readonly ContactRecord[];
  /** The subject's two contacts. */
  readonly first: ContactRecord;
  readonly second: ContactRecord;
  /** Another person, who shares a number with her. */
  readonly sharer: ContactRecord;
  readonly fillers: readonly ContactRecord[];
}

const FIRST_NAMES = [
  'Ada',
  'Björn',
  'Chloé',
  'Dmitri',
  'Émile',
  'Fatima',
  'Grzegorz',
  'Hana',
  'İpek',
  'João',
  'Καλλιόπη',
  'Linh',
] as const;
const LAST_NAMES = [
  'Åberg',
  'Bianchi',
  'Çelik',
  'Dubois',
  'Eriksen',
  'Fernández',
  'Große',
  'Horváth',
  'Ivanova',
  'Jones',
  '王',
  'Ó Súilleabháin',
] as const;

export function seedContacts({ random, nowSeconds, base, total, subject }: ContactsInput): People {
  const { main, spaced, second, shared } = SUBJECT_NUMBERS;
  const { first_name, last_name, email } = subject;
  const hers: ContactDraft = {
    first_name,
    last_name,
    information: 'Prefers to be called after 18:00.',
    company_name: 'Nuñez & Filles',
    phones: [main, spaced.replace(/^\+44(20)(\d{4})/, '+44 $1 $2 ')],
    emails: [email, `home.${email}`],
  };
  const herOther: ContactDraft = {
    first_name,
    last_name: null,
    phones: [second, shared],
    emails: [capitalised(email)],
  };
  const sharer: ContactDraft = {
    first_name: 'Tomás',
    last_name: 'Ó Briain',
    phones: [shared],
    emails: ['tomas.obriain@example.net'],
  };
  const others: readonly ContactDraft[] = [
    { first_name: 'Mary Ann', last_name: 'Lookalike', phones: ['+13105550100'], emails: [`mary.${email}`] },
    { first_name: 'Nemo', last_name: null, phones: ['+13105550101'], emails: [] },
    { first_name: null, last_name: null, information: '', phones: [], emails: ['nobody@example.net'] },
    { first_name, last_name, information: 'Private note', is_shared: false, phones: [main], emails: [email] },
  ];
  const standard: readonly ContactDraft[] = [hers, ...others, sharer, herOther];
  const fillers = Array.from({ length: Math.max(0, total - standard.length) }, (_, n) => fillerContact(random, n));
  const drafts = spread(standard, fillers);
  const step = Math.max(1, Math.floor((390 * DAY_SECONDS) / drafts.length));
  const made = new Map(
    drafts.map((draft, index) => [
      draft,
      finishContact(draft, base + 482_000_000 + index * 50, nowSeconds - 400 * DAY_SECONDS + index * step),
    ]),
  );
  const of = (draft: ContactDraft) => {
    const contact = made.get(draft);
    if (contact === undefined) throw new Error('a standard contact was not made');
    return contact;
  };
  return {
    all: [...made.values()],
    first: of(hers),
    second: of(herOther),
    sharer: of(sharer),
    fillers: fillers.map(of),
  };
}

/** Zoe.Nunez@Example.com */
function capitalised(email: string): string {
  return email
    .replace(/(^|[.@])([a-z])/g, (_, before: string, letter: string) => before + letter.toUpperCase())
    .replace(/\.[^.]+$/, ending => ending.toLowerCase());
}

function fillerContact(random: Random, n: number): ContactDraft {
  const phones = [fictionalNumber(n)];
  return {
    first_name: random.pick(FIRST_NAMES),
    last_name: random.pick(LAST_NAMES),
    information: n % 4 === 0 ? `Customer ${n}` : null,
    company_name: n % 3 === 0 ? `Company ${n}` : null,
    phones,
    emails: n % 10 === 0 ? [] : [`person.${n}@example.net`],
  };
}

/** Distributes the few evenly among the many. */
function spread<T>(few: readonly T[], many: readonly T[]): T[] {
  const gap = Math.ceil(many.length / few.length);
  return few.flatMap((each, index) => [each, ...many.slice(index * gap, (index + 1) * gap)]);
}

/** Ids from `id` on, at most 50, belong to the contact. */
export function finishContact(draft: ContactDraft, id: number, createdAt: number): ContactRecord {
  const details = (values: readonly string[] = [], from: number): Detail[] =>
    values.map((value, index) => ({ id: from + index, label: index === 0 ? 'Work' : 'Home', value }));
  return {
    id,
    created_at: createdAt,
    updated_at: createdAt + 60,
    first_name: draft.first_name,
    last_name: draft.last_name,
    information: draft.information ?? null,
    company_name: draft.company_name ?? null,
    is_shared: draft.is_shared ?? true,
    phone_numbers: details(draft.phones, id + 1),
    emails: details(draft.emails, id + 25),
  };
}
