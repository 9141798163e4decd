/**
 * A deletion: find all of the subject's contacts, delete them, and prove that they are gone. Nothing is deleted that was
 * not matched by the subject's own address, and nothing before all matches are known. Decisions D5, D11, D12.
 */
import { sleep } from '@temporalio/workflow';
import type { CaseRef, People } from '../activities';
import type { DeletionInput, Outcome, RequestResult, Verification } from '../request/model';
import { sideBySide } from '../side-by-side';
import { findPeople, searchContacts } from './people';
import { type RequestRun, runRequest } from './run';
import { deleteSteps, failureOf, readSteps, StepCancelled, waitingSteps } from './steps';

const DELETIONS_AT_ONCE = 8;
const SETTLE_MS_MIN = 1_000;
const SETTLE_MS_MAX = 3_600_000;

export async function deletionRequest(input: DeletionInput): Promise<RequestResult> {
  return runRequest('deletion', input, async run => {
    const { dryRun, accessesOpen } = run.opened;
    if (!dryRun && accessesOpen && !(await accessRequestsEnded(run))) return;

    run.phase('searching');
    const people = await findPeople(run);
    if (people === undefined) return;
    run.findings.planDigest = people.planDigest;
    if (dryRun) run.findings.plan = { counts: { contacts: people.contacts } };
    if (dryRun || people.contacts === 0) return;

    run.phase('deleting');
    const records = new Map<number, Outcome>();
    await deleteContacts(run, records, people.people, range(0, people.contacts));

    run.phase('verifying');
    run.findings.verification = await verify(run, records, people);
  });
}

/** The subject's open access requests come first: what they are about to hand over must still be there. */
async function accessRequestsEnded(run: RequestRun): Promise<boolean> {
  const { deadlineMs, request, subjectHash } = run.opened;
  return run.waiting({ cause: 'access-request' }, async () => {
    try {
      await waitingSteps(deadlineMs, 'Waits until access requests of the same person have ended').awaitAccessRequests({
        connection: request.connection,
        subjectHash,
      });
      return true;
    } catch (error) {
      const { code } = failureOf(error);
      run.findings.failure = { code, message: 'an access request of the same subject never ended' };
      return false;
    }
  });
}

/** Deletes contacts by their places and records each outcome as it is known. */
async function deleteContacts(
  run: RequestRun,
  records: Map<number, Outcome>,
  people: CaseRef,
  places: readonly number[],
): Promise<void> {
  const { request } = run.opened;
  const note = (contact: number, outcome: Outcome, code?: string) => {
    // What came back and went again was deleted all the same.
    if (outcome === 'already-absent' && records.get(contact) === 'deleted') return;
    records.set(contact, outcome);
    run.noteOutcome({ record: `contact ${contact + 1}`, outcome, ...(code !== undefined && { code }) });
  };
  try {
    await sideBySide(places, DELETIONS_AT_ONCE, async contact => {
      const done = await run
        .step(() =>
          deleteSteps(run.opened, `Delete contact ${contact + 1}`).deleteContact({ request, people, contact }),
        )
        .catch(error => {
          if (error instanceof StepCancelled && error.uncertain) note(contact, 'failed', 'unconfirmed');
          throw error;
        });
      if (done.ok) note(contact, done.value.outcome);
      else note(contact, done.code === 'forbidden' || done.code === 'rejected' ? 'refused' : 'failed', done.code);
    });
  } catch (error) {
    for (const contact of places) if (!records.has(contact)) note(contact, 'failed', 'cancelled');
    throw error;
  }
}

/**
 * Searches again until nothing of the subject is left, later each time. A search may lag behind: a contact that it still
 * shows is gone where Aircall does not know its id. What is there, or came back, is deleted.
 */
async function verify(run: RequestRun, records: Map<number, Outcome>, found: People): Promise<Verification> {
  const { request, settleMs } = run.opened;
  const gone = new Set<number>();
  let { people } = found;
  for (let delayMs = settleMs; ; delayMs = Math.min(Math.max(delayMs * 2, SETTLE_MS_MIN), SETTLE_MS_MAX)) {
    await settle(run, delayMs);
    const seen = await searchContacts(run);
    const checkedAt = new Date(Date.now()).toISOString();
    const residual: Verification = { state: 'residual', checkedAt };
    if (seen.state !== 'complete') return residual;

    const again = await run.local.recogniseContacts({ request, people, found: seen.object });
    people = again.people;
    const shown = again.known.filter(place => !gone.has(place));
    const present = await sideBySide(shown, DELETIONS_AT_ONCE, async contact => {
      const looked = await run.step(() =>
        readSteps(run.opened, `Is contact ${contact + 1} still there?`).getContact({ request, people, contact }),
      );
      const absent = looked.ok && !looked.value.present;
      if (absent) gone.add(contact);
      return absent ? [] : [contact];
    });
    const left = [...present.flat(), ...again.fresh];
    const kept = left.filter(place => records.get(place) === 'refused' || records.get(place) === 'failed');
    if (left.length === 0) return { state: 'verified', checkedAt };
    if (kept.length === left.length || delayMs >= SETTLE_MS_MAX || run.pastDeadline()) return residual;
    run.findings.counts.contacts += again.fresh.length;
    await deleteContacts(
      run,
      records,
      people,
      left.filter(place => !kept.includes(place)),
    );
  }
}

/** A durable pause, no longer than the request may live. */
async function settle(run: RequestRun, delayMs: number): Promise<void> {
  const boundedMs = Math.max(0, Math.min(delayMs, run.opened.deadlineMs - Date.now()));
  const until = new Date(Date.now() + boundedMs).toISOString();
  await run.waiting({ cause: 'settle', until }, () =>
    sleep(boundedMs, { summary: 'Let Aircall settle, then search again' }),
  );
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
