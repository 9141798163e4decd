/**
 * What the judgement takes and says: whose record is it, because of what, and with which doubt? The rules are docs/judgement.md.
 * Pure: no vault, no Aircall. It must never depend on the order of records or on pages.
 */
import type { DoubtCode } from './doubts';

/** As the request gives them; already valid. */
export interface Identities {
  readonly emails: readonly string[];
  readonly phoneNumbers: readonly string[];
}

/** Of a contact as Aircall sends it, what is judged by. */
export interface Card {
  readonly id: number;
  readonly first_name?: string | null | undefined;
  readonly last_name?: string | null | undefined;
  readonly emails?: readonly { readonly value?: string | null | undefined }[] | null | undefined;
  readonly phone_numbers?: readonly { readonly value?: string | null | undefined }[] | null | undefined;
}

export interface CallRecord {
  readonly id: number;
  readonly contact?: { readonly id: number } | null | undefined;
  readonly raw_digits?: string | null | undefined;
  readonly conference_participants?:
    | readonly { readonly phone_number?: string | null | undefined }[]
    | null
    | undefined;
  /** Agents, teams or numbers; only whether there is one counts. */
  readonly transferred_by?: unknown;
  readonly transferred_to?: unknown;
  readonly external_transferred_to?: unknown;
}

/** ISO 3166-1 alpha-2, upper case. */
export type Country = string;

/** Which identity or card names a record, by which of its fields: `email 1`, `number 2`, `contact 3`. */
export interface Because {
  /** `email 1`: the first given address; `number 1`: of the subject's numbers, in their order; `contact 1`: of the judged contacts. */
  readonly identity: string;
  readonly field: 'emails' | 'phone_numbers' | 'contact' | 'raw_digits' | 'conference_participants';
}

/** A number of the subject. */
export interface SubjectNumber {
  /** The canonical digits, by which it is compared; with country code, without plus. */
  readonly digits: string;
  /** What Aircall is searched for, at least one. */
  readonly spellings: readonly string[];
  readonly doubt?: Extract<DoubtCode, 'shared-number' | 'shared-address'> | undefined;
}

/** A card that is, or may be, the subject's. */
export interface JudgedCard<C extends Card = Card> {
  readonly card: C;
  readonly because: readonly Because[];
  readonly doubt?: Extract<DoubtCode, 'shared-address' | 'number-only'> | undefined;
}

/** Whether the cards that were found are all that there are: one that nobody has seen may make others doubtful. */
export interface Searched {
  /** All that bear an address of the subject: otherwise nobody knows who else is under it. */
  readonly areAllByAddress: boolean;
  /** All that bear an address or a number of the subject: otherwise nobody knows who else has a number. */
  readonly areAll: boolean;
}

/** The subject's numbers, before it is known who else has them. */
export interface Known {
  /** In the order of their canonical digits; without doubts. */
  readonly numbers: readonly SubjectNumber[];
  /** Values that are no number. */
  readonly ignored: number;
  /** Values that lack a country. */
  readonly withoutCountry: number;
  /** Different values beyond the most that are read for one person. */
  readonly beyond: number;
}

export interface Judged<C extends Card = Card> extends Known {
  /** Certain and doubtful cards, in the order of their ids: `contact 1` is the first. */
  readonly contacts: readonly JudgedCard<C>[];
  /** Canonical digits, sorted, on cards of somebody else that bear a number of the subject; some may be the subject's too. */
  readonly otherNumbers: readonly string[];
}

export interface JudgedCall {
  readonly because: readonly Because[];
  readonly doubt?: DoubtCode | undefined;
  /** The place of the doubtful card whose decision is one for the call too, from 0. */
  readonly ofContact?: number | undefined;
}
