/** Access requests through the client, on a real server, against the sandbox's truth. */
import { createHash } from 'node:crypto';
import { type Behaviour, createCompanySeed } from '../../sandbox';
import type { AccessInput } from '../../src/client';
import { callOf, documentOf, type Ended, expectHonestCounts, idsOf, runToEnd, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const MODES: readonly Behaviour['search'][] = ['exact', 'case-sensitive', 'substring', 'ignores-filter'];
const WAYS = ['by-number', 'company'] as const;
const NOW_MS = Date.now();
const DAY_MS = 86_400_000;
/** On a call of nobody's contact, one hour ago. */
const UNKNOWN_NUMBER = '+13105550142';
/** Of calls without audio. */
const NO_PARTS = { recordings: 0, voicemails: 0, transcripts: 0, insights: 0 };

let service: TestService;
beforeAll(async () => {
  const companies = MODES.map((mode, seed) => ({
    ...createCompanySeed({ name: mode, seed, contacts: 120, calls: 300, now: NOW_MS }),
    behaviour: { search: mode },
  }));
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'exact' });
});
afterAll(async () => service.stop());

type Options = Omit<AccessInput, 'kind' | 'connection' | 'subject'> & { email?: string; phoneNumbers?: string[] };

/** Runs a request while nothing else asks its company. */
async function ask(name: string, input: Options): Promise<Ended> {
  const company = service.sandbox.company(name);
  const connection = await service.connectCompany(name);
  const { email = company.truth.subjectEmail, phoneNumbers, ...options } = input;
  const subject = { email, ...(phoneNumbers && { phoneNumbers }) };
  return runToEnd(service, company, () => service.client.start('access', { ...options, connection, subject }));
}

describe('an access request', () => {
  describe.each(MODES)('where contact search is %s', mode => {
    it.each(WAYS)('hands over every contact and call of the subject and nobody else’s, calls %s', async calls => {
      const company = service.sandbox.company(mode);
      // A search that heeds letter case finds both of her contacts by the spelling that one of them has.
      const email = company.contacts().find(({ id }) => id === company.truth.contactIds[1])?.emails[0]?.value ?? '';
      expect(email).toBe('Zoe.Nunez@Example.com');
      const ended = await ask(mode, { requestId: `all-${calls}`, calls, email });
      const { result } = ended;
      expect(result.status).toBe('completed');
      const document = await documentOf(service, result);
      expect(idsOf(document.contacts)).toEqual(sorted(company.truth.contactIds));
      expect(idsOf(document.calls)).toEqual(sorted(company.truth.callIds));
      expect(result.counts).toEqual({
        contacts: company.truth.contactIds.length,
        calls: company.truth.callIds.length,
        ...NO_PARTS,
        refused: 0,
        failed: 0,
      });
      expect(company.truth.ambiguousCallIds.length).toBeGreaterThan(0);
      expect(result.coverage.calls).toMatchObject({
        state: 'complete',
        gaps: [],
        ambiguous: company.truth.ambiguousCallIds.length,
      });
      await expectHonestCounts(service, ended);
    });
  });

  it('also takes the lower-cased address for the subject’s, whatever spelling it is asked for', async () => {
    const { company, result } = await ask('exact', { requestId: 'spelling', email: ' ZOE.NUNEZ@EXAMPLE.COM ' });
    expect(idsOf((await documentOf(service, result)).contacts)).toEqual(sorted(company.truth.contactIds));
  });

  it('tells size and digest of the very file that it hands over', async () => {
    const { result } = await ask('exact', { requestId: 'digest' });
    const bytes = await service.packageOf(result);
    expect(result.package?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(result.package?.sizeBytes).toBe(bytes.length);
  });

  it('finds the calls of a given number although no contact has it', async () => {
    const company = service.sandbox.company('substring');
    const [model] = company.calls();
    const call = company.addCall({
      ...callOf(UNKNOWN_NUMBER, Math.floor(NOW_MS / 1000) - 3_600),
      lineId: model?.number.id ?? 0,
    });
    const ended = await ask('substring', {
      requestId: 'phone',
      email: 'somebody.else@example.org',
      phoneNumbers: [UNKNOWN_NUMBER],
    });
    expect(ended.result.status).toBe('completed');
    expect(ended.result.counts).toMatchObject({ contacts: 0, calls: 1 });
    const document = await documentOf(service, ended.result);
    expect(document.contacts).toEqual([]);
    expect(idsOf(document.calls)).toEqual([call.id]);
    await expectHonestCounts(service, ended);
  });

  it.each(MODES)(
    'ends as no-match where nobody has the address, and hands over what was searched, search %s',
    async mode => {
      const ended = await ask(mode, { requestId: 'nobody', email: 'nobody.at.all@example.org' });
      expect(ended.result.status).toBe('no-match');
      expect(ended.result.counts).toEqual({ ...NO_PARTS, contacts: 0, calls: 0, refused: 0, failed: 0 });
      expect(await documentOf(service, ended.result)).toMatchObject({ contacts: [], calls: [] });
      await expectHonestCounts(service, ended);
    },
  );

  it.each(WAYS)('hands over only the calls that started within the window asked for, calls %s', async calls => {
    const company = service.sandbox.company('exact');
    const from = new Date(NOW_MS - 100 * DAY_MS).toISOString();
    const to = new Date(NOW_MS - 20 * DAY_MS).toISOString();
    const hers = new Set(company.truth.callIds);
    const within = company
      .calls()
      .filter(({ id }) => hers.has(id))
      .filter(call => call.started_at >= Date.parse(from) / 1000 && call.started_at <= Date.parse(to) / 1000);
    expect(within.length).toBeGreaterThan(10);
    expect(within.length).toBeLessThan(hers.size - 10);
    const { result } = await ask('exact', { requestId: `window-${calls}`, calls, from, to });
    expect(idsOf((await documentOf(service, result)).calls)).toEqual(idsOf(within));
    expect(Date.parse(result.coverage.calls?.window.to ?? '')).toBe(Math.floor(Date.parse(to) / 1000) * 1000);
  });

  it('takes the first and the last second of a window in', async () => {
    const company = service.sandbox.company('exact');
    const [edge] = company.calls().filter(({ id }) => company.truth.callIds.includes(id));
    const second = new Date((edge?.started_at ?? 0) * 1000).toISOString();
    const { result } = await ask('exact', { requestId: 'edge', from: second, to: second });
    expect(idsOf((await documentOf(service, result)).calls)).toEqual([edge?.id]);
  });
});
