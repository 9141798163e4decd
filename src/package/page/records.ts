/**
 * What the pages show of Aircall's records. A field that is missing, or not of the kind that Aircall documents, is undefined: a page
 * is made of every record. Facts: docs/aircall.md 6 and 7.
 */
import type { RecordShown } from './content';
import { listOf, memberOf } from './values';

export interface CommentShown {
  readonly text: string;
  readonly by: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number | undefined;
}

export interface CallShown {
  readonly id: number | undefined;
  /** Milliseconds since 1970. */
  readonly at: number | undefined;
  readonly direction: 'inbound' | 'outbound' | undefined;
  readonly isAnswered: boolean;
  readonly durationSeconds: number | undefined;
  readonly number: string | undefined;
  readonly country: string | undefined;
  readonly line: string | undefined;
  readonly agent: string | undefined;
  readonly comments: readonly CommentShown[];
  readonly tags: readonly string[];
  readonly teams: readonly string[];
  readonly participants: readonly string[];
  readonly choices: readonly string[];
}

export interface ContactShown {
  readonly name: string;
  readonly company: string | undefined;
  readonly emails: readonly Labelled[];
  readonly phoneNumbers: readonly Labelled[];
  readonly notes: string | undefined;
  readonly created: number | undefined;
  readonly updated: number | undefined;
  /** Fields that we do not know and that hold something. */
  readonly others: readonly (readonly [name: string, value: unknown])[];
}

export interface Labelled {
  readonly value: string;
  readonly label: string | undefined;
}

/** What the card of a contact shows in a place of its own, or is of no meaning outside Aircall. */
const CONTACT_FIELDS: readonly string[] = [
  'id',
  'direct_link',
  'first_name',
  'last_name',
  'company_name',
  'emails',
  'phone_numbers',
  'information',
  'created_at',
  'updated_at',
  'iso',
];

export function readContact(contact: RecordShown): ContactShown {
  return {
    name: [textOf(contact.first_name), textOf(contact.last_name)].filter(part => part !== undefined).join(' '),
    company: textOf(contact.company_name),
    emails: labelled(contact.emails),
    phoneNumbers: labelled(contact.phone_numbers),
    notes: textOf(contact.information),
    created: timeOf(contact.created_at),
    updated: timeOf(contact.updated_at),
    others: Object.entries(contact).filter(([name, value]) => !CONTACT_FIELDS.includes(name) && holdsSomething(value)),
  };
}

export function readCall(call: RecordShown): CallShown {
  const [started, answered, ended] = [timeOf(call.started_at), timeOf(call.answered_at), timeOf(call.ended_at)];
  return {
    id: typeof call.id === 'number' ? call.id : undefined,
    at: started,
    direction: call.direction === 'inbound' || call.direction === 'outbound' ? call.direction : undefined,
    isAnswered: answered !== undefined,
    // Aircall's own `duration` means different things in different calls.
    durationSeconds: answered !== undefined && ended !== undefined ? (ended - answered) / 1_000 : undefined,
    number: textOf(call.raw_digits),
    country: textOf(call.country_code_a2),
    line: nameOf(call.number) ?? textOf(memberOf(call.number, 'digits')),
    agent: nameOf(call.user),
    comments: listOf(call.comments).flatMap(readComment),
    tags: names(call.tags),
    teams: names(call.teams),
    participants: names(call.conference_participants),
    choices: listOf(call.ivr_options_selected).flatMap(choice => textOf(memberOf(choice, 'title')) ?? []),
  };
}

function readComment(comment: unknown): CommentShown[] {
  const text = textOf(memberOf(comment, 'content'));
  if (text === undefined) return [];
  return [{ text, by: nameOf(memberOf(comment, 'posted_by')), at: timeOf(memberOf(comment, 'posted_at')) }];
}

function names(list: unknown): string[] {
  return listOf(list).flatMap(item => nameOf(item) ?? textOf(memberOf(item, 'phone_number')) ?? []);
}

/** Of somebody or something, whether it is an object or was replaced by its name. */
function nameOf(value: unknown): string | undefined {
  return textOf(value) ?? textOf(memberOf(value, 'name'));
}

function labelled(list: unknown): Labelled[] {
  return listOf(list).flatMap(item => {
    const value = textOf(memberOf(item, 'value'));
    return value === undefined ? [] : [{ value, label: textOf(memberOf(item, 'label')) }];
  });
}

/** A text that is not blank. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** From the year 1990 to 2100: Aircall has no calls outside it. */
const TIME_MIN_SECONDS = Date.UTC(1990) / 1_000;
const TIME_MAX_SECONDS = Date.UTC(2100) / 1_000;

/** @param value UNIX seconds @returns milliseconds since 1970 */
export function timeOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= TIME_MIN_SECONDS && value < TIME_MAX_SECONDS ? value * 1_000 : undefined;
}

function holdsSomething(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && value !== undefined && value !== '';
}
