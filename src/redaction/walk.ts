/**
 * Walks through records and does with each field what table.ts says. It must never let a field through that no row was asked about, nor
 * write into a path what it hides.
 */
import { foldEmail } from '../judgement/addresses';
import { speakerField, speakerOf } from '../judgement/voices';
import { type List, packedList } from '../packed';
import type { Reason } from '../request/redactions';
import type { Fields } from './findings';
import { DEPTH_MAX } from './links';
import { type Description, foldName, type People } from './people';
import { MASKS, type Redaction, WITHHELD } from './reasons';
import { createNameFinder } from './scanning';
import {
  describeAgent,
  describePerson,
  emailKeys,
  isCardOf,
  isFields,
  isNumberOfOthers,
  isOnAnotherCard,
  isOwnNumber,
  type Subject,
  userIdIn,
} from './subject';
import { type Spot, TOP, type Treatment } from './table';
import { createTextMasker, isOneValue, type NamedPeople, type TextMasker } from './texts';

export interface Walk {
  /** @param call of which it was made; absent: a contact or a call */
  fields(record: object, spot: Spot, path: string, call?: number): Fields;
  readonly redactions: List<Redaction>;
}

export interface Roster {
  readonly agents: People;
  readonly persons: People;
}

/** Where a value stands. */
interface At {
  readonly spot: Spot;
  /** JSON Pointer. */
  readonly path: string;
  readonly depth: number;
  /** Within a field that nobody knows and that holds no mark of an agent. */
  readonly isUnmarked: boolean;
  /** Made of a call in which others than the subject and one agent may speak, and nothing says who: it may be theirs. */
  readonly isOfAnybody: boolean;
}

/** A lower id of an agent may be any number. */
const AGENT_ID_MIN = 10_000;
/** Names of fields whose meaning is remembered: how a record calls its fields has no limit. */
const FIELD_NAMES_MAX = 1_000;
/** Fields that only users of Aircall have. */
const OF_AGENTS = ['available', 'wrap_up_time'] as const;
/** What stays of an utterance of an agent, if it is of such a type. */
const OF_UTTERANCE: ReadonlyMap<string, readonly string[]> = new Map([
  ['participant_type', ['string']],
  ['type', ['string']],
  ['start_time', ['number', 'string']],
  ['end_time', ['number', 'string']],
  ['user_id', ['number', 'string']],
  ['text', ['string']],
]);
const READS_NOTHING: TextMasker = { mask: text => ({ text, reasons: [] }) };
const CARD = TOP.below('contacts').below('[]');

/** @param mode `learn`: only learns who is who, and what it returns is not redacted */
export function createWalk(subject: Subject, { agents, persons }: Roster, mode: 'learn' | 'redact'): Walk {
  const redactions = packedList<Redaction>();
  const isLearning = mode === 'learn';
  // Whom a text names is known only when all was learnt.
  const { mask } = isLearning
    ? READS_NOTHING
    : createTextMasker(subject, [named(agents, 'agent'), named(persons, 'other-person')]);
  const harmlessNames = new Map<string, boolean>();

  function named(people: People, reason: Reason): NamedPeople {
    const names = people.names();
    const labels = new Map<string, string>();
    const label = (name: string) => {
      const known = labels.get(name) ?? people.label({ keys: [], name });
      labels.set(name, known);
      return known;
    };
    return { reason, find: createNameFinder(names), label };
  }

  function note({ path }: At, reason: Reason): void {
    if (!isLearning) redactions.push({ path, reason });
  }

  /** Undefined: the field is left out. */
  function leaveOut(at: At, reason: Reason): undefined {
    note(at, reason);
  }

  function instead<V>(at: At, reason: Reason, value: V): V {
    note(at, reason);
    return value;
  }

  function label(people: People, who: Description): string {
    if (!isLearning) return people.label(who);
    people.learn(who);
    return '';
  }

  const TREATMENTS: Readonly<Record<Treatment, (value: unknown, at: At) => unknown>> = {
    own: (value, at) => (typeof value === 'object' ? unknown(value, at) : value),
    text: (value, at) =>
      typeof value === 'number' ? value : typeof value === 'string' ? text(value, at) : unknown(value, at),
    unknown,
    'own-unknown': (value, at) => (isTheirs(value) ? value : unknown(value, at)),
    agent,
    team,
    party,
    card,
    participant,
    person,
    link: (value, at) => {
      if (typeof value === 'string' && value !== '') return instead(at, 'link', MASKS.link);
      // The mark of a link that was never stored; a contact has none.
      return value === true && at.path.startsWith('/calls/') ? instead(at, 'link', value) : unknown(value, at);
    },
    assessment: (_value, at) => leaveOut(at, 'assessment'),
    transcript: (value, at) => spoken(value, at, utterance),
    insight: (value, at) =>
      at.isOfAnybody && !isLearning ? instead(at, 'other-person', WITHHELD) : spoken(value, at, speaker),
  };

  function visit(value: unknown, at: At): unknown {
    if (value === null || (typeof value === 'boolean' && at.spot.use !== 'link')) return value;
    if (at.depth > DEPTH_MAX) return leaveOut(at, 'too-deep');
    return at.spot.use === undefined ? inside(value, at) : TREATMENTS[at.spot.use](value, at);
  }

  function inside(value: unknown, at: At): unknown {
    if (Array.isArray(value)) return items(value, at, visit);
    return isFields(value) ? fields(value, at) : unknown(value, at);
  }

  /** An item that is left out becomes null, so that the others keep their places. */
  function items(list: readonly unknown[], at: At, treat: (item: unknown, at: At) => unknown): unknown[] {
    return list.map((item, place) => (item === null ? null : (treat(item, below(at, '[]', String(place))) ?? null)));
  }

  function fields(record: object, at: At): Fields {
    const kept: [string, unknown][] = [];
    for (const [name, value] of Object.entries(record)) {
      if (!isHarmless(name)) {
        leaveOut(at, 'other-person'); // the path of the field would say whom it names
        continue;
      }
      const treated = visit(value, below(at, name, name));
      if (treated !== undefined) kept.push([name, treated]);
    }
    return Object.fromEntries(kept);
  }

  /** Whether the name of a field names nobody. */
  function isHarmless(name: string): boolean {
    const known = harmlessNames.get(name);
    if (known !== undefined) return known;
    const harmless = mask(name).reasons.length === 0;
    if (harmlessNames.size < FIELD_NAMES_MAX) harmlessNames.set(name, harmless);
    return harmless;
  }

  function text(value: string, at: At): string {
    const masked = mask(value);
    for (const reason of masked.reasons) note(at, reason);
    return masked.text;
  }

  /** A number may be one that is dialled. */
  function number(value: number, at: At): number | undefined {
    return mask(String(value)).reasons.length === 0 ? value : leaveOut(at, 'phone');
  }

  function unknown(value: unknown, at: At): unknown {
    if (typeof value === 'object' && at.spot.hasKnownParts) return inside(value, at);
    if (!isLearning && !at.isUnmarked && holdsMark(value, 0)) return leaveOut(at, 'agent');
    if (isLikeAgent(value)) return agent(value, at);
    if (typeof value === 'object') return inside(value, { ...at, isUnmarked: true });
    return leaf(value, at);
  }

  /** On the subject's card an address or number that stands alone is the subject's, as in the known fields. */
  function isTheirs(value: unknown): boolean {
    return typeof value === 'string' && isOneValue(value) && !isMark(value) && !isOnAnotherCard(value, subject);
  }

  function leaf(value: unknown, at: At): unknown {
    if (typeof value === 'string') return text(value, at);
    return typeof value === 'number' ? number(value, at) : value;
  }

  /** Whether a value, or the name of a field in it, says which agent it is about. */
  function holdsMark(value: unknown, depth: number): boolean {
    if (typeof value === 'number') return value >= AGENT_ID_MIN && agents.knows(`id:${value}`);
    if (typeof value === 'string') return isMark(value);
    if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return false;
    return Object.entries(value).some(([name, part]) => isMark(name) || holdsMark(part, depth + 1));
  }

  function isMark(value: string): boolean {
    const id = userIdIn(value) ?? (/^\d{5,}$/.test(value) ? value : undefined);
    if (id !== undefined && agents.knows(`id:${id}`)) return true;
    if (emailKeys(value).some(agents.knows)) return true;
    return agents.knows(foldName(value)) || mask(value).reasons.includes('agent');
  }

  function agent(value: unknown, at: At): unknown {
    if (Array.isArray(value)) return items(value, at, agent);
    if (value === '') return value;
    if (typeof value === 'string' && subject.names.has(foldName(value))) return value;
    const who = describeAgent(value);
    // Somebody who works for the company may be the subject.
    if (who.keys.some(isOwnKey)) return isFields(value) ? fields(value, at) : leaf(value, at);
    const name = label(agents, who);
    return instead(at, 'agent', isFields(value) ? { name } : name);
  }

  function isOwnKey(key: string): boolean {
    return key.startsWith('email:') && subject.emails.has(foldEmail(key.slice('email:'.length)));
  }

  function team(value: unknown, at: At): unknown {
    if (Array.isArray(value)) return items(value, at, team);
    if (!isFields(value)) return leaf(value, at);
    const { name, ...others } = value;
    if (Object.keys(others).length > 0) leaveOut(at, 'team');
    return typeof name === 'string' ? { name: text(name, below(at, 'name', 'name')) } : {};
  }

  function party(value: unknown, at: At): unknown {
    if (typeof value === 'number') return party(String(value), at);
    if (typeof value !== 'string') return unknown(value, at);
    return isNumberOfOthers(value, subject) ? asPerson(value, at) : value;
  }

  function asPerson(value: unknown, at: At): string {
    return instead(at, 'other-person', label(persons, describePerson(value, subject)));
  }

  function card(value: unknown, at: At): unknown {
    if (!isFields(value)) return person(value, at);
    return isCardOf(subject, value) ? fields(value, { ...at, spot: CARD }) : { name: asPerson(value, at) };
  }

  function person(value: unknown, at: At): unknown {
    if (Array.isArray(value)) return items(value, at, person);
    if (isFields(value)) return participant(value, at);
    return typeof value === 'string' && !isNumberOfOthers(value, subject) && /^[+\d\s().\-/]*$/.test(value)
      ? value
      : asPerson(value, at);
  }

  function participant(value: unknown, at: At): unknown {
    if (!isFields(value)) return person(value, at);
    const { type, id, phone_number: number } = value;
    const kind = PARTICIPANTS.has(type) ? { type } : {};
    if (type === 'user' || isLikeAgent(value)) {
      const shown = agent(value, at);
      return isFields(shown) ? { ...kind, ...shown } : shown;
    }
    const isOwnCard = type === 'contact' && typeof id === 'number' && subject.contactIds.has(id);
    if (isOwnCard || (isDigits(number) && isOwnNumber(String(number), subject))) return fields(value, at);
    return { ...kind, name: asPerson(value, at) };
  }

  function spoken(value: unknown, at: At, treat: (said: Fields, at: At) => Fields): unknown {
    if (isFields(value) && isSaid(value)) {
      if (isLearning && isInternal(value)) learnAgent(value);
      return treat(value, at);
    }
    if (isLikeAgent(value)) return agent(value, at);
    if (typeof value === 'object') return inside(value, at);
    if (typeof value === 'string' && at.isOfAnybody && !isHidden(value)) return instead(at, 'other-person', WITHHELD);
    return typeof value === 'number' && holdsMark(value, 0) ? leaveOut(at, 'agent') : leaf(value, at);
  }

  /** Whether a text holds nothing of anybody. */
  function isHidden(text: string): boolean {
    return text === '' || agents.isLabel(text) || persons.isLabel(text);
  }

  function utterance(said: Fields, at: At): Fields {
    if (isInternal(said)) return ofAgent(said, at);
    const { phone_number: number } = said;
    if (isDigits(number) ? isOwnNumber(String(number), subject) : !at.isOfAnybody)
      return fields(said, { ...at, isOfAnybody: false });
    const times = ['start_time', 'end_time'].map(name => [name, said[name]] as const);
    const heard = {
      ...Object.fromEntries(times.filter(([, time]) => typeof time === 'number')),
      [speakerField(said)]: 'external',
    };
    // Without a number nothing tells two speakers apart.
    if (!isDigits(number)) return instead(at, 'other-person', { ...heard, text: WITHHELD });
    return { ...heard, phone_number: asPerson(number, at), text: WITHHELD };
  }

  /** What an agent said, or Aircall's own voice; who it was may stand in any other field. */
  function ofAgent(said: Fields, at: At): Fields {
    const kept = Object.entries(said).filter(([name, value]) => OF_UTTERANCE.get(name)?.includes(typeof value));
    if (kept.length < Object.values(said).filter(value => value !== null).length) leaveOut(at, 'agent');
    return fields(Object.fromEntries(kept), { ...at, isOfAnybody: false });
  }

  /** Of what an agent said or felt: texts lose the name too. */
  function learnAgent({ id: _, speaker, ...said }: Fields): void {
    const { keys, name = speaker } = describeAgent(said);
    // A single word may be any word: `agent`.
    if (typeof name === 'string' && foldName(name).includes(' ')) agents.learn({ keys, name });
  }

  /** How somebody felt in a call; of an agent it is an assessment. */
  function speaker(said: Fields, at: At): Fields {
    const role = speakerField(said);
    if (isInternal(said)) return instead(at, 'assessment', { [role]: 'internal' });
    const { phone_number: number } = said;
    return isDigits(number) && isNumberOfOthers(String(number), subject)
      ? { [role]: 'external', phone_number: asPerson(number, at) }
      : fields(said, at);
  }

  return {
    redactions,
    fields(record, spot, path, call) {
      const isOfAnybody = call !== undefined && !subject.ownCalls.has(call);
      return fields(record, { spot, path, depth: 0, isUnmarked: false, isOfAnybody });
    },
  };
}

const PARTICIPANTS: ReadonlySet<unknown> = new Set(['user', 'contact', 'external']);

/** Whether it is what one person said, or how they felt. An envelope has a `type` too. */
function isSaid(value: Fields): boolean {
  return 'participant_type' in value || 'phone_number' in value || speakerOf(value) !== undefined;
}

/** Whether it is of the company's side: an agent, or Aircall's own voice. */
function isInternal(said: Fields): boolean {
  const { user_id: user } = said;
  const speaker = speakerOf(said);
  return speaker === 'internal' || speaker === 'ai_voice_agent' || (user !== undefined && user !== null);
}

/** What has no digit (`anonymous`) is no number. */
function isDigits(number: unknown): number is string | number {
  return (typeof number === 'string' || typeof number === 'number') && /\d/.test(String(number));
}

/** Facts: docs/aircall.md 7; a record that nobody told us of may hold a user. */
function isLikeAgent(value: unknown): boolean {
  if (!isFields(value)) return false;
  return OF_AGENTS.some(name => name in value) || userIdIn(value.direct_link) !== undefined;
}

function below(at: At, segment: string, name: string): At {
  const path = `${at.path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return { ...at, spot: at.spot.below(segment), path, depth: at.depth + 1 };
}
