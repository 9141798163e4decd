/**
 * JSON text of a document piece by piece, one record at a time: the text of a large package does not fit into one string. Pure.
 */

import type { List } from '../packed';

/** The pieces of `JSON.stringify(document, null, 2)` and a line break; each item of a list is a piece of its own, and open alone. */
export function* jsonPieces(document: Readonly<Record<string, unknown>>): Generator<string> {
  let before = '{';
  for (const [name, value] of Object.entries(document)) {
    if (value === undefined) continue;
    yield `${before}\n  ${JSON.stringify(name)}: `;
    if (isList(value) && value.length > 0) yield* listPieces(value);
    else yield indented(value, '  ');
    before = ',';
  }
  yield before === '{' ? '{}\n' : '\n}\n';
}

function isList(value: unknown): value is List<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'length' in value;
}

function* listPieces(items: Iterable<unknown>): Generator<string> {
  let before = '[';
  for (const item of items) {
    yield `${before}\n    ${indented(item, '    ')}`;
    before = ',';
  }
  yield '\n  ]';
}

/** In a list, what JSON cannot write is `null`. Line breaks stand between members only: those of texts are escaped. */
function indented(value: unknown, indent: string): string {
  return (JSON.stringify(value, null, 2) ?? 'null').replaceAll('\n', `\n${indent}`);
}
