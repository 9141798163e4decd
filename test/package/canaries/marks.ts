/**
 * Values that no package may hold, each with its kind in it, and the search for them. Words have one mark and numbers another, so that
 * a search for both finds every one of them, however it is written.
 */
import { formsOf } from '../../support/canaries';

/** What a canary is. */
export const KINDS = ['agent', 'person', 'card', 'words', 'link'] as const;
export type Kind = (typeof KINDS)[number];

/** In every word; no word of any language. */
const MARK = 'qxvzkwjqpfhy';
/** In every number, behind the country code of a telephone number. */
const DIGITS = '84620175';

/** Two words, which nobody else has: a single one may be any word. */
export function nameOf(kind: Kind, n: number): { readonly first: string; readonly last: string } {
  const word = (part: string) => `Q${MARK.slice(1)}${kind}${part}${'abcdefghij'.charAt(n)}`;
  return { first: word('first'), last: word('last') };
}

export function emailOf(kind: Kind, n: number): string {
  return `${MARK}${kind}.${n}@people.example`;
}

/** Ten digits: an id, or a telephone number behind `+1`. @param n up to 9 */
export function digitsOf(kind: Kind, n: number): string {
  return `${DIGITS}${KINDS.indexOf(kind)}${n}`;
}

/** What somebody said or wrote. */
export function wordsOf(kind: Kind): string {
  return `something ${MARK}${kind} said`;
}

export function linkOf(n: number): string {
  return `https://files.s3.eu-west-1.amazonaws.com/${n}.mp3?X-Amz-Expires=600&X-Amz-Signature=${MARK}link`;
}

/** Nothing of it says that it opens a file: only the field in which it stands does. */
export function plainLinkOf(n: number): string {
  return `https://files.people.example/${MARK}link/${n}.mp3`;
}

/** As people pass on one of Aircall, without what stands before its host. */
export function shortLinkOf(n: number): string {
  return `short-urls.aircall.io/v1/${MARK}link${n}`;
}

/** A number with country code, as people write it. */
export const INTERNATIONAL: readonly ((digits: string) => string)[] = [
  digits => `+1${digits}`,
  digits => `+1 ${grouped(digits, ' ')}`,
  digits => `+1 (${digits.slice(0, 3)}) ${digits.slice(3, 6)}-${digits.slice(6)}`,
  digits => `+1-${grouped(digits, '-')}`,
  digits => `+1.${grouped(digits, '.')}`,
  digits => fullWidth(`+1${digits}`),
  digits => `+1${digits.slice(0, 4)}\u200b${digits.slice(4)}`,
  digits => `tel:+1${digits}`,
  digits => `https://people.example/?to=%2B1${digits}`,
];

/** Without a plus: such a number is known to be one only if a card has it. */
export const NATIONAL: readonly ((digits: string) => string)[] = [
  digits => digits,
  digits => grouped(digits, ' '),
  digits => grouped(digits, '-'),
  digits => `(${digits.slice(0, 3)}) ${digits.slice(3, 6)}-${digits.slice(6)}`,
  digits => `1 ${grouped(digits, '.')}`,
  digits => `001${digits}`,
  digits => `011 1 ${grouped(digits, ' ')}`,
  digits => fullWidth(digits),
  digits => digits.replace(/\d/g, digit => String.fromCharCode(0x660 + Number(digit))),
];

function grouped(digits: string, mark: string): string {
  return [digits.slice(0, 3), digits.slice(3, 6), digits.slice(6)].join(mark);
}

function fullWidth(text: string): string {
  return text.replace(/[!-~]/g, sign => String.fromCharCode(sign.charCodeAt(0) + 0xfee0));
}

const WORDS = new RegExp(`${MARK}(${KINDS.join('|')})?`, 'g');
const NUMBERS = new RegExp(`${DIGITS}(\\d)?`, 'g');

/** The kinds of the canaries in a text, with what stands around each. */
export function canariesIn(text: string): { readonly kind: string; readonly near: string }[] {
  const words = foldText(text);
  const numbers = words.replace(/(?<=\d)[\s().\-/]{1,4}(?=\d)/g, '');
  return [
    ...[...words.matchAll(WORDS)].map(({ index, 1: kind }) => ({ kind: kind ?? '?', near: around(words, index) })),
    ...[...numbers.matchAll(NUMBERS)].map(({ index, 1: kind }) => ({
      kind: KINDS[Number(kind)] ?? '?',
      near: around(numbers, index),
    })),
  ];
}

/** Without marks, capitals and forms of digits. */
export function foldText(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\p{M}\p{Cf}]/gu, '')
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, digit => String(digit.charCodeAt(0) & 15))
    .replace(/\p{Pd}/gu, '-')
    .toLowerCase();
}

export function around(text: string, at: number): string {
  return text.slice(Math.max(0, at - 60), at + 30);
}

/** The mark of words in forms that are no text: hexadecimal, UTF-16, base64. */
export const MARK_FORMS: readonly Buffer[] = formsOf(MARK);
