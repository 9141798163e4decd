/**
 * Takes out of a package what is not the subject's: agents, other people, links that are keys. It must never change its input, nor the
 * place of a record. The rules are docs/redaction.md.
 */
import { type Packed, pack } from '../packed';
import type { InSlices } from '../slices';
import type { CallContent, Findings, Redacted, Whose } from './findings';
import { createPeople } from './people';
import { describePerson, subjectOf } from './subject';
import { TOP } from './table';
import { createWalk, type Walk } from './walk';

/**
 * The same records in the same places, without what is not the subject's. What was redacted stays as it is if it is redacted again. Lists
 * keep their length, so that paths stay true; fields may be missing. Takes time by the size of the records; a slice is one record.
 */
export function* redact<K extends string>(findings: Findings<K>, whose: Whose): InSlices<Redacted<K>> {
  const subject = yield* subjectOf(findings, whose);
  const isOwn = (name: string) => subject.names.has(name);
  const people = { agents: createPeople('Agent', isOwn), persons: createPeople('Person', isOwn) };
  // Who is who first: a text may name somebody before the record that says who that is.
  const learning = createWalk(subject, people, 'learn');
  yield* walkAll(findings, learning, () => UNUSED);
  yield* walkAll({ ...whose.withheld, transcripts: [], insights: [] }, learning, () => UNUSED);
  for (const card of whose.withheld.contacts) people.persons.learn(describePerson(card, subject));
  return yield* walkAll(findings, createWalk(subject, people, 'redact'), pack);
}

const UNUSED = pack<unknown>(undefined);

/** @param packed keeps what was made of a call, as the walk leaves it */
function* walkAll<K extends string>(
  findings: Findings<K>,
  walk: Walk,
  packed: (content: unknown) => Packed<unknown>,
): InSlices<Redacted<K>> {
  const { contacts, calls, transcripts, insights } = findings;
  const fieldsOf = (source: string, record: object, place: number, call?: number) =>
    walk.fields(record, TOP.below(source).below('[]'), `/${source}/${place}`, call);
  const contentOf = (source: string, { call, content }: CallContent, place: number) =>
    packed(fieldsOf(source, { content: content.open() }, place, call).content);
  return {
    contacts: yield* each(contacts, (card, place) => ({ ...fieldsOf('contacts', card, place), id: card.id })),
    calls: yield* each(calls, (call, place) => ({ ...fieldsOf('calls', call, place), id: call.id })),
    transcripts: yield* each(transcripts, (made, place) => ({
      call: made.call,
      content: contentOf('transcripts', made, place),
    })),
    insights: yield* each(insights, (made, place) => ({
      call: made.call,
      kind: made.kind,
      content: contentOf('insights', made, place),
    })),
    redactions: walk.redactions,
  };
}

function* each<T, R>(records: readonly T[], treat: (record: T, place: number) => R): InSlices<R[]> {
  const treated: R[] = [];
  for (const [place, record] of records.entries()) {
    treated.push(treat(record, place));
    yield;
  }
  return treated;
}
