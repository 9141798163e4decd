/**
 * Takes out of a package what is not the subject's: agents, other people, links that are keys. It must never change its input, nor the
 * place of a record. The rules are docs/redaction.md.
 */
import type { Findings, Redacted, Whose } from './findings';
import { createPeople } from './people';
import { subjectOf } from './subject';
import { TOP } from './table';
import { createWalk, type Walk } from './walk';

/**
 * The same records in the same places, without what is not the subject's. What was redacted stays as it is if it is redacted again. Lists
 * keep their length, so that paths stay true; fields may be missing. Takes time by the size of the records.
 */
export function redact(findings: Findings, whose: Whose): Redacted {
  const subject = subjectOf(findings, whose);
  const isOwn = (name: string) => subject.names.has(name);
  const people = { agents: createPeople('Agent', isOwn), persons: createPeople('Person', isOwn) };
  // Who is who first: a text may name somebody before the record that says who that is.
  walkAll(findings, createWalk(subject, people, 'learn'));
  return walkAll(findings, createWalk(subject, people, 'redact'));
}

function walkAll({ contacts, calls, transcripts, insights }: Findings, walk: Walk): Redacted {
  const fieldsOf = (source: string, record: object, place: number, call?: number) =>
    walk.fields(record, TOP.below(source).below('[]'), `/${source}/${place}`, call);
  return {
    contacts: contacts.map((card, place) => ({ ...fieldsOf('contacts', card, place), id: card.id })),
    calls: calls.map((call, place) => ({ ...fieldsOf('calls', call, place), id: call.id })),
    transcripts: transcripts.map((each, place) => ({
      call: each.call,
      content: fieldsOf('transcripts', each, place, each.call).content,
    })),
    insights: insights.map((each, place) => ({
      call: each.call,
      kind: each.kind,
      content: fieldsOf('insights', each, place, each.call).content,
    })),
    redactions: walk.redactions,
  };
}
