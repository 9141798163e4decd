/**
 * Texts within Temporal's list filters. A filter is one text with quoted values in it: a quote within a value would let the value
 * add conditions of its own, so that a list, a count or a deletion reaches other runs. So values hold plain characters only.
 */

const PLAIN = /^[\w.:/-]+$/;

/** Whether a value can stand in a filter. */
function isPlain(value: string): boolean {
  return PLAIN.test(value);
}

/** The value as a filter takes it. @throws {RangeError} if it is not plain; the message does not hold it */
export function quoted(value: string): string {
  if (!isPlain(value)) throw new RangeError('a list filter takes letters, digits and . _ - : / in a value');
  return `'${value}'`;
}
