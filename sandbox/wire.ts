/**
 * The JSON of the sandbox's API, and the smaller records that it is rendered from. Types only.
 * It must never be imported by the product: a stand-in that shares its client's types would share its mistakes.
 * Facts: docs/aircall.md 6 and 7 (keys and nullability of the 2026 recordings).
 */

export interface Detail {
  readonly id: number;
  readonly label: string;
  readonly value: string;
}

export interface ContactRecord {
  readonly id: number;
  /** UNIX seconds, like every time of a contact or call. */
  readonly created_at: number;
  readonly updated_at: number;
  readonly first_name: string | null;
  readonly last_name: string | null;
  readonly information: string | null;
  readonly company_name: string | null;
  /** A private contact is never shown by the API. */
  readonly is_shared: boolean;
  readonly phone_numbers: readonly Detail[];
  readonly emails: readonly Detail[];
}

export interface Contact extends ContactRecord {
  readonly direct_link: string;
}

export interface UserRecord {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly extension: string;
}

/** A telephone number of the company. */
export interface LineRecord {
  readonly id: number;
  readonly name: string;
  /** Display format. */
  readonly digits: string;
  readonly country: string;
  readonly time_zone: string;
}

export interface CommentRecord {
  readonly id: number;
  readonly content: string;
  readonly posted_at: number;
  readonly userId: number | null;
}

/** Somebody who took part in a conference call. */
export interface Participant {
  readonly type: 'user' | 'contact' | 'external';
  readonly name?: string;
  /** Display format. */
  readonly phone_number?: string;
}

export interface CallRecord {
  readonly id: number;
  readonly direction: 'inbound' | 'outbound';
  readonly started_at: number;
  /** Null if the call was missed. */
  readonly answered_at: number | null;
  /** Null while the call lasts. */
  readonly ended_at: number | null;
  readonly missed_call_reason: string | null;
  /** Display format, or `anonymous`. */
  readonly raw_digits: string;
  readonly archived: boolean;
  readonly recording: boolean;
  readonly voicemail: boolean;
  /** A file that only Aircall's own page of the call has: the API gives no link to it. Absent: none. */
  readonly shownOnly?: 'recording' | 'voicemail';
  /** The contact that Aircall attached, whether or not it still exists. */
  readonly contactId: number | null;
  readonly userId: number | null;
  /** Users who transferred the call, and to whom; absent: nobody. */
  readonly transferredBy?: number;
  readonly transferredTo?: number;
  readonly lineId: number;
  readonly comments: readonly CommentRecord[];
  readonly tagIds: readonly number[];
  /** Of a conference only. */
  readonly participants?: readonly Participant[] | undefined;
}

export interface BriefUser {
  readonly id: number;
  readonly direct_link: string;
  readonly name: string;
  readonly email: string;
  readonly available: boolean;
  readonly availability_status: string;
  /** ISO 8601. */
  readonly created_at: string;
}

export interface User extends BriefUser {
  readonly time_zone: string;
  readonly language: string;
  readonly state: string;
  readonly wrap_up_time: number;
  readonly extension: string;
}

export interface Line {
  readonly id: number;
  readonly direct_link: string;
  readonly name: string;
  readonly digits: string;
  readonly country: string;
  readonly time_zone: string;
  readonly open: boolean;
  readonly availability_status: string;
  readonly is_ivr: boolean;
  readonly live_recording_activated: boolean;
  readonly priority: number | null;
  readonly messages: Readonly<Record<string, string>>;
  readonly created_at: string;
  readonly flow_editor_enabled: boolean;
}

export interface Call {
  readonly id: number;
  readonly sid: string;
  readonly direct_link: string;
  readonly direction: 'inbound' | 'outbound';
  readonly status: 'initial' | 'answered' | 'done';
  readonly missed_call_reason: string | null;
  readonly started_at: number;
  readonly answered_at: number | null;
  readonly ended_at: number | null;
  readonly duration: number;
  readonly archived: boolean;
  readonly cost: string;
  readonly voicemail: string | null;
  readonly recording: string | null;
  readonly asset: string | null;
  readonly raw_digits: string;
  readonly user: User | null;
  readonly contact: Contact | null;
  readonly assigned_to: User | null;
  readonly transferred_by: User | null;
  readonly transferred_to: User | null;
  readonly comments: readonly {
    readonly id: number;
    readonly content: string;
    readonly posted_by: BriefUser | null;
    readonly posted_at: number;
  }[];
  readonly number: Line;
  readonly teams: readonly {
    readonly id: number;
    readonly name: string;
    readonly direct_link: string;
    readonly created_at: string;
  }[];
  readonly tags: readonly {
    readonly id: number;
    readonly name: string;
    readonly created_at: number;
    readonly tagged_by: BriefUser;
  }[];
  readonly recording_short_url: string | null;
  readonly voicemail_short_url: string | null;
  readonly country_code_a2: string | null;
  readonly pricing_type: string | null;
  /** Absent unless the call is a conference. */
  readonly conference_participants?: readonly Participant[];
}

export interface Company {
  readonly name: string;
  readonly users_count: number;
  readonly numbers_count: number;
}

export interface Tag {
  readonly id: number;
  readonly name: string;
  readonly color: string;
  readonly description: string | null;
}

/** Bytes that need not be in memory all at once. */
export interface Body {
  readonly sizeBytes: number;
  /** Together as many bytes; each call begins anew. */
  chunks(): Iterable<Buffer>;
}

/** The answer to a request. At most one of `json`, `text` and `body`; without any the body is empty. */
export interface Reply {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly body?: Body;
  readonly headers?: Readonly<Record<string, string>>;
}
