/** No link that is a key stays in a record that is stored, wherever Aircall or somebody else put it, and what there was is still known. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { hasAudio, hasMedia, isSpoken, linkOf, stripLinks, stripMade } from '../../src/aircall/links';

const SAMPLES = join(__dirname, '../fixtures/aircall-samples/composed');
const SIGNED = 'https://production-web.s3.us-west-2.amazonaws.com/companies/1/call-2.mp3';
const QUERY = '?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600&X-Amz-Signature=cafe';
const URL_OF_CALL = SIGNED + QUERY;
const UNSIGNED = `${SIGNED}?signature=removed`;
const call = { id: 7, started_at: 1, raw_digits: '+1 415-555-0123' };

test('a call says what there is, and no more where it is', () => {
  const stripped = stripLinks('calls', {
    ...call,
    recording: URL_OF_CALL,
    voicemail: null,
    asset: 'https://assets.aircall.io/calls/7/recording',
    recording_short_url: 'https://short-urls.aircall.io/v1/a',
    voicemail_short_url: null,
    direct_link: 'https://api.aircall.io/v1/calls/7',
  });
  expect(stripped).toEqual({
    ...call,
    ...{ recording: true, voicemail: null, asset: true },
    ...{ recording_short_url: true, voicemail_short_url: null },
  });
  expect([hasMedia(stripped, 'recording'), hasMedia(stripped, 'voicemail'), isSpoken(stripped)]).toEqual([
    true,
    false,
    true,
  ]);
  expect(isSpoken(stripLinks('calls', call))).toBe(false);
  expect(
    isSpoken(stripLinks('calls', { ...call, recording: null, asset: 'https://assets.aircall.io/calls/7/recording' })),
  ).toBe(true);
});

test.each([
  ['a link', { recording: true, voicemail: null, asset: true, answered_at: null }, [true, false]],
  ['a link, and the page', { recording: null, voicemail: true, asset: true, answered_at: 2 }, [false, true]],
  [
    'only the page of an answered call',
    { recording: null, voicemail: null, asset: true, answered_at: 2 },
    [true, false],
  ],
  [
    'only the page of a missed call',
    { recording: null, voicemail: null, asset: true, answered_at: null },
    [false, true],
  ],
  ['nothing', { recording: null, voicemail: null, asset: null, answered_at: 2 }, [false, false]],
] as const)('Aircall has a file of a call, and which, by %s', (_, fields, [recording, voicemail]) => {
  const [recorded, left] = (['recording', 'voicemail'] as const).map(kind => hasAudio({ ...call, ...fields }, kind));
  expect([recorded, left]).toEqual([recording, voicemail]);
});

test('links of nested objects go, and greetings of a line stay, which have the same names', () => {
  const messages = { voicemail: 'https://media-web.aircall.io/voicemail.mp3', ivr: null };
  expect(
    stripLinks('calls', {
      ...call,
      number: { id: 1, direct_link: 'https://api.aircall.io/v1/numbers/1', messages },
      teams: [{ id: 2, direct_link: 'https://api.aircall.io/v1/teams/2' }],
    }),
  ).toEqual({ ...call, number: { id: 1, messages }, teams: [{ id: 2 }] });
});

test('of the link of a user stays which user it is, because nothing else may tell that it is one', () => {
  const user = (direct_link: unknown) => ({ name: 'Omar', direct_link });
  const links = ['https://api.aircall.io/v1/users/123457', 'http://127.0.0.1:80/users/1/?key=2', 'users/7'];
  const kept = ['users/123457', 'users/1', 'users/7'];
  const gone = ['https://api.aircall.io/v1/teams/3', 'users/1/calls/2', 'https://x.example/users/me', 5, null];
  const given = { new: [...links, ...gone].map(user), direct_link: 'https://api.aircall.io/v1/calls/7' };
  const stored = { new: [...kept.map(user), ...gone.map(() => ({ name: 'Omar' }))] };
  for (const list of ['calls', 'contacts'] as const) {
    expect(stripLinks(list, { id: 7, ...given })).toEqual({ id: 7, ...stored });
    expect(stripLinks(list, { id: 7, ...stored })).toEqual({ id: 7, ...stored });
  }
  expect(stripMade(given)).toEqual(stored);
});

test("a contact's own fields that are named as links of calls stay", () => {
  const fields = {
    asset: 'https://x.example/a.pdf',
    recording: 12,
    voicemail: 'by mail',
    site_short_url: 'https://x.example',
  };
  expect(stripLinks('contacts', { id: 7, ...fields })).toEqual({ id: 7, ...fields });
  expect(stripLinks('contacts', { id: 7, asset: URL_OF_CALL })).toEqual({ id: 7, asset: UNSIGNED });
});

test.each([
  ...['X-Amz-Credential', 'x-amz-security-token', 'X-Goog-Signature', 'Signature', 'sig', 'token', 'access_token'],
  ...['AWSAccessKeyId', 'Key-Pair-Id'],
])('a link is signed by %s, in its query, in a fragment and in HTML', name => {
  for (const mark of ['?', '&', '#', '&amp;'])
    expect(stripMade(`at https://x.example/a${mark}${name}=cafe`)).toBe('at https://x.example/a?signature=removed');
});

test('a link within the parameter of another one loses its signature too', () => {
  expect(stripMade('https://x.example/%3FX-Amz-Signature%3Dcafe')).toBe('https://x.example/%3F?signature=removed');
});

test('a link that is signed loses its signature in fields that nobody knows, and within texts', () => {
  const content = `See "${URL_OF_CALL}"\nand https://example.com/?page=2#a, signed=no`;
  expect(
    stripLinks('calls', {
      ...call,
      screen: { replay: URL_OF_CALL },
      comments: [
        { id: 1, content },
        { id: 2, content: `(https://x.example/a?b=1&amp;Signature=abc)` },
      ],
    }),
  ).toEqual({
    ...call,
    screen: { replay: UNSIGNED },
    comments: [
      { id: 1, content: content.replace(QUERY, '?signature=removed') },
      { id: 2, content: '(https://x.example/a?signature=removed' },
    ],
  });
});

test('a link is used only if it is one', () => {
  expect(linkOf({ ...call, recording: URL_OF_CALL }, 'recording')).toBe(URL_OF_CALL);
  for (const recording of [null, undefined, '', true, 7, {}, 'x'.repeat(8_193)])
    expect(linkOf({ ...call, recording }, 'recording')).toBeUndefined();
});

test('what is nested too deep is left out, and all above it is stripped as ever', () => {
  let deep: unknown = URL_OF_CALL;
  for (let level = 0; level < 20_000; level += 1) deep = level % 2 === 0 ? [deep] : { [`level ${level}`]: deep };
  const within = { screen: URL_OF_CALL, deep };
  expect(stripLinks('calls', { ...call, ...within })).toMatchObject({ ...call, screen: `${SIGNED}?signature=removed` });
  for (const stripped of [stripMade(within), stripLinks('calls', { ...call, ...within })]) {
    const stored = JSON.stringify(stripped);
    expect(stored).not.toContain(QUERY);
    expect(stored.match(/level/g)?.length).toBeGreaterThan(200);
    expect(stripMade(JSON.parse(stored))).toEqual(stripped);
  }
});

test('a text of 2 MB takes no longer for being hostile', () => {
  for (const piece of ['https://', 'https://a?sig=', 'https://a?b ', '?X-Amz-Signature=', '"<', '&'])
    expect(String(stripMade(`https://${piece.repeat(250_000)}`))).not.toContain('sig=');
});

const anyRecord = fc
  .tuple(fc.integer({ min: 1 }), fc.dictionary(fc.string(), fc.jsonValue()))
  .map(([id, fields]) => ({ ...fields, id }));
const signedAnywhere = fc.oneof(fc.constant(URL_OF_CALL), fc.constant(`a ${URL_OF_CALL} b`));

test('whatever a record holds: stripped twice it is as stripped once, and no signature is left', () => {
  fc.assert(
    fc.property(anyRecord, fc.array(fc.string(), { maxLength: 4 }), signedAnywhere, (record, path, link) => {
      const nested = path.reduceRight<unknown>((inner, name) => ({ [name]: [inner] }), link);
      const once = stripLinks('calls', { ...record, canary: nested });
      expect(stripLinks('calls', once)).toEqual(once);
      expect(JSON.stringify(once)).not.toContain('X-Amz-Signature');
    }),
    { seed: 17 },
  );
});

test('a record without links stays as it is', () => {
  fc.assert(
    fc.property(anyRecord, fc.constantFrom('calls', 'contacts'), (record, of) => {
      fc.pre(!/direct_link|_short_url|recording|voicemail|asset|:\/\//.test(JSON.stringify(record)));
      expect(stripLinks(of, record)).toEqual(record);
    }),
    { seed: 17 },
  );
});

test('no key is left of any recorded or composed call', () => {
  const files = readdirSync(SAMPLES).filter(name => /^call-get/.test(name));
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) {
    const { call: raw } = JSON.parse(readFileSync(join(SAMPLES, file), 'utf8'));
    const text = JSON.stringify(stripLinks('calls', raw));
    expect(text).not.toMatch(/X-Amz|assets\.aircall\.io|short-urls|"direct_link":"(?!users\/\d+")/);
    expect(isSpoken(stripLinks('calls', raw))).toBe(
      raw.recording !== null || raw.voicemail !== null || raw.asset !== null,
    );
  }
});
