/**
 * What the pages of an access package are made from: the members of the package's document that a person is shown. Records are
 * Aircall's own, already redacted; nothing of their inside is trusted, because whoever wrote into Aircall wrote it.
 */
import type { List, Packed } from '../../packed';
import type { Insight } from '../../request/insights';
import type { SourceCoverage } from '../../request/model';
import type { SourceName } from '../../request/sources';
import type { WithheldCode } from './codes';

export type RecordShown = Readonly<Record<string, unknown>>;

/** In the order of the page. */
export const PAGE_SOURCES = [
  'contacts',
  'calls',
  'recordings',
  'voicemails',
  'transcripts',
  'insights',
] as const satisfies readonly SourceName[];

/** A file of the package, or the reason why it is missing. */
export type MediaShown =
  | { readonly call: number; readonly file: string; readonly sizeBytes: number; readonly type: string }
  | { readonly call: number; readonly code: string };

export interface SourceSearched {
  readonly state: SourceCoverage['state'];
  readonly gaps: readonly { readonly code: string; readonly count?: number | undefined }[];
}

export interface CallsSearched extends SourceSearched {
  readonly by?: 'number' | 'company' | undefined;
  /** ISO 8601, both inclusive. `from` null: as far back as Aircall serves. */
  readonly window: { readonly from: string | null; readonly to: string };
  /** Numbers that are too short or name nobody: not searched. */
  readonly ignoredNumbers: number;
}

type SearchedBySource = Readonly<Record<Exclude<SourceName, 'calls'>, SourceSearched>>;

export interface PageContent {
  readonly requestId: string;
  /** The configured Aircall company. */
  readonly connection: string;
  /** ISO 8601: when the request started. */
  readonly createdAt: string;
  readonly subject: { readonly emails: readonly string[]; readonly phoneNumbers: readonly string[] };
  readonly contacts: readonly RecordShown[];
  /** Newest first. */
  readonly calls: readonly RecordShown[];
  readonly recordings: readonly MediaShown[];
  readonly voicemails: readonly MediaShown[];
  readonly transcripts: readonly { readonly call: number; readonly content: Packed<unknown> }[];
  readonly insights: readonly { readonly call: number; readonly kind: Insight; readonly content: Packed<unknown> }[];
  /** Records that were found and are not in the package, by reason. */
  readonly withheld: readonly {
    readonly source: SourceName;
    /** Another one is shown as it is. */
    readonly code: WithheldCode | (string & {});
    readonly count: number;
  }[];
  readonly redactions: List<{ readonly path: string; readonly reason: string }>;
  readonly coverage: SearchedBySource & {
    readonly calls: CallsSearched;
    readonly notice: Pick<SourceSearched, 'gaps'>;
    readonly outOfReach: readonly string[];
  };
}
