/**
 * The tables of a package, for spreadsheet programs: names of columns are Aircall's own, times are ISO 8601. They show what
 * people look for; the document holds every field. What has another form than expected stands in a cell as JSON. Pure.
 */
import { speakerOf } from '../judgement/voices';
import type { Insight } from '../request/insights';
import { type Cell, csvPieces, type Row } from './csv';
import type { PackageDocument } from './document';
import { unwrapped, utterancesOf } from './page/envelopes';
import { listOf, memberOf } from './page/values';
import { isoOf } from './times';

interface Table {
  /** The file's name without its ending. */
  readonly name: string;
  /** The text of the file, piece by piece. */
  readonly pieces: (document: PackageDocument) => Iterable<string>;
}

function table<Column extends string>(
  name: string,
  columns: readonly Column[],
  rows: (document: PackageDocument) => Iterable<Row<Column>>,
): Table {
  return { name, pieces: document => csvPieces(columns, rows(document)) };
}

export const TABLES: readonly Table[] = [
  table(
    'contacts',
    [
      'id',
      'first_name',
      'last_name',
      'company_name',
      'emails',
      'phone_numbers',
      'information',
      'created_at',
      'updated_at',
    ],
    ({ contacts }) =>
      contacts.map(contact => ({
        id: contact.id,
        first_name: cellOf(contact.first_name),
        last_name: cellOf(contact.last_name),
        company_name: cellOf(contact.company_name),
        emails: joined(contact.emails, 'value'),
        phone_numbers: joined(contact.phone_numbers, 'value'),
        information: cellOf(contact.information),
        created_at: timeOf(contact.created_at),
        updated_at: timeOf(contact.updated_at),
      })),
  ),
  table(
    'calls',
    [
      'id',
      'direction',
      'status',
      'missed_call_reason',
      'started_at',
      'answered_at',
      'ended_at',
      'duration',
      'raw_digits',
      'contact',
      'user',
      'number',
      'cost',
      'tags',
      'comments',
      'recording',
      'voicemail',
    ],
    function* ({ calls, recordings, voicemails }) {
      const [recorded, left] = [filesOf(recordings), filesOf(voicemails)];
      for (const call of calls)
        yield {
          id: call.id,
          direction: cellOf(call.direction),
          status: cellOf(call.status),
          missed_call_reason: cellOf(call.missed_call_reason),
          started_at: timeOf(call.started_at),
          answered_at: timeOf(call.answered_at),
          ended_at: timeOf(call.ended_at),
          duration: cellOf(call.duration),
          raw_digits: cellOf(call.raw_digits),
          contact: cellOf(memberOf(call.contact, 'id')),
          user: nameOf(call.user),
          number: nameOf(call.number),
          cost: cellOf(call.cost),
          tags: joined(call.tags, 'name'),
          comments: listOf(call.comments).length,
          recording: recorded.get(call.id),
          voicemail: left.get(call.id),
        };
    },
  ),
  table('comments', ['call', 'id', 'posted_at', 'posted_by', 'content'], function* ({ calls }) {
    for (const { id: call, comments } of calls)
      for (const comment of listOf(comments))
        yield {
          call,
          id: cellOf(memberOf(comment, 'id')),
          posted_at: timeOf(memberOf(comment, 'posted_at')),
          posted_by: nameOf(memberOf(comment, 'posted_by')),
          content: cellOf(memberOf(comment, 'content')),
        };
  }),
  table('tags', ['call', 'id', 'name', 'tagged_at', 'tagged_by'], function* ({ calls }) {
    for (const { id: call, tags } of calls)
      for (const tag of listOf(tags))
        yield {
          call,
          id: cellOf(memberOf(tag, 'id')),
          name: nameOf(tag),
          tagged_at: timeOf(memberOf(tag, 'tagged_at') ?? memberOf(tag, 'created_at')),
          tagged_by: nameOf(memberOf(tag, 'tagged_by')),
        };
  }),
  table('transcripts', ['call', 'start_time', 'end_time', 'speaker', 'text'], function* ({ transcripts }) {
    for (const { call, content: packed } of transcripts) {
      const content = packed.open();
      for (const utterance of utterancesOf(content) ?? [content])
        yield {
          call,
          start_time: cellOf(memberOf(utterance, 'start_time')),
          end_time: cellOf(memberOf(utterance, 'end_time')),
          speaker: whoSaid(utterance),
          text: wordsOf(utterance),
        };
    }
  }),
  table('insights', ['call', 'kind', 'speaker', 'text'], function* ({ insights }) {
    for (const { call, kind, content } of insights)
      for (const item of itemsIn(content.open(), kind))
        yield { call, kind, speaker: whoSaid(item), text: wordsOf(item) };
  }),
];

/** The files in the package by the call that they are of. */
function filesOf(media: PackageDocument['recordings']): ReadonlyMap<number, string> {
  return new Map(media.flatMap(row => ('file' in row ? [[row.call, row.file]] : [])));
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
}

/** A time that is no UNIX time stands as Aircall wrote it. */
function timeOf(value: unknown): Cell {
  return isoOf(value) ?? cellOf(value);
}

/** Of a user, a line, a tag. */
function nameOf(value: unknown): Cell {
  return cellOf(memberOf(value, 'name') ?? value);
}

function joined(values: unknown, member: string): string {
  return listOf(values)
    .map(value => cellOf(memberOf(value, member)) ?? '')
    .join(', ');
}

/** Another word than those that Aircall documents stands as it is. */
function whoSaid(statement: unknown): Cell {
  return speakerOf(statement) ?? cellOf(memberOf(statement, 'participant_type'));
}

/** The statements of an insight; one if it is no list. */
function itemsIn(content: unknown, kind: Insight): readonly unknown[] {
  const inner = unwrapped(content, kind);
  return Array.isArray(inner) ? inner : [inner];
}

/** The words of a statement: an object without any stands as JSON. */
function wordsOf(statement: unknown): Cell {
  const words = ['text', 'content', 'value'].map(name => memberOf(statement, name)).find(isText);
  return words ?? cellOf(statement);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
