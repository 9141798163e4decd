/**
 * Deletes contacts that a plan takes. One that was not read for two minutes is read before, and left if it is no longer what was judged:
 * somebody may have made it another person's. Decisions D5, D11.
 */
import { sleep } from '@temporalio/workflow';
import type { CaseRef } from '../request/contracts';
import type { Outcome } from '../request/model';
import { recordName } from '../request/sources';
import { sideBySide } from '../side-by-side';
import type { Planned } from './planning';
import { pauseBefore } from './rereadings';
import type { RequestRun } from './run';
import { deleteSteps, readSteps, StepCancelled, type StepFailure } from './steps';

export const CONTACTS_AT_ONCE = 8;

/** Where the contacts stand, and what may be deleted of them. */
export interface Target extends Planned {
  readonly people: CaseRef;
}

interface End {
  readonly outcome: Outcome;
  readonly code?: string;
}

/**
 * Deletes contacts by their places, and records each outcome as it is known.
 * @param readings of some of them: fresh, and as judged
 */
export async function deleteContacts(
  run: RequestRun,
  target: Target,
  places: readonly number[],
  readings: ReadonlyMap<number, CaseRef> = new Map(),
): Promise<void> {
  const left = new Set(places);
  const note = (contact: number, end: End) => {
    left.delete(contact);
    run.findings.note({ record: recordName('contacts', contact), ...end });
  };
  try {
    await sideBySide(places, CONTACTS_AT_ONCE, async contact => {
      const sent = { isUncertain: false };
      const end = await deleteContact(run, target, { contact, reading: readings.get(contact) }, sent).catch(error => {
        if (sent.isUncertain || (error instanceof StepCancelled && error.uncertain))
          note(contact, { outcome: 'failed', code: 'unconfirmed' });
        throw error;
      });
      note(contact, end);
    });
  } catch (error) {
    for (const contact of left) note(contact, { outcome: 'failed', code: 'cancelled' });
    throw error;
  }
}

/**
 * At most one reading for each attempt to delete it.
 * @param sent filled: whether Aircall may have deleted it although nobody saw the answer
 */
async function deleteContact(
  run: RequestRun,
  target: Target,
  { contact, reading: known }: { readonly contact: number; readonly reading: CaseRef | undefined },
  sent: { isUncertain: boolean },
): Promise<End> {
  const { request } = run.opened;
  let reading = known;
  let readings = 0;
  for (;;) {
    // A contact that was just read goes before all others: its reading grows old.
    const urgency = readings === 0 ? 'first' : 'now';
    const input = { request, ...target, contact, ...(reading && { reading }) };
    const done = await run.credentials.step(() =>
      deleteSteps(run.opened, `Delete contact ${contact + 1}`, urgency).deleteContact(input),
    );
    if (done.ok) return deletedAs(done.value.outcome, sent.isUncertain);
    sent.isUncertain ||= done.uncertain === true;
    if (done.code === 'daily-brake') {
      if ((await awaitPlace(run, target, contact)) === 'deadline') return endOf({ ...done, code: 'deadline' });
      continue;
    }
    if (done.code !== 'read-first' || !run.rereadings.take()) return endOf(done);
    readings += 1;
    await pause(run, pauseBefore(readings));
    if (isOver(run)) return { outcome: 'failed', code: 'deadline' };
    const read = await readContact(run, target, contact);
    if (!read.ok) return endOf(read);
    if (read.value.present === 'no') return deletedAs('already-absent', sent.isUncertain);
    if (read.value.present === 'changed') return CHANGED;
    reading = read.value.reading;
  }
}

/** Waits until the connection allows the deletion of one more contact, which then has its place. */
async function awaitPlace(run: RequestRun, { people }: Target, contact: number): Promise<'ended' | 'deadline'> {
  const { request } = run.opened;
  let { until } = await run.local.brakeUntil({ connection: request.connection, nowMs: Date.now() });
  while (until !== undefined) {
    const given = { request, people, contact, until };
    const end = await run.waits.until(
      'daily-brake',
      async steps => {
        ({ until } = await steps.awaitPlace(given));
      },
      until,
    );
    if (end === 'deadline') return end;
  }
  return 'ended';
}

/** The deletion failed so long, or waited so long for its turn, that the reading before it grew old; no longer than the request may live. */
async function pause({ opened }: RequestRun, pauseMs: number): Promise<void> {
  const boundedMs = Math.min(pauseMs, opened.deadlineMs - Date.now());
  if (boundedMs > 0) await sleep(boundedMs, { summary: 'Until the contact is read and deleted again' });
}

/** Nothing is sent after the deadline: nobody would count it. */
export function isOver({ opened }: RequestRun): boolean {
  return Date.now() >= opened.deadlineMs;
}

/** The contact is no longer what was judged: it stays. */
export const CHANGED: End = { outcome: 'retained', code: 'changed-since-plan' };

/** Reads one contact, independent of the search. */
export function readContact(run: RequestRun, { people }: Target, contact: number) {
  const { request } = run.opened;
  return run.credentials.step(() =>
    readSteps(run.opened, `Read contact ${contact + 1} again`).getContact({ request, people, contact }),
  );
}

/** Absent after a deletion whose reply was lost: it was ours. */
function deletedAs(outcome: 'deleted' | 'already-absent', isUncertain: boolean): End {
  return { outcome: isUncertain ? 'deleted' : outcome };
}

function endOf({ code }: StepFailure): End {
  return { outcome: code === 'forbidden' || code === 'rejected' ? 'refused' : 'failed', code };
}
