/**
 * Canonical JSON (RFC 8785) and its strict reading: one value, one text, so that a signature over the text is one over the
 * value. Only safe integers are written as numbers: they have the same text in every language. Pure.
 */

/** @throws {RangeError} for a value without such a text: fractions, undefined, lone surrogates */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    // By UTF-16 code units, as `<` compares.
    const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${members.map(([name, member]) => `${canonicalJson(name)}:${canonicalJson(member)}`).join(',')}}`;
  }
  const written =
    value === null ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isSafeInteger(value)) ||
    (typeof value === 'string' && !/\p{Surrogate}/u.test(value));
  if (!written) throw new RangeError(`a value of type ${typeof value} has no canonical JSON`);
  return JSON.stringify(value);
}

const STRING_OR_SPACE = /("(?:[^"\\]|\\.)*")|[ \t\r\n]+/g;

/**
 * Reads JSON that may vary in white space only. It refuses everything that other readers may read differently: a member given
 * twice, numbers and characters in other spellings than JavaScript's own, bytes that are no UTF-8.
 * @throws {SyntaxError}
 */
export function parseStrictly(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  const value: unknown = JSON.parse(text);
  if (text.replace(STRING_OR_SPACE, '$1') === JSON.stringify(value)) return value;
  throw new SyntaxError('a member is given twice, or a value is spelt in an unusual way');
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SyntaxError('not UTF-8');
  }
}
