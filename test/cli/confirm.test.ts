/** What commands ask on a terminal before they do what nobody can undo; elsewhere they act. */
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createOperator } from '../support/command-line';
import { errorOf, resultSchema } from '../support/documents';

const SEED = { seed: 7, contacts: 20, calls: 10, now: Date.now() };
const EMAIL = createCompanySeed({ name: 'acme', ...SEED }).truth.subjectEmail;
const DELETE = ['delete', 'acme', EMAIL, '--settle', '0', '--wait'];

const operator = createOperator();
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: [createCompanySeed({ name: 'acme', ...SEED })] });
  await operator.run(['keys', 'generate']);
  await operator.startWorker();
  const { apiId, apiToken } = sandbox.company('acme');
  operator.keepSecret(apiToken);
  const args = ['connect', 'acme', '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  expect((await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken })).exit).toBe(0);
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

const hers = () => {
  const company = sandbox.company('acme');
  return company.contacts().filter(({ id }) => company.truth.contactIds.includes(id)).length;
};
const sent = () => sandbox.company('acme').requests().length;

describe('a deletion', () => {
  test.each(['', '\n', 'n\n', 'no\n', 'yess\n', 'Delete\n'])('answered with %j does nothing', async answer => {
    const [before, contacts] = [sent(), hers()];
    const { exit, stdout, stderr } = await operator.runAtTerminal([...DELETE, '--request-id', 'refused'], answer);
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
    expect(stderr).toContain('Delete the contacts of this person in Aircall company acme?');
    expect(stderr).toContain('Calls, their comments and messages stay in Aircall. [y/N] ');
    expect(stderr).toContain('not-confirmed');
    expect({ sent: sent(), contacts: hers() }).toEqual({ sent: before, contacts });
    expect((await operator.ask(['status', 'refused'])).exit).toBe(2);
  });

  test('asks with --json too, and stdout stays one document', async () => {
    const { exit, stdout, stderr } = await operator.runAtTerminal([...DELETE, '--json'], 'n\n');
    expect(exit).toBe(1);
    expect(stderr).toContain('[y/N]');
    expect(errorOf(JSON.parse(stdout)).code).toBe('not-confirmed');
  });

  test('of a person that comes from stdin asks first, and nobody is named', async () => {
    const args = ['delete', 'acme', '-', '--request-id', 'typed', '--settle', '0', '--wait', '--json'];
    const { exit, stdout, stderr } = await operator.runAtTerminal(args, `y\n${EMAIL}\n`);
    expect(exit).toBe(0);
    expect(resultSchema.parse(JSON.parse(stdout))).toMatchObject({ status: 'completed', counts: { deleted: 2 } });
    expect(stderr).toContain('Delete the contacts of the person that comes next');
    expect(stdout + stderr).not.toContain(EMAIL);
    expect(hers()).toBe(0);
  });

  test.each([
    ['its dry run', ['--dry-run'], ''],
    ['one with --yes', ['--yes'], ''],
  ])('asks nothing in %s', async (_, options, typed) => {
    const { exit, stderr } = await operator.runAtTerminal([...DELETE, ...options], typed);
    expect(exit).toBe(0);
    expect(stderr).not.toContain('[y/N]');
  });

  test('asks nothing where nobody could answer', async () => {
    const { exit, stderr } = await operator.run(DELETE);
    expect({ exit, asked: stderr.includes('[y/N]') }).toEqual({ exit: 0, asked: false });
  });

  test('of a plan names the plan', async () => {
    const { stderr } = await operator.runAtTerminal([...DELETE, '--plan', '0'.repeat(32)], 'n\n');
    expect(stderr).toContain(`Delete the contacts of plan ${'0'.repeat(32)}`);
  });
});

describe('a purge', () => {
  test('does nothing without a yes, and destroys with one', async () => {
    const refused = await operator.runAtTerminal(['purge', 'typed'], 'n\n');
    expect(refused).toMatchObject({ exit: 1, stdout: '' });
    expect(refused.stderr).toContain('Destroy case file, package and history of dsr:acme:deletion:typed?');
    expect((await operator.ask(['status', 'typed'])).document).toMatchObject({ status: 'completed' });
    const { exit } = await operator.runAtTerminal(['purge', 'typed'], 'YES\n');
    expect(exit).toBe(0);
    expect((await operator.ask(['status', 'typed'])).document).toMatchObject({ status: 'purged' });
  });
});

describe('disconnect', () => {
  test('asks only with --force, and names what waits', async () => {
    const refused = await operator.runAtTerminal(['disconnect', 'acme', '--force'], '\n');
    expect(refused).toMatchObject({ exit: 1, stdout: '' });
    expect(refused.stderr).toContain('Destroy the credentials of acme? None of its requests is open. [y/N] ');
    expect((await operator.run(['ping', 'acme'])).exit).toBe(0);
    const { exit, stderr } = await operator.runAtTerminal(['disconnect', 'acme'], '');
    expect({ exit, asked: stderr.includes('[y/N]') }).toEqual({ exit: 0, asked: false });
  });
});
