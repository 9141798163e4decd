/**
 * A deletion: find all contacts that are, or may be, the subject's, delete those that its plan takes, and prove that they are deleted.
 * Nothing is deleted before all matches are known. Decisions D5, D11, D12, D15, D16.
 */
import { isOtherPlan } from '../request/approval';
import type { DeletionInput, RequestResult } from '../request/model';
import { deleteContacts } from './deleting';
import { type Found, findPeople } from './people';
import { decidePlan, makePlan, type Planned } from './planning';
import { type RequestRun, runRequest } from './run';
import { settle, verify } from './verifying';

export async function deletionRequest(input: DeletionInput): Promise<RequestResult> {
  return runRequest('deletion', input, async run => {
    const { findings } = run;
    const { dryRun, accessesOpen } = run.opened;
    if (!dryRun && accessesOpen && !(await accessRequestsEnded(run))) return;

    run.progress.enter('searching');
    const people = await findTwice(run);
    if (people === undefined) return;
    findings.found('contacts', people.contacts);
    coverNumbers(run, people);
    const made = await makePlan(run, people);
    if (refuseOtherPlan(run)) return;
    const approved = dryRun ? {} : await run.approvals.of(made);
    if (approved === undefined) return;
    const planned: Planned = { plan: made.plan, ...approved };
    const { take } = await decidePlan(run, planned, people.contacts);
    if (dryRun) findings.plan = { counts: { contacts: take.length } };
    if (dryRun || take.length === 0) return;

    run.progress.enter('deleting');
    await deleteContacts(run, { people: people.people, ...planned }, take);

    run.progress.enter('verifying');
    findings.verification = await verify(run, people, { ...planned, take });
  });
}

/** Whether the request was to execute another plan than the one that it has found: then it fails, and deletes nothing. */
function refuseOtherPlan({ opened, findings }: RequestRun): boolean {
  if (!isOtherPlan(opened, findings.planDigest)) return false;
  const message = 'the plan is no longer the one that was named, and nothing was deleted; make the dry run again';
  findings.failure = { code: 'plan-changed', message };
  return true;
}

/** The subject's open access requests come first: the records that they will hand over must still exist. */
async function accessRequestsEnded(run: RequestRun): Promise<boolean> {
  const { connection } = run.opened.request;
  const { identityHashes } = run.opened;
  const outcome = await run.waits.until('access-request', steps =>
    steps.awaitAccessRequests({ connection, identityHashes }),
  );
  if (outcome === 'deadline')
    run.findings.failure = { code: outcome, message: 'an access request of the same subject never ended' };
  return outcome === 'ended';
}

/** A search may lag: a deletion that finds nothing looks once more. */
async function findTwice(run: RequestRun): Promise<Found | undefined> {
  const people = await findPeople(run);
  if (people === undefined || people.contacts > 0 || run.opened.dryRun) return people;
  await settle(run, run.opened.settleMs);
  return findPeople(run);
}

/** Numbers of the person by which no contact was searched. */
function coverNumbers({ findings }: RequestRun, { numbersWithoutCountry, numbersBeyond }: Found): void {
  const { contacts } = findings.covered;
  const { state, gaps } = contacts;
  const more = [
    ...(numbersBeyond > 0 ? [{ code: 'too-many-numbers', count: numbersBeyond }] : []),
    ...(numbersWithoutCountry > 0 ? [{ code: 'number-without-country', count: numbersWithoutCountry }] : []),
  ];
  if (more.length > 0)
    findings.cover({
      contacts: { ...contacts, state: state === 'complete' ? 'partial' : state, gaps: [...gaps, ...more] },
    });
}
