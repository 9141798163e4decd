/** The admin door and the command: what a person or another process can see and do. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLoopback } from '../../sandbox/admin';
import type { Sandbox } from '../../sandbox/index';
import { runSandbox } from '../../sandbox/main';
import { makeFolder, removeFolder } from '../support/folders';
import { at, basic, closeAfterEach, post, request, setUp } from './ask';

closeAfterEach();

const look = (sandbox: Sandbox, door: string) => request(`${sandbox.origin}/_sandbox/${door}`);
const act = (sandbox: Sandbox, door: string, body: unknown) =>
  request(`${sandbox.origin}/_sandbox/${door}`, post(body));

describe('the admin door', () => {
  test('shows the API requests with number, company, query and status, and nothing of itself or of media', async () => {
    const { ask, acme, sandbox } = await setUp();
    await ask('/contacts/search?email=a%2Bb%40example.com&page=2');
    await request(`${sandbox.baseUrl}/nowhere`);
    await request(acme.calls().find(each => each.recording !== null)?.recording ?? '');
    expect((await look(sandbox, 'requests')).json).toEqual({ requests: sandbox.requests() });
    expect(sandbox.requests()).toMatchObject([
      {
        number: 1,
        company: 'acme',
        method: 'GET',
        path: '/v1/contacts/search',
        query: { email: 'a+b@example.com', page: '2' },
        status: 200,
      },
      { number: 2, company: null, path: '/v1/nowhere', query: {}, status: 404 },
    ]);
    expect(acme.requests()).toHaveLength(1);
    await act(sandbox, 'clear-requests', {});
    expect(sandbox.requests()).toEqual([]);
  });

  test('shows the present state and the truth of each company', async () => {
    const { sandbox, acme } = await setUp();
    acme.removeContact(acme.truth.contactIds[0] ?? 0);
    const state = (await look(sandbox, 'state')).json;
    expect(at(state, 'companies', 0, 'contacts')).toEqual(acme.contacts());
    expect(at(state, 'companies', 0, 'calls')).toEqual(acme.calls());
    expect(at(state, 'companies', 0, 'truth')).toEqual(acme.truth);
    const brief = (await look(sandbox, 'state?company=globex&calls=none')).json;
    expect([at(brief, 'companies', 0, 'name'), at(brief, 'companies', 1), at(brief, 'companies', 0, 'calls')]).toEqual([
      'globex',
      undefined,
      undefined,
    ]);
  });

  test('switches behaviour, faults and credentials at run time', async () => {
    const { ask, sandbox, acme } = await setUp();
    expect(
      (await act(sandbox, 'behaviour', { company: 'acme', rateLimit: { mode: 'fixed', perMinute: 1 } })).status,
    ).toBe(200);
    expect([(await ask('/ping')).status, (await ask('/ping')).status]).toEqual([200, 429]);
    await act(sandbox, 'behaviour', { rateLimit: { mode: 'off' } });
    await act(sandbox, 'faults', [{ action: 'status', status: 418, times: 1 }]);
    expect([(await ask('/ping')).status, (await ask('/ping')).status]).toEqual([418, 200]);
    await act(sandbox, 'faults', [{ action: 'status', status: 418 }]);
    await act(sandbox, 'faults', null);
    expect((await ask('/ping')).status).toBe(200);
    await act(sandbox, 'revoke', { company: 'acme' });
    expect((await ask('/ping')).status).toBe(403);
    const key = (await act(sandbox, 'api-key', { company: 'acme' })).json;
    const fresh = basic({ apiId: String(at(key, 'apiId')), apiToken: String(at(key, 'apiToken')) });
    expect((await request(`${sandbox.baseUrl}/ping`, { headers: { Authorization: fresh } })).status).toBe(200);
    await act(sandbox, 'restore', { company: 'acme' });
    expect((await ask('/ping')).status).toBe(200);
    const { json } = await act(sandbox, 'add-contact', {
      company: 'acme',
      email: 'new@example.com',
      phoneNumber: '+12025550101',
    });
    expect(acme.contacts().at(-1)).toEqual(json);
    const edit = { company: 'acme', id: at(json, 'id'), first_name: 'Edited', emails: ['other@example.com'] };
    expect(at((await act(sandbox, 'update-contact', edit)).json, 'emails', 0, 'value')).toBe('other@example.com');
    expect(acme.contacts().at(-1)).toMatchObject({ first_name: 'Edited', phone_numbers: at(json, 'phone_numbers') });
    await act(sandbox, 'remove-contact', { company: 'acme', id: at(json, 'id') });
    expect(acme.contacts().some(each => each.id === at(json, 'id'))).toBe(false);
    expect(at((await act(sandbox, 'oauth-code', { company: 'acme' })).json, 'code')).toMatch(/^[0-9a-f]{40}$/);
  });

  test('is open to loopback addresses only', () => {
    expect(['127.0.0.1', '::ffff:127.0.0.1', '::1'].every(isLoopback)).toBe(true);
    expect(['10.0.0.1', '::ffff:192.168.0.1', '', 'fe80::1'].some(isLoopback)).toBe(false);
  });

  test('tells what is wrong, and changes nothing then', async () => {
    const { sandbox } = await setUp();
    const told = async (door: string, body: unknown) => at((await act(sandbox, door, body)).json, 'error');
    expect(await told('behaviour', { company: 'acme', serch: 'exact' })).toMatch(/^switches: unknown key "serch"/);
    expect(await told('behaviour', { company: 'acme', search: 'fuzzy' })).toBe(
      'switches.search: expected one of exact, case-sensitive, substring, ignores-filter',
    );
    expect(await told('revoke', { company: 'initech' })).toBe('body.company: unknown company "initech"');
    expect(await told('faults', [{ action: 'drop', every: -1 }])).toMatch(/^faults.rules\[0\].every/);
    expect(await told('update-contact', { company: 'acme', id: 1, email: 'a@example.com' })).toMatch(
      /^body: unknown key "email"/,
    );
    expect(await told('update-contact', { company: 'acme', id: 1 })).toBe('contact 1 does not exist');
    expect(await told('faults', undefined)).toBe('faults: expected an object');
    expect((await look(sandbox, 'secrets')).status).toBe(404);
  });
});

describe('the command', () => {
  const folder = makeFolder();
  afterAll(() => removeFolder(folder));

  test('starts with a fault plan from a file and tells on stderr how to connect', async () => {
    const file = join(folder, 'faults.json');
    writeFileSync(file, JSON.stringify({ rules: [{ action: 'status', status: 500, requests: 1 }] }));
    const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    const { sandbox } = await runSandbox({ seed: 3, faultsFile: file, contacts: 10, calls: 200 });
    const told = stderr.mock.calls.map(([text]) => String(text)).join('');
    stderr.mockRestore();
    const acme = sandbox.company('acme');
    expect(told).toContain(
      `AIRCALL_API_ID=${acme.apiId} AIRCALL_API_TOKEN=${acme.apiToken} aircall-dsr connect acme --base-url ${sandbox.baseUrl}`,
    );
    expect(told).toContain(acme.truth.subjectEmail);
    expect((await request(`${sandbox.baseUrl}/ping`)).status).toBe(500);
    expect([acme.contacts().length, acme.calls().length]).toEqual([10, 200]);
    await sandbox.close();
  });

  test('refuses a file that is no plan', async () => {
    const file = join(folder, 'faults.json');
    writeFileSync(file, '{');
    await expect(runSandbox({ faultsFile: file })).rejects.toThrow(`${file}: expected valid JSON`);
  });
});
