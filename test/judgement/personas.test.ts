/** The judgement of the sandbox's personas: of each the truth was noted while her records were made. */
import { createCompanySeed } from '../../sandbox';
import { createCallJudge } from '../../src/judgement/calls';
import { judgeCards } from '../../src/judgement/cards';
import type { Identities } from '../../src/judgement/judgement';
import { NOW } from '../sandbox/ask';

const seed = createCompanySeed({
  name: 'acme',
  seed: 1,
  contacts: 20,
  calls: 200,
  now: NOW,
  personas: true,
});
const { calls, truth } = seed;
/** Private ones are never shown. */
const contacts = seed.contacts.filter(({ is_shared }) => is_shared);
const PERSONAS = Object.entries(truth.personas);

test('there are personas', () => {
  expect(PERSONAS.length).toBeGreaterThan(30);
});

test('the judgement knows whose the records around the standard subject are', () => {
  const found = judge({ emails: [truth.subjectEmail], phoneNumbers: [] }, undefined);
  expect(found.contacts).toEqual(truth.contactIds.map(id => ({ id, doubt: undefined })));
  // The seed does not note calls beyond the history, nor would Aircall serve them.
  const served = new Set([...truth.callIds, ...truth.ambiguousCallIds]);
  expect(sorted(found.calls.filter(({ id }) => served.has(id)))).toEqual(
    sorted({
      certain: truth.callIds,
      doubtful: truth.ambiguousCallIds.map(id => ({ id, code: 'other-contact' })),
      nobody: [],
    }),
  );
});

test.each(PERSONAS)('the judgement knows whose the records around the persona %s are', (_, persona) => {
  const found = judge(persona.identities, persona.country);
  expect(found.contacts).toEqual(sorted(persona.contacts));
  expect(found.calls).toEqual(sorted(persona.calls));
  const withoutCountry = persona.gaps.reduce((sum, { count }) => sum + count, 0);
  expect([found.withoutCountry, found.ignored]).toEqual([withoutCountry, persona.ignoredNumbers]);
});

/** Of all contacts and calls of the company. */
function judge(identities: Identities, country: string | undefined) {
  const judged = judgeCards(identities, contacts, country);
  const judgeCall = createCallJudge(judged, country);
  const found = calls.flatMap(({ id, contactId, raw_digits, participants }) => {
    const contact = contactId === null ? null : { id: contactId };
    const verdict = judgeCall({ id, contact, raw_digits, conference_participants: participants });
    return verdict === undefined ? [] : [{ id, doubt: verdict.doubt }];
  });
  return {
    contacts: sorted(judged.contacts.map(({ card, doubt }) => ({ id: card.id, doubt }))),
    calls: sorted(found),
    withoutCountry: judged.withoutCountry,
    ignored: judged.ignored,
  };
}

interface Found {
  readonly id: number;
  readonly doubt: string | undefined;
}
type Truth = (typeof truth.personas)[string]['calls'];

/** Ids with their doubts, in the order of the ids. */
function sorted(found: readonly Found[] | Truth): Found[] {
  const all: readonly Found[] =
    'certain' in found
      ? [
          ...found.certain.map(id => ({ id, doubt: undefined })),
          ...found.doubtful.map(({ id, code }) => ({ id, doubt: code })),
        ]
      : found;
  return [...all].sort((one, other) => one.id - other.id);
}
