/**
 * The identities of the person that a request is about: their one form, their order, the keyed hashes that name the person where
 * no personal data may be, and what Aircall is searched for. Which spellings are equal, src/judgement/ decides. Pure.
 */
import { emailSpellings, foldEmail } from '../judgement/addresses';
import type { Identities } from '../judgement/judgement';
import { phoneDigits, readGiven } from '../judgement/numbers';

/** Each once, in the order and the spelling in which it was given first. An extension is no spelling: it makes a number doubtful. */
export function distinct({ emails, phoneNumbers }: Identities): Identities {
  const withExtension = (number: string) => `${canonicalNumber(number)} ${readGiven(number)?.extension ?? false}`;
  return { emails: onceBy(emails, foldEmail), phoneNumbers: onceBy(phoneNumbers, withExtension) };
}

/** In the form in which they are compared: addresses first, each in alphabetical order. Equal for equal people, however written. */
export function canonicalIdentities({ emails, phoneNumbers }: Identities): readonly string[] {
  return [...sortedOnce(emails.map(foldEmail)), ...sortedOnce(phoneNumbers.map(canonicalNumber))];
}

/**
 * One for each identity, in their canonical order. The same person in two connections has other hashes, so that nobody
 * can see that they are one.
 * @param hash keyed, see the keyring
 */
export function identityHashesOf(
  hash: (value: string) => string,
  { connection, subject }: { readonly connection: string; readonly subject: Identities },
): readonly string[] {
  return canonicalIdentities(subject).map(identity => hash(`subject ${connection} ${identity}`));
}

/** What the contacts of Aircall are searched for: the spellings of all addresses, in their order, each once. */
export function searchedAddresses(emails: readonly string[]): readonly string[] {
  return [...new Set(emails.flatMap(emailSpellings))];
}

/** An accepted number is one; of a refused one there is nothing to compare but its text. */
function canonicalNumber(number: string): string {
  return phoneDigits(number) ?? number.trim();
}

function onceBy(values: readonly string[], canonical: (value: string) => string): readonly string[] {
  const first = new Map<string, string>();
  for (const value of values) if (!first.has(canonical(value))) first.set(canonical(value), value);
  return [...first.values()];
}

function sortedOnce(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}
