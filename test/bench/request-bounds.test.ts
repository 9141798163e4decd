import { boundsOf, spokenBoundsOf, withCallsOfSubject } from '../../bench/requests/bounds';
import { createCompanySeed, type PersonaName } from '../../sandbox';

const NOW_MS = 1_800_000_000_000;
const seed = createCompanySeed({ name: 'acme', seed: 1, contacts: 120, calls: 1000, now: NOW_MS });
const hers = { email: seed.truth.subjectEmail, contactIds: seed.truth.contactIds };

describe('the fewest API requests of a request', () => {
  test('are counted from the data: searches for the address and each number, pages of each number, contacts, pages of everything', () => {
    // 110, 12 and 8 calls on her own numbers, 13 on the one she shares; 5 calls are too old to be served.
    expect(boundsOf(seed, hers, NOW_MS)).toEqual({
      byNumber: 1 + 4 + (3 + 1 + 1 + 1),
      company: 1 + 4 + 20,
      deletion: 1 + 4 + 2 + 1 + 4,
      deletionLater: 1 + 4 + 2 + 2 + 1 + 4,
      listEverything: 3 + 20,
    });
  });

  test('are more where the address has capitals, for it is searched for in both spellings', () => {
    const plain = boundsOf(seed, hers, NOW_MS);
    const capitals = boundsOf(seed, { ...hers, email: hers.email.toUpperCase() }, NOW_MS);
    expect(capitals).toMatchObject({ byNumber: plain.byNumber + 1, deletion: plain.deletion + 2 });
  });

  test('are more where a number has several spellings, for contacts and calls are searched by each', () => {
    const company = createCompanySeed({ name: 'acme', seed: 1, contacts: 10, calls: 0, now: NOW_MS, personas: true });
    const boundsFor = (name: PersonaName) => {
      const persona = company.truth.personas[name];
      const { email, contactIds } = {
        email: persona?.identities.emails[0] ?? '',
        contactIds: persona?.contacts.certain,
      };
      return boundsOf(company, { email, contactIds: contactIds ?? [] }, NOW_MS);
    };
    expect(boundsFor('edited-card')).toMatchObject({ byNumber: 1 + 2 + 2, deletion: 1 + 2 + 2 + 1 + 2 });
    expect(boundsFor('bare-before-plus')).toMatchObject({ byNumber: 1 + 2 + 2, deletion: 1 + 2 + 1 + 1 + 2 });
    expect(boundsFor('mexico')).toMatchObject({ byNumber: 1 + 2 + 2, deletion: 1 + 2 + 1 + 1 + 2 });
  });

  test('ask for one page of a number without calls, and for no page after a full one', () => {
    const without = { ...seed, calls: [] };
    expect(boundsOf(without, hers, NOW_MS).byNumber).toBe(1 + 4 + 4);
    const full = withCallsOfSubject(seed, 250);
    expect(boundsOf(full, hers, NOW_MS).byNumber).toBe(1 + 4 + 5 + 1 + 1 + 1);
  });
});

test('what belongs to calls costs nothing for audio whose links live, one for each transcript and six for its insights', () => {
  const [recorded = 0, left = 0, silent = 0] = seed.truth.callIds;
  const calls = seed.calls.map(call => ({
    ...call,
    recording: call.id === recorded || !seed.truth.callIds.includes(call.id),
    voicemail: [recorded, left].includes(call.id),
  }));
  const { audio, ...bounds } = spokenBoundsOf({ ...seed, calls });
  expect(bounds).toEqual({ files: 3, transcripts: 2, insights: 12 });
  expect([audio(0), audio(7)]).toEqual([0, 7]);
  expect(calls.find(({ id }) => id === silent)).toMatchObject({ recording: false, voicemail: false });
});

test('a subject who has called more has as many more calls, which nobody else had', () => {
  const busier = withCallsOfSubject(seed, 250);
  const more = busier.truth.callIds.filter(id => !seed.truth.callIds.includes(id));
  expect(more).toHaveLength(140);
  expect(busier.calls).toHaveLength(seed.calls.length);
  const before = seed.calls.filter(({ id }) => more.includes(id));
  expect(before.every(({ contactId }) => contactId === null)).toBe(true);
  expect(withCallsOfSubject(seed, 25)).toEqual(seed);
  expect(() => withCallsOfSubject(seed, 500)).toThrow('too few calls');
});
