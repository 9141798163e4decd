/** Plans and approvals as operator and approvers have them: keys of their own, and a key file that opens plans and signs nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createApprover } from '../support/approvers';
import { createOperator, type RunningCommand } from '../support/command-line';
import { errorOf, statusSchema } from '../support/documents';
import { until } from '../support/patience';

/** No other test's: all share one server, and so its ids. */
const CONNECTION = 'approving';
const SEED = { seed: 5, contacts: 60, calls: 80, now: Date.now() };
const EMAIL = createCompanySeed({ name: 'acme', ...SEED }).truth.subjectEmail;

const operator = createOperator();
const [anna, ben] = [createApprover('anna'), createApprover('ben')];
let sandbox: Sandbox;
let worker: RunningCommand;
let credentials: Readonly<Record<string, string>>;

const fileOf = (name: string) => join(operator.folder, name);
const connect = (...more: readonly string[]) =>
  operator.ask(
    ['connect', CONNECTION, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000', ...more],
    credentials,
  );

beforeAll(async () => {
  sandbox = await startSandbox({ companies: [createCompanySeed({ name: 'acme', ...SEED })] });
  await operator.run(['keys', 'generate']);
  await operator.run(['keys', 'export', '--role', 'approver', '--out', fileOf('keys-approver.json')]);
  const { apiId, apiToken } = sandbox.company('acme');
  credentials = { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken };
  await connect();
  for (const { name, publicPem, privatePem } of [anna, ben]) {
    writeFileSync(fileOf(`${name}.pub`), publicPem);
    writeFileSync(fileOf(`${name}.pem`), privatePem, { mode: 0o600 });
  }
  worker = await operator.startWorker();
});
afterAll(async () => {
  await worker?.end('SIGTERM');
  await operator.stop();
  await sandbox.close();
});

/** As somebody who has this key and the key file of an approver. */
const as = (name: string) => ({
  AIRCALL_DSR_KEYS: fileOf('keys-approver.json'),
  AIRCALL_DSR_APPROVER_KEY: fileOf(`${name}.pem`),
});

interface Plan {
  readonly planDigest: string;
  readonly rows: readonly {
    readonly ref: string;
    readonly verb: string;
    readonly decision: string;
    readonly doubt?: string;
  }[];
}
async function planOf(id: string): Promise<Plan> {
  const { document } = await operator.ask(['plan', id], as('anna'));
  return document as Plan;
}

async function begin(id: string, ...more: readonly string[]): Promise<void> {
  await operator.run(['delete', CONNECTION, EMAIL, '--request-id', id, '--settle', '0', ...more]);
  await until('it waits for an approval', async () =>
    (await operator.run(['status', id])).stdout.includes('waits for  approval'),
  );
}

/** A card without an address, with one of her numbers and her name. */
function addDoubtful(): void {
  const company = sandbox.company('acme');
  const [first] = company.truth.contactIds;
  const numbers = company.contacts().find(({ id }) => id === first)?.phone_numbers ?? [];
  const value = numbers.map(number => number.value).find(number => number.startsWith('+')) ?? '';
  company.addContact({ first_name: 'Zoe', last_name: 'Nunez', phone_numbers: [{ label: 'Mobile', value }] });
}

const deletions = () => sandbox.requests().filter(({ method }) => method === 'DELETE').length;

test('approvers are registered once, and no connection can require more of them than there are', async () => {
  expect((await operator.ask(['approvers', 'list'])).document).toEqual({ approvers: [] });
  const refused = await connect('--approvals', '1');
  expect([refused.exit, errorOf(refused.document).code]).toEqual([2, 'usage']);
  expect(errorOf(refused.document).message).toContain('aircall-dsr approvers add');

  const { exit, document } = await operator.ask(['approvers', 'add', 'anna', '--key', fileOf('anna.pub')]);
  expect([exit, document]).toEqual([0, { name: 'anna', keyId: anna.keyId, added: true }]);
  expect((await operator.ask(['approvers', 'add', 'ben', '--key', fileOf('anna.pub')])).exit).toBe(2);
  expect((await operator.ask(['approvers', 'add', 'a b', '--key', fileOf('ben.pub')])).exit).toBe(2);
  expect((await operator.ask(['approvers', 'add', 'ben', '--key', fileOf('anna.pem')])).exit).toBe(2);
  expect((await connect('--approvals', '2')).exit).toBe(2);
  expect((await operator.run(['approvers', 'add', 'ben', '--key', fileOf('ben.pub')])).exit).toBe(0);
  expect((await operator.run(['approvers', 'list'])).stdout).toContain(`anna  ${anna.keyId}`);

  expect((await connect('--approvals', '2', '--deletions-per-day', '50', '--country', 'fr')).document).toMatchObject({
    approvals: 2,
    deletionsPerDay: 50,
    country: 'FR',
  });
  const removal = await operator.ask(['approvers', 'remove', 'anna']);
  expect([removal.exit, errorOf(removal.document).code]).toEqual([2, 'usage']);
  expect(errorOf(removal.document).message).toContain(`aircall-dsr connect ${CONNECTION} --approvals 1`);
  expect((await operator.ask(['approvers', 'remove', 'nobody'])).exit).toBe(2);
});

test('what an operator set for all requests of a company stays until it is taken away', async () => {
  expect((await connect()).document).toMatchObject({ approvals: 2, deletionsPerDay: 50, country: 'FR' });
  const { document } = await operator.ask(['connections']);
  expect(document).toMatchObject({ connections: [{ approvals: 2, deletionsPerDay: 50, country: 'FR' }] });
  expect((await operator.run(['connections'])).stdout).toContain('each deletion needs 2 approvals');
  for (const wrong of [
    ['--country', 'XX'],
    ['--approvals', '3'],
    ['--deletions-per-day', '0'],
  ])
    expect((await connect(...wrong)).exit).toBe(2);
  const none = ['--approvals', '0', '--deletions-per-day', 'none', '--country', 'none'];
  expect((await connect(...none)).document).toMatchObject({ approvals: 0, deletionsPerDay: null, country: null });
});

test('a plan shows its doubtful rows first and how to answer, and an approval decides them', async () => {
  addDoubtful();
  await begin('decided', '--require-approval');
  const { planDigest, rows } = await planOf('decided');
  expect(rows.map(({ ref, verb, doubt, decision }) => [ref, verb, doubt, decision])).toEqual([
    ['contact 3', 'delete', 'number-only', 'keep'],
    ['contact 1', 'delete', undefined, 'take'],
    ['contact 2', 'delete', undefined, 'take'],
  ]);
  const { stdout } = await operator.run(['plan', 'decided'], as('anna'));
  expect(stdout).toContain(`aircall-dsr approve decided --plan ${planDigest} --take "contact 3"`);
  expect(stdout).toMatch(
    /contact 3 +\d+ +leave +number \d in phone_numbers +only a number of the person leads to the contact/,
  );
  const shown = (await operator.run(['status', 'decided'])).stdout;
  expect(shown).toContain('aircall-dsr plan decided');
  expect(shown).toMatch(/doubtful +1 record that may be somebody else's, .*\(number-only\): 1 undecided/);
  expect(statusSchema.parse((await operator.ask(['status', 'decided'])).document).doubts).toEqual([
    { code: 'number-only', records: 1, taken: 0, kept: 1 },
  ]);

  const approve = (...more: readonly string[]) => ['approve', 'decided', '--plan', planDigest, ...more];
  const wrong = await operator.ask(['approve', 'decided', '--plan', 'f'.repeat(32)], as('anna'));
  expect([wrong.exit, errorOf(wrong.document).code]).toEqual([1, 'approval-refused']);
  expect((await operator.ask(approve('--take', 'contact-9'), as('anna'))).exit).toBe(1);
  expect((await operator.ask(approve('--take', 'contact-3', '--keep', 'contact 3'), as('anna'))).exit).toBe(2);
  expect((await operator.ask(approve('--by', 'ben'), as('anna'))).exit).toBe(1);
  const unsigned = await operator.ask(approve());
  expect([unsigned.exit, errorOf(unsigned.document).message]).toEqual([1, expect.stringContaining('not signed')]);
  expect((await planOf('decided')).planDigest).toBe(planDigest);
  expect(deletions()).toBe(0);

  const approved = await operator.ask(approve('--take', 'contact-3', '--keep', 'contact-1'), as('anna'));
  expect(approved).toMatchObject({ exit: 0, document: { planDigest, missing: 0, approvals: [{ keyId: anna.keyId }] } });
  await until('it has ended', async () => (await operator.ask(['status', 'decided'])).exit === 0 && deletions() === 2);
  expect((await operator.run(['plan', 'decided'], as('anna'))).stdout).not.toMatch(/approve|reject/);
  const decisions = (await planOf('decided')).rows.map(({ ref, decision }) => [ref, decision]);
  expect(decisions).toEqual([
    ['contact 3', 'take'],
    ['contact 1', 'keep'],
    ['contact 2', 'take'],
  ]);
});

test('a plan that is rejected ends its request as denied', async () => {
  await begin('denied', '--require-approval');
  const before = deletions();
  expect((await operator.ask(['reject', 'denied', '--reason', 'not-hers'])).exit).toBe(1);
  expect((await operator.ask(['reject', 'denied', '--reason', 'Not hers'], as('ben'))).exit).toBe(2);
  const rejected = await operator.ask(['reject', 'denied', '--reason', 'not-hers', '--key', fileOf('ben.pem')]);
  expect(rejected).toMatchObject({ exit: 0, document: { rejection: { keyId: ben.keyId, reason: 'not-hers' } } });
  const args = ['delete', CONNECTION, EMAIL, '--request-id', 'denied', '--settle', '0', '--require-approval', '--wait'];
  const { exit, document } = await operator.ask(args);
  expect([exit, document]).toMatchObject([1, { status: 'denied', rejection: { reason: 'not-hers' } }]);
  expect(deletions()).toBe(before);
});

test('a request without a plan has none to open or answer', async () => {
  await operator.run(['delete', CONNECTION, 'nobody@example.com', '--request-id', 'empty', '--settle', '0', '--wait']);
  const rejected = await operator.ask(['reject', 'empty', '--reason', 'not-hers'], as('ben'));
  expect([rejected.exit, errorOf(rejected.document).code]).toEqual([1, 'approval-refused']);
  expect((await operator.ask(['plan', 'nothing'])).exit).toBe(2);
});
