/**
 * Decides when two spellings of an e-mail address name the same person; no other place does. It never matches on an empty value.
 * Facts: docs/aircall.md (letter case, spaces).
 */

/** Trimmed and case-folded: the form in which addresses are compared. */
export function foldEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}

/** Whether one of a contact's own addresses is the subject's. */
export function hasEmail(emails: readonly { readonly value?: string | null | undefined }[], email: string): boolean {
  const wanted = foldEmail(email);
  return wanted !== '' && emails.some(({ value }) => typeof value === 'string' && foldEmail(value) === wanted);
}

/** The spellings to search for: as given, and lower-cased if that differs (Unverified: Aircall's search may heed case). */
export function emailSpellings(email: string): string[] {
  const given = email.trim();
  return [...new Set([given, given.toLowerCase()])];
}
