/**
 * Marks of requests, one for each identity of their subject: an access request is open, which makes a deletion of any of these
 * identities wait; a deletion waits for it, and is woken when it ends. A mark says all by its name, so that a broken one counts
 * too. It proves nothing: whether its request is still open, the records and the server know.
 */
import type { Kind, RequestRef } from '../request/names';
import { sideBySide } from '../side-by-side';
import type { Vault } from './vault';

export interface Marks {
  /** Access requests of any of the identities that have not ended, or deletions that wait for one, as far as the vault knows. */
  marked(kind: Kind, connection: string, identityHashes: readonly string[]): Promise<RequestRef[]>;
  mark(identityHashes: readonly string[], request: RequestRef): Promise<void>;
  unmark(identityHashes: readonly string[], request: RequestRef): Promise<void>;
}

const ROOTS = { access: 'open-access', deletion: 'waiting-deletion' } as const satisfies Record<Kind, string>;
const AT_ONCE = 8;

export function createMarks(vault: Vault): Marks {
  const marksOf = (kind: Kind, connection: string, identityHash: string) =>
    `${ROOTS[kind]}/${connection}/${identityHash}`;
  const markOf = (identityHash: string, { connection, kind, requestId }: RequestRef) =>
    `${marksOf(kind, connection, identityHash)}/${requestId}`;
  return {
    async marked(kind, connection, identityHashes) {
      const lists = await sideBySide(identityHashes, AT_ONCE, identityHash =>
        vault.list(marksOf(kind, connection, identityHash)),
      );
      const requestIds = lists.flat().map(key => key.slice(key.lastIndexOf('/') + 1));
      return [...new Set(requestIds)].map(requestId => ({ connection, kind, requestId }));
    },
    async mark(identityHashes, request) {
      await sideBySide(identityHashes, AT_ONCE, identityHash =>
        vault.putIfAbsent(markOf(identityHash, request), Buffer.alloc(0)),
      );
    },
    async unmark(identityHashes, request) {
      await sideBySide(identityHashes, AT_ONCE, identityHash => vault.delete(markOf(identityHash, request)));
    },
  };
}
