/**
 * Masks what names others in a text. It must never mask what is the subject's, nor a number that is only an order number: without a plus,
 * a number is masked only if it is on somebody else's card.
 */
import { countrySpecs, isValidIBAN } from 'ibantools';
import { foldEmail } from '../judgement/addresses';
import { digitForms, isPossibleNumber, PHONE_DIGITS_MIN } from '../judgement/numbers';
import type { Reason } from '../request/redactions';
import { isKeyLink } from './links';
import { MASKS } from './reasons';
import {
  DIGITS_MAX,
  type FoundEmail,
  type FoundWords,
  findEmails,
  findIbans,
  findLinks,
  findNumbers,
  readingsOf,
  type Span,
} from './scanning';

/** In one text, checks against plans of numbers and of banks. What is found behind these is masked unchecked, unless it is the subject's. */
const CHECKS_MAX = 5_000;

/** Most texts of records are short, and the same in many records. */
const REMEMBERED_LENGTH_MAX = 100;
const REMEMBERED_MAX = 10_000;

/** Canonical, as src/judgement has them. */
export interface Marks {
  readonly emails: ReadonlySet<string>;
  readonly numbers: ReadonlySet<string>;
  /** None of them is in `numbers`. */
  readonly otherNumbers: ReadonlySet<string>;
}

export interface MaskedText {
  readonly text: string;
  /** Each once. */
  readonly reasons: readonly Reason[];
}

/** People whom a text may name, and the label that takes the place of a name. */
export interface NamedPeople {
  readonly reason: Reason;
  find(text: string): FoundWords[];
  label(name: string): string;
}

/** What is the subject's, and what is not. */
interface Divided {
  readonly kept: Span[];
  readonly others: Span[];
}

interface Piece {
  readonly from: number;
  to: number;
  readonly reason: Reason;
  readonly mask: string;
}

export interface TextMasker {
  /** Takes time in proportion to the length, whatever it holds: half a second for a megabyte at worst. */
  mask(text: string): MaskedText;
}

export function createTextMasker({ emails, numbers, otherNumbers }: Marks, people: readonly NamedPeople[]): TextMasker {
  const own = formsOf(numbers);
  const others = formsOf(otherNumbers);
  const heads = new Set([...own, ...others].map(form => form.slice(0, PHONE_DIGITS_MIN)));
  const ownDomains = new Set([...emails].map(domainOf));
  const ownLengthMax = Math.max(0, ...[...emails].map(({ length }) => length));
  const remembered = new Map<string, MaskedText>();
  const rememberedDomains = new Map<string, boolean>();

  function mask(text: string): MaskedText {
    const known = remembered.get(text);
    if (known !== undefined) return known;
    const pieces = piecesOf(text);
    const masked = pieces.length === 0 ? { text, reasons: [] } : replace(text, pieces);
    if (text.length <= REMEMBERED_LENGTH_MAX && remembered.size < REMEMBERED_MAX) remembered.set(text, masked);
    return masked;
  }

  function piecesOf(text: string): Piece[] {
    const checks = createChecks();
    const mail = readEmails(text);
    const phones = readNumbers(text, checks);
    const kept = sorted([...mail.kept, ...phones.kept]);
    const pieces: Piece[] = [];
    for (const link of findLinks(text)) if (isKeyLink(link.name)) add(pieces, link, 'link', MASKS.link);
    for (const span of mail.others) add(pieces, span, 'email', MASKS.email);
    for (const span of without(kept, phones.others)) add(pieces, span, 'phone', MASKS.phone);
    for (const span of without(kept, ibansIn(text, checks))) add(pieces, span, 'iban', MASKS.iban);
    for (const { reason, find, label } of people)
      for (const span of without(kept, find(text))) add(pieces, span, reason, label(span.name));
    return pieces;
  }

  function* ibansIn(text: string, checks: Checks): Generator<Span> {
    for (const found of findIbans(text, lengthOfIban)) if (checks.areSpent() || isValidIBAN(found.iban())) yield found;
  }

  function readEmails(text: string): Divided {
    const divided: Divided = { kept: [], others: [] };
    for (const found of findEmails(text)) (isOwnEmail(text, found) ? divided.kept : divided.others).push(found);
    return divided;
  }

  function isOwnEmail(text: string, found: FoundEmail): boolean {
    // Most addresses of a long text are of other domains, and reading one in full takes longer.
    return isOwnDomain(found.domain) && readingsOf(text, found).some(isOwnReading);
  }

  function isOwnReading(reading: string): boolean {
    // No canonical form of an address in ASCII is shorter, and to make one of a long text takes long.
    if (reading.length > ownLengthMax && /^[!-~]*$/.test(reading)) return false;
    return emails.has(foldEmail(reading));
  }

  function isOwnDomain(domain: string): boolean {
    const known = rememberedDomains.get(domain);
    if (known !== undefined) return known;
    const isOwn = ownDomains.has(domainOf(`a@${domain}`));
    if (rememberedDomains.size < REMEMBERED_MAX) rememberedDomains.set(domain, isOwn);
    return isOwn;
  }

  function readNumbers(text: string, checks: Checks): Divided {
    const divided: Divided = { kept: [], others: [] };
    const starts = findNumbers(text, heads, PHONE_DIGITS_MIN);
    for (let next = starts.next(); next.done !== true; ) {
      const { hasPlus, findLast } = next.value;
      const mine = findLast(digits => own.has(digits));
      const found =
        mine ?? findLast(digits => others.has(digits)) ?? (hasPlus ? findLast(checks.isPossible) : undefined);
      if (found !== undefined) (mine === undefined ? divided.others : divided.kept).push(found);
      next = starts.next(found);
    }
    return divided;
  }

  return { mask };
}

function domainOf(address: string): string {
  const folded = foldEmail(address);
  return folded.slice(folded.lastIndexOf('@') + 1);
}

/** Whether a text is, as a whole, one address or one number. */
export function isOneValue(text: string): boolean {
  const value = text.trim();
  if (/^[^\s@]+@[^\s@]+$/.test(value)) return true;
  const { length } = value.replace(/\D/g, '');
  return /^[(]?\+?[\d \t().\-/]+$/.test(value) && length > 0 && length <= DIGITS_MAX;
}

function formsOf(numbers: Iterable<string>): ReadonlySet<string> {
  return new Set([...numbers].flatMap(digitForms));
}

function lengthOfIban(country: string): number | undefined {
  return countrySpecs[country]?.chars ?? undefined;
}

interface Checks {
  /** Counts one. */
  areSpent(): boolean;
  /** Whether digits with country code may be a number; if checks are spent, any may. */
  isPossible(digits: string): boolean;
}

function createChecks(): Checks {
  let left = CHECKS_MAX;
  const areSpent = () => {
    left -= 1;
    return left < 0;
  };
  return { areSpent, isPossible: digits => areSpent() || isPossibleNumber(digits) };
}

/** One that overlaps the last one, for the same reason, makes it longer: a text may hold any number of them. */
function add(pieces: Piece[], { from, to }: Span, reason: Reason, mask: string): void {
  const last = pieces.at(-1);
  if (last !== undefined && last.mask === mask && from >= last.from && from < last.to) last.to = Math.max(last.to, to);
  else pieces.push({ from, to, reason, mask });
}

function sorted<S extends Span>(spans: readonly S[]): S[] {
  return [...spans].sort((one, other) => one.from - other.from || other.to - one.to);
}

/** Those that touch none of the kept ones. @param kept sorted @param spans in the order of their places */
function* without<S extends Span>(kept: readonly Span[], spans: Iterable<S>): Generator<S> {
  let place = 0;
  for (const span of spans) {
    while (place < kept.length && (kept[place]?.to ?? 0) <= span.from) place += 1;
    const next = kept[place];
    if (next === undefined || next.from >= span.to) yield span;
  }
}

/** Pieces that overlap become one, so that nothing of either stays. */
function replace(text: string, pieces: readonly Piece[]): MaskedText {
  const parts: string[] = [];
  const reasons = new Set<Reason>();
  let done = 0;
  for (const { from, to, reason, mask } of sorted(pieces)) {
    reasons.add(reason);
    if (from >= done) parts.push(text.slice(done, from), mask);
    done = Math.max(done, to);
  }
  return { text: [...parts, text.slice(done)].join(''), reasons: [...reasons] };
}
