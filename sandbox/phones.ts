/**
 * Telephone numbers that belong to nobody, and how Aircall displays them. Only ranges reserved for fiction are used:
 * North America 555-01xx, Ofcom's 07700 900xxx and 020 7946 0xxx, Arcep's 01 99 00 xx xx and its sisters.
 * Personas also have 800-555-0199 (North America's one toll-free number), Ofcom's 0909 8790 xxx and 03069 990 xxx, Australia's
 * 1300 975 707, Arcep's 06 39 98 xx xx; and, for countries that reserve none, numbers that no network assigns because the subscriber's part
 * begins with 0: Argentina and Mexico 0000 xxxx, Norway 05 55 xx xx.
 * It must never yield a number that could ring.
 */

const AREA_CODES = [
  201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231, 234,
  239, 240, 248, 251, 252, 253, 254,
] as const;
const FRENCH_BLOCKS = ['19900', '26191', '35301', '46571', '53649'] as const;
const UNITED_STATES = AREA_CODES.length * 100;
const UNITED_KINGDOM = 1_000;
const POOL = UNITED_STATES + UNITED_KINGDOM + FRENCH_BLOCKS.length * 10_000;

/** The standard subject's own numbers and the one she shares; none of them is in the pool. */
export const SUBJECT_NUMBERS = {
  main: '+14155550123',
  spaced: '+442079460958',
  second: '+33639981234',
  shared: '+14155550199',
} as const;

/** The n-th number of the pool in E.164 form; 54,000 different ones, then they repeat. */
export function fictionalNumber(n: number): string {
  const at = (n * 7_919) % POOL;
  if (at < UNITED_STATES) return `+1${AREA_CODES[Math.floor(at / 100)]}55501${String(at % 100).padStart(2, '0')}`;
  if (at < UNITED_STATES + UNITED_KINGDOM) return `+447700900${String(at - UNITED_STATES).padStart(3, '0')}`;
  const french = at - UNITED_STATES - UNITED_KINGDOM;
  return `+33${FRENCH_BLOCKS[Math.floor(french / 10_000)]}${String(french % 10_000).padStart(4, '0')}`;
}

/** The form of `raw_digits`; a text that is no E.164 number of the three plans stays unchanged. */
export function displayNumber(e164: string): string {
  return e164
    .replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '+1 $1-$2-$3')
    .replace(/^\+44(20)(\d{4})(\d{4})$/, '+44 $1 $2 $3')
    .replace(/^\+44(7\d{3})(\d{6})$/, '+44 $1 $2')
    .replace(/^\+33(\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, '+33 $1 $2 $3 $4 $5');
}

export function digitsOf(value: string): string {
  return value.replace(/\D/g, '');
}

export function countryOf(value: string): string | null {
  if (value.startsWith('+1')) return 'US';
  if (value.startsWith('+44')) return 'GB';
  return value.startsWith('+33') ? 'FR' : null;
}
