/**
 * Proves that a deletion took effect: after a pause everything is searched again, until nothing that the plan takes is left. Contacts that
 * stay because they are doubtful, or because people decided so, prove nothing against it. Decisions D11, D15, D16.
 */
import { sleep } from '@temporalio/workflow';
import type { DoubtCode } from '../judgement/doubts';
import type { CaseRef, Recognised } from '../request/contracts';
import type { Outcome, Verification } from '../request/model';
import { recordName } from '../request/sources';
import { sideBySide } from '../side-by-side';
import { CHANGED, CONTACTS_AT_ONCE, deleteContacts, isOver, readContact, type Target } from './deleting';
import { type Found, searchAgain } from './people';
import type { Planned } from './planning';
import type { RequestRun } from './run';

const SETTLE_MS_MIN = 1_000;
const SETTLE_MS_MAX = 3_600_000;

/** What is known of the contacts, by their places; it grows with each search. */
interface Known {
  target: Target;
  /** The plan takes them. */
  readonly taken: Set<number>;
  /** They appeared after the plan was approved, and are never touched. */
  readonly later: Set<number>;
  /** Aircall confirms that it does not know them. */
  readonly gone: Set<number>;
}

/** Searches again with growing pauses. It deletes contacts that are left or came back, unless their deletion ended otherwise before. */
export async function verify(
  run: RequestRun,
  found: Found,
  { take, ...planned }: Planned & { readonly take: readonly number[] },
): Promise<Verification> {
  const { settleMs } = run.opened;
  const target = { people: found.people, ...planned };
  const known: Known = { target, taken: new Set(take), later: new Set(), gone: new Set() };
  // The first check is never the last one, however long its pause: what came back is deleted and checked again.
  for (let delayMs = settleMs, isLast = false; ; delayMs = nextDelay(delayMs), isLast = delayMs >= SETTLE_MS_MAX) {
    await settle(run, delayMs);
    if (isOver(run)) return { state: 'residual', checkedAt: null };
    const { checkedAt, left, readings } = await check(run, found, known);
    if (left?.length === 0) return { state: 'verified', checkedAt };
    const again = left?.filter(place => !known.later.has(place) && !isFinal(outcomeOf(run, place))) ?? [];
    if (again.length === 0 || isLast || isOver(run)) return { state: 'residual', checkedAt };
    await deleteContacts(run, known.target, again, readings);
  }
}

interface Check {
  readonly checkedAt: string;
  /** Places of contacts that should not exist any more; undefined if the search was not complete. */
  readonly left: readonly number[] | undefined;
  /** Of those that may be deleted again. */
  readonly readings: ReadonlyMap<number, CaseRef>;
}

/** A search may lag: a contact that it still shows is deleted if Aircall does not know its id. */
async function check(run: RequestRun, found: Found, known: Known): Promise<Check> {
  const { request, subject } = run.opened;
  const seen = await searchAgain(run, found);
  const checkedAt = new Date(Date.now()).toISOString();
  const readings = new Map<number, CaseRef>();
  if (seen.state !== 'complete') return { checkedAt, left: undefined, readings };
  const now = await run.local.recogniseContacts({ request, subject, ...known.target, found: seen.object });
  const fresh = recordFresh(run, known, now.fresh);
  known.target = { ...known.target, people: now.people, plan: now.plan };
  const shown = now.known.filter(place => known.taken.has(place) && !known.gone.has(place));
  await sideBySide(shown, CONTACTS_AT_ONCE, async place => {
    const read = await readContact(run, known.target, place);
    if (!read.ok) return;
    const { present, reading } = read.value;
    if (present === 'no') known.gone.add(place);
    if (present === 'as-judged' && reading !== undefined) readings.set(place, reading);
    if (present === 'changed' && !isFinal(outcomeOf(run, place)))
      run.findings.note({ record: recordName('contacts', place), ...CHANGED });
  });
  const stay = now.known.filter(place => known.later.has(place));
  return { checkedAt, left: [...shown.filter(place => !known.gone.has(place)), ...stay, ...fresh], readings };
}

/** Contacts that no earlier search found. @returns places of those that are the subject's alone: nothing of them should be there */
function recordFresh({ findings }: RequestRun, { taken, later }: Known, fresh: Recognised['fresh']): number[] {
  findings.found('contacts', fresh.length);
  return fresh.flatMap(({ contact, kept }) => {
    if (kept !== undefined && kept !== 'after-plan') {
      findings.noteExceptions([undecided(kept, contact)], { isDone: true });
      return [];
    }
    if (kept === undefined) taken.add(contact);
    else {
      later.add(contact);
      findings.note({ record: recordName('contacts', contact), outcome: 'retained', code: kept });
    }
    return [contact];
  });
}

function undecided(code: DoubtCode, place: number) {
  return { code, source: 'contacts', taken: 0, kept: 1, undecided: 1, places: [place] } as const;
}

function outcomeOf({ findings }: RequestRun, place: number): Outcome | undefined {
  return findings.outcomeOf(recordName('contacts', place));
}

/** A contact that could not be deleted before, or has changed, is not deleted again. */
function isFinal(outcome: Outcome | undefined): boolean {
  return outcome === 'refused' || outcome === 'failed' || outcome === 'retained';
}

/** Each pause is twice as long as the one before. */
function nextDelay(delayMs: number): number {
  return Math.min(Math.max(delayMs * 2, SETTLE_MS_MIN), SETTLE_MS_MAX);
}

/** A durable pause, no longer than the request may live. */
export async function settle(run: RequestRun, delayMs: number): Promise<void> {
  const boundedMs = Math.max(0, Math.min(delayMs, run.opened.deadlineMs - Date.now()));
  const until = new Date(Date.now() + boundedMs).toISOString();
  await run.progress.waiting({ cause: 'settle', until }, () =>
    sleep(boundedMs, { summary: 'Let Aircall settle, then search again' }),
  );
}
