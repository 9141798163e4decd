/** Interface of the store that keeps the evidence of requests: src/audit/evidence.ts. */
import type { Receipt } from '../receipt/model';
import type { RequestRef } from '../request/names';

/** Ended requests whose evidence is not kept yet, and the time up to which the list is complete. */
export interface Unkept {
  readonly requests: readonly RequestRef[];
  /** ISO 8601; absent if there are more. */
  readonly upTo?: string;
}

/** `gone`: the server has deleted the history. `locked`: this process lacks a key for it, which another may have. */
export type EvidenceState = 'kept' | 'gone' | 'locked';

export interface Evidence {
  /** Whether the evidence is kept now. */
  keep(receipt: Receipt): Promise<EvidenceState>;
  /** The files of the bundle: those that are kept, else made now. Undefined if the server has deleted the history. */
  of(receipt: Receipt): Promise<ReadonlyMap<string, Buffer> | undefined>;
  unkept(limit: number): Promise<Unkept>;
  /** Marks ended requests up to a time as done. */
  noteKept(upTo: string): Promise<void>;
}
