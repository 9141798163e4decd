/** The identities of the person that a request is about, and what Aircall is searched for. Pure. */
import { emailSpellings } from '../judgement/addresses';

/** What the contacts of Aircall are searched for: the spellings of all addresses, in their order, each once. */
export function searchedAddresses(emails: readonly string[]): readonly string[] {
  return [...new Set(emails.flatMap(emailSpellings))];
}
