/**
 * A batch: a CSV file, one request per row, becomes inputs, or is refused as a whole with every problem by its line. A row
 * without a request id gets one from a keyed hash of its content, so that the same row is the same request.
 * Its messages name lines, columns and valid request ids, never another value: they are printed and logged. Pure.
 */
import { CsvError, parse } from 'csv-parse/sync';
import type { Regime } from './clock';
import { canonicalIdentities } from './identities';
import { IDENTITY_RULE, type Inputs, InvalidInput, parseInput } from './input';
import { KINDS, type Kind, workflowIdOf } from './names';
import { count } from './words';

export const BATCH_SIZE_BYTES_MAX = 8 * 1_048_576;
export const BATCH_ROWS_MAX = 20_000;
/** Enough for the longest of each column: 20 addresses. Nothing reads a longer cell. */
export const CELL_LENGTH_MAX = 6_144;

const COLUMNS = ['requestId', 'kind', 'email', 'phone', 'submittedAt', 'requireApproval'] as const;
type Column = (typeof COLUMNS)[number];
/** Of each line a file has at least one column. */
const NEEDED: readonly (readonly Column[])[] = [['requestId'], ['kind'], ['email', 'phone']];
const HEADER_RULE =
  'the header takes the columns requestId, kind, email or phone or both, and, if you like, submittedAt and requireApproval, in any order';

export interface BatchRequest {
  readonly kind: Kind;
  readonly input: Inputs[Kind];
  readonly workflowId: string;
  /** Lines of the file with this request, counted from 1 for the header; several if a row is repeated. */
  readonly lines: readonly number[];
}

export interface Batch {
  readonly rows: number;
  /** In the order of their first rows. */
  readonly requests: readonly BatchRequest[];
}

/** A mistake, and its line if it is on one line. */
export interface Problem {
  readonly line?: number;
  readonly text: string;
}

export class BatchRefused extends Error {
  readonly code = 'batch-refused' as const;
  override readonly name = 'BatchRefused';
  constructor(problems: readonly Problem[]) {
    const sorted = [...problems].sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
    const texts = sorted.map(({ line, text }) => (line === undefined ? text : `line ${line}: ${text}`));
    super(`Nothing was started: the file has ${count(texts.length, 'problem')}:\n${texts.join('\n')}`);
  }
}

/** @throws {BatchRefused} */
export function parseBatch({
  bytes,
  connection,
  regime,
  hash,
}: {
  readonly bytes: Uint8Array;
  readonly connection: string;
  /** The number of all rows. */
  readonly regime?: Regime | undefined;
  /** Keyed, see the keyring: the ids of rows without one are made with it. */
  readonly hash: (value: string) => string;
}): Batch {
  const { rows, problems } = readRows(textOf(bytes));
  const [header, ...body] = rows;
  if (header === undefined) throw new BatchRefused(problems.length > 0 ? problems : [{ text: HEADER_RULE }]);
  const places = placesOf(header);
  if (body.length > BATCH_ROWS_MAX)
    throw new BatchRefused([{ text: `it has ${body.length} rows; split it: a file takes at most ${BATCH_ROWS_MAX}` }]);
  if (body.length === 0 && problems.length === 0) throw new BatchRefused([{ text: 'it has a header and no rows' }]);

  const requests = new Map<string, BatchRequest & { readonly content: string; readonly lines: number[] }>();
  for (const { line, cells } of body) {
    const row = readRow(places, cells, { connection, regime }, hash);
    problems.push(...row.problems.map(text => ({ line, text })));
    if (row.request === undefined) continue;
    const { requestId } = row.request.input;
    const before = requests.get(requestId);
    if (before === undefined) requests.set(requestId, { ...row.request, content: row.content, lines: [line] });
    else if (before.content === row.content) before.lines.push(line);
    else problems.push({ line, text: `request id ${requestId} is on line ${before.lines[0]} with another request` });
  }
  if (problems.length > 0) throw new BatchRefused(problems);
  return {
    rows: body.length,
    requests: [...requests.values()].map(({ kind, input, workflowId, lines }) => ({ kind, input, workflowId, lines })),
  };
}

/** How often each word occurs, in the order of first occurrence. */
export function tally(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

export function inBrackets(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? '' : ` (${[...counts].map(([word, number]) => `${number} ${word}`).join(', ')})`;
}

function textOf(bytes: Uint8Array): string {
  if (bytes.length > BATCH_SIZE_BYTES_MAX)
    throw new BatchRefused([{ text: `it is larger than ${BATCH_SIZE_BYTES_MAX / 1_048_576} MiB; split it` }]);
  try {
    // Takes the byte order mark away too. One kind of line break, so that lines are counted as an editor does.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n');
  } catch {
    throw new BatchRefused([{ text: 'it is not UTF-8; save it as CSV UTF-8' }]);
  }
}

interface Row {
  readonly line: number;
  /** Trimmed, without empty ones at the end. */
  readonly cells: readonly string[];
}

/** Rows that are not empty; after a broken quote rows cannot be separated any more. */
function readRows(text: string): { rows: Row[]; problems: Problem[] } {
  const rows: Row[] = [];
  const problems: Problem[] = [];
  let readTo = 0;
  try {
    parse(text, {
      delimiter: separatorOf(text),
      record_delimiter: '\n',
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      on_record(record: string[], { lines }) {
        readTo = lines;
        const cells = record.map(cell => cell.trim());
        while (cells.at(-1) === '') cells.pop();
        // A quoted cell may hold line breaks: a row is named by the line on which it begins.
        const more = record.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0);
        if (cells.length > 0) rows.push({ line: lines - more, cells });
        return undefined;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const rest = text.split('\n').slice(readTo);
    const next = readTo + 1 + rest.findIndex(line => line.trim() !== '');
    const [line, what] =
      error.code === 'CSV_QUOTE_NOT_CLOSED'
        ? [next, 'a quoted cell of this row never closes']
        : [
            Number(error.lines),
            'a quote is at a place where no quote may be; quote the whole cell, and write a quote in it twice',
          ];
    problems.push({ line, text: `${what}. What follows was not read` });
  }
  return { rows, problems };
}

/** Some spreadsheets write semicolons, depending on their language. */
function separatorOf(text: string): ',' | ';' {
  const [header = ''] = text.trimStart().split('\n', 1);
  return header.includes(';') && !header.includes(',') ? ';' : ',';
}

type Places = ReadonlyMap<Column, number>;

/** @throws {BatchRefused} */
function placesOf({ line, cells }: Row): Places {
  const places = new Map<Column, number>();
  const problems: Problem[] = [];
  for (const [place, cell] of cells.entries()) {
    const column = COLUMNS.find(name => name === cell);
    // The name of the column is not printed: if the header is missing, it is somebody's address.
    if (column === undefined) problems.push({ line, text: `column ${place + 1} is unknown; ${HEADER_RULE}` });
    else if (places.has(column)) problems.push({ line, text: `column ${column} occurs twice` });
    else places.set(column, place);
  }
  for (const columns of NEEDED)
    if (!columns.some(column => places.has(column)))
      problems.push({ line, text: `column ${columns.join(' or ')} is missing; ${HEADER_RULE}` });
  if (problems.length > 0) throw new BatchRefused(problems);
  return places;
}

/** What a cell of the column means; empty: as if there were no column. */
const APPROVAL_WORDS: ReadonlyMap<string, boolean | undefined> = new Map([
  ['', undefined],
  ['yes', true],
  ['no', false],
]);

interface ReadRow {
  readonly problems: readonly string[];
  readonly request?: Omit<BatchRequest, 'lines'>;
  /** Equal for rows with equal content. */
  readonly content: string;
}

function readRow(
  places: Places,
  cells: readonly string[],
  { connection, regime }: { readonly connection: string; readonly regime: Regime | undefined },
  hash: (value: string) => string,
): ReadRow {
  const cellOf = (column: Column) => cells[places.get(column) ?? cells.length] ?? '';
  const tooLong = [...places.keys()].filter(column => cellOf(column).length > CELL_LENGTH_MAX);
  if (tooLong.length > 0)
    return { problems: tooLong.map(column => `${column} takes at most ${CELL_LENGTH_MAX} characters`), content: '' };
  const kind = KINDS.find(name => name === cellOf('kind'));
  const subject = { emails: addressesIn(cellOf('email')), phoneNumbers: numbersIn(cellOf('phone')) };
  const submittedAt = cellOf('submittedAt');
  const requireApproval = APPROVAL_WORDS.get(cellOf('requireApproval'));
  const fields = [connection, kind, canonicalIdentities(subject)];
  const options = [
    ...(submittedAt === '' ? [] : [submittedAt]),
    ...(requireApproval === undefined ? [] : [{ requireApproval }]),
  ];
  const content = JSON.stringify([...fields, ...options]);
  const requestId = cellOf('requestId') || `row-${hash(`batch ${content}`)}`;
  const problems: string[] = [];
  if (cells.length > places.size) problems.push(`has ${cells.length} cells, and the header ${places.size}`);
  if (kind === undefined) problems.push('kind takes access or deletion');
  if (!APPROVAL_WORDS.has(cellOf('requireApproval'))) problems.push('requireApproval takes yes, no, or nothing');
  const clock = { ...(regime && { regime }), ...(submittedAt !== '' && { submittedAt }) };
  const approval = requireApproval === undefined ? {} : { requireApproval };
  const input = { kind: kind ?? 'access', requestId, connection, subject, priority: 'batch', ...clock, ...approval };
  try {
    const parsed = parseInput(kind ?? 'access', input);
    if (problems.length > 0 || kind === undefined) return { problems, content };
    const workflowId = workflowIdOf({ connection, kind, requestId });
    return { problems, content, request: { kind, input: parsed, workflowId } };
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    return { problems: [...problems, inColumns(error.message)], content };
  }
}

/** One cell may hold several addresses. What else may stand between two, the input check refuses. */
function addressesIn(cell: string): string[] {
  return cell
    .split(/[;,\n]/)
    .map(address => address.trim())
    .filter(address => address !== '');
}

/** One cell may hold several numbers, each with its `+`. Blanks within a number are usual. */
function numbersIn(cell: string): string[] {
  return cell
    .split(/[;,\n]|(?=\+)/)
    .map(number => (UP_TO_SEPARATORS.exec(number)?.[0] ?? '').trim())
    .filter(number => number !== '');
}

/** Up to its last character that separates no numbers. */
const UP_TO_SEPARATORS = /^[\s\S]*[^\s/|]/;

/** The words of the input check, with the names that the file has for its fields. */
function inColumns(message: string): string {
  const parts = message
    .replace(/\bsubject\.phoneNumbers(\.\d+)?/g, 'phone')
    .replace(/\bsubject\.emails(\.\d+)?/g, 'email')
    .replace(`subject ${IDENTITY_RULE}`, 'email and phone are empty: one of them takes an identity')
    .split('; ');
  return [...new Set(parts)].join('; ');
}
