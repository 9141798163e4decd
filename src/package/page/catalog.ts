/**
 * The sentences of the pages, one file for each language in catalogs/. A catalog without one of them does not compile. Sentences
 * take numbers, times and codes only: what Aircall's records hold stands in elements of its own, never inside a sentence.
 */
import type { Speaker } from '../../judgement/voices';
import type { Insight } from '../../request/insights';
import type { SourceCoverage } from '../../request/model';
import type { Reason } from '../../request/redactions';
import type { SourceName } from '../../request/sources';
import type { AudioCode, GapCode, OutOfReach, WithheldCode } from './codes';

type Words<K extends string> = Readonly<Record<K, string>>;
type With<A extends readonly string[]> = (...values: A) => string;

export interface Catalog {
  readonly title: string;
  readonly lead: string;
  /** Instead, if there is nothing. */
  readonly leadEmpty: string;
  /** Instead, if something was withheld or not searched to its end; the package may hold nothing. */
  readonly leadIncomplete: string;
  readonly skipLink: string;
  readonly onThisPage: string;
  readonly facts: Words<'request' | 'company' | 'searchBegan' | 'timezone' | 'searchedFor'>;
  readonly sources: Words<SourceName>;
  readonly sections: Words<'overview' | 'withheld' | 'coverage' | 'files' | 'help'>;
  readonly contacts: Words<
    'none' | 'unnamed' | 'company' | 'emails' | 'phoneNumbers' | 'notes' | 'created' | 'updated' | 'other'
  >;
  readonly chart: Words<'title' | 'table' | 'period'> & {
    readonly text: With<[calls: string, from: string, to: string]>;
    /** Calls whose time is not known: not in the picture. */
    readonly undated: With<[calls: string]>;
  };
  readonly calls: Words<
    | 'none'
    | 'caption'
    | 'when'
    | 'direction'
    | 'inbound'
    | 'outbound'
    | 'answered'
    | 'missed'
    | 'number'
    | 'line'
    | 'agent'
    | 'duration'
    | 'unknown'
    | 'comments'
    | 'tags'
    | 'teams'
    | 'participants'
    | 'choices'
    | 'recording'
    | 'voicemail'
    | 'transcript'
    | 'openFile'
  >;
  readonly speakers: Words<Speaker>;
  readonly insights: Words<Insight>;
  readonly moods: Words<'POSITIVE' | 'NEUTRAL' | 'NEGATIVE'>;
  readonly yesOrNo: Words<'yes' | 'no'>;
  readonly paging: Words<'label' | 'newer' | 'older' | 'back'> & {
    readonly page: With<[page: string, pages: string]>;
    readonly title: With<[page: string]>;
  };
  /** Under a text of which only the beginning is shown. */
  readonly shortened: string;
  /** Under a list of which only the beginning is shown. */
  readonly more: With<[count: string]>;
  readonly withheld: Words<
    'lead' | 'doubtsLead' | 'doubtsDecide' | 'nothing' | 'reason' | 'count' | 'captionPlaces' | 'captionRecords'
  > & {
    readonly other: With<[code: string]>;
  };
  /** Each names what stands in a text in place of what was taken out: marks are the same in every language. */
  readonly reasons: Words<Reason>;
  readonly doubts: Words<WithheldCode>;
  readonly coverage: Words<
    'lead' | 'caption' | 'source' | 'found' | 'result' | 'outOfReach' | 'byNumber' | 'byCompany' | 'onlyOfTranscripts'
  > & {
    readonly window: With<[from: string, to: string]>;
    readonly windowFromStart: With<[to: string]>;
    readonly ignoredNumbers: With<[count: string]>;
    readonly fault: With<[code: string]>;
  };
  readonly states: Words<SourceCoverage['state']>;
  readonly gaps: Words<GapCode>;
  readonly media: Words<AudioCode>;
  readonly outOfReach: Words<OutOfReach>;
  readonly files: Words<'lead' | 'json' | 'csv' | 'media' | 'manifest' | 'readme'>;
  readonly help: Words<'ask' | 'rights' | 'noticeLink' | 'noticeTitle'>;
  readonly footer: string;
}
