/** The document of a package: its schema, times in two forms, and its text piece by piece. */
import Ajv2020 from 'ajv/dist/2020';
import fc from 'fast-check';
import { AUDIO_TYPES } from '../../src/media/audio';
import { accessPackageJsonSchema, accessPackageSchema, mediaPath } from '../../src/package/document';
import { jsonPieces } from '../../src/package/json';
import { isoOf, withIso } from '../../src/package/times';
import { packedList } from '../../src/packed';
import type { Redaction } from '../../src/redaction/reasons';
import { documentOf, FOUND, NOTHING, PACKAGE } from './support';

/** As a reader has it. */
function written(document: object): unknown {
  return JSON.parse(JSON.stringify(document));
}

describe('the document', () => {
  const fits = new Ajv2020({ strict: false, formats: { 'date-time': true } }).compile(
    Object(accessPackageJsonSchema()),
  );

  test.each([
    ['with records of every source', PACKAGE],
    ['of a person of whom nothing was found', documentOf(NOTHING)],
  ])('%s fits the definition and the published schema', (_which, document) => {
    expect(accessPackageSchema.parse(written(document))).toEqual(written(document));
    expect(fits(written(document))).toBe(true);
  });

  test.each([
    ['a member that nobody knows', { note: 'x' }],
    ['a state that is none', { coverage: { ...PACKAGE.coverage, contacts: { state: 'done', gaps: [] } } }],
    ['audio without digest', { recordings: [{ call: 1, file: 'media/call-0001.mp3' }] }],
    ['audio outside of its folder', { recordings: [{ ...FOUND.recordings[0], file: 'media/../call-0001.mp3' }] }],
    ['a language without words', { language: 'xx' }],
  ])('with %s fits neither', (_what, wrong) => {
    const document = written({ ...PACKAGE, ...wrong });
    expect(accessPackageSchema.safeParse(document).success).toBe(false);
    expect(fits(document)).toBe(false);
  });

  test('names audio by the place of its call and its kind, each in another file', () => {
    const paths = AUDIO_TYPES.flatMap(type =>
      [1, 2, 9_999, 10_000].flatMap(place => [
        mediaPath({ place, kind: 'recording', type }),
        mediaPath({ place, kind: 'voicemail', type }),
      ]),
    );
    expect(paths[0]).toBe('media/call-0001.mp3');
    expect(paths).toContain('media/call-10000-voicemail.m4a');
    expect(new Set(paths).size).toBe(paths.length);
    const media = { call: 1, sizeBytes: 1, sha256: '0'.repeat(64), type: 'audio/mpeg' };
    const recordings = paths.map(file => ({ ...media, file }));
    expect(accessPackageSchema.safeParse(written({ ...PACKAGE, recordings })).success).toBe(true);
  });
});

describe('times', () => {
  test('stand in ISO form beside those of Aircall, at every depth', () => {
    const comment = { id: 1, posted_at: 1_790_603_060, content: 'x' };
    const call = {
      id: 5,
      started_at: 1_790_603_050,
      answered_at: null,
      comments: [comment],
      user: { created_at: 'x' },
    };
    expect(withIso(call)).toEqual({
      ...call,
      comments: [{ ...comment, iso: { posted_at: '2026-09-28T13:44:20.000Z' } }],
      iso: { started_at: '2026-09-28T13:44:10.000Z' },
    });
  });

  test('a member `iso` of Aircall stays as it is', () => {
    expect(withIso({ iso: 'NL', created_at: 1 })).toEqual({ iso: 'NL', created_at: 1 });
  });

  test('what is no UNIX time has no ISO form, and milliseconds are read as such', () => {
    expect(isoOf(1_790_603_050_000)).toBe(isoOf(1_790_603_050));
    for (const value of [null, undefined, '1790603050', -1, 1.5, Number.NaN, 1e300, Number.MAX_SAFE_INTEGER])
      expect(isoOf(value)).toBeUndefined();
  });

  test('are added only: without `iso` any record is what it was, and a second pass adds nothing', () => {
    const names = fc.constantFrom('started_at', 'posted_at', 'id', 'tags', '__proto__');
    const { record } = fc.letrec<{ value: unknown; record: Record<string, unknown> }>(tie => ({
      value: fc.oneof({ maxDepth: 4 }, fc.nat(), fc.string(), fc.constant(null), fc.array(tie('value')), tie('record')),
      record: fc.dictionary(names, tie('value')),
    }));
    const without = (text: string) => JSON.parse(text, (name, value) => (name === 'iso' ? undefined : value));
    fc.assert(
      fc.property(record, given => {
        const once = withIso(given);
        expect(without(JSON.stringify(once))).toEqual(written(given));
        expect(withIso(once)).toEqual(once);
      }),
    );
  });

  test('are not looked for below 32 levels, so that no record is too deep', () => {
    const deep = (levels: number): object => (levels === 0 ? { created_at: 1 } : { inner: deep(levels - 1) });
    expect(JSON.stringify(withIso(deep(30)))).toContain('1970');
    expect(withIso(deep(1_000))).toEqual(deep(1_000));
  });
});

test('a piece of a document holds one record at most, so that no text is too long for a string', () => {
  const calls = Array.from({ length: 3 }, (_, place) => ({ id: place + 1, note: 'x'.repeat(1_000) }));
  const lengths = [...jsonPieces(documentOf({ ...FOUND, calls }))].map(({ length }) => length);
  expect(lengths.filter(length => length > 1_000 && length < 1_200)).toHaveLength(3);
  expect(Math.max(...lengths)).toBeLessThan(2_500);
});

test('the pieces of a document are its text', () => {
  const documents = fc.dictionary(
    fc.string(),
    fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.array(fc.anything())),
  );
  fc.assert(
    fc.property(documents.filter(isWritable), document => {
      expect([...jsonPieces(document)].join('')).toBe(`${JSON.stringify(document, null, 2)}\n`);
    }),
  );
  const redactions = packedList<Redaction>();
  for (let place = 0; place < 1_500; place += 1) redactions.push({ path: `/calls/${place}/user`, reason: 'agent' });
  for (const document of [PACKAGE, documentOf({ ...FOUND, redactions })])
    expect([...jsonPieces(document)].join('')).toBe(`${JSON.stringify(document, null, 2)}\n`);
});

/** JSON writes no big integers. */
function isWritable(document: object): boolean {
  try {
    return JSON.stringify(document) !== '';
  } catch {
    return false;
  }
}
