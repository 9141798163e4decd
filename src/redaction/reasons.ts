/**
 * Why something of a record was replaced or left out, and what stands in its place. Ids and marks only: the sentences about them are in
 * the catalogs of the package. A redaction must never hold what it hides.
 */

/** The closed list of reasons. */
export const REASONS = [
  'agent', // somebody who works for the company, or a field that names one
  'team', // what a team holds besides its name
  'other-person', // another participant, their card, their number, or what they said
  'assessment', // how the work of an agent was judged
  'email', // in a text, an e-mail address that is not the subject's
  'phone', // a telephone number that is not the subject's
  'iban', // in a text, a bank account
  'link', // a link that opens a file for anybody who has it
  'too-deep', // nested deeper than is read
] as const;

export type Reason = (typeof REASONS)[number];

export interface Redaction {
  /** JSON Pointer (RFC 6901) into the redacted records, as `/calls/3/user`. It names what was replaced, or what was left out. */
  readonly path: string;
  readonly reason: Reason;
}

/** What stands in a text in place of what was taken out. None of them holds an address, a number or a link. */
export const MASKS = {
  email: '[email removed]',
  phone: '[phone number removed]',
  iban: '[IBAN removed]',
  link: '[link removed]',
} as const satisfies Partial<Record<Reason, string>>;

/** In place of what somebody else said. */
export const WITHHELD = '[withheld]';

/** How often each reason was given; reasons that were not are absent. */
export function countReasons(redactions: Iterable<Redaction>): Partial<Record<Reason, number>> {
  const counts: Partial<Record<Reason, number>> = {};
  for (const { reason } of redactions) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
