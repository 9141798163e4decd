/**
 * Companies of the judgement's oracle with what Aircall also tells of a call: agents, teams, comments, participants, transcripts, insights
 * and links, full of canaries that docs/redaction.md says no package holds. Judged and decided as a request does it.
 */
import { bearsNumber } from '../../../src/judgement/cards';
import type { CallRecord, Card } from '../../../src/judgement/judgement';
import { decideRows, type PlanRow } from '../../../src/judgement/plan';
import { pack } from '../../../src/packed';
import type { Found } from '../../../src/redaction/hand-over';
import { INSIGHTS, type Insight } from '../../../src/request/insights';
import { type Chance, type Company, createChance, createCompany } from '../../judgement/oracle/companies';
import { type Asked, askProduct } from '../../judgement/oracle/product';
import { digitsOf, emailOf, INTERNATIONAL, linkOf, NATIONAL, nameOf, plainLinkOf, shortLinkOf, wordsOf } from './marks';

export interface Planted {
  readonly company: Company;
  readonly found: Found<Insight>;
}

/** Of doubtful rows, so many are taken by the decision of a person. */
const TAKEN_PERCENT = 25;

/** The company of a seed with canaries, and what is found of it and decided: certain rows are taken, and some doubtful ones. */
export function createPlanted(seed: number): Planted {
  const company = createCompany(seed);
  const chance = createChance(seed + 1_000_000_000);
  const bare = askProduct(company);
  const doubtful = rowsOf(bare).filter(({ doubt }) => doubt !== undefined);
  const decisions = Object.fromEntries(
    doubtful.filter(() => chance.in100(TAKEN_PERCENT)).map(({ ref }) => [ref, 'take' as const]),
  );
  const decided = (asked: Asked) => decideRows(rowsOf(asked), decisions);
  const taken = decided(bare).filter(({ decision }) => decision === 'take');
  const isTaken = (record: PlanRow['record'], id: number) => taken.some(row => row.record === record && row.id === id);

  const strangers = company.cards.filter(({ id }) => !isTaken('contact', id));
  const numbers = new Map(
    strangers.filter(card => isSeen(card, company, bare)).map(({ id }, n) => [id, digitsOf('card', n)]),
  );
  const cards = company.cards.map(card =>
    isTaken('contact', card.id) ? card : { ...card, ...onCardOfStranger(card, numbers.get(card.id)) },
  );
  const people = peopleOf(chance);
  const calls = company.calls.map(call =>
    isTaken('call', call.id) ? { ...call, ...onCall(call, { chance, cards, people }) } : call,
  );
  const asked = askProduct({ ...company, cards, calls });
  // Only now is it known whom records name, so that texts may name them too.
  const writer = createWriter({ chance, company, people, strangers, numbers: [...numbers.values()] });
  const contacts = asked.judged.contacts.map(({ card }) => ({
    card: isTaken('contact', card.id) ? { ...card, ...writer.card() } : card,
  }));
  const delivered = calls.filter(({ id }) => isTaken('call', id));
  return {
    company,
    found: {
      identities: company.identities,
      people: { ...asked.judged, contacts, country: company.country },
      rows: decided(asked),
      calls: calls.map(call => (isTaken('call', call.id) ? { ...call, ...writer.call() } : call)),
      transcripts: delivered
        .filter(() => chance.in100(60))
        .map(call => ({ call: call.id, content: pack(writer.transcript(call)) })),
      insights: delivered.flatMap(call =>
        chance.some(INSIGHTS, 3).map(kind => ({ call: call.id, kind, content: pack(writer.insight(call)) })),
      ),
    },
  };
}

/** Whether a request reads the card: it withholds it, or the card bears one of the subject's numbers. */
function isSeen(card: Card, { country }: Company, { judged: { contacts, numbers } }: Asked): boolean {
  return contacts.some(each => each.card.id === card.id) || bearsNumber(card, numbers, country);
}

function rowsOf({ judged, calls }: Asked): PlanRow[] {
  const verb = 'deliver';
  return [
    ...judged.contacts.map(({ card: { id }, because, doubt }, place): PlanRow => {
      return { ref: `contact ${place + 1}`, record: 'contact', id, verb, because, doubt };
    }),
    ...calls.map(({ call: { id }, because, doubt, ofContact }, place): PlanRow => {
      const of = ofContact === undefined ? undefined : `contact ${ofContact + 1}`;
      return { ref: `call ${place + 1}`, record: 'call', id, verb, because, doubt, of };
    }),
  ];
}

// Records

interface People {
  readonly agents: readonly Agent[];
  readonly persons: readonly Person[];
  /** Whom a record that is handed over names by name. */
  readonly named: Set<string>;
}
type Agent = ReturnType<typeof agentOf>;
type Person = ReturnType<typeof personOf>;

const FOUR = [0, 1, 2, 3];

function peopleOf(chance: Chance): People {
  return { agents: chance.shuffle(FOUR.map(agentOf)), persons: chance.shuffle(FOUR.map(personOf)), named: new Set() };
}

function agentOf(n: number) {
  const { first, last } = nameOf('agent', n);
  const id = Number(digitsOf('agent', n));
  return {
    ...{ id, name: `${first} ${last}`, email: emailOf('agent', n), available: true, availability_status: 'custom' },
    ...{ direct_link: `https://api.aircall.io/v1/users/${id}`, nickname: wordsOf('agent') },
  };
}

function personOf(n: number) {
  const { first, last } = nameOf('person', n);
  return {
    ...{ id: Number(digitsOf('person', n + 4)), name: `${first} ${last}`, email: emailOf('person', n) },
    digits: digitsOf('person', n),
  };
}

/** Nothing of it is read for whose card it is, but for the number that nobody else has. */
function onCardOfStranger({ phone_numbers: numbers }: Card, digits: string | undefined) {
  return {
    information: wordsOf('card'),
    company_name: wordsOf('card'),
    description: { note: [wordsOf('card')] },
    ...(digits !== undefined && {
      phone_numbers: [...(numbers ?? []), { id: 1, label: 'Work', value: `+1 ${digits}` }],
    }),
  };
}

interface Stage {
  readonly chance: Chance;
  readonly cards: readonly Card[];
  readonly people: People;
}

function onCall({ id, contact, conference_participants: own }: CallRecord, stage: Stage) {
  const { chance, cards } = stage;
  const [user, ...others] = chance.shuffle(stage.people.agents);
  const card = cards.find(each => each.id === contact?.id);
  const some = (percent: number, fields: () => object) => (chance.in100(percent) ? fields() : {});
  return {
    direct_link: linkOf(id),
    ...{ direction: 'inbound', status: 'done', started_at: 1_700_000_000 + id, answered_at: 1_700_000_010 + id },
    ...{
      recording: chance.pick([linkOf(1), null]),
      voicemail: chance.pick([plainLinkOf(2), null]),
      asset: plainLinkOf(3),
    },
    ...(card !== undefined && { contact: card }),
    ...some(90, () => ({ user: user && named(user, stage) })),
    ...some(30, () => ({ assigned_to: agentIn(others, stage) })),
    ...some(30, () => ({ archived_by: agentIn(others, stage) })),
    ...some(20, () => ({ transferred_by: agentIn(others, stage), transferred_to: agentIn(others, stage) })),
    ...some(20, () => ({ external_transferred_to: partyIn(stage) })),
    ...some(30, () => ({ teams: [{ id: 3, name: 'Front desk', note: wordsOf('agent'), users: others }] })),
    ...some(30, () => ({ evaluations: [{ score: 2, comment: wordsOf('words') }], playbook_result: wordsOf('words') })),
    ...some(30, () => ({
      number: { id: 7, name: 'Main', digits: '+33 1 76 36 06 95', users: others, messages: { ivr: plainLinkOf(4) } },
    })),
    ...some(40, () => ({
      conference_participants: [
        ...(own ?? []),
        ...chance
          .shuffle(FOUR)
          .slice(2)
          .map(() => participantIn(stage)),
      ],
    })),
  };
}

/** As a user of Aircall, from which the name is learnt. */
function named(agent: Agent, { people }: Stage): Agent {
  people.named.add(agent.name);
  return agent;
}

/** Aircall writes a user in several ways. */
function agentIn(agents: readonly Agent[], stage: Stage): unknown {
  const agent = agents[0] ?? agentOf(0);
  return stage.chance.pick<() => unknown>([
    () => named(agent, stage),
    () => agent.id,
    () => agent.email,
    () => ({ id: agent.id }),
    () => [named(agent, stage)],
  ])();
}

function participantIn(stage: Stage): unknown {
  const { chance, people } = stage;
  const person = chance.pick([people.persons[0] ?? personOf(0), ...people.persons]);
  const phone_number = chance.pick([INTERNATIONAL[0], INTERNATIONAL[1], INTERNATIONAL[2]] as const)?.(person.digits);
  const { id, name, email } = person;
  if (chance.in100(25)) return { type: 'user', ...named(people.agents[0] ?? agentOf(0), stage) };
  people.named.add(name);
  return chance.in100(50)
    ? { type: 'external', name, email, phone_number, note: wordsOf('person') }
    : { type: 'contact', id, name, phone_number };
}

function partyIn({ chance, people: { persons } }: Stage): unknown {
  const { name, digits } = persons[0] ?? personOf(0);
  return chance.pick([name, `+1${digits}`, { name, phone_number: `+1${digits}` }]);
}

// Texts

interface Known {
  readonly chance: Chance;
  readonly company: Company;
  readonly people: People;
  readonly strangers: readonly Card[];
  /** On cards of strangers that are seen. */
  readonly numbers: readonly string[];
}

/** Texts in which everything that redaction knows may stand, beside what is the subject's. */
function createWriter({ chance, company: { identities }, people, strangers, numbers }: Known) {
  const spelled = (digits: string, ways: typeof NATIONAL) =>
    ways[chance.between(0, ways.length - 1)]?.(digits) ?? digits;
  const all = [...people.agents, ...people.persons];
  const names = [...people.named];
  // An id alone says nothing, unless some record says that it is an agent's.
  const known = people.agents.filter(({ name }) => people.named.has(name));
  const emails = strangers.flatMap(({ emails: each }) => (each ?? []).flatMap(({ value }) => value ?? []));
  // No other record need name them.
  const someone = () => agentOf(chance.between(0, 9));
  const one = <T>(values: readonly T[]): T | undefined => values[chance.between(0, values.length - 1)];

  const word = (): string =>
    chance.pick<() => string>([
      () => chance.pick(['order 4500012345', 'thanks', 'on 2026-11-30 at 12:30', 'room 12-34']),
      () => one([...identities.emails, ...identities.phoneNumbers]) ?? 'hers',
      () => nameIn(one(names) ?? 'nobody', chance),
      () => emailIn(one(all)?.email ?? '', chance),
      () => spelled(one(people.persons)?.digits ?? '', INTERNATIONAL),
      () => spelled(digitsOf('agent', chance.between(0, 9)), INTERNATIONAL),
      () => spelled(one(numbers) ?? 'no number', [...INTERNATIONAL, ...NATIONAL]),
      () => one(emails) ?? 'no address',
      () =>
        chance.pick([
          linkOf(5),
          `(${linkOf(6)})`,
          `https://cdn.example/a?x=1&${SIGNED}`,
          `see:${linkOf(7)}`,
          shortLinkOf(8),
        ]),
    ])();
  const text = (): string => {
    const words = [...Array(chance.between(1, 5))].map(word);
    return words.join(chance.pick([' ; ', ', ', '\n', ' and ', ' | ']));
  };

  return {
    // In a field that nobody knows an address or number that stands alone is the subject's.
    card: () => ({
      information: text(),
      description: text(),
      nested: { list: [`saw ${text()}`, { note: `${text()} too` }] },
    }),
    call: () => ({
      comments: [{ id: 1, content: text(), posted_at: 1_700_000_100, posted_by: one(people.agents) }],
      tags: [{ id: 2, name: text(), tagged_by: one(people.agents)?.id }],
      ivr_options_selected: [{ id: 'a', title: text(), key: '1', branch: text() }],
      extra: { note: text(), [`by ${one(people.agents)?.email}`]: 1 },
      handling: { by: [one(known) ?? null], score: 3 },
      reviewed: [one(known)?.id ?? null],
    }),
    transcript: ({ raw_digits: hers }: CallRecord) => ({
      transcription: {
        content: {
          utterances: [
            { start_time: 1, participant_type: 'internal', user_id: one(people.agents)?.id, text: text() },
            { ...someone(), participant_type: 'internal', speaker: someone().name, text: text() },
            { start_time: 2, participant_type: 'external', phone_number: hers, text: 'It is me.' },
            ...people.persons.slice(0, 2).map(({ digits }) => ({
              ...{ start_time: 3, participant_type: 'external', phone_number: `+1${digits}`, mood: wordsOf('words') },
              text: `${wordsOf('words')} ${text()}`,
            })),
          ],
        },
        participants: [
          { type: 'internal', ...someone() },
          { type: 'user', user_id: someone().id, who: someone() },
        ],
      },
    }),
    insight: ({ id, raw_digits: hers }: CallRecord) => ({
      summary: {
        call_id: id,
        content: text(),
        participants: [
          { participant_type: 'internal', user_id: one(people.agents)?.id, value: wordsOf('words') },
          { participant_type: 'external', phone_number: hers, value: 'POSITIVE' },
          { participant_type: 'external', phone_number: `+1${one(people.persons)?.digits}`, value: wordsOf('words') },
        ],
        assigned: one(people.agents),
        action_items: [{ content: text(), ...agentInField(someone(), chance) }],
      },
    }),
  };
}

/** In a field that says that it is one; nothing else does. */
function agentInField({ name, email }: Agent, chance: Chance): object {
  const field = chance.pick(['assigned_to', 'transferredTo', 'assignedUser', 'created_by', 'author', 'ownerName']);
  return { [field]: chance.pick([name, email, { name, email }, [name]]) };
}

const SIGNED = linkOf(0).split('&')[1] ?? '';

function nameIn(name: string, chance: Chance): string {
  const [first = '', last = ''] = name.split(' ');
  return chance.pick([
    name,
    name.toUpperCase(),
    `${first}  ${last}`,
    `${first}-${last}`,
    `${first}. ${last}`,
    `${first}\u00a0${last}`,
  ]);
}

function emailIn(email: string, chance: Chance): string {
  return chance.pick([
    email,
    email.toUpperCase(),
    `<${email}>`,
    `mailto:${email}`,
    email.replace('@', '%40'),
    `${email}.`,
  ]);
}
