/**
 * The access package as a zip file: the document, its JSON schema, and a statement of coverage in words. The same document
 * always makes the same bytes, so that a repeated step makes the same package.
 */
import { ZipFile } from 'yazl';
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
  skipped: 'not asked for',
} as const;

function coverageStatement({ requestId, createdAt, contacts, calls, coverage }: AccessPackage): string {
  const { window, ambiguous, ignoredNumbers } = coverage.calls;
  const gaps = [
    ...coverage.contacts.gaps.map(gap => ({ source: 'contacts', ...gap })),
    ...coverage.calls.gaps.map(gap => ({ source: 'calls', ...gap })),
  ];
  const lines = [
    `Access request ${requestId}. The search began at ${createdAt}.`,
    '',
    `Contacts: ${contacts.length}, ${STATE_WORDS[coverage.contacts.state]}.`,
    `Calls: ${calls.length}, ${STATE_WORDS[coverage.calls.state]}.`,
    `Calls were searched ${window.from === null ? 'as far back as Aircall keeps them for its API (about six months)' : `from ${window.from}`} to ${window.to}.`,
    '',
    'Missing:',
    ...gaps.map(({ source, code, count }) => `- ${source}: ${code}${count === undefined ? '' : ` (${count})`}`),
    ...(ambiguous > 0 ? [`- ${ambiguous} calls on a number that is shared with somebody else are withheld.`] : []),
    ...(ignoredNumbers > 0
      ? [`- ${ignoredNumbers} numbers are too short to name a person and were not searched.`]
      : []),
    ...coverage.outOfReach.map(what => `- Aircall's API cannot list: ${what}.`),
  ];
  return `${lines.join('\n')}\n`;
}
