/** The standard data: the same for the same seed, complete in its traps, and fictional throughout. */
import { createCompanySeed, createStandardCompanies } from '../../sandbox/index';
import { NOW } from './ask';

const INPUT = { name: 'acme', seed: 1, contacts: 120, calls: 600, now: NOW, audio: true };
const acme = createCompanySeed(INPUT);

describe('the standard companies', () => {
  test('are the same for the same seed, and others for another', () => {
    expect(createCompanySeed(INPUT)).toEqual(acme);
    expect(createCompanySeed({ ...INPUT, seed: 2 }).calls).not.toEqual(acme.calls);
  });

  test('have secrets, ids and subjects of their own', () => {
    const [first, second] = createStandardCompanies({ seed: 1, now: NOW });
    expect([first?.truth.subjectEmail, second?.truth.subjectEmail]).toEqual([
      'zoe.nunez@example.com',
      'li.wei@example.org',
    ]);
    expect(first?.apiId).not.toBe(second?.apiId);
    const known = new Set(first?.contacts.map(each => each.id));
    expect(second?.contacts.some(each => known.has(each.id))).toBe(false);
  });

  test('have exactly 137 calls of the subject and 6 that are ambiguous, however many others there are', () => {
    for (const calls of [0, 600, 5_000]) {
      const { truth, calls: made } = createCompanySeed({ ...INPUT, calls });
      expect([truth.callIds.length, truth.ambiguousCallIds.length]).toEqual([137, 6]);
      expect(new Set(made.map(each => each.id)).size).toBe(Math.max(calls, 153));
    }
  });

  test('hold every trap of the fact sheet', () => {
    const { contacts, calls, truth } = acme;
    const folded = contacts.filter(each => each.emails.some(({ value }) => value.toLowerCase() === truth.subjectEmail));
    expect(folded.filter(each => each.is_shared).map(each => each.id)).toEqual(truth.contactIds);
    expect(folded.some(each => !each.is_shared)).toBe(true);
    expect(contacts.some(each => each.emails.length === 0)).toBe(true);
    expect(contacts.some(each => each.phone_numbers.length === 0)).toBe(true);
    expect(contacts.some(each => each.phone_numbers.some(({ value }) => value.includes(' ')))).toBe(true);
    const hers = calls.filter(each => truth.callIds.includes(each.id));
    for (const trap of [
      hers.some(each => each.recording),
      hers.some(each => each.voicemail),
      hers.some(each => each.answered_at === null),
      hers.some(each => each.userId === null),
      hers.some(each => each.contactId === null),
      hers.some(each => each.comments.length > 0),
      hers.some(each => each.tagIds.length > 0),
      calls.some(each => each.raw_digits === 'anonymous'),
      calls.some(each => each.ended_at === null),
    ]) {
      expect(trap).toBe(true);
    }
  });

  test('use only numbers and domains that belong to nobody', () => {
    const numbers = acme.contacts.flatMap(each => each.phone_numbers.map(({ value }) => value));
    const reserved =
      /^(\+1\d{3}55501\d\d|\+447700900\d{3}|\+4420794609\d\d|\+33(19900|26191|35301|46571|53649|63998)\d{4})$/;
    for (const value of [...numbers, ...acme.calls.map(each => each.raw_digits)]) {
      if (value !== 'anonymous') expect(value.replaceAll(/[ -]/g, '')).toMatch(reserved);
    }
    const domains = acme.contacts.flatMap(each => each.emails.map(({ value }) => value.toLowerCase().split('@')[1]));
    expect([...new Set(domains)].sort()).toEqual(['example.com', 'example.net']);
  });
});
