/**
 * The sources of records at Aircall: one row for each. Counts, coverage, receipts, packages and all words for people are made
 * from these rows, so that a new source is a row here, its schema in the package, and the steps that read it.
 * Workflow-safe: plain data.
 */
import type { Kind } from './names';
import { keyOf, type Shape } from './shapes';
import { count } from './words';

interface SourceRow {
  /** Names one record: `contact 3`. */
  readonly noun: string;
  /** Requests that search it. */
  readonly kinds: readonly Kind[];
  /** Whether it is searched by numbers of the subject, within a window of time. */
  readonly byNumber: boolean;
}

export const SOURCES = {
  contacts: { noun: 'contact', kinds: ['access', 'deletion'], byNumber: false },
  calls: { noun: 'call', kinds: ['access'], byNumber: true },
} as const satisfies Record<string, SourceRow>;

export type SourceName = keyof typeof SOURCES;

export const isSource: Shape<SourceName> = keyOf(SOURCES);
export const SOURCE_NAMES = Object.keys(SOURCES).filter(isSource);

/** In the order of the table. */
export function sourcesOf(kind: Kind): SourceName[] {
  return SOURCE_NAMES.filter(name => searches(SOURCES[name], kind));
}

function searches({ kinds }: SourceRow, kind: Kind): boolean {
  return kinds.includes(kind);
}

/** Gaps of all sources that were searched, each with its source. */
export function gapsOf<G>(
  coverage: Readonly<Partial<Record<SourceName, { readonly gaps: readonly G[] } | undefined>>>,
): (G & { readonly source: SourceName })[] {
  return SOURCE_NAMES.flatMap(source => coverage[source]?.gaps.map(gap => ({ ...gap, source })) ?? []);
}

/** How many records of each source, in words: `2 contacts, 5 calls`. */
export function countWords(counts: Readonly<Partial<Record<SourceName, number>>>): string {
  return SOURCE_NAMES.flatMap(source => {
    const number = counts[source];
    return number === undefined ? [] : count(number, SOURCES[source].noun);
  }).join(', ');
}

/** Opaque reference to one record, in results and receipts. */
export function recordName(source: SourceName, place: number): string {
  return `${SOURCES[source].noun} ${place + 1}`;
}

/** Reference to a row of a source that could not be read. */
export function unreadableName(source: SourceName, row: number): string {
  return `unreadable ${recordName(source, row)}`;
}

const RECORD_PATTERN = /^(unreadable )?([a-z]{1,31}) (\d+)$/;

export interface RecordNamed {
  /** `records` for a noun that no source has. */
  readonly source: SourceName | 'records';
  readonly unreadable: boolean;
  readonly number: number;
}

export function readRecordName(record: string): RecordNamed {
  const [, unreadable, noun = '', number = '0'] = RECORD_PATTERN.exec(record) ?? [];
  return {
    source: SOURCE_NAMES.find(name => SOURCES[name].noun === noun) ?? 'records',
    unreadable: unreadable !== undefined,
    number: Number(number),
  };
}

/** By source, then readable ones first, then by number. */
export function compareRecords(one: string, other: string): number {
  const [a, b] = [placeOf(one), placeOf(other)];
  return a.source - b.source || a.unreadable - b.unreadable || a.number - b.number;
}

function placeOf(record: string) {
  const { source, unreadable, number } = readRecordName(record);
  const place = source === 'records' ? -1 : SOURCE_NAMES.indexOf(source);
  return { source: place === -1 ? SOURCE_NAMES.length : place, unreadable: Number(unreadable), number };
}
