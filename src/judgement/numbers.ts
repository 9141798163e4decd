/**
 * Decides when two spellings of a telephone number name the same one; no other place does. It never matches on an unusable value, nor on a
 * number without country. The rules are docs/judgement.md; facts: docs/aircall.md (`anonymous`, values with spaces).
 */
import {
  type CountryCode,
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberWithError,
} from 'libphonenumber-js/max';
import type { Country } from './judgement';

/** A value with fewer digits names nobody. */
export const PHONE_DIGITS_MIN = 7;
/** Different values of one person that are read as numbers: each number is a list of its own at Aircall. */
export const NUMBERS_MAX = 200;
/** Of a value, with its marks and blanks. Normalizing takes time by the square of the length, so a longer text is no number. */
const VALUE_LENGTH_MAX = 256;

/** What Aircall shows for hidden callers: the letters of the word, on a keypad. */
const KEYPAD = new Set([
  '266696687', // ANONYMOUS
  '7378742833', // RESTRICTED
  '2562533', // BLOCKED
  '8656696', // UNKNOWN
  '86282452253', // UNAVAILABLE
  '7748283', // PRIVATE
  '94844353', // WITHHELD
]);

/** Plans in which one number has two forms; both have ten digits after what is written here. */
const PLANS = [
  { country: '54', mobile: '549' }, // Argentina
  { country: '52', mobile: '521' }, // Mexico
] as const;
const AFTER_PREFIX = 10;

/** Types of libphonenumber that serve many people. */
const SERVICES: ReadonlySet<string | undefined> = new Set(['TOLL_FREE', 'PREMIUM_RATE', 'SHARED_COST', 'UAN']);
/** Types of libphonenumber that a mobile may have. */
const MOBILES: ReadonlySet<string | undefined> = new Set(['MOBILE', 'FIXED_LINE_OR_MOBILE']);

export interface StoredNumber {
  /** Canonical, with country code and without plus. */
  readonly digits: string;
  readonly extension: boolean;
  /** The digits as stored, if they have the country code without a plus. */
  readonly bare?: string | undefined;
}

/** What a value is: a number, no number at all, or one that lacks a country and so equals none. */
export type Reading = StoredNumber | 'no-number' | 'no-country';

/**
 * The canonical digits of a number with country code, as a request gives it; undefined if it is none (`anonymous`, a name, without country
 * code, fewer than 7 digits, more than 256 characters). Possible but invalid numbers are kept.
 */
export function phoneDigits(value: string): string | undefined {
  return readGiven(value)?.digits;
}

/** A number of a request. */
export function readGiven(value: string): StoredNumber | undefined {
  return readInternational(international(clean(value)));
}

/** The canonical digits of the number of a call, which no card explains. */
export function callDigits(value: string, country: Country | undefined): string | undefined {
  const [reading] = readValues([value], country);
  return typeof reading === 'object' ? reading.digits : undefined;
}

/** The values of one card, in their order: one that has no country is read in the context of the others. */
export function readValues(values: readonly string[], country: Country | undefined): Reading[] {
  const texts = values.map(clean);
  const read = texts.map(text => readInternational(international(text)));
  const known = new Set(read.flatMap(number => number?.digits ?? []));
  const local = supported(country) ?? onlyOne(read.flatMap(number => number?.country ?? []));
  return texts.map((text, place) => {
    const number = read[place];
    if (number !== undefined) return { digits: number.digits, extension: number.extension };
    return international(text) === undefined ? readNational(text, known, local) : 'no-number';
  });
}

/** Whether a number serves many people, by its type. */
export function servesMany(digits: string): boolean {
  return SERVICES.has(typeOf(digits));
}

/** What Aircall is searched for, each once. @param bare forms in which the subject's own cards store it without plus */
export function numberSpellings(digits: string, bare: ReadonlySet<string>): string[] {
  const other = mobileForm(digits);
  const forms =
    other === undefined || ![digits, other].some(form => MOBILES.has(typeOf(form))) ? [digits] : [digits, other];
  return [...forms.map(form => `+${form}`), ...[...bare].sort()];
}

/**
 * Every way to write canonical digits as digits alone: in both forms of the plan, each with country code, with the prefix of Europe or of
 * North America, with a zero between (`+44 (0)20`), and as people of that country dial it.
 */
export function digitForms(digits: string): string[] {
  const forms = [digits, mobileForm(digits) ?? digits].flatMap(form => {
    const parsed = parse(`+${form}`);
    const national = parsed === undefined ? [] : [parsed.nationalNumber, parsed.formatNational().replace(/\D/g, '')];
    return [
      form,
      `00${form}`,
      `011${form}`,
      ...national,
      ...national.map(each => `${parsed?.countryCallingCode}${each}`),
    ];
  });
  return [...new Set(forms)].filter(form => form.length >= PHONE_DIGITS_MIN);
}

/** Whether a number can exist by the plan of its country; its country's list of ranges is not consulted. @param digits with country code */
export function isPossibleNumber(digits: string): boolean {
  return parse(`+${digits}`)?.isPossible() ?? false;
}

/** Invisible marks come with numbers that were copied from address books; `(+33) 1` is a usual display form. */
function clean(value: string): string {
  if (value.length > VALUE_LENGTH_MAX) return '';
  return value
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Pd}/gu, '-')
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, digit => String(digit.charCodeAt(0) & 15)) // Arabic digits
    .trim()
    .replace(/^tel:\s*/i, '')
    .replace(/^\(\s*\+/, '+');
}

/** The text with a plus, if it has a country code. */
function international(text: string): string | undefined {
  if (text.startsWith('+')) return text;
  return text.startsWith('00') ? `+${text.slice(2)}` : undefined;
}

function readInternational(
  text: string | undefined,
): (StoredNumber & { readonly country: CountryCode | undefined }) | undefined {
  if (text === undefined) return undefined;
  const parsed = parse(text);
  // Of a plan that nobody knows the digits count. No country code begins with 0.
  const plain = /^\+[\d\s().\-/]+$/.test(text) ? text.replace(/\D/g, '') : '';
  const digits = canonical(parsed?.number.slice(1) ?? plain);
  if (digits.startsWith('0') || !isSomebodys(digits)) return undefined;
  return { digits, extension: parsed?.ext !== undefined, country: parsed?.country };
}

/** Any country will do to see an extension. */
const ANY_COUNTRY = 'US';

function readNational(text: string, known: ReadonlySet<string>, country: CountryCode | undefined): Reading {
  const [plain = ''] = /^[\d\s().\-/]*/.exec(text) ?? [];
  const rest = text.slice(plain.length);
  const ext = parse(text, ANY_COUNTRY)?.ext;
  // Digits in a text name anything: a customer, a room.
  if (rest !== '' && ext === undefined) return 'no-number';
  const bare = withoutEnd(plain.replace(/\D/g, ''), /\d/.test(rest) ? '' : (ext ?? ''));
  if (!isSomebodys(bare)) return 'no-number';
  const extension = ext !== undefined;
  if (known.has(canonical(bare))) return { digits: canonical(bare), extension, bare };
  const parsed = country === undefined ? undefined : parse(text, country);
  if (parsed === undefined || !parsed.isPossible()) return 'no-country';
  const digits = canonical(parsed.number.slice(1));
  if (!isSomebodys(digits)) return 'no-number';
  return { digits, extension, ...(canonical(bare) === digits && { bare }) };
}

function parse(text: string, country?: CountryCode): PhoneNumber | undefined {
  try {
    return parsePhoneNumberWithError(text, country);
  } catch {
    return undefined; // no number, or of no known plan
  }
}

/** Of the two forms of a number, the shorter. */
function canonical(digits: string): string {
  const plan = PLANS.find(({ mobile }) => digits.startsWith(mobile) && digits.length === mobile.length + AFTER_PREFIX);
  return plan === undefined ? digits : `${plan.country}${digits.slice(plan.mobile.length)}`;
}

/** Whether a text is a country that numbers may be read in: ISO 3166-1 alpha-2, upper case. */
export function isCountry(text: string): boolean {
  return isSupportedCountry(text);
}

/** The longer form of a canonical number that has one. */
function mobileForm(digits: string): string | undefined {
  const plan = PLANS.find(
    ({ country }) => digits.startsWith(country) && digits.length === country.length + AFTER_PREFIX,
  );
  return plan === undefined ? undefined : `${plan.mobile}${digits.slice(plan.country.length)}`;
}

function typeOf(digits: string): string | undefined {
  return parse(`+${digits}`)?.getType();
}

function isSomebodys(digits: string): boolean {
  return digits.length >= PHONE_DIGITS_MIN && !KEYPAD.has(digits);
}

/** `- 12#` is an extension that stands among the digits. */
function withoutEnd(text: string, end: string): string {
  return text.endsWith(end) ? text.slice(0, text.length - end.length) : text;
}

function supported(country: Country | undefined): CountryCode | undefined {
  return country !== undefined && isSupportedCountry(country) ? country : undefined;
}

function onlyOne<T>(items: readonly T[]): T | undefined {
  const different = new Set(items);
  return different.size === 1 ? items[0] : undefined;
}
