/**
 * Decides when two spellings of an e-mail address name the same person; no other place does. It never matches on an empty value.
 * The rules are docs/judgement.md; facts: docs/aircall.md (letter case, spaces).
 */
import { domainToASCII, domainToUnicode } from 'node:url';
import type { Card } from './judgement';

/**
 * The canonical form, in which addresses are compared: without invisible characters, trimmed, composed, in lower case, with the domain in
 * its ASCII form and without a final dot.
 */
export function foldEmail(email: string): string {
  // Some letters have a composed form in lower case only: composed again.
  const text = visible(email).normalize('NFC').toLowerCase().normalize('NFC');
  return withDomain(text, domain => asciiDomain(domain).replace(/\.$/, ''));
}

/**
 * Four times the longest address of a subject: no spelling of one is longer. Normalizing takes time by the square of the length.
 */
const VALUE_LENGTH_MAX = 1_024;

/** What stands between separators. Between quotes they separate nothing: a quoted local part may hold blanks, a name commas. */
const WORDS = /(?:"[^"]*"|[^\s,;<>()"])+/g;
const MAILBOX = /^(?:"[^"]*"|[^@"])+@[^@"]+$/;

/** The canonical addresses of one stored field, each once: `Anna <a@b.example>; c@d.example` holds two. */
export function addressesIn(value: string): string[] {
  const trimmed = value.trim();
  if (trimmed.length > VALUE_LENGTH_MAX) return [];
  const words = visible(trimmed).match(WORDS) ?? [];
  const mailboxes = words.map(word => word.replace(/^mailto:/i, '')).filter(word => MAILBOX.test(word));
  return [...new Set(mailboxes.map(foldEmail))].filter(address => !address.endsWith('@'));
}

/** The canonical addresses of a card, each once. */
export function addressesOf({ emails }: Card): string[] {
  return [...new Set((emails ?? []).flatMap(({ value }) => (value ? addressesIn(value) : [])))];
}

/** Whether one of a card's own addresses is one of these. */
export function bearsAddress(card: Card, emails: readonly string[]): boolean {
  const wanted = new Set(emails.map(foldEmail));
  return addressesOf(card).some(address => wanted.has(address));
}

/**
 * The spellings to search for, each once: as given, in lower case (Unverified: Aircall's search may heed case), and both with the other
 * spelling of an international domain.
 */
export function emailSpellings(email: string): string[] {
  const given = visible(email);
  const cases = [given, given.toLowerCase()];
  return [...new Set([...cases, ...cases.map(spelling => withDomain(spelling, otherSpelling))])];
}

/** Local parts that name a function and not a person, in the languages of our customers. */
const ROLES = new Set(
  `abuse accounting accounts accueil admin administration administrator billing booking bookings buchhaltung buero büro careers compta
  comptabilite comptabilité contact contacto contact-us contactus customercare customer-care customerservice customer-service
  customersupport customer-support dataprotection datenschutz direction dispatch do-not-reply donotreply dpo empfang enquiries enquiry
  facturacion facturation feedback finance hello help helpdesk hostmaster hr info information infos inquiries inquiry invoice invoices
  invoicing it jobs kontakt kundenservice legal mailer-daemon marketing media news newsletter no-reply no_reply noreply notification
  notifications office operations order orders payroll postmaster presse press privacy purchasing rechnung recruiting reception
  reservation reservations returns rh root sales secretariat security sekretariat service serviceclient shop soporte staff support team
  ventas verkauf vertrieb webmaster`.split(/\s+/),
);

/** Whether an address belongs to a function, whoever answers it. @param canonical see foldEmail */
export function isRoleAddress(canonical: string): boolean {
  const [local = ''] = canonical.slice(0, canonical.lastIndexOf('@')).split('+');
  return ROLES.has(local);
}

/** Invisible marks come with text that was copied. */
function visible(text: string): string {
  return text.replace(/\p{Cf}/gu, '').trim();
}

function withDomain(address: string, change: (domain: string) => string): string {
  const at = address.lastIndexOf('@') + 1;
  return at === 0 ? address : `${address.slice(0, at)}${change(address.slice(at))}`;
}

/** Of an international domain; what holds other characters is no domain, of which a conversion would only take a part. */
const INTERNATIONAL = /^(?=.*\P{ASCII})[\p{L}\p{M}\p{N}.。．｡_-]+$/u;

/** A domain in ASCII is left alone: the conversion would also read numbers as IP addresses. */
function asciiDomain(domain: string): string {
  return INTERNATIONAL.test(domain) ? domainToASCII(domain) || domain : domain;
}

function otherSpelling(domain: string): string {
  if (INTERNATIONAL.test(domain)) return asciiDomain(domain);
  return /(?:^|\.)xn--/i.test(domain) ? domainToUnicode(domain) || domain : domain;
}
