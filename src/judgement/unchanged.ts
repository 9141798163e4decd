/** Whether a card is still what was judged: a changed name, address or number may make it another person's. Pure. */
import type { Card } from './judgement';

/** Whether two readings of a card hold the same of all that cards are judged by. */
export function isUnchanged(one: Card, other: Card): boolean {
  return judgedBy(one) === judgedBy(other);
}

function judgedBy({ id, first_name, last_name, emails, phone_numbers }: Card): string {
  return JSON.stringify([id, first_name ?? '', last_name ?? '', valuesOf(emails), valuesOf(phone_numbers)]);
}

/** In any order: Aircall names none. */
function valuesOf(values: Card['emails']): string[] {
  return (values ?? []).flatMap(({ value }) => value ?? []).sort();
}
