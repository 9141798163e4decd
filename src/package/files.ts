/**
 * The files of an access package, each with size and digest, and the signed manifest over all of them. Texts are made while they
 * are read, once for their digest and once for the zip file, so that no text of a large package is held as a whole.
 */
import { createHash } from 'node:crypto';
import type { SigningKey } from '../encryption/signing-key';
import type { InSlices } from '../slices';
import type { PackageFile } from './archive';
import { accessPackageJsonSchema, type PackageDocument } from './document';
import { jsonPieces } from './json';
import { MANIFEST_PATH, signManifest } from './manifest';
import type { PageFile } from './page/frame';
import { readmeText } from './readme';
import { TABLES } from './tables';

export interface PackageParts {
  readonly document: PackageDocument;
  /** The pages that people read, `index.html` among them. */
  readonly pages: readonly PageFile[];
  /** The audio whose path in the package the document names: from the beginning, each time. */
  readonly openMedia: (path: string) => AsyncIterable<Uint8Array>;
  /** The key that signs receipts. */
  readonly key: SigningKey;
}

/**
 * All files of the package in their order in the zip file: what people read first, audio last. A slice is some of a text.
 * @throws {ReceiptError} `receipt-invalid` for a path that is unsafe or given twice
 */
export function* packageFiles({ document, pages, openMedia, key }: PackageParts): InSlices<readonly PackageFile[]> {
  const { connection, requestId, createdAt, recordings, voicemails } = document;
  const media = [...recordings, ...voicemails].flatMap(row =>
    'file' in row ? [mediaFile(row, () => openMedia(row.file))] : [],
  );
  const texts: PackageFile[] = [];
  for (const text of textsOf(document, pages)) texts.push(yield* digested(text));
  const files = [...texts, ...media].map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 }));
  const manifest = signManifest({ connection, requestId, createdAt, files }, key);
  return [...texts, yield* digested(textFile(MANIFEST_PATH, () => jsonText(manifest))), ...media];
}

type Undigested = Pick<PackageFile, 'path'> & { readonly open: () => Iterable<Uint8Array> };

function textsOf(document: PackageDocument, pages: readonly PageFile[]): readonly Undigested[] {
  return [
    textFile('README.txt', () => [readmeText(document, pages)]),
    ...pages.map(({ path, pieces }) => textFile(path, pieces)),
    textFile('access-package.json', () => jsonPieces(document)),
    textFile('access-package.schema.json', () => jsonText(accessPackageJsonSchema())),
    ...TABLES.map(({ name, pieces }) => textFile(`csv/${name}.csv`, () => pieces(document))),
  ];
}

function jsonText(value: unknown): string[] {
  return [`${JSON.stringify(value, null, 2)}\n`];
}

type Media = Extract<PackageDocument['recordings'][number], { file: string }>;

/** Audio is compressed already. */
function mediaFile({ file: path, sizeBytes, sha256 }: Media, open: PackageFile['open']): PackageFile {
  return { path, sizeBytes, sha256, stored: true, open };
}

function textFile(path: string, pieces: () => Iterable<string>): Undigested {
  return { path, open: () => encoded(pieces()) };
}

function* digested({ path, open }: Undigested): InSlices<PackageFile> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  for (const chunk of open()) {
    digest.update(chunk);
    sizeBytes += chunk.length;
    yield;
  }
  return { path, sizeBytes, sha256: digest.digest('hex'), stored: false, open };
}

const CHUNK_CHARACTERS = 65_536;

/** UTF-8 in chunks that are worth a write; a long piece is a chunk of its own. */
function* encoded(pieces: Iterable<string>): Generator<Uint8Array> {
  let some: string[] = [];
  let characters = 0;
  for (const piece of pieces) {
    some.push(piece);
    characters += piece.length;
    if (characters < CHUNK_CHARACTERS) continue;
    yield Buffer.from(some.join(''));
    some = [];
    characters = 0;
  }
  yield Buffer.from(some.join(''));
}
