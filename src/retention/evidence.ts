/** Interface of the store that keeps the evidence of requests: src/audit/evidence.ts. */
import type { Receipt } from '../receipt/model';
import type { Unkept } from '../request/contracts';

/** `gone`: the server has deleted the history. `locked`: this process lacks a key for it, which another may have. */
export type EvidenceState = 'kept' | 'gone' | 'locked';

export interface Evidence {
  /** Whether the evidence is kept now. */
  keep(receipt: Receipt): Promise<EvidenceState>;
  /** The files of the bundle: those that are kept, else made now. Undefined if the server has deleted the history. */
  of(receipt: Receipt): Promise<ReadonlyMap<string, Buffer> | undefined>;
  /** @param nowMs the server's time, UNIX ms */
  unkept(nowMs: number, page?: string): Promise<Unkept>;
  /** Marks all requests as done that had ended when a search for them began. @param nowMs the server's time then, UNIX ms */
  noteKept(nowMs: number): Promise<void>;
}
