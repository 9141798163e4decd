/** Windows of a list that is too long: nothing is left out, nothing is asked for twice. */
import fc from 'fast-check';
import { partsOf, ROWS_MAX, splitWindow, WINDOWS_MAX } from '../../src/request/paging';

const window = fc
  .tuple(fc.integer({ min: 0, max: 4_000_000_000 }), fc.integer({ min: 0, max: 500_000_000 }))
  .map(([from, length]) => ({ from, to: from + length }));

test('a window is cut into adjoining parts of almost the same length, of a second at least', () => {
  fc.assert(
    fc.property(window, fc.integer({ min: 1, max: WINDOWS_MAX }), (whole, wanted) => {
      const count = Math.min(wanted, whole.to - whole.from + 1);
      const parts = splitWindow(whole, count);
      expect(parts).toHaveLength(count);
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

test('a list is split into so many windows that each holds less than Aircall lists, if its rows are spread evenly', () => {
  const day = { from: 0, to: 86_399 };
  expect(partsOf(day, ROWS_MAX + 1)).toBe(2);
  expect(partsOf(day, 75_000)).toBe(10);
  expect(partsOf(day, Number.MAX_SAFE_INTEGER)).toBe(86_400);
});

test('two seconds are two windows, one second is one', () => {
  expect([partsOf({ from: 7, to: 8 }, ROWS_MAX + 1), partsOf({ from: 7, to: 7 }, ROWS_MAX + 1)]).toEqual([2, 1]);
  expect(splitWindow({ from: 7, to: 8 }, 2)).toEqual([
    { from: 7, to: 7 },
    { from: 8, to: 8 },
  ]);
});
