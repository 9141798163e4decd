/**
 * Links in a record that are keys: whoever has one needs nothing else to hear a call, or opens it in Aircall. They must never be stored
 * with the record: it says only that there is a recording. Links that live are kept apart, for the download. Pure.
 * Facts: docs/aircall.md 7.
 */

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

interface LinkField {
  readonly field: RegExp;
  /** Fields of that name in nested objects are something else: greetings of a line are called `voicemail` too. */
  readonly ofCallOnly: boolean;
  /** `mark`: the value is `true` where there was a link. */
  readonly becomes: 'mark' | 'nothing';
}

const LINK_FIELDS: readonly LinkField[] = [
  { field: /^(recording|voicemail|asset)$/, ofCallOnly: true, becomes: 'mark' },
  { field: /_short_url$/, ofCallOnly: false, becomes: 'mark' },
  { field: /^direct_link$/, ofCallOnly: false, becomes: 'nothing' },
];

/** Parts of a link that sign it: Amazon's, Google's and Azure's. */
const SIGNATURE = /[?&;](X-Amz-(Signature|Credential|Security-Token)|X-Goog-Signature|Signature|sig)=/i;

/** Deeper parts are left out: far deeper than any record of Aircall, and than what a package shows. What reads a record is recursive. */
const DEPTH_MAX = 500;

/**
 * The record without links that are keys: `true` marks where a recording, a voicemail or a page of one is, and any other link that is
 * signed loses its query, also within a text. Null and absent fields stay; what is nested deeper than 500 levels does not. Twice is the
 * same as once.
 */
export function stripLinks({ id, ...fields }: AnyRecord): AnyRecord {
  return { id, ...stripFields(fields, 0, true) };
}

/** Likewise, for what is no record of its own: a transcript, a summary. */
export function stripNested(value: unknown): unknown {
  return strip(value, 0);
}

/** Undefined: it is too deep. */
function strip(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return unsigned(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH_MAX) return undefined;
  return Array.isArray(value) ? value.map(item => strip(item, depth + 1) ?? null) : stripFields(value, depth, false);
}

function stripFields(fields: object, depth: number, isCall: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      const link = LINK_FIELDS.find(({ field, ofCallOnly }) => field.test(name) && (isCall || !ofCallOnly));
      const stripped = link === undefined ? strip(value, depth + 1) : isThere(value) ? true : value;
      return link?.becomes === 'nothing' || stripped === undefined ? [] : [[name, stripped]];
    }),
  );
}

/** Of a record with its links, or without them: whether there is one. */
export function hasMedia(call: AnyRecord, kind: MediaKind | 'asset'): boolean {
  return isThere(call[kind]);
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
    .map(word => (word.includes('://') && SIGNATURE.test(word) ? word.slice(0, word.search(/[?&;]/)) : word))
    .join('');
}
