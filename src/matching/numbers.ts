/**
 * Decides when two spellings of a telephone number name the same one; no other place does. It never matches on an unusable value.
 * Facts: docs/aircall.md (`anonymous`, values with spaces).
 */
import { parsePhoneNumberWithError } from 'libphonenumber-js/max';

export const PHONE_DIGITS_MIN = 7;
/** Of a value, with its marks and blanks. Normalizing takes time by the square of the length, so a longer text is no number. */
const VALUE_LENGTH_MAX = 256;

/**
 * The digits of a number with its country code, without `+`: the form in which numbers are compared.
 * Undefined if the value holds no usable number (`anonymous`, a name, fewer than 7 digits, more than 256 characters).
 * Possible but invalid numbers are kept; a number without `+` is taken unchanged.
 */
export function phoneDigits(value: string): string | undefined {
  if (value.length > VALUE_LENGTH_MAX) return undefined;
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
    return undefined; // not a number of a known numbering plan: its plain digits decide
  }
}

/** Digits and the usual separators only; a leading international prefix is dropped. */
function plainDigits(text: string): string | undefined {
  if (!/^\+?[\d\s().\-/]+$/.test(text)) return undefined;
  return text.replace(/\D/g, '').replace(/^00/, '');
}

export interface SubjectNumber {
  /** The form in which it is compared. */
  readonly digits: string;
  /** The form in which Aircall is searched for it. */
  readonly query: string;
}

/** Different values of one person that are read as numbers: each number is a list of its own at Aircall. */
export const NUMBERS_MAX = 200;

/** The different numbers among the values, in their order, how many values name no number, and how many are beyond the limit. */
export function numbersIn(values: readonly string[]): {
  readonly numbers: readonly SubjectNumber[];
  readonly ignored: number;
  readonly beyond: number;
} {
  const read = new Map<string, string | undefined>();
  const numbers = new Map<string, SubjectNumber>();
  let ignored = 0;
  const beyond = new Set<string>();
  for (const value of values) {
    if (!read.has(value)) {
      if (read.size === NUMBERS_MAX) {
        beyond.add(value);
        continue;
      }
      read.set(value, phoneDigits(value));
    }
    const digits = read.get(value);
    if (digits === undefined) ignored += 1;
    else if (!numbers.has(digits))
      numbers.set(digits, { digits, query: /^\s*(\+|00)/.test(value) ? `+${digits}` : digits });
  }
  return { numbers: [...numbers.values()], ignored, beyond: beyond.size };
}
