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

/** Of UTF-16 units: a table for ASCII, because a text of megabytes is asked unit by unit, and a pattern for the others. */
type Kind = (text: string, place: number) => boolean;

function kindOf(ascii: RegExp, other: RegExp): Kind {
  const table = Array.from({ length: 128 }, (_, code) => ascii.test(String.fromCharCode(code)));
  return (text, place) => {
    const code = text.charCodeAt(place);
    return code < 128 ? table[code] === true : code >= 128 && other.test(text.charAt(place));
  };
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

/** The longest local part and domain of mail are 64 and 255; with invisible characters more. */
const LOCAL_MAX = 256;
const DOMAIN_MAX = 512;
/** Of the readings of one address, besides the longest. */
const STARTS_MAX = 4;
const AT = /@|\uff20|%40/gi;

/** An address, and the readings of it, the longest first: a reading begins behind a character that is unusual in an address. */
export interface FoundEmail extends Span {
  readonly domain: string;
  readonly readings: readonly string[];
}

export function* findEmails(text: string): Generator<FoundEmail> {
  for (const { index, 0: at } of text.matchAll(AT)) {
    const after = index + at.length;
    const to = endOfDomain(text, after);
    const domain = text.slice(after, to);
    if (!/[^.].*\./su.test(domain)) continue;
    const from = startOfLocal(text, index);
    if (from === index) continue;
    const starts = [from, ...unusualStarts(text, from, index)];
    yield { from, to, domain, readings: starts.map(start => `${text.slice(start, index)}@${domain}`) };
  }
}

function startOfLocal(text: string, end: number): number {
  if (text.charAt(end - 1) === '"') {
    for (let quote = end - 2; quote >= 0 && end - quote <= LOCAL_MAX; quote -= 1)
      if (text.charAt(quote) === '"') return quote;
  }
  let from = end;
  while (from > 0 && end - from < LOCAL_MAX && isLocal(text, from - 1)) from -= 1;
  return from;
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
const DIGITS_MAX = 19;

export interface FoundDigits extends Span {
  readonly digits: string;
}

/** What may be a number, from one group of digits on: the shortest first, each some groups longer. */
export interface NumberStart {
  readonly hasPlus: boolean;
  readonly readings: readonly FoundDigits[];
}

/** Groups of digits that may be one number: `+44 (0) 20 7946 0958`. */
interface Chain {
  readonly digits: string;
  /** Of each group: its place in the text, and where its digits begin in `digits`. */
  readonly groups: readonly (Span & { readonly at: number })[];
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
  const plain = plainDigits(text);
  let behind = 0;
  for (const { digits, groups } of chainsOf(plain)) {
    for (const [place, { from, at }] of groups.entries()) {
      if (from < behind || digits.length - at < headLength) continue;
      const sign = signBefore(plain, from);
      if (sign === 0 && !heads.has(digits.slice(at, at + headLength))) continue;
      const readings = readingsFrom(digits, groups, place, headLength).map(each => ({ ...each, from: from - sign }));
      const found = yield { hasPlus: sign > 0, readings };
      behind = found?.to ?? behind;
    }
  }
}

function readingsFrom(digits: string, groups: Chain['groups'], place: number, digitsMin: number): FoundDigits[] {
  const start = groups[place];
  if (start === undefined) return [];
  const readings: FoundDigits[] = [];
  for (const { from, to, at } of groups.slice(place, place + DIGITS_MAX)) {
    const end = at + to - from;
    if (end - start.at > DIGITS_MAX) break;
    if (end - start.at >= digitsMin) readings.push({ from: start.from, to, digits: digits.slice(start.at, end) });
  }
  return readings;
}

/** Up to four blanks and marks may stand between two groups. */
function* chainsOf(plain: string): Generator<Chain> {
  for (const { index, 0: chain } of plain.matchAll(/\d+(?:[\s().\-/]{1,4}\d+)*/g)) {
    let at = 0;
    const groups = [...chain.matchAll(/\d+/g)].map(group => {
      const from = index + group.index;
      at += group[0].length;
      return { from, to: from + group[0].length, at: at - group[0].length };
    });
    yield { digits: chain.replace(/\D/g, ''), groups };
  }
}

/** The length of a plus before a number, with what stands between: `+`, `+(`, `+ `; 0 if there is none. */
function signBefore(plain: string, from: number): number {
  for (let length = 1; length <= 3; length += 1) {
    if (plain.charAt(from - length) === '+') return length;
    if (!/[\s(]/.test(plain.charAt(from - length))) return 0;
  }
  return 0;
}

/** Of the same length: digits and signs of other scripts as ASCII, invisible marks as blanks. */
function plainDigits(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text;
  return text
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, digit => String(digit.charCodeAt(0) & 15))
    .replace(/[\uff10-\uff19]/g, digit => String(digit.charCodeAt(0) - 0xff10))
    .replace(/\uff0b/g, '+')
    .replace(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, ' ')
    .replace(/[\u2010-\u2015\u2212\ufe58\uff0d]/g, '-');
}

export interface FoundWords extends Span {
  readonly name: string;
}

/** @param names folded, of at least two words each. @returns finds where one of them stands, the longest at each place */
export function createNameFinder(names: readonly string[]): (text: string) => FoundWords[] {
  // By two words: many people share a first name.
  const byStart = new Map<string, string[][]>();
  for (const name of names) {
    const words = name.split(' ');
    const alike = byStart.get(startOf(words));
    if (alike === undefined) byStart.set(startOf(words), [words]);
    else alike.push(words);
  }
  for (const alike of byStart.values()) alike.sort((one, other) => other.length - one.length);

  return text => {
    if (byStart.size === 0) return [];
    const tokens = [...text.matchAll(/[\p{L}\p{M}\p{N}\p{Cf}]+/gu)].map(({ index, 0: word }) => ({
      from: index,
      to: index + word.length,
      word: foldWord(word),
    }));
    const found: FoundWords[] = [];
    let next = 0;
    for (const [place, { from, word }] of tokens.entries()) {
      const alike = place < next ? undefined : byStart.get(startOf([word, tokens[place + 1]?.word ?? '']));
      const words = alike?.find(each => standsAt(text, tokens.slice(place, place + each.length), each));
      if (words === undefined) continue;
      next = place + words.length;
      found.push({ from, to: tokens[next - 1]?.to ?? from, name: words.join(' ') });
    }
    return found;
  };
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

/** Runs without a blank that hold a link or the signature of one. */
export function findLinks(text: string): FoundWords[] {
  if (!/:\/\/|x-amz-/i.test(text)) return [];
  return [...text.matchAll(/[^\s"'<>]+/g)].flatMap(({ index, 0: word }) => {
    const scheme = word.search(/https?:\/\//i);
    if (scheme < 0 && !/x-amz-/i.test(word)) return [];
    const from = Math.max(0, scheme);
    return [{ from: index + from, to: index + word.length, name: word.slice(from) }];
  });
}

export interface FoundIban extends Span {
  readonly iban: string;
}

/** Letters and digits in the form of an IBAN, as long as those of its country. @param lengthOf undefined: no such country */
export function* findIbans(text: string, lengthOf: (country: string) => number | undefined): Generator<FoundIban> {
  for (const { index, 0: head } of text.matchAll(/[a-z]{2}\d{2}/gi)) {
    const length = lengthOf(head.slice(0, 2).toUpperCase());
    if (length === undefined || (index > 0 && isAlphanumeric(text, index - 1))) continue;
    let to = index;
    for (let count = 0; count < length; to += 1) {
      if (isAlphanumeric(text, to)) count += 1;
      else if (!isGap(text, to) || !isAlphanumeric(text, to + 1)) break;
    }
    const iban = text
      .slice(index, to)
      .replace(/[^a-z\d]/gi, '')
      .toUpperCase();
    if (iban.length === length && !isAlphanumeric(text, to)) yield { from: index, to, iban };
  }
}
