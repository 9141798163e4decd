/** Decides whose record it is: contacts by their addresses, calls by the contact that Aircall attached or by their number. */
import { hasEmail } from './addresses';
import { phoneDigits } from './numbers';

/** The known identities of the subject. */
export interface Subject {
  readonly contactIds: ReadonlySet<number>;
  /** Of the subject's numbers. */
  readonly digits: ReadonlySet<string>;
}

export interface MatchedContact {
  readonly emails?: readonly { readonly value?: string | null | undefined }[] | null | undefined;
}

export interface MatchedCall {
  readonly contact?: { readonly id: number } | null | undefined;
  readonly raw_digits?: string | null | undefined;
}

/** Whether a contact is the subject's: one of its own addresses is. */
export function isContactOf(contact: MatchedContact, email: string): boolean {
  return hasEmail(contact.emails ?? [], email);
}

/**
 * Whose call it is (D6): the subject's if Aircall attached one of their contacts, or if it is on one of their numbers and
 * attached to nobody; on their number but attached to somebody else, it may be that other person's.
 */
export function judgeCall(call: MatchedCall, subject: Subject): 'own' | 'ambiguous' | 'other' {
  if (call.contact && subject.contactIds.has(call.contact.id)) return 'own';
  const digits = call.raw_digits ? phoneDigits(call.raw_digits) : undefined;
  if (digits === undefined || !subject.digits.has(digits)) return 'other';
  return call.contact ? 'ambiguous' : 'own';
}
