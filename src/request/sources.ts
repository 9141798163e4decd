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
  /**
   * What leads to its records: `identities` of the subject; `numbers` of the subject, within a window of time; `calls` that were found,
   * of which it is a part that a request may leave out.
   */
  readonly by: 'identities' | 'numbers' | 'calls';
}

export const SOURCES = {
  contacts: { noun: 'contact', kinds: ['access', 'deletion'], by: 'identities' },
  calls: { noun: 'call', kinds: ['access'], by: 'numbers' },
  recordings: { noun: 'recording', kinds: ['access'], by: 'calls' },
  voicemails: { noun: 'voicemail', kinds: ['access'], by: 'calls' },
  transcripts: { noun: 'transcript', kinds: ['access'], by: 'calls' },
  insights: { noun: 'insight', kinds: ['access'], by: 'calls' },
} as const satisfies Record<string, SourceRow>;

export type SourceName = keyof typeof SOURCES;
type SourcesBy<B extends SourceRow['by']> = {
  [S in SourceName]: (typeof SOURCES)[S]['by'] extends B ? S : never;
}[SourceName];
/** Sources of which Aircall has lists. */
export type ListName = SourcesBy<'identities' | 'numbers'>;
/** Sources of what belongs to calls. */
export type PartName = SourcesBy<'calls'>;

export const LIST_NAMES = ['contacts', 'calls'] as const satisfies readonly ListName[];
/** In the order in which they are read: what matters most first. */
export const PART_NAMES = [
  'recordings',
  'voicemails',
  'transcripts',
  'insights',
] as const satisfies readonly PartName[];

export const isSource: Shape<SourceName> = keyOf(SOURCES);
export const SOURCE_NAMES = Object.keys(SOURCES).filter(isSource);

export const AUDIO_NAMES = ['recordings', 'voicemails'] as const satisfies readonly PartName[];
export type AudioName = (typeof AUDIO_NAMES)[number];

/** The kinds of audio among sources that a request asks for. */
export function audioKinds(include: readonly PartName[]): (typeof SOURCES)[AudioName]['noun'][] {
  return AUDIO_NAMES.filter(name => include.includes(name)).map(name => SOURCES[name].noun);
}

/** In the order of the table. */
export function sourcesOf(kind: Kind): SourceName[] {
  return SOURCE_NAMES.filter(name => searches(SOURCES[name], kind));
}

function searches({ kinds }: SourceRow, kind: Kind): boolean {
  return kinds.includes(kind);
}

/** What coverage tells of: the sources, and the notice in a package. */
const COVERED = [...SOURCE_NAMES, 'notice'] as const;
type Covered = (typeof COVERED)[number];

/** Gaps of all that was searched, and of the notice, each with what it is a gap of. */
export function gapsOf<G>(
  coverage: Readonly<Partial<Record<Covered, { readonly gaps: readonly G[] } | undefined>>>,
): (G & { readonly source: Covered })[] {
  return COVERED.flatMap(source => coverage[source]?.gaps.map(gap => ({ ...gap, source })) ?? []);
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
