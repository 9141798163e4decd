/**
 * The personas: a person for each way in which it can be unclear whose a record is. Data only; seed-personas.ts makes records of it.
 * Whose a record is stands beside it; it must never be found by matching, as the product does.
 * Facts: docs/aircall.md 6 and 7; what is certain, doubtful and nobody's: docs/judgement.md.
 */
import type { Behaviour } from './behaviour';

export type PersonaDoubt = 'shared-address' | 'number-only' | 'shared-number' | 'other-contact';
/** `certain`: the persona's; a code: perhaps; `nobody`: of somebody else, or not known to be the persona's. */
export type Whose = 'certain' | PersonaDoubt | 'nobody';
/** The option without which a request cannot find the record. */
export type Reach = 'contacts=company' | 'calls=company';

export interface CardDraft {
  readonly whose: Whose;
  /** First and last name, with a blank between. */
  readonly name?: string;
  readonly emails?: readonly string[];
  readonly phones?: readonly string[];
  readonly reach?: Reach;
}

/** Calls that are alike. */
export interface CallsDraft {
  readonly whose: Whose;
  readonly count: number;
  /** E.164, another text as Aircall displays it, or `anonymous`. */
  readonly party: string;
  /** The place of the card that Aircall attached, from 0. */
  readonly card?: number;
  /** Numbers that took part in the conference. */
  readonly participants?: readonly string[];
  readonly reach?: Reach;
}

export interface PersonaDraft {
  readonly title: string;
  /** What a request names the persona by. */
  readonly emails?: readonly string[];
  readonly phoneNumbers?: readonly string[];
  /** Of the connection, ISO 3166-1 alpha-2. */
  readonly country?: string;
  /** What a test switches on for her, of the whole company. */
  readonly behaviour?: Partial<Behaviour>;
  /** The search finds none of her cards once `behaviour` is switched on. */
  readonly hidden?: boolean;
  /** Texts for her that no request may take. */
  readonly refused?: readonly string[];
  /** A card that somebody makes while the request runs. */
  readonly later?: { readonly emails: readonly string[]; readonly phone_numbers: readonly string[] };
  readonly cards: readonly CardDraft[];
  readonly calls: readonly CallsDraft[];
  /** Of her cards: values without a country, and values that are no number. */
  readonly withoutCountry?: number;
  readonly ignored?: number;
}

/** By name; the names are for tests. */
export const PERSONAS = {
  'number-without-country': {
    title:
      'her only number has no country, and neither has the connection; read as international it is a Norwegian one',
    emails: ['nora.lund@example.org'],
    withoutCountry: 1,
    cards: [
      { whose: 'certain', name: 'Nora Lund', emails: ['nora.lund@example.org'], phones: ['(470) 555-0123'] },
      { whose: 'nobody', name: 'Ola Hansen', emails: ['ola.hansen@example.net'], phones: ['+4705550123'] },
    ],
    calls: [
      { whose: 'certain', count: 1, party: '+14705550123', card: 0, reach: 'calls=company' },
      { whose: 'nobody', count: 2, party: '+14705550123' },
      { whose: 'nobody', count: 3, party: '+47 05 55 01 23', card: 1 },
      { whose: 'nobody', count: 2, party: '+47 05 55 01 23' },
    ],
  },
  'country-of-the-connection': {
    title: 'her only number is read with the country of the connection; read as international it is a Norwegian one',
    emails: ['nancy.reed@example.org'],
    country: 'US',
    cards: [
      { whose: 'certain', name: 'Nancy Reed', emails: ['nancy.reed@example.org'], phones: ['(470) 555-0124'] },
      { whose: 'nobody', name: 'Liv Dahl', emails: ['liv.dahl@example.net'], phones: ['+4705550124'] },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+14705550124', card: 0 },
      { whose: 'certain', count: 3, party: '+14705550124' },
      { whose: 'nobody', count: 2, party: '+47 05 55 01 24', card: 1 },
      { whose: 'nobody', count: 2, party: '+47 05 55 01 24' },
    ],
  },
  'national-form': {
    title: 'her only number is stored in the national form of the connection',
    emails: ['claire.martin@example.org'],
    country: 'FR',
    cards: [
      { whose: 'certain', name: 'Claire Martin', emails: ['claire.martin@example.org'], phones: ['06 39 98 20 01'] },
    ],
    calls: [{ whose: 'certain', count: 3, party: '+33639982001' }],
  },
  'country-of-her-other-numbers': {
    title: 'one of her numbers has no country, and her other numbers have one and the same',
    emails: ['luc.petit@example.org'],
    cards: [
      {
        whose: 'certain',
        name: 'Luc Petit',
        emails: ['luc.petit@example.org'],
        phones: ['06 39 98 20 03', '+33639982002'],
      },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+33639982002' },
      { whose: 'certain', count: 3, party: '+33639982003' },
    ],
  },
  'numbers-of-two-countries': {
    title: 'one of her numbers has no country, and her other numbers have two',
    emails: ['maud.blake@example.org'],
    withoutCountry: 1,
    cards: [
      {
        whose: 'certain',
        name: 'Maud Blake',
        emails: ['maud.blake@example.org'],
        phones: ['020 7946 0105', '+442079460104', '+33639982004'],
      },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+442079460104' },
      { whose: 'certain', count: 1, party: '+33639982004' },
      { whose: 'nobody', count: 2, party: '+442079460105' },
    ],
  },
  extension: onOneNumber(
    'her number is an extension of a main line',
    'paul.weiss',
    '+1 602 555 0106 ext. 12',
    '+16025550106',
  ),
  'toll-free': onOneNumber('her number is toll-free', 'tess.king', '+18005550199', '+18005550199'),
  'premium-rate': onOneNumber('her number is a premium one', 'pia.moore', '+449098790107', '+44 909 879 0107'),
  'universal-access': onOneNumber(
    'her number is one of universal access',
    'una.boyd',
    '+443069990108',
    '+44 306 999 0108',
  ),
  'shared-cost': onOneNumber('her number is one of shared cost', 'sam.doyle', '+611300975707', '+61 1300 975 707'),
  'number-on-two-cards': {
    title: "one of her numbers is on somebody else's card too",
    emails: ['vera.novak@example.org'],
    cards: [
      {
        whose: 'certain',
        name: 'Vera Novak',
        emails: ['vera.novak@example.org'],
        phones: ['+16025550110', '+16025550111'],
      },
      { whose: 'nobody', name: 'Hugo Brandt', emails: ['hugo.brandt@example.net'], phones: ['+16025550110'] },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550110', card: 0 },
      { whose: 'shared-number', count: 4, party: '+16025550110' },
      { whose: 'other-contact', count: 3, party: '+16025550110', card: 1 },
      { whose: 'certain', count: 2, party: '+16025550111' },
    ],
  },
  'given-number-of-somebody-else': {
    title: "the number that the request gives is on somebody else's card",
    emails: ['gina.rossi@example.org'],
    phoneNumbers: ['+16025550113'],
    cards: [
      { whose: 'certain', name: 'Gina Rossi', emails: ['gina.rossi@example.org'], phones: ['+16025550112'] },
      { whose: 'nobody', name: 'Marco Villa', emails: ['marco.villa@example.net'], phones: ['+16025550113'] },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550112' },
      { whose: 'shared-number', count: 3, party: '+16025550113' },
      { whose: 'other-contact', count: 2, party: '+16025550113', card: 1 },
    ],
  },
  'second-card-without-email': {
    title: 'a second card with her name and her number has no e-mail address',
    emails: ['sara.olsen@example.org'],
    cards: [
      { whose: 'certain', name: 'Sara Olsen', emails: ['sara.olsen@example.org'], phones: ['+16025550114'] },
      { whose: 'number-only', name: 'OLSEN Sára', phones: ['+1 602 555 0114', '+16025550115'] },
    ],
    calls: [
      { whose: 'certain', count: 1, party: '+16025550114', card: 0 },
      { whose: 'certain', count: 2, party: '+16025550114' },
      { whose: 'number-only', count: 2, party: '+16025550114', card: 1 },
      { whose: 'number-only', count: 1, party: '+16025550115', card: 1, reach: 'calls=company' },
      { whose: 'nobody', count: 2, party: '+16025550115' },
    ],
  },
  'nameless-card': {
    title: 'a card with her number has neither a name nor an e-mail address',
    emails: ['wanda.nowak@example.org'],
    cards: [
      { whose: 'certain', name: 'Wanda Nowak', emails: ['wanda.nowak@example.org'], phones: ['+16025550117'] },
      { whose: 'number-only', phones: ['+16025550117'] },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550117' },
      { whose: 'number-only', count: 1, party: '+16025550117', card: 1 },
    ],
  },
  'other-name-without-email': {
    title: 'a card with another name has her number and no e-mail address',
    emails: ['irma.falk@example.org'],
    cards: [
      { whose: 'certain', name: 'Irma Falk', emails: ['irma.falk@example.org'], phones: ['+16025550116'] },
      { whose: 'nobody', name: 'Dario Conti', phones: ['+16025550116'] },
    ],
    calls: [
      { whose: 'certain', count: 1, party: '+16025550116', card: 0 },
      { whose: 'shared-number', count: 2, party: '+16025550116' },
      { whose: 'other-contact', count: 2, party: '+16025550116', card: 1 },
    ],
  },
  'two-people-one-address': {
    title: 'two people have cards under one address',
    emails: ['lea.and.tom@example.org'],
    cards: [
      { whose: 'shared-address', name: 'Lea Maurer', emails: ['lea.and.tom@example.org'], phones: ['+16025550120'] },
      { whose: 'shared-address', name: 'Tom Keller', emails: ['lea.and.tom@example.org'], phones: ['+16025550121'] },
    ],
    calls: [
      { whose: 'shared-address', count: 2, party: '+16025550120', card: 0 },
      { whose: 'shared-address', count: 2, party: '+16025550120' },
      { whose: 'shared-address', count: 1, party: '+16025550121', card: 1 },
    ],
  },
  'role-address': {
    title: 'the address belongs to a function',
    emails: ['info@roemer.example'],
    cards: [
      { whose: 'shared-address', name: 'Jana Roemer', emails: ['info@roemer.example'], phones: ['+16025550122'] },
    ],
    calls: [
      { whose: 'shared-address', count: 2, party: '+16025550122', card: 0 },
      { whose: 'shared-address', count: 1, party: '+16025550122' },
    ],
  },
  'own-and-role-address': {
    title: 'one card has her own address and that of her function, another one only the latter',
    emails: ['ines.cruz@example.org', 'sales@cruz.example'],
    cards: [
      {
        whose: 'certain',
        name: 'Ines Cruz',
        emails: ['ines.cruz@example.org', 'sales@cruz.example'],
        phones: ['+16025550123'],
      },
      { whose: 'shared-address', name: 'Ines Cruz', emails: ['Sales@cruz.example'], phones: ['+16025550124'] },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550123' },
      { whose: 'shared-address', count: 2, party: '+16025550124' },
      { whose: 'shared-address', count: 1, party: '+16025550124', card: 1 },
    ],
  },
  'only-doubtful': {
    title: 'nothing is certainly hers, and some calls may be',
    emails: ['ruth.stone@example.org'],
    phoneNumbers: ['+16025550126'],
    cards: [{ whose: 'nobody', name: 'Emil Frank', emails: ['emil.frank@example.net'], phones: ['+16025550126'] }],
    calls: [
      { whose: 'shared-number', count: 3, party: '+16025550126' },
      { whose: 'other-contact', count: 1, party: '+16025550126', card: 0 },
    ],
  },
  'edited-card': {
    title: 'a test edits one of her cards between search and deletion',
    emails: ['erik.sand@example.org'],
    cards: [
      { whose: 'certain', name: 'Erik Sand', emails: ['erik.sand@example.org'], phones: ['+16025550127'] },
      { whose: 'certain', name: 'Erik Sand', emails: ['erik.sand@example.org'], phones: ['+16025550128'] },
    ],
    calls: [{ whose: 'certain', count: 2, party: '+16025550127', card: 0 }],
  },
  argentina: {
    title: 'her Argentine number is stored with the mobile digit 9 and called without it',
    emails: ['alma.sosa@example.org'],
    cards: [
      { whose: 'certain', name: 'Alma Sosa', emails: ['alma.sosa@example.org'], phones: ['+54 9 11 0000 0123'] },
      { whose: 'number-only', name: 'Alma Sosa', phones: ['+541100000123'] },
    ],
    calls: [
      { whose: 'certain', count: 1, party: '+54 9 11 0000-0123' },
      { whose: 'certain', count: 2, party: '+54 11 0000-0123' },
      { whose: 'number-only', count: 1, party: '+54 11 0000-0123', card: 1 },
    ],
  },
  mexico: {
    title: 'her Mexican number is stored without the old mobile digit 1 and called with it',
    emails: ['luz.mora@example.org'],
    cards: [
      { whose: 'certain', name: 'Luz Mora', emails: ['luz.mora@example.org'], phones: ['+525500000124'] },
      { whose: 'nobody', name: 'Raúl Ibarra', emails: ['raul.ibarra@example.net'], phones: ['+5215500000125'] },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+52 1 55 0000 0124' },
      { whose: 'certain', count: 1, party: '+52 55 0000 0124' },
      { whose: 'nobody', count: 1, party: '+52 55 0000 0125' },
    ],
  },
  'bare-before-plus': {
    title: 'the same number is stored without a plus and with one',
    emails: ['yann.roux@example.org'],
    cards: [
      {
        whose: 'certain',
        name: 'Yann Roux',
        emails: ['yann.roux@example.org'],
        phones: ['33639982005', '+33639982005'],
      },
    ],
    calls: [{ whose: 'certain', count: 2, party: '+33639982005' }],
  },
  'bare-only': {
    title: 'her number is stored without a plus only',
    emails: ['zita.leroy@example.org'],
    withoutCountry: 1,
    cards: [{ whose: 'certain', name: 'Zita Leroy', emails: ['zita.leroy@example.org'], phones: ['33639982006'] }],
    calls: [
      { whose: 'certain', count: 1, party: '+33639982006', card: 0, reach: 'calls=company' },
      { whose: 'nobody', count: 2, party: '+33639982006' },
    ],
  },
  'international-domain': {
    title: 'the domain is stored in Unicode on one card and in punycode on another',
    emails: ['anna.b@bücher.example'],
    cards: [
      { whose: 'certain', name: 'Anna B', emails: ['anna.b@xn--bcher-kva.example'], phones: ['+16025550130'] },
      { whose: 'certain', name: 'Anna B', emails: ['Anna.B@BÜCHER.example'], phones: ['+16025550131'] },
    ],
    calls: [
      { whose: 'certain', count: 1, party: '+16025550130' },
      { whose: 'certain', count: 1, party: '+16025550131' },
    ],
  },
  'address-in-other-forms': {
    title:
      'her address is stored with a zero-width character, a final dot, a name, and beside another one in one field',
    emails: ['eva.lind@example.org'],
    cards: [
      { whose: 'certain', name: 'Eva Lind', emails: ['eva.lind@example.org'], phones: ['+16025550132'] },
      { whose: 'certain', name: 'Eva Lind', emails: ['eva.\u200blind@example.org'], phones: ['+16025550132'] },
      { whose: 'certain', name: 'Eva Lind', emails: ['eva.lind@example.org.'], phones: ['+16025550132'] },
      {
        whose: 'certain',
        emails: ['Eva Lind <eva.lind@example.org>'],
        phones: ['+16025550133'],
        reach: 'contacts=company',
      },
      {
        whose: 'certain',
        emails: ['e.lind@example.net; eva.lind@example.org'],
        phones: ['+16025550133'],
        reach: 'contacts=company',
      },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550132' },
      { whose: 'certain', count: 2, party: '+16025550133', reach: 'contacts=company' },
    ],
  },
  'malformed-address': {
    title: 'requests name her by texts that are no address, or more than one',
    emails: ['mia.berg@example.org'],
    refused: [
      'mailto:mia.berg@example.org',
      'mia..berg@example.org',
      'mia.berg@',
      '*@*',
      'Mia Berg <mia.berg@example.org>',
      'mia.berg@example.org, mia@example.net',
    ],
    cards: [{ whose: 'certain', name: 'Mia Berg', emails: ['mia.berg@example.org'], phones: ['+16025550134'] }],
    calls: [{ whose: 'certain', count: 1, party: '+16025550134' }],
  },
  'number-without-card-by-email': {
    title: 'no card has her address; one without any address has the number that the request gives',
    emails: ['kim.vale@example.org'],
    phoneNumbers: ['+16025550135'],
    cards: [{ whose: 'number-only', name: 'Kim Vale', phones: ['+16025550135'] }],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550135' },
      { whose: 'number-only', count: 2, party: '+16025550135', card: 0 },
    ],
  },
  'capitalised-card': {
    title: 'her address is stored with capitals, and the search heeds letter case',
    emails: ['otto.graf@example.org'],
    behaviour: { search: 'case-sensitive' },
    cards: [
      {
        whose: 'certain',
        name: 'Otto Graf',
        emails: ['Otto.Graf@Example.org'],
        phones: ['+16025550137'],
        reach: 'contacts=company',
      },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550137', card: 0, reach: 'contacts=company' },
      { whose: 'certain', count: 1, party: '+16025550137', reach: 'contacts=company' },
    ],
  },
  'hidden-card': {
    title: 'the search does not find her card',
    emails: ['iris.holm@example.org'],
    hidden: true,
    cards: [
      {
        whose: 'certain',
        name: 'Iris Holm',
        emails: ['iris.holm@example.org'],
        phones: ['+16025550138'],
        reach: 'contacts=company',
      },
    ],
    calls: [{ whose: 'certain', count: 2, party: '+16025550138', card: 0, reach: 'contacts=company' }],
  },
  'late-card': {
    title: 'her card is made while the request runs, and the search lags',
    emails: ['nils.aas@example.org'],
    behaviour: { searchLagMs: 2_000 },
    later: { emails: ['nils.aas@example.org'], phone_numbers: ['+16025550139'] },
    cards: [],
    calls: [],
  },
  'keypad-number': {
    title: 'her card holds what a keypad writes for hidden callers',
    emails: ['olga.petrova@example.org'],
    ignored: 2,
    cards: [
      {
        whose: 'certain',
        name: 'Olga Petrova',
        emails: ['olga.petrova@example.org'],
        phones: ['+266696687', '7378742833', '+16025550140'],
      },
      { whose: 'nobody', name: 'Piet Bakker', emails: ['piet.bakker@example.net'], phones: ['+266696687'] },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550140' },
      { whose: 'nobody', count: 2, party: '+266696687' },
      { whose: 'nobody', count: 1, party: '+266696687', card: 1 },
      { whose: 'nobody', count: 2, party: 'anonymous' },
    ],
  },
  'several-addresses': {
    title: 'the request names her by two addresses',
    emails: ['rosa.diaz@example.org', 'r.diaz@example.net'],
    cards: [
      { whose: 'certain', name: 'Rosa Diaz', emails: ['rosa.diaz@example.org'], phones: ['+16025550141'] },
      { whose: 'certain', name: 'Rosa Diaz', emails: ['r.diaz@example.net'], phones: ['+16025550142'] },
    ],
    calls: [
      { whose: 'certain', count: 2, party: '+16025550141' },
      { whose: 'certain', count: 2, party: '+16025550142', card: 1 },
    ],
  },
  'number-alone': {
    title: 'the request names her by a number alone, and all cards on it bear one name',
    phoneNumbers: ['+16025550143'],
    cards: [
      { whose: 'number-only', name: 'Ben Ode', emails: ['ben.ode@example.org'], phones: ['+16025550143'] },
      { whose: 'number-only', name: 'ODE Ben', phones: ['+16025550143'] },
    ],
    calls: [
      { whose: 'certain', count: 3, party: '+16025550143' },
      { whose: 'number-only', count: 2, party: '+16025550143', card: 0 },
    ],
  },
  'number-alone-of-two': {
    title: 'the request names her by a number alone, and its cards bear two names',
    phoneNumbers: ['+16025550144'],
    cards: [
      { whose: 'nobody', name: 'Ada Cole', emails: ['ada.cole@example.org'], phones: ['+16025550144'] },
      { whose: 'nobody', name: 'Finn Moe', phones: ['+16025550144'] },
    ],
    calls: [
      { whose: 'shared-number', count: 2, party: '+16025550144' },
      { whose: 'other-contact', count: 1, party: '+16025550144', card: 0 },
    ],
  },
  conference: {
    title: 'she took part in conference calls on numbers of others',
    emails: ['tara.singh@example.org'],
    cards: [
      { whose: 'certain', name: 'Tara Singh', emails: ['tara.singh@example.org'], phones: ['+16025550145'] },
      { whose: 'nobody', name: 'Max Reuter', emails: ['max.reuter@example.net'], phones: ['+16025550146'] },
    ],
    calls: [
      { whose: 'certain', count: 1, party: '+16025550145' },
      {
        whose: 'other-contact',
        count: 1,
        party: '+16025550146',
        card: 1,
        participants: ['+16025550145'],
        reach: 'calls=company',
      },
      { whose: 'certain', count: 1, party: '+16025550147', participants: ['+16025550145'], reach: 'calls=company' },
      { whose: 'nobody', count: 1, party: '+16025550147', participants: ['+16025550146'] },
    ],
  },
} satisfies Readonly<Record<string, PersonaDraft>>;

export type PersonaName = keyof typeof PERSONAS;

/** A person whose one number serves many people: what Aircall attached to her is hers, the rest may be. */
function onOneNumber(title: string, local: string, stored: string, party: string): PersonaDraft {
  const name = local.replace('.', ' ').replace(/\b[a-z]/g, letter => letter.toUpperCase());
  const emails = [`${local}@example.org`];
  return {
    title,
    emails,
    cards: [{ whose: 'certain', name, emails, phones: [stored] }],
    calls: [
      { whose: 'certain', count: 1, party, card: 0 },
      { whose: 'shared-number', count: 2, party },
    ],
  };
}
