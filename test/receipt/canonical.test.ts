/** One value has one text, and a text that two readers could read in two ways is read by nobody. */
import fc from 'fast-check';
import { canonicalJson, parseStrictly } from '../../src/receipt/canonical';

const RUNS = { seed: 20_261_124, numRuns: 300 };
const text = fc.string({ unit: 'grapheme' });
const { tree } = fc.letrec<{ tree: unknown; leaf: unknown }>(tie => ({
  leaf: fc.oneof(text, fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
  tree: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(text, tie('tree'), { maxKeys: 5 }),
  ),
}));

describe('canonical JSON', () => {
  test('is the one of RFC 8785: members by UTF-16 units, no spaces, characters as they are', () => {
    // Section 3.2.3, and its characters of 3.2.2.
    const sorted = { '\u20ac': 1, '\r': 2, '\ufb33': 3, 1: 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonicalJson(sorted)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}');
    expect(canonicalJson(['\u20ac$\u000f\nA\'B"\\\\"/', [null, true, false]])).toBe(
      '["\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/",[null,true,false]]',
    );
    expect(canonicalJson(-0)).toBe('0');
  });

  test('is the same whatever order members were given in, and reads back as the same value', () => {
    const turned = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(turned)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([name, member]) => [name, turned(member)]),
            )
          : value;
    fc.assert(
      fc.property(tree, value => {
        const written = canonicalJson(value);
        expect(canonicalJson(turned(value))).toBe(written);
        expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(parseStrictly(Buffer.from(written)))).toBe(written);
      }),
      RUNS,
    );
  });

  test.each([[0.5], [1e21], [Number.NaN], [2 ** 53], [undefined], ['\ud800'], [{ a: undefined }], [10n]])(
    'has nothing for %p',
    value => {
      expect(() => canonicalJson(value)).toThrow(RangeError);
    },
  );
});

describe('strict reading', () => {
  const read = (json: string) => parseStrictly(Buffer.from(json));

  test('takes any white space, and any order of members', () => {
    expect(read(' {\n\t"b" : [ 1 , "a  b" ],\r\n"a":{}} \n')).toEqual({ b: [1, 'a  b'], a: {} });
    fc.assert(
      fc.property(tree, fc.nat(8), (value, spaces) => {
        expect(read(JSON.stringify(value, null, spaces))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      RUNS,
    );
  });

  test.each([
    ['a member given twice', '{"a":1,"a":1}'],
    ['a member given twice, deep down', '[{"b":{"a":1, "a":2}}]'],
    ['a member given twice, once in disguise', '{"a":1,"\\u0061":1}'],
    ['a prototype', '{"__proto__":1,"__proto__":2}'],
    ['a character in disguise', '"\\u0061"'],
    ['a slash in disguise', '"\\/"'],
    ['a number in another spelling', '[1.0]'],
    ['a number with an exponent', '[1e1]'],
    ['minus nought', '[-0]'],
    ['a number that is rounded', '[9007199254740993]'],
    ['nothing', ''],
    ['two documents', '{}{}'],
    ['a byte order mark', '\ufeff{}'],
    ['a comment', '{}//'],
    ['a form feed', '{}\f'],
  ])('refuses %s', (_what, json) => {
    expect(() => read(json)).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
  });

  test('refuses bytes that are no UTF-8', () => {
    expect(() => parseStrictly(Buffer.from([0x22, 0xff, 0x22]))).toThrow(SyntaxError);
  });
});
