/**
 * What names a person, and when two spellings name the same one. The only place that decides whether an e-mail address
 * or a telephone number matches; everything else asks here. It must never match on an empty or unusable value.
 * Facts: aircall-api.md 6 and 9 (values with spaces, `anonymous`, other letter case).
 */
import { parsePhoneNumberWithError } from 'libphonenumber-js/max';

/** Trimmed and case-folded: the form in which addresses are compared. */
export function foldEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}

/** Whether one of a contact's own addresses is the subject's. */
export function hasEmail(emails: readonly { readonly value?: string | null | undefined }[], email: string): boolean {
  const wanted = foldEmail(email);
  return wanted !== '' && emails.some(({ value }) => typeof value === 'string' && foldEmail(value) === wanted);
}

/** The spellings to search for: as given, and lower-cased where that differs (Unverified: Aircall's search may heed case). */
export function emailSpellings(email: string): string[] {
  const given = email.trim();
  return [...new Set([given, given.toLowerCase()])];
}

export const PHONE_DIGITS_MIN = 7;

/**
 * The digits of a number with its country code, without `+`: the form in which numbers are compared.
 * Undefined where the value holds no usable number (`anonymous`, a name, fewer than 7 digits).
 * Possible but invalid numbers are kept; a number without `+` is taken as it stands.
 */
export function phoneDigits(value: string): string | undefined {
  // Invisible marks come with numbers that were copied from address books; `(+33) 1` is a usual display form.
  const text = value
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Pd}/gu, '-')
    .trim()
    .replace(/^\(\s*\+/, '+');
  const international = text.startsWith('+') ? text : text.startsWith('00') ? `+${text.slice(2)}` : undefined;
  const digits = (international === undefined ? undefined : parsedDigits(international)) ?? plainDigits(text);
  return digits !== undefined && digits.length >= PHONE_DIGITS_MIN ? digits : undefined;
}

function parsedDigits(text: string): string | undefined {
  try {
    return parsePhoneNumberWithError(text).number.slice(1);
  } catch {
    return undefined; // not a number that the plans know: its plain digits decide
  }
}

/** Digits and the usual separators only; a leading international prefix is dropped. */
function plainDigits(text: string): string | undefined {
  if (!/^\+?[\d\s().\-/]+$/.test(text)) return undefined;
  return text.replace(/\D/g, '').replace(/^00/, '');
}
