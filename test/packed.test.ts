/** Values and lists that are held packed: they come out as they went in, short or long, and stand in JSON as themselves. */
import fc from 'fast-check';
import { pack, packedList } from '../src/packed';

/** Some are long enough to be deflated. */
const values = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary', minLength: 400 }).map(text => ({ text, again: [text, { text }] })),
  fc.constantFrom({ lone: '\ud800'.repeat(1_000) }, undefined, null, 0, ''),
);

test('a value is opened as it was packed, each time anew, and stands in JSON as itself', () => {
  fc.assert(
    fc.property(values, value => {
      const packed = pack(value);
      expect(JSON.stringify(packed.open())).toBe(JSON.stringify(value));
      expect(packed.open()).toEqual(packed.open());
      expect(JSON.stringify({ value: packed, list: [packed] }, null, 2)).toBe(
        JSON.stringify({ value, list: [value] }, null, 2),
      );
    }),
  );
});

test('what is done to an opened value changes nothing of the packed one', () => {
  for (const length of [1, 5_000]) {
    const packed = pack({ text: 'x'.repeat(length) });
    Object.assign(packed.open(), { text: 'y' });
    expect(packed.open()).toEqual({ text: 'x'.repeat(length) });
  }
});

test('a list is read as it was filled, however long, and while it grows', () => {
  const list = packedList<{ readonly place: number }>();
  expect([list.length, [...list], JSON.stringify({ list })]).toEqual([0, [], '{"list":[]}']);
  const all = Array.from({ length: 2_500 }, (_, place) => ({ place }));
  for (const item of all) {
    list.push(item);
    expect(list.length).toBe(item.place + 1);
  }
  expect([...list]).toEqual(all);
  expect([...list]).toEqual(all);
  expect(JSON.stringify({ list })).toBe(JSON.stringify({ list: all }));
});
