/** Where media may come from: links, host names and addresses, and what is audio. */
import type { LookupAddress } from 'node:dns';
import fc from 'fast-check';
import { createLookup, isPublicAddress, NOT_PUBLIC } from '../../src/media/addresses';
import { audioTypeOf, HEAD_BYTES } from '../../src/media/audio';
import { parseMediaHosts, placeOf } from '../../src/media/hosts';

const AIRCALL = 'https://api.aircall.io/v1';
const BUCKET = 'production-pdx-123-web.s3.us-west-2.amazonaws.com';

const place = (link: string, named = '', baseUrl = AIRCALL) =>
  placeOf(new URL(link), parseMediaHosts(named) ?? [], baseUrl);

describe('a link', () => {
  test.each([
    [`https://${BUCKET}/companies/1/recordings/call-2.mp3?X-Amz-Signature=3`],
    ['https://a-bucket.s3.amazonaws.com/x.mp3'],
    ['https://a-bucket.s3-us-west-2.amazonaws.com/x.mp3'],
    ['https://a-bucket.s3.dualstack.ap-southeast-2.amazonaws.com/x.mp3'],
    ['https://a-bucket.s3.us-gov-west-1.amazonaws.com/x.mp3'],
    ['HTTPS://A-BUCKET.S3.EU-WEST-1.AMAZONAWS.COM:443/x.mp3'],
    ['https://media-web.aircall.io/x.mp3'],
    ['https://media.eu.aircall.io/x.mp3'],
  ])('leads to the storage of Aircall: %s', link => {
    expect(place(link)).toBe('storage');
  });

  test.each([
    [`http://${BUCKET}/x.mp3`],
    [`https://${BUCKET}:8443/x.mp3`],
    [`https://${BUCKET}./x.mp3`],
    [`https://${BUCKET}.example.com/x.mp3`],
    [`https://example.com/${BUCKET}/x.mp3`],
    [`https://${BUCKET}@example.com/x.mp3`],
    [`https://user@${BUCKET}/x.mp3`],
    [`https://:secret@${BUCKET}/x.mp3`],
    [`https://example.com#${BUCKET}`],
    [`ftp://${BUCKET}/x.mp3`],
    ['https://s3.us-west-2.amazonaws.com/a-bucket/x.mp3'],
    ['https://a-bucket.s3-website-us-east-1.amazonaws.com/x.mp3'],
    ['https://ec2-203-0-113-1.us-west-2.compute.amazonaws.com/x.mp3'],
    ['https://s3.evil.com/x.mp3'],
    ['https://aircall.io/x.mp3'],
    ['https://evilaircall.io/x.mp3'],
    ['https://aircall.io.example.com/x.mp3'],
    ['http://media.aircall.io/x.mp3'],
    ['https://127.0.0.1/x.mp3'],
    ['http://127.0.0.1:4010/x.mp3'],
    ['https://[::1]/x.mp3'],
    ['http://169.254.169.254/latest/meta-data'],
    ['https://2130706433/x.mp3'],
    ['file:///etc/passwd'],
    ['data:audio/mpeg;base64,SUQz'],
  ])('leads nowhere that media may come from: %s', link => {
    expect(place(link)).toBeUndefined();
  });

  test('leads to a host that the operator named, by HTTP too, at the port that was named or else at that of the protocol', () => {
    const named = 'media.example.com, 10.0.0.7:9000';
    const places = (links: readonly string[]) => links.map(link => place(link, named));
    expect(
      places([
        'https://media.example.com/x',
        'http://MEDIA.example.com:80/x',
        'http://10.0.0.7:9000/x',
        'https://10.0.0.7:9000/x',
      ]),
    ).toEqual(['named', 'named', 'named', 'named']);
    expect(
      places([
        'https://media.example.com:8443/x',
        'http://media.example.com:443/x',
        'http://10.0.0.7/x',
        'https://a.media.example.com/x',
        'ftp://media.example.com/x',
        'https://user@media.example.com/x',
      ]),
    ).toEqual(Array(6).fill(undefined));
  });

  test('leads to the origin of a base URL on this machine, and not to that of another one', () => {
    expect(place('http://127.0.0.1:4010/media/x', '', 'http://127.0.0.1:4010/v1')).toBe('named');
    expect(place('http://127.0.0.1:4011/media/x', '', 'http://127.0.0.1:4010/v1')).toBeUndefined();
    expect(place('http://localhost:4010/media/x', '', 'http://127.0.0.1:4010/v1')).toBeUndefined();
    expect(place('https://proxy.example.com/media/x', '', 'https://proxy.example.com/v1')).toBeUndefined();
  });
});

describe('an address', () => {
  const v4 = (...ranges: readonly (readonly [number, number])[]) =>
    fc.tuple(...[0, 1, 2, 3].map(n => fc.integer({ min: ranges[n]?.[0] ?? 0, max: ranges[n]?.[1] ?? 255 })));
  const RESERVED = fc.oneof(
    v4([0, 0]),
    v4([10, 10]),
    v4([100, 100], [64, 127]),
    v4([127, 127]),
    v4([169, 169], [254, 254]),
    v4([172, 172], [16, 31]),
    v4([192, 192], [168, 168]),
    v4([198, 198], [18, 19]),
    v4([224, 255]),
  );
  const hex = (bytes: readonly number[]) => Buffer.from(bytes).toString('hex');

  test('of this machine, its network or a special use is not public, in whatever notation', () => {
    fc.assert(
      fc.property(RESERVED, bytes => {
        const dotted = bytes.join('.');
        const [high, low] = [hex(bytes.slice(0, 2)), hex(bytes.slice(2))];
        const spellings = [
          dotted,
          `::ffff:${dotted}`,
          `::FFFF:${high}:${low}`,
          `0:0:0:0:0:ffff:${high}:${low}`,
          `64:ff9b::${high}:${low}`,
          `2002:${high}:${low}::1`,
          bytes.map(byte => `0x${byte.toString(16)}`).join('.'),
        ];
        expect(spellings.filter(isPublicAddress)).toEqual([]);
      }),
    );
  });

  test.each([
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12:3456::1',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '100::1',
    '',
    'localhost',
    '10.1',
  ])('is not public: %s', address => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(['52.218.128.10', '8.8.8.8', '172.15.0.1', '172.32.0.1', '::ffff:52.218.128.10', '2600:1fa0:4000::1'])(
    'is public: %s',
    address => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
});

describe('the address of a host name', () => {
  const PUBLIC: LookupAddress = { address: '52.218.128.10', family: 4 };
  const PUBLIC6: LookupAddress = { address: '2600:1fa0:4000::1', family: 6 };
  const PRIVATE: LookupAddress = { address: '10.0.0.7', family: 4 };

  async function ask(answers: readonly (readonly LookupAddress[])[], publicOnly: boolean, all: boolean) {
    let asked = 0;
    const lookup = createLookup(async () => answers[asked++] ?? [], { publicOnly });
    const given = await new Promise<unknown>(resolve => {
      lookup('a.example', { all }, (error, address, family) => resolve(error?.code ?? { address, family }));
    });
    return { given, asked };
  }

  test('is asked for once, and what was checked is what is used, although the next answer would be another', async () => {
    expect(await ask([[PUBLIC, PUBLIC6], [PRIVATE]], true, true)).toEqual({
      given: { address: [PUBLIC, PUBLIC6], family: undefined },
      asked: 1,
    });
    expect(await ask([[PUBLIC], [PRIVATE]], true, false)).toEqual({ given: PUBLIC, asked: 1 });
  });

  test('is refused if one of several is not public, or there is none; a host that was named may have any', async () => {
    expect((await ask([[PUBLIC, PRIVATE]], true, true)).given).toBe(NOT_PUBLIC);
    expect((await ask([[PRIVATE]], true, false)).given).toBe(NOT_PUBLIC);
    expect((await ask([[]], false, true)).given).toBe(NOT_PUBLIC);
    expect((await ask([[PRIVATE]], false, false)).given).toEqual(PRIVATE);
  });
});

describe('a file', () => {
  const bytes = (...parts: readonly (string | readonly number[])[]) =>
    Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));

  test.each([
    ['audio/mpeg', bytes('ID3', [3, 0, 0, 0, 0, 0, 9])],
    ['audio/mpeg', bytes([0xff, 0xfb, 0x90, 0x64])],
    ['audio/mpeg', bytes([0xff, 0xf3, 0x18, 0xc4])],
    ['audio/mpeg', bytes([0xff, 0xe3, 0x18, 0xc4])],
    ['audio/wav', bytes('RIFF', [1, 2, 3, 4], 'WAVEfmt ')],
    ['audio/ogg', bytes('OggS', [0, 2])],
    ['audio/mp4', bytes([0, 0, 0, 0x20], 'ftypM4A ')],
    ['audio/mp4', bytes([0, 0, 0, 0x18], 'ftypmp42', [0])],
  ])('is %s by its first bytes', (type, head) => {
    expect(audioTypeOf(head)).toBe(type);
  });

  test.each([
    ['nothing', bytes()],
    ['a page', bytes('<!DOCTYPE html>')],
    ['XML', bytes('<?xml version="1.0"?><Error>')],
    ['JSON', bytes('{"error":"x"}')],
    ['a picture', bytes([0xff, 0xd8, 0xff, 0xe0], 'JFIF')],
    ['a video in RIFF', bytes('RIFF', [1, 2, 3, 4], 'AVI LIST')],
    ['a picture in MPEG-4', bytes([0, 0, 0, 0x18], 'ftypheic')],
    ['a compressed file', bytes([0x1f, 0x8b, 8])],
    ['AAC', bytes([0xff, 0xf1, 0x50, 0x80])],
    ['a frame of no bit rate that exists', bytes([0xff, 0xfb, 0xf0, 0x64])],
    ['a frame of no version that exists', bytes([0xff, 0xeb, 0x90, 0x64])],
  ])('is no audio: %s', (_, head) => {
    expect(audioTypeOf(head)).toBeUndefined();
  });

  test('is no audio if it is a text, in UTF-8 or, with a byte order mark, in UTF-16', () => {
    const SIGN = /^(?:ID3|RIFF.{4}WAVE|OggS|.{4}ftyp)/s;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: HEAD_BYTES }), text => {
        fc.pre(!SIGN.test(text));
        expect(audioTypeOf(Buffer.from(text))).toBeUndefined();
        expect(audioTypeOf(Buffer.from(`\ufeff${text}`, 'utf16le'))).toBeUndefined();
        expect(audioTypeOf(Buffer.from(`\ufeff${text}`, 'utf16le').swap16())).toBeUndefined();
      }),
    );
  });
});
