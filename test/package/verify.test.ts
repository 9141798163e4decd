/** `verify` of a package, by somebody who has the zip file, or its folder, and the command: no configuration, vault or server. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { signingKeyOf } from '../../src/encryption/signing-key';
import { writeZip } from '../../src/package/archive';
import { packageFiles } from '../../src/package/files';
import { atOnce } from '../../src/slices';
import { keyOf } from '../encryption/keyrings';
import { runAlone } from '../support/command-line';
import { errorOf } from '../support/documents';
import { makeFolder, removeFolder } from '../support/folders';
import { unzipBytes } from '../support/zip';
import { documentOf, FOUND, KEY, openAudio, PACKAGE, PAGES, sha256 } from './support';

type Files = ReadonlyMap<string, Buffer>;
const here = makeFolder();
afterAll(() => removeFolder(here));

const zipOf = (files: Files) =>
  buffer(
    writeZip(
      [...files].map(([path, bytes]) => {
        return {
          path,
          sizeBytes: bytes.length,
          sha256: sha256(bytes),
          stored: path.endsWith('.mp3'),
          open: () => [bytes],
        };
      }),
    ),
  );
async function made(document = PACKAGE, key = KEY): Promise<Buffer> {
  return buffer(writeZip(atOnce(packageFiles({ document, pages: PAGES, openMedia: openAudio, key }))));
}

let files: Files;
beforeAll(async () => {
  files = await unzipBytes(await made());
});
const without = (path: string): Files => new Map([...files].filter(([name]) => name !== path));
const withFile = (path: string, bytes: Buffer): Files => new Map([...files, [path, bytes]]);

let count = 0;
/** The path of a new zip file. */
function zipped(bytes: Buffer): string {
  count += 1;
  const path = join(here, `${count}.zip`);
  writeFileSync(path, bytes);
  return path;
}
/** That of a new folder. */
function extracted(all: Files): string {
  count += 1;
  const folder = join(here, `folder-${count}`);
  for (const [path, bytes] of all) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}
function pemOf({ publicKey }: { readonly publicKey: string }): string {
  count += 1;
  const path = join(here, `${count}.pem`);
  writeFileSync(path, `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`);
  return path;
}

async function verdict(...args: readonly string[]) {
  const { exit, stdout } = await runAlone(['verify', ...args, '--json']);
  return { exit, document: JSON.parse(stdout) };
}
async function refusalOf(...args: readonly string[]) {
  const { exit, document } = await verdict(...args);
  return { exit, code: errorOf(document).code };
}
/** Of the zip file and the folder of the same files, which must agree. */
async function verdictOf(all: Files) {
  const [zip, folder] = [await verdict(zipped(await zipOf(all))), await verdict(extracted(all))];
  expect(folder).toEqual(zip);
  return { exit: zip.exit, ...zip.document };
}

const AS_MADE = { verified: true, missing: [], changed: [], additional: [] };

describe('verify of a package', () => {
  test('accepts the zip file and the folder, and says of what it is and who signed it', async () => {
    const expected = {
      ...AS_MADE,
      keyIds: [KEY.id],
      pinned: false,
      connection: 'acme',
      kind: 'access',
      requestId: 'case-17',
      createdAt: FOUND.createdAt,
      files: files.size - 1,
    };
    const zip = zipped(await made());
    expect(await verdict(zip)).toEqual({ exit: 0, document: expected });
    expect(await verdict(extracted(files))).toEqual({ exit: 0, document: expected });
    expect(await verdict(zip, '--key', pemOf(KEY))).toEqual({ exit: 0, document: { ...expected, pinned: true } });
    const { stdout, stderr } = await runAlone(['verify', zip]);
    expect(stdout).toMatch(/^Verified: package of access case-17 of acme, 12 files\n/);
    expect(stderr).toContain('--key');
  });

  test('names a file of which a byte was changed, and one of another length', async () => {
    const page = Buffer.from(files.get('index.html') ?? '');
    page.writeUInt8(page.readUInt8(20) ^ 1, 20);
    expect(await verdictOf(withFile('index.html', page))).toMatchObject({
      ...AS_MADE,
      exit: 1,
      verified: false,
      changed: ['index.html'],
    });
    expect(await verdictOf(withFile('media/call-0001.mp3', Buffer.from('ID3')))).toMatchObject({
      exit: 1,
      changed: ['media/call-0001.mp3'],
    });
  });

  test('names a file that is missing, and one that was added', async () => {
    expect(await verdictOf(without('csv/calls.csv'))).toMatchObject({
      exit: 1,
      ...AS_MADE,
      verified: false,
      missing: ['csv/calls.csv'],
    });
    expect(await verdictOf(withFile('calls-2.html', Buffer.from('x')))).toMatchObject({
      ...AS_MADE,
      exit: 1,
      verified: false,
      additional: ['calls-2.html'],
    });
  });

  test('says in words what differs, the first names of each sort', async () => {
    const more = Array.from({ length: 30 }, (_, n) => [`more-${n}.txt`, Buffer.from('x')] as const);
    const { exit, stdout } = await runAlone([
      'verify',
      zipped(await zipOf(new Map([...without('README.txt'), ...more]))),
    ]);
    expect(exit).toBe(1);
    expect(stdout).toMatch(/^Not as it was made: package of access case-17 of acme/);
    expect(stdout).toMatch(/missing +README\.txt\n/);
    expect(stdout.match(/additional/g)).toHaveLength(21);
    expect(stdout).toContain('and 10 more files');
  });

  test('refuses the manifest of another package, one that was changed, and none', async () => {
    const other = await unzipBytes(await made(documentOf({ ...FOUND, requestId: 'case-18', contacts: [] })));
    const manifest = Buffer.from(other.get('manifest.json') ?? '');
    expect(await verdictOf(withFile('manifest.json', manifest))).toMatchObject({
      exit: 1,
      verified: false,
      requestId: 'case-18',
      changed: expect.arrayContaining(['README.txt', 'access-package.json', 'csv/contacts.csv']),
    });
    const forged = Buffer.from(String(files.get('manifest.json')).replace('case-17', 'case-71'));
    expect(await refusalOf(zipped(await zipOf(withFile('manifest.json', forged))))).toEqual({
      exit: 1,
      code: 'receipt-changed',
    });
    for (const all of [without('manifest.json'), withFile('manifest.json', Buffer.from('{}'))])
      for (const path of [zipped(await zipOf(all)), extracted(all)])
        expect(await refusalOf(path)).toEqual({ exit: 1, code: 'receipt-malformed' });
  });

  test('refuses a package that somebody else signed, if the key is given', async () => {
    const foreign = signingKeyOf(keyOf('foreign'));
    const zip = zipped(await made(PACKAGE, foreign));
    expect(await refusalOf(zip, '--key', pemOf(KEY))).toEqual({ exit: 1, code: 'receipt-untrusted' });
    expect((await verdict(zip)).document).toMatchObject({ verified: true, pinned: false, keyIds: [foreign.id] });
  });

  test('refuses a zip file that is cut off, and each byte that differs in it', async () => {
    const whole = await made();
    for (const length of [4, 1_000, whole.length - 1])
      expect(await refusalOf(zipped(whole.subarray(0, length)))).toEqual({ exit: 1, code: 'receipt-malformed' });
    const audio = whole.indexOf('ID3 as long');
    const broken = Buffer.from(whole);
    broken.writeUInt8(0, audio);
    expect((await verdict(zipped(broken))).document).toMatchObject({ changed: ['media/call-0001.mp3'] });
    const deflated = Buffer.from(whole);
    deflated.fill(0xff, 60, 90);
    expect((await verdict(zipped(deflated))).document).toMatchObject({ changed: ['README.txt'] });
  });

  test('names a file that is there twice, and one whose two names differ', async () => {
    const whole = await zipOf(withFile('READMF.txt', Buffer.from('another')));
    const twice = Buffer.from(whole.toString('latin1').replaceAll('READMF', 'README'), 'latin1');
    expect((await verdict(zipped(twice))).document).toMatchObject({ verified: false, changed: ['README.txt'] });
    const local = Buffer.from((await made()).toString('latin1').replace('README', 'READMX'), 'latin1');
    expect((await verdict(zipped(local))).document).toMatchObject({ verified: false, changed: ['README.txt'] });
  });

  test.each(['../../et', '/etc/abc', 'C:\\a\\bcd', 'a\u001b[2J.tx', '..\\..\\ab'])(
    'writes nothing, whatever a name says: %j is an additional file',
    async name => {
      const whole = await zipOf(withFile('NAMENAME', Buffer.from('hostile')));
      const before = readdirSync(here).length;
      const zip = zipped(Buffer.from(whole.toString('latin1').replaceAll('NAMENAME', name.padEnd(8, 'x')), 'latin1'));
      const { exit, document } = await verdict(zip);
      expect({ exit, additional: document.additional }).toEqual({ exit: 1, additional: [name.padEnd(8, 'x')] });
      expect((await runAlone(['verify', zip])).stdout).not.toContain('\u001b');
      expect(readdirSync(here)).toHaveLength(before + 1);
    },
  );

  test('follows no link of a folder', async () => {
    const folder = extracted(files);
    const page = join(folder, 'index.html');
    writeFileSync(join(here, 'elsewhere.html'), files.get('index.html') ?? '');
    rmSync(page);
    symlinkSync(join(here, 'elsewhere.html'), page);
    expect((await verdict(folder)).document).toMatchObject({ verified: false, changed: ['index.html'] });
  });

  test('asks for the package if it gets only its manifest, and takes no options of receipts', async () => {
    const folder = extracted(files);
    for (const args of [
      [join(folder, 'manifest.json')],
      [folder, '--chain'],
      [folder, '--against', folder],
      [join(here, 'none.zip')],
    ])
      expect(await refusalOf(...args)).toEqual({ exit: 2, code: 'usage' });
  });
});
