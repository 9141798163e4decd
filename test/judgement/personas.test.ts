/** The judgement of the sandbox's personas: of each the truth was noted while her records were made. */
import { createCompanySeed } from '../../sandbox';
import { createCallJudge } from '../../src/judgement/calls';
import { judgeCards } from '../../src/judgement/cards';
import { NOW } from '../sandbox/ask';

const { contacts, calls, truth } = createCompanySeed({
  name: 'acme',
  seed: 1,
  contacts: 20,
  calls: 200,
  now: NOW,
  personas: true,
});
const PERSONAS = Object.entries(truth.personas);

test('there are personas', () => {
  expect(PERSONAS.length).toBeGreaterThan(30);
});

test.each(PERSONAS)('the judgement knows whose the records around the persona %s are', (_, persona) => {
  const judged = judgeCards(persona.identities, contacts, persona.country);
  const judgeCall = createCallJudge(judged, persona.country);
  const judgedCalls = calls.flatMap(({ id, contactId, raw_digits, participants }) => {
    const contact = contactId === null ? null : { id: contactId };
    const verdict = judgeCall({ id, contact, raw_digits, conference_participants: participants });
    return verdict === undefined ? [] : [{ id, doubt: verdict.doubt }];
  });
  expect(sorted(judged.contacts.map(({ card, doubt }) => ({ id: card.id, doubt })))).toEqual(sorted(persona.contacts));
  expect(sorted(judgedCalls)).toEqual(sorted(persona.calls));
  const withoutCountry = persona.gaps.reduce((sum, { count }) => sum + count, 0);
  expect([judged.withoutCountry, judged.ignored]).toEqual([withoutCountry, persona.ignoredNumbers]);
});

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
