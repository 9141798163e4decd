/** The tables of a package: what they show, and that no spreadsheet program takes a cell of theirs for a formula. */
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { csvPieces } from '../../src/package/csv';
import { TABLES } from '../../src/package/tables';
import { pack } from '../../src/packed';
import type { Insight } from '../../src/request/insights';
import { CALL_ID, documentOf, FOUND, NOTHING, PACKAGE } from './support';

const COLUMNS = ['call', 'text'] as const;

function textOf(...rows: readonly { readonly call: number | undefined; readonly text: string | undefined }[]): string {
  return [...csvPieces(COLUMNS, rows)].join('');
}

function rowsOf(csv: string): Record<string, string>[] {
  return parse(csv, { columns: true, bom: true, record_delimiter: '\r\n' });
}

function tableOf(name: string, document = PACKAGE): Record<string, string>[] {
  const table = TABLES.find(each => each.name === name);
  if (table === undefined) throw new Error(`there is no table ${name}`);
  return rowsOf([...table.pieces(document)].join(''));
}

/** What a program computes, whichever separator it splits at and whether or not it knows quotes. An apostrophe prevents it. */
const COMPUTED = /(?:^|[;\t\r\n])[ "]*[=+\-@＝＋－＠]/;
const HOSTILE = fc.string({
  unit: fc.constantFrom(
    '=',
    '+',
    '-',
    '@',
    '＝',
    ';',
    ',',
    '\t',
    '\r',
    '\n',
    '"',
    "'",
    ' ',
    'a',
    '1',
    '\u0000',
    '\u202e',
  ),
  maxLength: 30,
});

describe('a table as CSV', () => {
  test('begins with a byte order mark, ends lines with CRLF, and has its columns in order', () => {
    expect(textOf({ call: 1, text: 'é, "x"' })).toBe('\uFEFFcall,text\r\n1,"é, ""x"""\r\n');
    expect(textOf({ call: undefined, text: undefined })).toBe('\uFEFFcall,text\r\n,\r\n');
    expect(textOf()).toBe('\uFEFFcall,text\r\n');
  });

  test('is read back as it was, but for apostrophes and control characters, row by row', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(HOSTILE, fc.string())), texts => {
        const read = rowsOf(textOf(...texts.map((text, call) => ({ call, text }))));
        const bare = (text: string) => text.replaceAll("'", '').replaceAll(/[\p{Cc}\uFFFD]/gu, '');
        const wide = (text: string) => bare(text.replaceAll(/[\t\r\n]/g, ' '));
        expect(read.map(row => wide(row.text ?? ''))).toEqual(texts.map(wide));
        expect(read.map(({ call }) => call)).toEqual(texts.map((_, call) => String(call)));
      }),
    );
  });

  test('has no cell that a program computes, also if it splits at semicolons or tabs', () => {
    fc.assert(
      fc.property(HOSTILE, HOSTILE, (one, other) => {
        const csv = textOf({ call: 1, text: one }, { call: 2, text: other });
        for (const { text } of rowsOf(csv)) expect(text).not.toMatch(COMPUTED);
        expect(csv).not.toMatch(COMPUTED);
      }),
      { numRuns: 500 },
    );
  });

  test('leaves texts alone that begin with nothing of a formula', () => {
    const harmless = ['a=b', '1-2', 'x@example.com', 'a, =b', "'quoted'"];
    expect(rowsOf(textOf(...harmless.map((text, call) => ({ call, text })))).map(({ text }) => text)).toEqual(harmless);
    expect(rowsOf(textOf({ call: -5, text: '=1' }))).toEqual([{ call: '-5', text: "'=1" }]);
  });

  test('takes time in proportion to a long text', () => {
    for (const unit of ['; ', ' ', ';"', "'", '=;', '\n'])
      expect(textOf({ call: 1, text: unit.repeat(200_000) }).length).toBeGreaterThan(200_000);
  });
});

describe('the tables of a package', () => {
  test('are six, and each of them has its columns if nothing was found', () => {
    expect(TABLES.map(({ name }) => name)).toEqual([
      'contacts',
      'calls',
      'comments',
      'tags',
      'transcripts',
      'insights',
    ]);
    const nothing = documentOf(NOTHING);
    for (const { pieces } of TABLES) expect([...pieces(nothing)].join('')).toMatch(/^\uFEFF[a-z_]+(,[a-z_]+)+\r\n$/);
  });

  test('show a contact with its values, and a call with its audio and times in ISO form', () => {
    expect(tableOf('contacts')).toEqual([
      expect.objectContaining({
        first_name: 'Aircall team',
        company_name: 'Aircall',
        emails: 'support@aircall.io, jobs@aircall.io, contact@aircall.io',
        phone_numbers: expect.stringMatching(/^'\+16469346142, \+14157120785, /),
        created_at: '2026-06-18T10:11:03.000Z',
      }),
    ]);
    const [call] = tableOf('calls');
    expect(call).toMatchObject({ id: String(CALL_ID), recording: 'media/call-0001.mp3', voicemail: '' });
    expect(call?.started_at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  test('show each comment and each tag with its call', () => {
    const user = { name: 'Agent 1' };
    const call = {
      id: 7,
      comments: [
        { id: 1, content: '=A1', posted_at: 60, posted_by: user },
        { id: 2, content: 'second\nline', posted_at: 120, posted_by: null },
      ],
      tags: [
        { id: 9, name: 'VIP', created_at: 60, tagged_by: user },
        { id: 10, name: 'angry' },
      ],
    };
    const document = documentOf({ ...FOUND, calls: [call] });
    expect(tableOf('comments', document)).toEqual([
      { call: '7', id: '1', posted_at: '1970-01-01T00:01:00.000Z', posted_by: 'Agent 1', content: "'=A1" },
      { call: '7', id: '2', posted_at: '1970-01-01T00:02:00.000Z', posted_by: '', content: 'second\nline' },
    ]);
    expect(tableOf('tags', document)).toEqual([
      { call: '7', id: '9', name: 'VIP', tagged_at: '1970-01-01T00:01:00.000Z', tagged_by: 'Agent 1' },
      { call: '7', id: '10', name: 'angry', tagged_at: '', tagged_by: '' },
    ]);
    expect(tableOf('calls', document)).toEqual([
      expect.objectContaining({ id: '7', comments: '2', tags: 'VIP, angry', recording: '' }),
    ]);
  });

  test('show who said what, in its order, and what Aircall derived from it', () => {
    const utterances = [
      ['5.12', 'external', 'Good morning, this is John from Company XYZ.'],
      ['7', 'internal', 'Good morning, how can I assist you today?'],
    ];
    expect(tableOf('transcripts').map(row => [row.start_time, row.speaker, row.text])).toEqual(utterances);
    expect(tableOf('insights').map(({ kind, text }) => [kind, text])).toEqual([
      ['predicted_csat', expect.stringContaining('Customer was satisfied')],
      ['summary', 'About an order.'],
      ['topics', 'order'],
      ['topics', 'delivery'],
    ]);
  });

  test('show whose mood it was, under either name, and all of what has no table of its own', () => {
    const template = {
      custom_summary: { name: 'Sales call' },
      summary_template_results: [{ name: 'Need', content: 'x' }],
    };
    const participants = [
      { phone_number: '+33612345678', value: 'POSITIVE', type: 'external' },
      { value: 'NEGATIVE', participant_type: 'external' },
    ];
    const made = (kind: Insight, content: unknown) => ({ call: 7, kind, content: pack(content) });
    const document = documentOf({
      ...FOUND,
      insights: [
        made('sentiments', { sentiment: { id: 1, call_id: 7, participants } }),
        made('topics', { topic: { id: 1, created_at: 'x', content: ['order'] } }),
        made('action_items', { action_items: [{ id: 1, content: 'Send it.', type: 'manual' }] }),
        made('custom_summary_result', { id: 1, call_id: 7, ...template }),
      ],
    });
    expect(tableOf('insights', document).map(({ kind, speaker, text }) => [kind, speaker, text])).toEqual([
      ['sentiments', 'external', 'POSITIVE'],
      ['sentiments', 'external', 'NEGATIVE'],
      ['topics', '', 'order'],
      ['action_items', '', 'Send it.'],
      ['custom_summary_result', '', JSON.stringify(template)],
    ]);
  });

  test('drop nothing of another form than expected', () => {
    const contents = fc.oneof(fc.jsonValue(), fc.constantFrom({ raw: 'x' }, { transcription: null }, { content: 5 }));
    fc.assert(
      fc.property(contents, content => {
        const call = { id: 7, comments: content, tags: content, user: content, number: content, duration: content };
        const document = documentOf({
          ...FOUND,
          calls: [call],
          transcripts: [{ call: 7, content: pack(content) }],
          insights: [{ call: 7, kind: 'summary', content: pack(content) }],
        });
        for (const { name } of TABLES) expect(tableOf(name, document)).toEqual(expect.any(Array));
      }),
    );
    const odd = documentOf({ ...FOUND, transcripts: [{ call: 7, content: pack({ raw: [1] }) }] });
    expect(tableOf('transcripts', odd).map(({ text }) => text)).toEqual(['{"raw":[1]}']);
  });
});
