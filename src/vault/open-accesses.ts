/** Marks of open access requests: they make a deletion of the same subject wait. */
import type { RequestRef } from '../request/names';
import type { Vault } from './vault';

/** An access request that has not ended, as a deletion of the same subject sees it. */
export interface OpenAccess {
  readonly request: RequestRef;
  readonly runId: string;
}

export interface OpenAccesses {
  openAccesses(connection: string, subjectHash: string): Promise<OpenAccess[]>;
  markOpenAccess(subjectHash: string, access: OpenAccess): Promise<void>;
  unmarkOpenAccess(subjectHash: string, request: RequestRef): Promise<void>;
}

export function createOpenAccesses(vault: Vault): OpenAccesses {
  const accessesOf = (connection: string, subjectHash: string) => `open-access/${connection}/${subjectHash}`;
  return {
    async openAccesses(connection, subjectHash) {
      const keys = await vault.list(accessesOf(connection, subjectHash));
      const found = await Promise.all(keys.map(key => vault.get(key)));
      return found.flatMap(stored => (stored === undefined ? [] : [readAccess(stored.value)]));
    },
    async markOpenAccess(subjectHash, access) {
      const key = `${accessesOf(access.request.connection, subjectHash)}/${access.request.requestId}`;
      // One that is there, of this run or of a terminated one, is never missing meanwhile: a deletion would not wait.
      await vault.update(key, present =>
        present !== undefined && readAccess(present).runId === access.runId ? undefined : jsonOf(access),
      );
    },
    async unmarkOpenAccess(subjectHash, request) {
      await vault.delete(`${accessesOf(request.connection, subjectHash)}/${request.requestId}`);
    },
  };
}

function readAccess(bytes: Buffer): OpenAccess {
  return JSON.parse(bytes.toString());
}

function jsonOf(access: OpenAccess): Buffer {
  return Buffer.from(JSON.stringify(access));
}
