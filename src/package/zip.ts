/**
 * The access package as a zip file: the document, its JSON schema, and a statement of coverage in words. The same document
 * always makes the same bytes, so that a repeated step makes the same package.
 */
import { ZipFile } from 'yazl';
import { capital, gapWords, methodOf } from '../request/sentences';
import { gapsOf, SOURCE_NAMES, SOURCES, type SourceName } from '../request/sources';
import { count } from '../request/words';
import { type AccessPackage, packageJsonSchema } from './model';

const FILE_TIME = new Date(Date.UTC(1980, 0, 1));

export async function zipPackage(document: AccessPackage): Promise<Buffer> {
  const zip = new ZipFile();
  const options = { mtime: FILE_TIME, mode: 0o100600, forceDosTimestamp: true };
  zip.addBuffer(Buffer.from(`${JSON.stringify(document, null, 2)}\n`), 'access-package.json', options);
  zip.addBuffer(
    Buffer.from(`${JSON.stringify(packageJsonSchema(), null, 2)}\n`),
    'access-package.schema.json',
    options,
  );
  zip.addBuffer(Buffer.from(coverageStatement(document)), 'coverage.txt', options);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const STATE_WORDS = {
  complete: 'complete',
  partial: 'incomplete, see below',
  failed: 'not available',
  skipped: 'not searched',
} as const;

function coverageStatement(document: AccessPackage): string {
  const { requestId, createdAt, coverage } = document;
  const lines = [
    `Access request ${requestId}. The search began at ${createdAt}.`,
    '',
    ...SOURCE_NAMES.map(source => stateLine(document, source)),
    ...SOURCE_NAMES.flatMap(source => windowLine(source, coverage[source])),
    '',
    'Missing:',
    ...gapsOf(coverage).map(({ source, ...gap }) => `- ${source}: ${gapWords(gap, gap.code)}`),
    ...SOURCE_NAMES.flatMap(source => withheldLines(source, coverage[source])),
    ...coverage.outOfReach.map(what => `- Aircall's API cannot list: ${what}.`),
  ];
  return `${lines.join('\n')}\n`;
}

/** A source that was not searched has no number of records. */
function stateLine({ coverage, ...document }: AccessPackage, source: SourceName): string {
  const { state } = coverage[source];
  const method = methodOf(coverage[source]);
  const found = state === 'skipped' ? '' : `${document[source].length}, `;
  return `${capital(source)}: ${found}${STATE_WORDS[state]}${method === undefined ? '' : `, searched ${method}`}.`;
}

type Searched = AccessPackage['coverage'][SourceName];

function windowLine(source: SourceName, searched: Searched): string[] {
  if (!('window' in searched) || searched.state === 'skipped') return [];
  const { from, to } = searched.window;
  const since = from === null ? 'as far back as Aircall keeps them for its API (about six months)' : `from ${from}`;
  return [`${capital(source)} were searched ${since} to ${to}.`];
}

function withheldLines(source: SourceName, searched: Searched): string[] {
  if (!('ambiguous' in searched)) return [];
  const { ambiguous, ignoredNumbers } = searched;
  return [
    ...(ambiguous > 0 ? [`- ${count(ambiguous, SOURCES[source].noun)} that may be somebody else's: withheld.`] : []),
    ...(ignoredNumbers > 0 ? [`- ${count(ignoredNumbers, 'number')} not searched: too short, or nobody's.`] : []),
  ];
}
