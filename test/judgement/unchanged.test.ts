import { isUnchanged } from '../../src/judgement/unchanged';
import { card } from './support';

const ANNA = {
  name: 'Anna Example',
  emails: ['anna@example.com', 'example@example.com'],
  numbers: ['+33612345678', '+33698765432'],
};
const anna = card(1, ANNA);

describe('a card that is read again', () => {
  test('is unchanged if its addresses, its numbers and its fields come in another order', () => {
    const { emails, phone_numbers, last_name, first_name, id } = anna;
    const reversed = {
      phone_numbers: [...(phone_numbers ?? [])].reverse(),
      emails: [...(emails ?? [])].reverse(),
      last_name,
      first_name,
      id,
    };
    expect(isUnchanged(anna, reversed)).toBe(true);
  });

  test.each([
    ['name', { ...ANNA, name: 'Bob Example' }],
    ['address', { ...ANNA, emails: ['bob@example.com', 'example@example.com'] }],
    ['number', { ...ANNA, numbers: ['+33612345678', '+33698765433'] }],
    ['count of addresses', { ...ANNA, emails: ['anna@example.com'] }],
    ['place of the values', { ...ANNA, emails: ANNA.numbers, numbers: ANNA.emails }],
  ])('is changed if it has another %s', (_, other) => {
    expect(isUnchanged(anna, card(1, other))).toBe(false);
  });
});
