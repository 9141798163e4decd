/**
 * Finds what names people in a text: addresses, numbers, bank accounts, links, names. It finds places only; whose they are is decided by
 * texts.ts. No search takes more time than the length of the text allows: no pattern here goes back, and what costs more is limited.
 */

import { foldWord } from './people';

/** From, and up to but without, in UTF-16 units. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Of UTF-16 units, as a table: a text of megabytes is asked unit by unit. */
type Kind = (text: string, place: number) => boolean;

const UNITS = 65_536;

function tableOf(isIn: (code: number) => boolean): Kind {
  const table = Uint8Array.from({ length: UNITS }, (_, code) => Number(isIn(code)));
  return (text, place) => table[text.charCodeAt(place)] === 1; // before and behind the text there is no unit
}

function kindOf(ascii: RegExp, other: RegExp): Kind {
  return tableOf(code => (code < 128 ? ascii : other).test(String.fromCharCode(code)));
}

const LETTER = /[\p{L}\p{M}\p{N}\p{Cf}]/u;
const NONE = /(?!)/;
const isLocal = kindOf(/[\w.!#$%&'*+/=?^`{|}~-]/, LETTER);
/** Usual in an address. Others may also stand before one: `mail=a@b.example`. */
const isUsual = kindOf(/[\w.%+-]/, LETTER);
const isDomain = kindOf(/[\w.-]/, /[\p{L}\p{M}\p{N}\p{Cf}\u3002]/u);
const isEndMark = kindOf(/[._-]/, /\u3002/);
const isAlphanumeric = kindOf(/[a-z\d]/i, NONE);
const isGap = kindOf(/[\s-]/, /[\s\p{Pd}\p{Cf}]/u);
const isWordUnit = kindOf(/[a-z\d]/i, LETTER);
const isSurrogate = kindOf(NONE, /[\ud800-\udfff]/);

/** Digits and signs of other scripts as ASCII, invisible marks as blanks. */
function plainUnit(unit: string): string {
  return unit
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/, digit => String(digit.charCodeAt(0) & 15))
    .replace(/[\uff10-\uff19]/, digit => String(digit.charCodeAt(0) - 0xff10))
    .replace('\uff0b', '+')
    .replace(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/, ' ')
    .replace(/[\u2010-\u2015\u2212\ufe58\uff0d]/, '-');
}

const PLAIN = Uint16Array.from({ length: UNITS }, (_, code) => plainUnit(String.fromCharCode(code)).charCodeAt(0));
const plainKindOf = (kind: RegExp) => tableOf(code => kind.test(String.fromCharCode(PLAIN[code] ?? code)));
const isDigit = plainKindOf(/\d/);
const isPlus = plainKindOf(/\+/);
const isBeforeNumber = plainKindOf(/[\s(]/);
const isWithinNumber = plainKindOf(/[\s().\-/]/);

/** The longest local part and domain of mail are 64 and 255; with invisible characters more. */
const LOCAL_MAX = 256;
const DOMAIN_MAX = 512;
/** Of the readings of one address, besides the longest. */
const STARTS_MAX = 4;
const [AT_SIGN, WIDE_AT_SIGN, PERCENT] = [0x40, 0xff20, 0x25];
const AT = /@|\uff20|%40/;

export interface FoundEmail extends Span {
  /** Where its local part ends. */
  readonly at: number;
  readonly domain: string;
}

export function* findEmails(text: string): Generator<FoundEmail> {
  if (!AT.test(text)) return;
  let local = 0;
  for (let at = 0; at < text.length; at += 1) {
    const length = lengthOfAt(text, at);
    if (length > 0) {
      const to = endOfDomain(text, at + length);
      const domain = text.slice(at + length, to);
      const from = startOfQuoted(text, at) ?? Math.max(local, at - LOCAL_MAX);
      if (from < at && isDotted(domain)) yield { from, to, at, domain };
    }
    if (!isLocal(text, at)) local = at + 1;
  }
}

/** What an address may be, the longest first: one begins behind a character that is unusual in an address. */
export function readingsOf(text: string, { from, at, domain }: FoundEmail): string[] {
  return [from, ...unusualStarts(text, from, at)].map(start => `${text.slice(start, at)}@${domain}`);
}

/** Of `@`, of its wide form, and of how a link has it; 0 if none of them is there. */
function lengthOfAt(text: string, place: number): number {
  const code = text.charCodeAt(place);
  if (code === AT_SIGN || code === WIDE_AT_SIGN) return 1;
  return code === PERCENT && text.startsWith('40', place + 1) ? 3 : 0;
}

function startOfQuoted(text: string, end: number): number | undefined {
  if (text.charAt(end - 1) !== '"') return undefined;
  for (let quote = end - 2; quote >= 0 && end - quote <= LOCAL_MAX; quote -= 1)
    if (text.charAt(quote) === '"') return quote;
  return undefined;
}

/** Whether a domain has a dot behind something else. */
function isDotted(domain: string): boolean {
  let first = 0;
  while (domain.charAt(first) === '.') first += 1;
  return domain.lastIndexOf('.') > first;
}

/** A sentence may end behind an address. */
function endOfDomain(text: string, from: number): number {
  let to = from;
  while (to - from < DOMAIN_MAX && isDomain(text, to)) to += 1;
  while (to > from && isEndMark(text, to - 1)) to -= 1;
  return to;
}

/** Places behind an unusual character, the last few: a text may hold any number of them. */
function unusualStarts(text: string, from: number, to: number): number[] {
  const starts: number[] = [];
  for (let place = to - 1; place > from && starts.length < STARTS_MAX; place -= 1)
    if (!isUsual(text, place - 1)) starts.unshift(place);
  return starts;
}

/** The longest number with a prefix for abroad, and one digit more for `(0)`. */
export const DIGITS_MAX = 19;

export interface FoundDigits extends Span {
  readonly digits: string;
}

/** What may be a number, from one group of digits on. */
export interface NumberStart {
  readonly hasPlus: boolean;
  /** The longest that fits: each reading is some groups longer than the one before. */
  findLast(fits: (digits: string) => boolean): FoundDigits | undefined;
}

/** Groups of digits that may be one number: `+44 (0) 20 7946 0958`. */
interface Chain {
  readonly digits: string;
  /** Of each group: where it begins and ends in the text, and where its digits begin in `digits`. */
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly at: readonly number[];
}

/**
 * Yields where a number may begin, and is told with `next` what was found there, which it then skips.
 * @param heads the first digits of what is looked for, all of one length; with a plus, anything is
 */
export function* findNumbers(
  text: string,
  heads: ReadonlySet<string>,
  headLength: number,
): Generator<NumberStart, void, Span | undefined> {
  let behind = 0;
  for (const chain of chainsOf(text, headLength)) {
    const { digits, from, at } = chain;
    for (let place = 0; digits.length - (at[place] ?? digits.length) >= headLength; place += 1) {
      const [begin = 0, head = 0] = [from[place], at[place]];
      if (begin < behind) continue;
      const sign = signBefore(text, begin);
      if (sign === 0 && !heads.has(digits.slice(head, head + headLength))) continue;
      const findLast: NumberStart['findLast'] = fits => lastReading(chain, place, { sign, headLength, fits });
      const found = yield { hasPlus: sign > 0, findLast };
      behind = found?.to ?? behind;
    }
  }
}

interface Reader {
  /** The length of what stands before the digits. */
  readonly sign: number;
  readonly headLength: number;
  readonly fits: (digits: string) => boolean;
}

function lastReading({ digits, from, to, at }: Chain, start: number, reader: Reader): FoundDigits | undefined {
  const begin = at[start] ?? 0;
  const endOf = (place: number) => at[place + 1] ?? digits.length;
  let last = start;
  while (last + 1 < from.length && last + 1 < start + DIGITS_MAX && endOf(last + 1) - begin <= DIGITS_MAX) last += 1;
  for (let place = last; place >= start; place -= 1) {
    const end = endOf(place);
    if (end - begin > DIGITS_MAX || end - begin < reader.headLength) continue;
    const reading = digits.slice(begin, end);
    if (reader.fits(reading)) return { from: (from[start] ?? 0) - reader.sign, to: to[place] ?? 0, digits: reading };
  }
  return undefined;
}

/** Up to so many blanks and marks may stand between two groups. */
const BETWEEN_MAX = 4;

/** Those with so many digits at least: others are only counted, because a text may hold any number of them. */
function* chainsOf(text: string, digitsMin: number): Generator<Chain> {
  for (let place = 0; place < text.length; place += 1) {
    if (!isDigit(text, place)) continue;
    let count = 0;
    let end = place;
    for (let group: number | undefined = place; group !== undefined; group = nextGroup(text, end))
      for (end = group; isDigit(text, end); end += 1) count += 1;
    if (count >= digitsMin) yield chainFrom(text, place);
    place = end;
  }
}

function chainFrom(text: string, start: number): Chain {
  const digits: number[] = [];
  const [from, to, at]: [number[], number[], number[]] = [[], [], []];
  for (let group: number | undefined = start; group !== undefined; group = nextGroup(text, to.at(-1) ?? start)) {
    from.push(group);
    at.push(digits.length);
    let place = group;
    for (; isDigit(text, place); place += 1) digits.push(PLAIN[text.charCodeAt(place)] ?? 0);
    to.push(place);
  }
  return { digits: Buffer.from(digits).toString('latin1'), from, to, at };
}

/** Where the next group of a chain begins. @param end of the group before */
function nextGroup(text: string, end: number): number | undefined {
  let next = end;
  while (next - end < BETWEEN_MAX && isWithinNumber(text, next)) next += 1;
  return next > end && isDigit(text, next) ? next : undefined;
}

/** The length of a plus before a number, with what stands between: `+`, `+(`, `+ `, `%2B`; 0 if there is none. */
function signBefore(text: string, from: number): number {
  for (let between = 0; between < 3; between += 1) {
    const length = lengthOfPlus(text, from - between);
    if (length > 0) return between + length;
    if (!isBeforeNumber(text, from - between - 1)) return 0;
  }
  return 0;
}

/** Of a plus, or of how a link has it; 0 if none of them is there. */
function lengthOfPlus(text: string, to: number): number {
  if (isPlus(text, to - 1)) return 1;
  return to >= 3 && text.startsWith('%2', to - 3) && /b/i.test(text.charAt(to - 1)) ? 3 : 0;
}

export interface FoundWords extends Span {
  readonly name: string;
}

/** Words of other scripts: to fold one takes longer than to remember it. */
const REMEMBERED_LENGTH_MAX = 32;
const REMEMBERED_MAX = 1_000;

/** @param names folded, of at least two words each. @returns finds where one of them stands, the longest at each place */
export function createNameFinder(names: readonly string[]): (text: string) => FoundWords[] {
  const firstWords = new Set(names.map(name => name.slice(0, name.indexOf(' '))));
  const firstUnits = new Set([...firstWords].map(word => word.charCodeAt(0)));
  const remembered = new Map<string, boolean>();
  // By two words: many people share a first name.
  const byStart = new Map<string, string[][]>();
  for (const name of names) {
    const words = name.split(' ');
    const alike = byStart.get(startOf(words));
    if (alike === undefined) byStart.set(startOf(words), [words]);
    else alike.push(words);
  }
  for (const alike of byStart.values()) alike.sort((one, other) => other.length - one.length);

  /** The first letter tells of most words that none begins with them. */
  function mayBegin(text: string, { from, to }: Span): boolean {
    const unit = text.charCodeAt(from);
    if (unit < 128) return firstUnits.has(lowerCase(unit)) && firstWords.has(foldWord(text.slice(from, to)));
    const word = text.slice(from, to);
    const known = remembered.get(word);
    if (known !== undefined) return known;
    const may = firstWords.has(foldWord(word));
    if (word.length <= REMEMBERED_LENGTH_MAX && remembered.size < REMEMBERED_MAX) remembered.set(word, may);
    return may;
  }

  return text => {
    const found: FoundWords[] = [];
    if (byStart.size === 0) return found;
    for (let first = nextWord(text, 0); first !== undefined; ) {
      const words = mayBegin(text, first) ? longestAt(text, first, byStart) : undefined;
      if (words !== undefined) found.push(words);
      first = nextWord(text, (words ?? first).to);
    }
    return found;
  };
}

function longestAt(text: string, first: Span, byStart: ReadonlyMap<string, string[][]>): FoundWords | undefined {
  const second = nextWord(text, first.to);
  if (second === undefined) return undefined;
  const tokens = [first, second].map(({ from, to }) => ({ from, to, word: foldWord(text.slice(from, to)) }));
  for (const words of byStart.get(startOf(tokens.map(({ word }) => word))) ?? []) {
    for (let last = tokens.at(-1); tokens.length < words.length && last !== undefined; last = tokens.at(-1)) {
      const next = nextWord(text, last.to);
      if (next === undefined) break;
      tokens.push({ ...next, word: foldWord(text.slice(next.from, next.to)) });
    }
    const named = tokens.slice(0, words.length);
    if (standsAt(text, named, words))
      return { from: first.from, to: named.at(-1)?.to ?? first.to, name: words.join(' ') };
  }
  return undefined;
}

/** Letters, digits and marks in a row, from a place on. */
function nextWord(text: string, place: number): Span | undefined {
  let from = place;
  while (from < text.length && lengthOfLetter(text, from) === 0) from += 1;
  let to = from;
  for (let length = 1; length > 0; to += length) length = lengthOfLetter(text, to);
  return to > from ? { from, to } : undefined;
}

/** In UTF-16 units; 0 if no letter is there. */
function lengthOfLetter(text: string, place: number): number {
  if (isWordUnit(text, place)) return 1;
  if (!isSurrogate(text, place)) return 0;
  const point = String.fromCodePoint(text.codePointAt(place) ?? 0);
  return point.length === 2 && LETTER.test(point) ? 2 : 0;
}

function lowerCase(unit: number): number {
  return String.fromCharCode(unit).toLowerCase().charCodeAt(0);
}

function startOf([first = '', second = '']: readonly string[]): string {
  return `${first} ${second}`;
}

function standsAt(
  text: string,
  tokens: readonly (Span & { readonly word: string })[],
  words: readonly string[],
): boolean {
  return words.every((word, place) => tokens[place]?.word === word) && areTogether(text, tokens);
}

/** Nothing but a few blanks and marks stands between the words of a name. */
function areTogether(text: string, tokens: readonly Span[]): boolean {
  return tokens.every((token, place) => {
    const next = tokens[place + 1];
    return next === undefined || /^[\s.,'’_-]{1,3}$/.test(text.slice(token.to, next.from));
  });
}

/** Runs without a blank that hold a link, with its scheme or without, or the signature of one. */
export function findLinks(text: string): FoundWords[] {
  if (!/\/|x-amz-/i.test(text)) return [];
  return [...text.matchAll(/[^\s"'<>]+/g)].flatMap(({ index, 0: word }) => {
    const from = startOfLink(word);
    return from === undefined ? [] : [{ from: index + from, to: index + word.length, name: word.slice(from) }];
  });
}

function startOfLink(word: string): number | undefined {
  const scheme = word.search(/https?:\/\//i);
  if (scheme >= 0) return scheme;
  return /x-amz-/i.test(word) ? 0 : startOfHost(word);
}

/** Of a word with a dot and a path behind it. */
function startOfHost(word: string): number | undefined {
  let from = 0;
  for (let place = 0; place < word.length; place += 1) {
    if (word.charAt(place) === '/' && word.slice(from, place).includes('.')) return from;
    if (!isDomain(word, place)) from = place + 1;
  }
  return undefined;
}

export interface FoundIban extends Span {
  /** In capitals, without what stands between. */
  readonly iban: () => string;
}

/** Letters and digits in the form of an IBAN, as long as those of its country. @param lengthOf undefined: no such country */
export function* findIbans(text: string, lengthOf: (country: string) => number | undefined): Generator<FoundIban> {
  for (const { index, 0: head } of text.matchAll(/[a-z]{2}\d{2}/gi)) {
    const length = lengthOf(head.slice(0, 2).toUpperCase());
    if (length === undefined || (index > 0 && isAlphanumeric(text, index - 1))) continue;
    let to = index;
    let count = 0;
    for (; count < length; to += 1) {
      if (isAlphanumeric(text, to)) count += 1;
      else if (!isGap(text, to) || !isAlphanumeric(text, to + 1)) break;
    }
    if (count < length || isAlphanumeric(text, to)) continue;
    const end = to;
    yield {
      from: index,
      to,
      iban: () =>
        text
          .slice(index, end)
          .replace(/[^a-z\d]/gi, '')
          .toUpperCase(),
    };
  }
}
