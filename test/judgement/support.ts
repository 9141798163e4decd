/** Cards in short, for tests of the judgement. */
import type { Card, Identities, Judged } from '../../src/judgement/judgement';

export function card(
  id: number,
  { name, emails = [], numbers = [] }: { name?: string; emails?: readonly string[]; numbers?: readonly string[] },
): Card {
  const [first_name, ...last] = (name ?? '').split(' ');
  return {
    id,
    first_name,
    last_name: last.join(' '),
    emails: emails.map(value => ({ value })),
    phone_numbers: numbers.map(value => ({ value })),
  };
}

export function person(emails: readonly string[], ...phoneNumbers: string[]): Identities {
  return { emails, phoneNumbers };
}

/** `1 certain`, `2 number-only`: of each judged card its id and doubt. */
export function contactsOf({ contacts }: Judged): string[] {
  return contacts.map(({ card: { id }, doubt = 'certain' }) => `${id} ${doubt}`);
}

export function numbersOf({ numbers }: Judged): string[] {
  return numbers.map(({ digits, doubt = 'certain' }) => `${digits} ${doubt}`);
}
