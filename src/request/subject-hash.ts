/** The name of a person where no personal data may be: a keyed hash of connection and address. Pure. */
import { foldEmail } from '../judgement/addresses';

/**
 * The same person in two connections has two hashes, so that nobody can see that they are one.
 * @param hash keyed, see the keyring
 */
export function subjectHashOf(
  hash: (value: string) => string,
  { connection, email }: { readonly connection: string; readonly email: string },
): string {
  return hash(`subject ${connection} ${foldEmail(email)}`);
}
