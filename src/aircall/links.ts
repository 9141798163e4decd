/**
 * Links in a record that are keys: whoever has one needs nothing else to hear a call, or opens it in Aircall. They must never be stored
 * with the record: it says only that there is a recording, or which user a link named. Links that live are kept apart, for the download.
 * Pure. Facts: docs/aircall.md 7.
 */
import type { ListName } from '../request/sources';
import { signedFrom } from '../signed-links';

/** A record as Aircall sends it. */
export interface AnyRecord {
  readonly id: number;
  readonly [field: string]: unknown;
}

export const MEDIA_KINDS = ['recording', 'voicemail'] as const;
/** The file that a link leads to; the name of its field too. */
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** Characters; links of Aircall have about 2,000. */
const LINK_LENGTH_MAX = 8_192;

/** A call itself, what is nested in it or made of it, and a contact with all that is nested in it. */
type Place = 'call' | 'in-call' | 'contact';

interface LinkField {
  readonly field: RegExp;
  /** Elsewhere a field of that name is something else: greetings of a line are called `voicemail` too. */
  readonly places: readonly Place[];
  /** What is stored in its place; undefined: nothing. */
  readonly becomes: (value: unknown) => unknown;
}

const LINK_FIELDS: readonly LinkField[] = [
  { field: /^(recording|voicemail|asset)$/, places: ['call'], becomes: markOf },
  { field: /_short_url$/, places: ['call', 'in-call'], becomes: markOf },
  { field: /^direct_link$/, places: ['call', 'in-call', 'contact'], becomes: userOf },
];

/** In place of the query of a link, so that the package still says that a link was removed. */
const WITHOUT_SIGNATURE = '?signature=removed';

const TOP_OF = { contacts: 'contact', calls: 'call' } as const satisfies Record<ListName, Place>;

/** Deeper parts are left out: far deeper than any record of Aircall, and than what a package shows. What reads a record is recursive. */
const DEPTH_MAX = 500;

/**
 * The record of a list without links that are keys. Of a call, `true` marks where a recording, a voicemail or a page of one is; the link
 * of a user becomes `users/123`, other links into Aircall go; any other link that is signed loses its query, also within a text. Null and
 * absent fields stay; what is nested deeper than 500 levels does not. Twice is the same as once.
 */
export function stripLinks(of: ListName, { id, ...fields }: AnyRecord): AnyRecord {
  return { id, ...stripFields(fields, TOP_OF[of], 0) };
}

/** Likewise, for what is made of a call: a transcript, a summary. */
export function stripMade(value: unknown): unknown {
  return strip(value, 'in-call', 0);
}

/** Undefined: it is too deep. */
function strip(value: unknown, place: Place, depth: number): unknown {
  if (typeof value === 'string') return unsigned(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH_MAX) return undefined;
  return Array.isArray(value)
    ? value.map(item => strip(item, place, depth + 1) ?? null)
    : stripFields(value, place, depth);
}

function stripFields(fields: object, place: Place, depth: number): Record<string, unknown> {
  const nested = place === 'call' ? 'in-call' : place;
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      const link = LINK_FIELDS.find(({ field, places }) => field.test(name) && places.includes(place));
      const kept = link === undefined ? strip(value, nested, depth + 1) : link.becomes(value);
      return kept === undefined ? [] : [[name, kept]];
    }),
  );
}

function markOf(value: unknown): unknown {
  return isThere(value) ? true : value;
}

/** A user may be abridged to a name, so that nothing else tells that it is one: the redaction reads this. */
function userOf(link: unknown): string | undefined {
  const [, id] = /(?:^|\/)users\/(\d+)\/?(?:[?#]|$)/.exec(typeof link === 'string' ? link : '') ?? [];
  return id === undefined ? undefined : `users/${id}`;
}

/** Of a record with its links, or without them: whether there is one. */
export function hasMedia(call: AnyRecord, kind: MediaKind | 'asset'): boolean {
  return isThere(call[kind]);
}

/**
 * Whether Aircall has a file of a call: by the link to it or, if there is no link, by the page that shows it. Unverified: the page of a call
 * that somebody answered shows a recording, that of any other a voicemail.
 */
export function hasAudio(call: AnyRecord, kind: MediaKind): boolean {
  if (MEDIA_KINDS.some(each => hasMedia(call, each))) return hasMedia(call, kind);
  return hasMedia(call, 'asset') && kind === (typeof call.answered_at === 'number' ? 'recording' : 'voicemail');
}

/** Whether anybody may have spoken in the call, so that there may be a transcript: its recording may be deleted since. */
export function isSpoken(call: AnyRecord): boolean {
  return hasMedia(call, 'recording') || hasMedia(call, 'voicemail') || hasMedia(call, 'asset');
}

/** The link to a file of a call that was just read; undefined if it has none that can be used. */
export function linkOf(call: AnyRecord, kind: MediaKind): string | undefined {
  const link = call[kind];
  return typeof link === 'string' && link !== '' && link.length <= LINK_LENGTH_MAX ? link : undefined;
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined && value !== false && value !== '';
}

/** Word by word, so that the time grows with the length only. */
function unsigned(text: string): string {
  if (!text.includes('://')) return text;
  return text
    .split(/([\s"'<>]+)/)
    .map(unsignedWord)
    .join('');
}

function unsignedWord(word: string): string {
  const signature = word.includes('://') ? signedFrom(word) : undefined;
  return signature === undefined ? word : word.slice(0, signature) + WITHOUT_SIGNATURE;
}
