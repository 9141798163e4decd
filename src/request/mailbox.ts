/**
 * Which text is the address of one mailbox, and what is wrong with any other: an address that nobody can have finds nobody, and
 * the request would answer that Aircall holds nothing of the person. Pure; it never repeats the text.
 * Facts: RFC 5321 4.1.2 and 4.5.3.1 (atoms, quoted strings, lengths), RFC 6531 3.3 (UTF-8), RFC 5890 2.3.1 (labels).
 */
import { domainToASCII } from 'node:url';

const ADDRESS_BYTES_MAX = 254;
const LOCAL_BYTES_MAX = 64;
const DOMAIN_LENGTH_MAX = 253;

const LENGTHS = `at most ${ADDRESS_BYTES_MAX} bytes, and ${LOCAL_BYTES_MAX} before the @`;
const DOTS = 'correct its dots: none begins or ends a part, and none follows another';
const WILDCARD = 'give the address itself: * stands for no other characters';
const QUOTES = 'correct its quotes, or leave them out if it needs none';
const ONE_EACH = 'give each address on its own';
const DOMAIN_NAME = 'correct what follows the @: the full name of a domain, for instance example.org';

/** What is often given in place of an address, with the remedy. The first that applies is named. */
const MISTAKES: readonly (readonly [mistake: RegExp, remedy: string])[] = [
  [/^mailto:/i, 'leave out mailto:'],
  // Line breaks and tabs are blanks, below.
  [/[^\P{Cc}\s]|[\p{Cf}\p{Default_Ignorable_Code_Point}]/u, 'type it anew: it holds invisible characters'],
  [/[<>]/, 'leave out the name and the brackets'],
  [/[()]/, 'leave out the comment in brackets'],
  [/[,;，；、،؛]|[@＠].*[@＠]/su, ONE_EACH],
  [/\s/, 'leave out the blanks'],
];

/** Characters that need no quotes; beyond ASCII, all that can be seen. */
const ATOMS = /^[\w!#$%&'*+/=?^`{|}~.\u{80}-\u{10FFFF}-]+$/u;
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}]/u;
/** A quoted string that is followed by its @. With backslashes one mailbox would have several spellings. */
const QUOTED = /^"[^"\\\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]+"(?=@)/u;
const DOMAIN = /^[\p{L}\p{M}\p{N}.-]+$/u;
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** What to do about a text that is no address of one mailbox, in words that follow a colon; undefined if it is one. */
export function mailboxFault(address: string): string | undefined {
  const [quoted] = QUOTED.exec(address) ?? [];
  const at = quoted?.length ?? address.indexOf('@');
  const [local, domain] = [address.slice(0, at), address.slice(at + 1)];
  return (
    mistakeIn(quoted === undefined ? address : domain) ??
    (at <= 0 ? 'give the name before the @ and the domain after it' : undefined) ??
    (bytesOf(address) > ADDRESS_BYTES_MAX || bytesOf(local) > LOCAL_BYTES_MAX ? LENGTHS : undefined) ??
    (quoted === undefined ? localFault(local) : quotedFault(local)) ??
    domainFault(domain)
  );
}

function mistakeIn(text: string): string | undefined {
  return MISTAKES.find(([mistake]) => mistake.test(text))?.[1];
}

function localFault(local: string): string | undefined {
  if (local.includes('"') || local.includes('\\')) return QUOTES;
  if (!ATOMS.test(local) || UNSEEN.test(local)) return 'correct the characters before the @';
  if (hasStrayDot(local)) return DOTS;
  return isWildcard(local) ? WILDCARD : undefined;
}

/** Of quotes that are not needed there would be two spellings of one mailbox. */
function quotedFault(local: string): string | undefined {
  const content = local.slice(1, -1);
  if (isWildcard(content)) return WILDCARD;
  return content.trim() === '' || localFault(content) === undefined ? QUOTES : undefined;
}

/**
 * A name without a dot is refused: ICANN forbids mail at top-level domains, and a name of a local network is most
 * likely one that lacks its end. So is the number of a machine: no card holds one.
 */
function domainFault(domain: string): string | undefined {
  if (domain.includes('*')) return WILDCARD;
  if (hasStrayDot(domain)) return DOTS;
  const labels = DOMAIN.test(domain) ? domainToASCII(domain).split('.') : [];
  const isName = labels.length > 1 && labels.every(label => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
  return isName && labels.join('.').length <= DOMAIN_LENGTH_MAX ? undefined : DOMAIN_NAME;
}

function hasStrayDot(text: string): boolean {
  return /^\.|\.\.|\.$/.test(text);
}

function isWildcard(local: string): boolean {
  return /^[*.]*$/.test(local);
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
