/** What keeps the evidence of requests while there are histories to make it of: src/audit/evidence.ts. */
import type { Receipt } from '../receipt/model';
import type { RequestRef } from '../request/names';

/** Ended requests whose evidence is not kept yet, and up to when that is all of them. */
export interface Unkept {
  readonly requests: readonly RequestRef[];
  /** ISO 8601; absent if there are more. */
  readonly upTo?: string;
}

/** `gone`: the server has the history no more. `locked`: this process lacks a key for it, which another may have. */
export type EvidenceState = 'kept' | 'gone' | 'locked';

export interface Evidence {
  /** Whether it is kept now, by whomever. */
  keep(receipt: Receipt): Promise<EvidenceState>;
  /** The files of the bundle: those that are kept, else made now. Undefined if the server has the history no more. */
  of(receipt: Receipt): Promise<ReadonlyMap<string, Buffer> | undefined>;
  unkept(limit: number): Promise<Unkept>;
  /** They need not be looked for again. */
  noteKept(upTo: string): Promise<void>;
}
