/**
 * Marks of open access requests: they make a deletion of the same subject wait. A mark says all by its name, so that a
 * broken one counts too. Whether its request is still open, the server knows.
 */
import type { RequestRef } from '../request/names';
import type { Vault } from './vault';

export interface OpenAccesses {
  /** Access requests that have not ended, as far as the vault knows. */
  openAccesses(connection: string, subjectHash: string): Promise<RequestRef[]>;
  markOpenAccess(subjectHash: string, request: RequestRef): Promise<void>;
  unmarkOpenAccess(subjectHash: string, request: RequestRef): Promise<void>;
}

export function createOpenAccesses(vault: Vault): OpenAccesses {
  const accessesOf = (connection: string, subjectHash: string) => `open-access/${connection}/${subjectHash}`;
  const markOf = (subjectHash: string, { connection, requestId }: RequestRef) =>
    `${accessesOf(connection, subjectHash)}/${requestId}`;
  return {
    async openAccesses(connection, subjectHash) {
      const keys = await vault.list(accessesOf(connection, subjectHash));
      return keys.map(key => ({ connection, kind: 'access', requestId: key.slice(key.lastIndexOf('/') + 1) }));
    },
    async markOpenAccess(subjectHash, request) {
      await vault.putIfAbsent(markOf(subjectHash, request), Buffer.alloc(0));
    },
    async unmarkOpenAccess(subjectHash, request) {
      await vault.delete(markOf(subjectHash, request));
    },
  };
}
