/**
 * Marks of requests, by their subject: an access request is open, which makes a deletion of the same subject wait; a deletion
 * waits for it, and is woken when it ends. A mark says all by its name, so that a broken one counts too. It proves nothing:
 * whether its request is still open, the records and the server know.
 */
import type { Kind, RequestRef } from '../request/names';
import type { Vault } from './vault';

export interface Marks {
  /** Access requests that have not ended, or deletions that wait for one, as far as the vault knows. */
  marked(kind: Kind, connection: string, subjectHash: string): Promise<RequestRef[]>;
  mark(subjectHash: string, request: RequestRef): Promise<void>;
  unmark(subjectHash: string, request: RequestRef): Promise<void>;
}

const ROOTS = { access: 'open-access', deletion: 'waiting-deletion' } as const satisfies Record<Kind, string>;

export function createMarks(vault: Vault): Marks {
  const marksOf = (kind: Kind, connection: string, subjectHash: string) =>
    `${ROOTS[kind]}/${connection}/${subjectHash}`;
  const markOf = (subjectHash: string, { connection, kind, requestId }: RequestRef) =>
    `${marksOf(kind, connection, subjectHash)}/${requestId}`;
  return {
    async marked(kind, connection, subjectHash) {
      const keys = await vault.list(marksOf(kind, connection, subjectHash));
      return keys.map(key => ({ connection, kind, requestId: key.slice(key.lastIndexOf('/') + 1) }));
    },
    async mark(subjectHash, request) {
      await vault.putIfAbsent(markOf(subjectHash, request), Buffer.alloc(0));
    },
    async unmark(subjectHash, request) {
      await vault.delete(markOf(subjectHash, request));
    },
  };
}
