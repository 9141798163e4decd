/** What `verify` prints of a package. */
import type { VerifiedPackage } from '../package/verify';
import { count } from '../request/words';
import { EXIT, type Exit } from './errors';
import type { Terminal } from './terminal';

/** Names that are printed as lines, of each sort; the document of --json has all. */
const NAMES_MAX = 20;

/** @param pinned whether a key of --key has signed it */
export function printPackage(terminal: Terminal, verified: VerifiedPackage, pinned: boolean): Exit {
  const { manifest, missing, changed, additional } = verified;
  const { connection, requestId, createdAt, files, signer } = manifest;
  const good = [missing, changed, additional].every(({ length }) => length === 0);
  terminal.print(
    {
      verified: good,
      ...{ keyIds: [signer.keyId], pinned, connection, kind: 'access', requestId, createdAt },
      ...{ files: files.length, missing, changed, additional },
    },
    [
      `${good ? 'Verified' : 'Not as it was made'}: package of access ${requestId} of ${connection}, ${count(files.length, 'file')}`,
      ...namesOf('missing', missing),
      ...namesOf('changed', changed),
      ...namesOf('additional', additional),
      `  signed by  ${signer.keyId}${pinned ? ', a key of --key' : ''}`,
      `  began      ${createdAt}: when the request started`,
    ],
  );
  return good ? EXIT.done : EXIT.failed;
}

function namesOf(what: string, names: readonly string[]): string[] {
  const shown = names.slice(0, NAMES_MAX).map(name => `  ${what.padEnd(9)}  ${name}`);
  const left = names.length - shown.length;
  return left === 0 ? shown : [...shown, `  ${what.padEnd(9)}  and ${count(left, 'more file')}`];
}
