/**
 * A deletion: find all of the subject's contacts, delete them, and prove that they are deleted. It deletes only contacts
 * that the subject's own address matched, and nothing before all matches are known. Decisions D5, D11, D12.
 */
import { sleep } from '@temporalio/workflow';
import type { CaseRef, People } from '../request/contracts';
import type { DeletionInput, Outcome, RequestResult, Verification } from '../request/model';
import { recordName } from '../request/sources';
import { sideBySide } from '../side-by-side';
import { findPeople, searchContacts } from './people';
import { type RequestRun, runRequest } from './run';
import { deleteSteps, readSteps, StepCancelled } from './steps';

const DELETIONS_AT_ONCE = 8;
const SETTLE_MS_MIN = 1_000;
const SETTLE_MS_MAX = 3_600_000;

export async function deletionRequest(input: DeletionInput): Promise<RequestResult> {
  return runRequest('deletion', input, async run => {
    const { dryRun, accessesOpen } = run.opened;
    if (!dryRun && accessesOpen && !(await accessRequestsEnded(run))) return;

    run.progress.enter('searching');
    const people = await findPeople(run);
    if (people === undefined) return;
    run.findings.planDigest = people.planDigest;
    if (dryRun) run.findings.plan = { counts: { contacts: people.contacts } };
    if (dryRun || people.contacts === 0) return;

    run.progress.enter('deleting');
    await deleteContacts(run, people.people, placesFrom(0, people.contacts));

    run.progress.enter('verifying');
    run.findings.verification = await verify(run, people);
  });
}

/** The subject's open access requests come first: the records that they will hand over must still exist. */
async function accessRequestsEnded(run: RequestRun): Promise<boolean> {
  const { connection } = run.opened.request;
  const { subjectHash } = run.opened;
  const outcome = await run.waits.until('access-request', steps =>
    steps.awaitAccessRequests({ connection, subjectHash }),
  );
  if (outcome === 'deadline')
    run.findings.failure = { code: outcome, message: 'an access request of the same subject never ended' };
  return outcome === 'ended';
}

/** Deletes contacts by their places and records each outcome as it is known; a contact that came back counts anew. */
async function deleteContacts(run: RequestRun, people: CaseRef, places: readonly number[]): Promise<void> {
  const { request } = run.opened;
  const left = new Set(places);
  const note = (contact: number, outcome: Outcome, code?: string) => {
    left.delete(contact);
    run.findings.note({ record: recordName('contacts', contact), outcome, ...(code !== undefined && { code }) });
  };
  try {
    await sideBySide(places, DELETIONS_AT_ONCE, async contact => {
      const done = await run.credentials
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
    for (const contact of left) note(contact, 'failed', 'cancelled');
    throw error;
  }
}

/**
 * Searches again until nothing of the subject is left, with growing pauses. It deletes contacts that are left or came back,
 * unless Aircall refused their deletion before.
 */
async function verify(run: RequestRun, found: People): Promise<Verification> {
  const { settleMs, deadlineMs } = run.opened;
  const gone = new Set<number>();
  let { people } = found;
  for (let delayMs = settleMs; ; delayMs = nextDelay(delayMs)) {
    await settle(run, delayMs);
    const recheck = await searchAgain(run, people, gone);
    const { checkedAt } = recheck;
    if (recheck.left === undefined) return { state: 'residual', checkedAt };
    people = recheck.people;
    if (recheck.left.length === 0) return { state: 'verified', checkedAt };
    run.findings.found('contacts', recheck.fresh);
    const again = recheck.left.filter(place => !wasRefused(run.findings.outcomeOf(recordName('contacts', place))));
    if (again.length === 0 || delayMs >= SETTLE_MS_MAX || Date.now() >= deadlineMs)
      return { state: 'residual', checkedAt };
    await deleteContacts(run, people, again);
  }
}

interface Recheck {
  readonly checkedAt: string;
  readonly people: CaseRef;
  /** Places of contacts that still exist, or exist again; undefined if the search was not complete. */
  readonly left: readonly number[] | undefined;
  /** How many of them were not found before. */
  readonly fresh: number;
}

/** A search may lag: a contact that it still shows is deleted if Aircall does not know its id. */
async function searchAgain(run: RequestRun, before: CaseRef, gone: Set<number>): Promise<Recheck> {
  const { request } = run.opened;
  const seen = await searchContacts(run);
  const checkedAt = new Date(Date.now()).toISOString();
  if (seen.state !== 'complete') return { checkedAt, people: before, left: undefined, fresh: 0 };
  const { people, known, fresh } = await run.local.recogniseContacts({ request, people: before, found: seen.object });
  const shown = known.filter(place => !gone.has(place));
  const absent = await sideBySide(shown, DELETIONS_AT_ONCE, contact => isAbsent(run, people, contact));
  for (const [index, place] of shown.entries()) if (absent[index] === true) gone.add(place);
  return { checkedAt, people, left: [...shown.filter(place => !gone.has(place)), ...fresh], fresh: fresh.length };
}

/** Whether Aircall confirms that it does not know the contact. */
async function isAbsent(run: RequestRun, people: CaseRef, contact: number): Promise<boolean> {
  const { request } = run.opened;
  const outcome = await run.credentials.step(() =>
    readSteps(run.opened, `Does contact ${contact + 1} still exist?`).getContact({ request, people, contact }),
  );
  return outcome.ok && !outcome.value.present;
}

/** A contact that could not be deleted before is not deleted again. */
function wasRefused(outcome: Outcome | undefined): boolean {
  return outcome === 'refused' || outcome === 'failed';
}

/** Each pause is twice as long as the one before. */
function nextDelay(delayMs: number): number {
  return Math.min(Math.max(delayMs * 2, SETTLE_MS_MIN), SETTLE_MS_MAX);
}

/** A durable pause, no longer than the request may live. */
async function settle(run: RequestRun, delayMs: number): Promise<void> {
  const boundedMs = Math.max(0, Math.min(delayMs, run.opened.deadlineMs - Date.now()));
  const until = new Date(Date.now() + boundedMs).toISOString();
  await run.progress.waiting({ cause: 'settle', until }, () =>
    sleep(boundedMs, { summary: 'Let Aircall settle, then search again' }),
  );
}

function placesFrom(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
