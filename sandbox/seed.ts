/**
 * Seeded companies: filler contacts and calls, and one standard subject who meets every trap of the fact sheet.
 * The truth about her is noted while her records are made; it must never be found by matching, as the product does.
 * All persons are invented, all numbers and domains reserved. Facts: docs/aircall.md 6, 7 and 8.
 */
import type { CompanySeed, Truth } from './company';
import { firstCredentials } from './credentials';
import { createRandom, numberOf } from './random';
import { seedCalls } from './seed-calls';
import { type Person, seedContacts } from './seed-contacts';
import { type Personas, seedPersonas } from './seed-personas';
import type { LineRecord, UserRecord } from './wire';

export interface CompanySeedInput {
  readonly name: string;
  readonly seed: number;
  /** Total; the standard ones come first, so that a smaller number is not possible. */
  readonly contacts: number;
  /** Total, likewise. */
  readonly calls: number;
  /** ms epoch; all times are relative to it. */
  readonly now: number;
  readonly subject?: Person | undefined;
  /** Whether calls have recordings and voicemails; default false. */
  readonly audio?: boolean | undefined;
  /** With the personas, besides the totals; default false. */
  readonly personas?: boolean | undefined;
}

export interface StandardInput {
  readonly seed: number;
  readonly now: number;
  readonly contacts?: number | undefined;
  readonly calls?: number | undefined;
}

const ZOE: Person = { first_name: 'Zoë', last_name: 'Nuñez-Łęcka', email: 'zoe.nunez@example.com' };
const WEI: Person = { first_name: '伟', last_name: '李', email: 'li.wei@example.org' };
const NO_PERSONAS: Personas = { contacts: [], calls: [], truth: {} };

/**
 * `acme` with 120 contacts and 600 calls, `globex` with half of that, with audio; `contacts` and `calls` set the number for each. Acme has the
 * personas besides, unless a number is set.
 */
export function createStandardCompanies({ seed, now, contacts, calls }: StandardInput): CompanySeed[] {
  return [
    createCompanySeed({
      name: 'acme',
      seed,
      now,
      contacts: contacts ?? 120,
      calls: calls ?? 600,
      audio: true,
      personas: contacts === undefined && calls === undefined,
    }),
    createCompanySeed({
      name: 'globex',
      seed,
      now,
      contacts: contacts ?? 60,
      calls: calls ?? 300,
      audio: true,
      subject: WEI,
    }),
  ];
}

export function createCompanySeed(input: CompanySeedInput): CompanySeed {
  const { name, seed, contacts, calls, now, subject = ZOE, audio = false, personas: wanted = false } = input;
  const random = createRandom(numberOf(name, seed));
  const nowSeconds = Math.floor(now / 1_000);
  const base = (numberOf(name) % 1_000) * 1_000_000;
  const users = createUsers(base);
  const lines = createLines(base);
  const people = seedContacts({ random, nowSeconds, base, total: contacts, subject });
  const history = seedCalls({ random, nowSeconds, base, total: calls, people, users, lines });
  const personas = wanted
    ? seedPersonas({ random: createRandom(numberOf(name, seed, 'personas')), nowSeconds, base, users, lines })
    : NO_PERSONAS;
  const truth: Truth = {
    subjectEmail: subject.email,
    contactIds: [people.first.id, people.second.id],
    callIds: history.hers,
    ambiguousCallIds: history.ambiguous,
    personas: personas.truth,
  };
  return {
    name,
    ...firstCredentials(name),
    contacts: [...people.all, ...personas.contacts],
    calls: [...history.all, ...personas.calls].map(call =>
      audio ? call : { ...call, recording: false, voicemail: false },
    ),
    users,
    lines,
    truth,
  };
}

function createUsers(base: number): [UserRecord, ...UserRecord[]] {
  const user = (n: number): UserRecord => ({
    id: base + 2_078_840 + n,
    name: `Agent ${n}`,
    email: `agent.${n}@example.net`,
    extension: String(n).padStart(3, '0'),
  });
  return [user(1), user(2), user(3), user(4)];
}

function createLines(base: number): [LineRecord, ...LineRecord[]] {
  return [
    {
      id: base + 1_389_850,
      name: 'Main line',
      digits: '+1 984-555-0178',
      country: 'US',
      time_zone: 'America/New_York',
    },
    {
      id: base + 1_389_851,
      name: 'Ligne française',
      digits: '+33 1 99 00 99 99',
      country: 'FR',
      time_zone: 'Europe/Paris',
    },
  ];
}
