/** Windows of a list that is too long: nothing is left out, nothing is asked for twice. */
import fc from 'fast-check';
import { ROWS_MAX, splitWindow } from '../../src/request/paging';

const window = fc
  .tuple(fc.integer({ min: 0, max: 4_000_000_000 }), fc.integer({ min: 0, max: 500_000_000 }))
  .map(([from, length]) => ({ from, to: from + length }));

test('a window is cut into adjoining parts of almost the same length, of a second at least', () => {
  fc.assert(
    fc.property(window, fc.integer({ min: ROWS_MAX + 1, max: 2_000_000 }), (whole, rows) => {
      const parts = splitWindow(whole, rows);
      expect(parts[0]?.from).toBe(whole.from);
      expect(parts.at(-1)?.to).toBe(whole.to);
      for (const [index, { from }] of parts.entries())
        if (index > 0) expect(from).toBe((parts[index - 1]?.to ?? 0) + 1);
      const lengths = parts.map(({ from, to }) => to - from + 1);
      expect(Math.min(...lengths)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
    }),
  );
});

test('two seconds are two windows, one second is one', () => {
  expect(splitWindow({ from: 7, to: 8 }, ROWS_MAX + 1)).toEqual([
    { from: 7, to: 7 },
    { from: 8, to: 8 },
  ]);
  expect(splitWindow({ from: 7, to: 7 }, ROWS_MAX + 1)).toEqual([{ from: 7, to: 7 }]);
});
