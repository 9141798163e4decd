/**
 * Decides when two spellings of an e-mail address name the same person; no other place does. It never matches on an empty value.
 * Facts: docs/aircall.md (letter case, spaces).
 */

/** Trimmed and case-folded: the form in which addresses are compared. */
export function foldEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}

/**
 * Four times the longest address of a subject: no spelling of one is longer. Normalizing takes time by the square of the length.
 */
const VALUE_LENGTH_MAX = 1_024;

/** Whether one of a contact's own addresses is the subject's. */
export function hasEmail(emails: readonly { readonly value?: string | null | undefined }[], email: string): boolean {
  const wanted = foldEmail(email);
  return wanted !== '' && emails.some(({ value }) => foldedValue(value) === wanted);
}

function foldedValue(value: string | null | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed === undefined || trimmed.length > VALUE_LENGTH_MAX ? undefined : foldEmail(trimmed);
}

/** The spellings to search for: as given, and lower-cased if that differs (Unverified: Aircall's search may heed case). */
export function emailSpellings(email: string): string[] {
  const given = email.trim();
  return [...new Set([given, given.toLowerCase()])];
}
