/** What counts as an approval of a plan: the steps that judge one, and the check of the steps that act on the plan. */
import { approvedDecisions, planDigestOf } from '../../src/activities/approved';
import { writeObject } from '../../src/activities/case-objects';
import type { PlanRow } from '../../src/judgement/plan';
import type { ApprovalInput, Need } from '../../src/request/approval';
import { type Kind, type RequestRef, workflowIdOf } from '../../src/request/names';
import type { CaseRef } from '../../src/vault/cases';
import { createApprover, type TestApprover } from '../support/approvers';
import { askedFor } from '../support/asked';
import { attempt, failureOf, infoOf, type Steps, startSteps } from './support/steps';

const [anna, ben, carla] = [createApprover('anna'), createApprover('ben'), createApprover('carla')];
const addedAt = '2026-01-31T12:00:00.000Z';
/** Of the request of these steps. */
const STARTED_MS = Date.parse('2026-01-31T00:00:00.000Z');
const NOW_MS = STARTED_MS + 3_600_000;
const at = new Date(NOW_MS).toISOString();

const because = [{ identity: 'email 1', field: 'emails' }] as const;
const rowOf = (nth: number, doubt?: PlanRow['doubt']): PlanRow => ({
  ref: `contact ${nth}`,
  record: 'contact',
  id: 100 + nth,
  verb: 'delete',
  because,
  ...(doubt && { doubt }),
});
const ROWS = [rowOf(1), rowOf(2, 'number-only'), rowOf(3, 'shared-address')];

let steps: Steps;
let plan: CaseRef;
let planDigest: string;
beforeEach(async () => {
  steps = await startSteps({ kind: 'deletion' });
  plan = await steps.write('plan', { rows: ROWS });
  planDigest = planDigestOf(steps.keyring.hash, ROWS);
});
afterEach(async () => steps.stop());

const register = async (...approvers: readonly TestApprover[]) => {
  for (const { name, publicKey } of approvers) await steps.approvers.add({ name, publicKey, addedAt });
};
const require = (approvals: number) => steps.connect(undefined, { approvals });
const local = <T>(step: () => Promise<T>) => attempt(step, infoOf(steps.request, 'run-0'));

let others = 0;
/** Another request, whose record says this of approvals. */
async function requestWith(need: Partial<Need>, kind: Kind = 'deletion'): Promise<RequestRef> {
  others += 1;
  const request = { connection: 'acme', kind, requestId: `other-${others}` };
  const startedAt = new Date(STARTED_MS).toISOString();
  await steps.cases.open({ request, ...askedFor('of-nobody', need), runId: 'run-0', startedAt, incarnation: 1 });
  return request;
}

const actFor = (request: RequestRef, rows: readonly PlanRow[], approval?: CaseRef) =>
  attempt(
    () =>
      approvedDecisions({ ...steps, hash: steps.keyring.hash }, request, { rows, ...(approval && { approval }) }, true),
    infoOf(request, 'run-0'),
  );

/** How many people must approve a plan of such a request. A step that acts on it without them agrees. */
async function needed(need: Partial<Need>, rows = ROWS, kind: Kind = 'deletion'): Promise<number> {
  const request = await requestWith(need, kind);
  const made = await writeObject(steps.cases, request, 'plan', { rows });
  const ask = () => steps.local.approvalNeeded({ request, plan: made });
  const answer = await attempt(ask, infoOf(request, 'run-0'));
  if (answer.needed === 0) expect(await actFor(request, rows)).toEqual({});
  else await notApproved(actFor(request, rows));
  return answer.needed;
}

const statement = (decisions: ApprovalInput['decisions'] = {}, change: object = {}) => ({
  workflowId: workflowIdOf(steps.request),
  planDigest,
  decisions,
  at,
  ...change,
});
const unsigned = (decisions: ApprovalInput['decisions'] = {}, change: object = {}): ApprovalInput => {
  const { workflowId: _, ...given } = statement(decisions, change);
  return given;
};
const check = (given: ApprovalInput, before?: CaseRef) =>
  local(() =>
    steps.local.checkApproval({ request: steps.request, plan, given, nowMs: NOW_MS, ...(before && { before }) }),
  );
const act = (approval?: CaseRef, rows = ROWS) => actFor(steps.request, rows, approval);
/** As it is kept. */
const approvalIn = ({ by, at, signature }: ReturnType<TestApprover['sign']>) => ({ by, at, signature });
const refusal = async (running: Promise<unknown>) => {
  const { code, message, nonRetryable } = await failureOf(running);
  expect([code, nonRetryable]).toEqual(['approval-refused', true]);
  return message;
};
const notApproved = (running: Promise<unknown>) => expect(running).rejects.toMatchObject({ code: 'not-approved' });

describe('how many people must approve a plan', () => {
  test('nobody, if nothing asks for it', async () => {
    expect(await needed({})).toBe(0);
    expect(await act()).toEqual({});
  });

  test('one, if the request says so, or if more contacts are certain than it may delete alone', async () => {
    expect(await needed({ requireApproval: true })).toBe(1);
    const six = [1, 2, 3, 4, 5, 6].map(nth => rowOf(nth));
    expect(await needed({}, six)).toBe(1);
    expect(await needed({ matchesMax: 6 }, six)).toBe(0);
    expect(await needed({ plan: planDigestOf(steps.keyring.hash, six) }, six)).toBe(0);
    const doubtful = [1, 2, 3, 4, 5, 6].map(nth => rowOf(nth, 'number-only'));
    expect(await needed({}, doubtful)).toBe(0);
  });

  test('of an access request one, if it says so; it has no cap, and its connection requires none', async () => {
    await require(2);
    const rows = [1, 2, 3, 4, 5, 6].map(nth => ({ ...rowOf(nth), verb: 'deliver' }) as const);
    expect(await needed({}, rows, 'access')).toBe(0);
    expect(await needed({ requireApproval: true }, rows, 'access')).toBe(1);
  });

  test('no number is enough for another plan than the one that the request names', async () => {
    const request = await requestWith({ plan: 'f'.repeat(32) });
    await notApproved(actFor(request, ROWS));
    const said = { planDigest, decisions: {}, approvals: [{ at }] };
    await notApproved(actFor(request, ROWS, await writeObject(steps.cases, request, 'approval', said)));
  });

  test('at least as many as the connection requires of each deletion, whatever the request says', async () => {
    await require(2);
    expect(await needed({})).toBe(2);
    expect(await needed({ matchesMax: 10_000, plan: planDigest })).toBe(2);
    expect(await needed({ requireApproval: true })).toBe(2);
    await notApproved(act());
  });

  test('as many as a connection required that was disconnected while the request waits for it', async () => {
    await require(2);
    await steps.connections.delete('acme', { waitedFor: true });
    expect(await needed({})).toBe(2);
    await notApproved(act());
  });

  test('nobody, if there is nothing to approve', async () => {
    await require(2);
    expect(await needed({ requireApproval: true }, [])).toBe(0);
  });

  test('people who open the plan see what was decided', async () => {
    const { approval } = await check(unsigned());
    expect(await steps.cases.notedPlan(steps.request)).toEqual({ plan, planDigest, approval });
  });
});

describe('without registered approvers', () => {
  test('an approval that nobody signed counts, and says so', async () => {
    const answer = await check(unsigned({ 'contact 2': 'take' }, { by: 'somebody' }));
    expect(answer).toMatchObject({ approvals: [{ at, signed: false }], missing: 0 });
    expect(await act(answer.approval)).toEqual({ 'contact 2': 'take' });
  });

  test('it does not count once somebody is registered, or the connection requires approvals', async () => {
    const { approval } = await check(unsigned());
    await require(1);
    await notApproved(act(approval));
    await require(0);
    await register(anna);
    await notApproved(act(approval));
    expect(await refusal(check(unsigned()))).toMatch('not signed');
  });

  test('a signature that nobody can verify is refused', async () => {
    expect(await refusal(check(anna.sign(statement())))).toMatch('no approver is registered');
  });
});

describe('with registered approvers', () => {
  beforeEach(() => register(anna, ben));

  test('an approval that one of them signed counts, and its key is named', async () => {
    const decisions = { 'contact 1': 'keep', 'contact 3': 'take' } as const;
    const answer = await check(anna.sign(statement(decisions)));
    expect(answer).toMatchObject({ approvals: [{ keyId: anna.keyId, at, signed: true }], missing: 0 });
    expect(await act(answer.approval)).toEqual(decisions);
  });

  test('what was signed for another request, another plan or other decisions is refused', async () => {
    const other = workflowIdOf({ ...steps.request, requestId: 'r-2' });
    expect(await refusal(check(anna.sign({ ...statement(), workflowId: other })))).toMatch('did not sign this');
    expect(await refusal(check(anna.sign(statement({}, { planDigest: 'f'.repeat(32) }))))).toMatch('another digest');
    const { signature } = anna.sign(statement({}, { planDigest: 'f'.repeat(32) }));
    expect(await refusal(check({ ...anna.sign(statement()), signature }))).toMatch('did not sign this');
    const forged = { ...anna.sign(statement()), decisions: { 'contact 2': 'take' } as const };
    expect(await refusal(check(forged))).toMatch('did not sign this');
  });

  test('what a stranger signed is refused, under any name', async () => {
    expect(await refusal(check(carla.sign(statement())))).toMatch('no approver is registered under that name');
    expect(await refusal(check(createApprover('anna').sign(statement())))).toMatch('did not sign this');
    expect(await refusal(check({ ...anna.sign(statement()), by: 'ben' }))).toMatch('did not sign this');
  });

  test('rows that the plan does not have are refused, and if they were kept all the same nothing is executed', async () => {
    const decisions = { 'contact 9': 'take' } as const;
    const signed = anna.sign(statement(decisions));
    expect(await refusal(check(signed))).toMatch('contact 9');
    await notApproved(act(await steps.write('approval', { planDigest, decisions, approvals: [approvalIn(signed)] })));
    const known = anna.sign(statement());
    const kept = { planDigest, decisions: {}, approvals: [approvalIn(known)] };
    expect(await act(await steps.write('approval', kept))).toEqual({});
  });

  test('one that is dated in the future, or before the request, is refused', async () => {
    const dated = (ms: number) => check(anna.sign(statement({}, { at: new Date(ms).toISOString() })));
    expect(await refusal(dated(NOW_MS + 600_000))).toMatch('in the future');
    expect(await refusal(dated(STARTED_MS - 600_000))).toMatch('older than the request');
    expect(await dated(NOW_MS + 60_000)).toMatchObject({ missing: 0 });
  });

  test('an approval for another plan than the one at hand executes nothing', async () => {
    const { approval } = await check(anna.sign(statement()));
    await notApproved(act(approval, [...ROWS, rowOf(4)]));
    await notApproved(act(approval, ROWS.slice(1)));
    await notApproved(act(approval, [rowOf(1), rowOf(2), rowOf(3, 'shared-address')]));
    expect(await act(approval, [...ROWS].reverse())).toEqual({});
  });

  test('an approver who is removed meanwhile has approved nothing', async () => {
    const { approval } = await check(anna.sign(statement()));
    expect(await act(approval)).toEqual({});
    await steps.approvers.remove('anna', 0);
    await notApproved(act(approval));
    await register({ ...createApprover('anna'), name: 'anna' });
    await notApproved(act(approval));
  });

  test('a rejection counts if one of them signed it', async () => {
    const rejected = { workflowId: workflowIdOf(steps.request), planDigest, reason: 'not-hers', at };
    const reject = (given: Parameters<typeof steps.local.checkRejection>[0]['given']) =>
      local(() => steps.local.checkRejection({ request: steps.request, plan, given, nowMs: NOW_MS }));
    expect(await reject(anna.sign(rejected))).toEqual({ keyId: anna.keyId, at, signed: true, reason: 'not-hers' });
    const { workflowId: _, ...bare } = rejected;
    expect(await refusal(reject(bare))).toMatch('not signed');
    expect(await refusal(reject({ ...anna.sign(rejected), reason: 'hers' }))).toMatch('did not sign this');
    expect(await refusal(reject({ ...anna.sign(rejected), planDigest: 'f'.repeat(32) }))).toMatch('another digest');
  });
});

describe('where the connection requires two approvals', () => {
  beforeEach(async () => {
    await register(anna, ben, carla);
    await require(2);
  });
  const decisions = { 'contact 2': 'take' } as const;

  test('two different keys over the same decisions are two, and one is not enough', async () => {
    const first = await check(anna.sign(statement(decisions)));
    expect(first).toMatchObject({ approvals: [{ keyId: anna.keyId }], missing: 1 });
    await notApproved(act(first.approval));
    const second = await check(ben.sign(statement(decisions)), first.approval);
    expect(second).toMatchObject({ approvals: [{ keyId: anna.keyId }, { keyId: ben.keyId }], missing: 0 });
    expect(await act(second.approval)).toEqual(decisions);
  });

  test('the same key twice is one', async () => {
    const { approval } = await check(anna.sign(statement(decisions)));
    const later = new Date(NOW_MS + 1).toISOString();
    expect(await refusal(check(anna.sign(statement(decisions, { at: later })), approval))).toMatch(
      'this key has approved',
    );
    const { approvals } = await steps.read(approval, 'approval');
    const twice = await steps.write('approval', { planDigest, decisions, approvals: [...approvals, ...approvals] });
    await notApproved(act(twice));
  });

  test('a second one that decides otherwise is refused', async () => {
    const { approval } = await check(anna.sign(statement(decisions)));
    expect(await refusal(check(ben.sign(statement()), approval))).toMatch('decided otherwise');
  });

  test('one of an approver who was removed meanwhile is no first one', async () => {
    const { approval } = await check(anna.sign(statement(decisions)));
    await steps.approvers.remove('anna', 2);
    expect(await check(ben.sign(statement()), approval)).toMatchObject({
      approvals: [{ keyId: ben.keyId }],
      missing: 1,
    });
  });

  test('a minimum that is raised meanwhile holds for what is approved and not executed', async () => {
    await require(1);
    const { approval } = await check(anna.sign(statement(decisions)));
    expect(await act(approval)).toEqual(decisions);
    await require(2);
    await notApproved(act(approval));
  });
});
