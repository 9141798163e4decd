/** What is redacted, and what comes out. */
import type { CallRecord, Card, Country } from '../judgement/judgement';
import type { List, Packed } from '../packed';
import type { Redaction } from './reasons';

export type Fields = Readonly<Record<string, unknown>>;

export interface CallContent {
  /** The id of the call. */
  readonly call: number;
  /** As Aircall answered, in whatever envelope; of half an hour 100 KB. */
  readonly content: Packed<unknown>;
}

export interface Insight<K extends string = string> extends CallContent {
  readonly kind: K;
}

/** All of one package at once, because a person has one label in it; only records that are handed over. */
export interface Findings<K extends string = string> {
  readonly contacts: readonly Card[];
  readonly calls: readonly CallRecord[];
  readonly transcripts: readonly CallContent[];
  readonly insights: readonly Insight<K>[];
}

/** What is the subject's, besides what the contacts hold. */
export interface Whose {
  /** Canonical: see foldEmail. */
  readonly emails: readonly string[];
  /** Canonical digits: see src/judgement/numbers.ts. */
  readonly numbers: readonly string[];
  /** Canonical digits on cards of others that were seen; one that is also the subject's counts as the subject's. */
  readonly otherNumbers: readonly string[];
  /** Ids of calls whose recording a person decided to hand over, although others may be heard in it. */
  readonly decidedRecordings: readonly number[];
  /** Cards and calls that were found and are not handed over: whom they name is somebody else, also in a text. */
  readonly withheld: Pick<Findings, 'contacts' | 'calls'>;
  /** In which the judgement read numbers that have no country. */
  readonly country?: Country | undefined;
}

export type RedactedRecord = Fields & { readonly id: number };

export interface Redacted<K extends string = string> {
  readonly contacts: readonly RedactedRecord[];
  readonly calls: readonly RedactedRecord[];
  readonly transcripts: readonly CallContent[];
  readonly insights: readonly Insight<K>[];
  /** In the order of the records. */
  readonly redactions: List<Redaction>;
}
