/**
 * Tables as CSV: RFC 4180, UTF-8 with a byte order mark, so that spreadsheet programs read accents. No cell is taken for a
 * formula, whatever separator the program expects. Pure.
 */
import { stringify } from 'csv-stringify/sync';

export type Cell = string | number | undefined;
export type Row<Column extends string> = Readonly<Record<Column, Cell>>;

const BYTE_ORDER_MARK = '\uFEFF';
/** Some rows are written at once, because each writing has its price; a long row is written by itself. */
const CHARACTERS_AT_ONCE = 65_536;

/**
 * The text of a table, some rows at a time.
 * @param columns in their order; the first row names them
 */
export function* csvPieces<Column extends string>(
  columns: readonly Column[],
  rows: Iterable<Row<Column>>,
): Generator<string> {
  yield BYTE_ORDER_MARK + written([columns]);
  let some: Cell[][] = [];
  let characters = 0;
  for (const row of rows) {
    const cells = columns.map(column => safe(row[column]));
    some.push(cells);
    characters += cells.reduce((sum: number, cell) => sum + lengthOf(cell), 0);
    if (characters < CHARACTERS_AT_ONCE) continue;
    yield written(some);
    some = [];
    characters = 0;
  }
  yield written(some);
}

/** About as many characters as the cell has, with its separator. */
function lengthOf(cell: Cell): number {
  return typeof cell === 'string' ? cell.length + 1 : 8;
}

function written(rows: readonly (readonly Cell[])[]): string {
  return stringify([...rows], { record_delimiter: 'windows' });
}

/**
 * A program that expects semicolons or tabs also splits quoted cells, so that a formula may begin behind each separator and
 * line break. Full-width forms of the signs are read as the signs.
 */
const FORMULA = /(^|[;\t\r\n])([ "']*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g;
/** Control characters but tab and line breaks: RFC 4180 has no place for them. */
const CONTROL = /[^\P{Cc}\t\r\n]/gu;

/** An apostrophe before what begins like a formula makes it text. Numbers of ours are numbers. */
function safe(cell: Cell): Cell {
  return typeof cell === 'string' ? cell.replace(CONTROL, '\uFFFD').replace(FORMULA, "$1$2'") : cell;
}
