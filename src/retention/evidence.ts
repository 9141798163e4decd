/** Interface of the store that keeps the evidence of requests: src/audit/evidence.ts. */
import type { Receipt } from '../receipt/model';
import type { Unkept } from '../request/contracts';

/**
 * `gone`: the server has deleted the history. `broken`: so it has, and nobody can read the kept evidence. `locked`: this
 * process lacks a key for the history, which another may have.
 */
export type EvidenceState = 'kept' | 'gone' | 'broken' | 'locked';

export interface Evidence {
  /** Whether the evidence is kept now. */
  keep(receipt: Receipt): Promise<EvidenceState>;
  /**
   * The files of the bundle: those that are kept, else made now. Undefined if the server has deleted the history.
   * @throws {VaultError} `evidence-broken`
   */
  of(receipt: Receipt): Promise<ReadonlyMap<string, Buffer> | undefined>;
  /** @param nowMs the server's time, UNIX ms */
  unkept(nowMs: number, page?: string): Promise<Unkept>;
  /** Marks all requests as done that had ended when a search for them began. @param nowMs the server's time then, UNIX ms */
  noteKept(nowMs: number): Promise<void>;
}
