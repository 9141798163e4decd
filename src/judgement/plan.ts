/**
 * The plan of a request: what it is about to deliver or delete, row by row, each with its reason; and what the decisions of a person make
 * of it. Pure. Decisions D15, D16.
 */
import type { DoubtCode } from './doubts';
import type { Because } from './judgement';

export type Verb = 'deliver' | 'delete';
/** Of a doubtful row: deliver or delete it, or withhold or leave it. */
export type Decision = 'take' | 'keep';

export interface PlanRow {
  /** `contact 1`, `call 12`: as results name the record. */
  readonly ref: string;
  readonly record: 'contact' | 'call' | 'recording';
  /** Aircall's own id, of a recording that of its call; it leaves the vault only towards a person who opens the plan. */
  readonly id: number;
  readonly verb: Verb;
  readonly because: readonly Because[];
  readonly doubt?: DoubtCode | undefined;
  /** The doubtful contact whose decision holds for this row too, unless it has one of its own. */
  readonly of?: string | undefined;
}

/** By ref. */
export type Decisions = Readonly<Record<string, Decision>>;

/** What becomes of a row. */
export type DecidedRow = PlanRow & { readonly decision: Decision };

/** A certain row is taken, a doubtful one is kept, unless somebody decided otherwise; a recording is kept with its call in any case. */
export function decideRows(rows: readonly PlanRow[], decisions: Decisions): DecidedRow[] {
  const decided = rows.map(row => ({
    ...row,
    decision: decidedOf(row, decisions) ?? (row.doubt === undefined ? 'take' : 'keep'),
  }));
  const keptCalls = new Set(
    decided.flatMap(({ record, decision, id }) => (record === 'call' && decision === 'keep' ? [id] : [])),
  );
  return decided.map(row => (row.record === 'recording' && keptCalls.has(row.id) ? { ...row, decision: 'keep' } : row));
}

/** What somebody decided of a row, or of the contact that decides it; undefined: nobody did. */
export function decidedOf({ ref, of }: PlanRow, decisions: Decisions): Decision | undefined {
  return decisions[ref] ?? (of === undefined ? undefined : decisions[of]);
}

/** What the digest of a plan is made from: the same for equal plans of all requests of a connection, in any order of rows. */
export function planText(rows: readonly PlanRow[]): string {
  return rows
    .map(({ verb, record, id, doubt = 'certain' }) => `${verb} ${record} ${id} ${doubt}`)
    .sort()
    .join('\n');
}
