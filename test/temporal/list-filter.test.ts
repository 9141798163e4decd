/** What stands in a list filter adds no condition of its own, and no other place writes a value into one. */
import fc from 'fast-check';
import { quoted } from '../../src/temporal/list-filter';
import { readSources } from '../support/source-text';

test.each(['acme', 'a_b.C-9', 'dsr:acme:access:case-17', 'aircall-dsr/acme', '2026-01-31T00:00:00.000Z'])(
  '%s is taken',
  value => {
    expect(quoted(value)).toBe(`'${value}'`);
  },
);

test.each(["acme' OR WorkflowType = 'x", "'", '"', '\\', '`', 'a b', 'a\n', '', 'ａ'])(
  '%j is refused, and the refusal does not hold it',
  value => {
    expect(() => quoted(value)).toThrow('a list filter takes letters, digits and . _ - : / in a value');
  },
);

test('whatever is taken ends only at its closing quote', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), value => {
      let taken = '';
      try {
        taken = quoted(value).slice(1, -1);
      } catch {
        return;
      }
      expect(taken).toBe(value);
      expect(taken).not.toMatch(/['"`\\\s]/);
    }),
    { seed: 14 },
  );
});

/** A value in quotes that `quoted` did not write; times are our own. */
const WRITTEN_BY_HAND = /(?:[=<>(,]|STARTS_WITH) ?'\$\{(?!\w+\.toISOString\(\)\}')/;
test('clients and commands write no value into a filter by hand', () => {
  expect("query: `WorkflowId = '§{id}'`".replace('§', '$')).toMatch(WRITTEN_BY_HAND);
  const files = readSources('src').filter(({ path }) => /^src\/(client|commands|temporal|worker)\b/.test(path));
  expect(files.length).toBeGreaterThan(20);
  expect(files.flatMap(({ path, text }) => (WRITTEN_BY_HAND.test(text) ? [path] : []))).toEqual([]);
});
