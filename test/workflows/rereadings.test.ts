/** Contacts that stay undeletable are read again ever more rarely, and not for ever. */
import { countRereadings, pauseBefore } from '../../src/workflows/rereadings';

test('the first three readings follow at once; then the pauses grow from a minute to a day', () => {
  expect([1, 2, 3, 4, 5, 6].map(pauseBefore)).toEqual([0, 0, 0, 60_000, 120_000, 240_000]);
  expect(pauseBefore(40)).toBe(86_400_000);
});

test('a request reads no more than a thousand times again', () => {
  const rereadings = countRereadings();
  const taken = Array.from({ length: 1_100 }, () => rereadings.take()).filter(Boolean);
  expect(taken).toHaveLength(1_000);
});
