/** Interface of the store that keeps the evidence of requests: src/audit/evidence.ts. */
import type { Receipt } from '../receipt/model';
import type { RequestRef } from '../request/names';

/**
 * `gone`: the server has deleted the history. `broken`: so it has, and nobody can read the kept evidence. `locked`: this
 * process lacks a key for the history, which another may have.
 */
export type EvidenceState = 'kept' | 'gone' | 'broken' | 'locked';

/** A page of ended requests whose evidence is not kept yet. */
export interface Unkept {
  readonly requests: readonly { readonly request: RequestRef; readonly closedAt: Date }[];
  /** Where the next page begins; absent after the last one. */
  readonly next?: string;
}

export interface Evidence {
  /** Whether the evidence is kept now. */
  keep(receipt: Receipt): Promise<EvidenceState>;
  /**
   * The files of the bundle: those that are kept, else made now. Undefined if the server has deleted the history.
   * @throws {VaultError} `evidence-broken`
   */
  of(receipt: Receipt): Promise<ReadonlyMap<string, Buffer> | undefined>;
  /** Of at most 25 runs. @param nowMs the server's time, UNIX ms */
  unkept(nowMs: number, page?: string): Promise<Unkept>;
  /** The next search begins with runs that closed since then, and some minutes before. @param nowMs the server's time then, UNIX ms */
  noteKept(nowMs: number): Promise<void>;
}
