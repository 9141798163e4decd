/**
 * How many API requests a request costs: what the sandbox's log holds against the fewest that can do, counted from the
 * data, and against listing everything. One access by number, one with an address that has capitals, one by listing the
 * company's calls, and one deletion, one after the other, for companies of several sizes; the same by number with audio, also if links
 * die, with transcripts and with insights; and an access and a deletion of a person whose number has two spellings, and a deletion
 * that is approved so late that its contacts are read again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type CompanySeed, createCompanySeed, type FaultRule } from '../../sandbox';
import type { AccessInput, DsrClient } from '../../src/client';
import type { RequestResult } from '../../src/request/model';
import type { Benchmark, Report } from '../benchmark';
import { note } from '../note';
import { type Stand, withStand } from '../stand';
import { type Bounds, boundsOf, spokenBoundsOf, withCallsOfSubject } from './bounds';

interface Row {
  readonly calls: number;
  readonly request: string;
  readonly status: RequestResult['status'];
  /** API requests in the sandbox's log. */
  readonly logged: number;
  /** What the result says. */
  readonly apiRequests: number;
  readonly bound: number;
  readonly ofBound: number;
  readonly listEverything: number;
  /** Whether it may cost no more than the bound. */
  readonly barred: boolean;
  /** Records found and records there are. */
  readonly found: number;
  readonly there: number;
}

/** No limit binds here: this is about numbers, not about time. */
const BUDGET = { limitPerMinute: 10_000, share: 0.75 } as const;
/** Of a company's calls, so many are the subject's on her first number: from a few pages to a child workflow of them. */
const SUBJECT_SHARE = 1 / 40;
const CONTACTS_SHARE = 1 / 20;
/** A reading of a contact is good for two minutes. */
const LATER_MS = 125_000;
/** Links that have died when they are used, in the request about it. */
const DEAD_LINKS = 5;

export const requests: Benchmark = {
  about: 'a request costs no more API requests than it must [--sizes 1000,10000,50000]',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: { sizes: { type: 'string', default: '1000,10000,50000' } },
    });
    const now = Date.now();
    const seeds = values.sizes.split(',').map(size => {
      const calls = Number(size);
      if (!Number.isInteger(calls) || calls < 200) throw new Error('--sizes takes whole numbers from 200');
      const contacts = Math.max(30, calls * CONTACTS_SHARE);
      const seed = createCompanySeed({ name: `calls-${calls}`, seed: 1, contacts, calls, now });
      return withCallsOfSubject(seed, calls * SUBJECT_SHARE);
    });
    const spoken = seeds.map(({ calls: { length: calls } }) => {
      const contacts = Math.max(30, calls * CONTACTS_SHARE);
      const seed = createCompanySeed({ name: `spoken-${calls}`, seed: 1, contacts, calls, now, audio: true });
      return { ...withCallsOfSubject(seed, calls * SUBJECT_SHARE), behaviour: { intelligence: true } };
    });
    const spelled = createCompanySeed({ name: 'spellings', seed: 1, contacts: 30, calls: 200, now, personas: true });
    const later = createCompanySeed({ name: 'later', seed: 1, contacts: 30, calls: 200, now });
    const companies = [...seeds, ...spoken, spelled, later];
    const connected = Object.fromEntries(companies.map(({ name }) => [name, BUDGET]));
    return withStand({ companies, connected, signal }, async stand => {
      await stand.startWorker('worker');
      stand.sandbox.setFaults({ rules: [], media: spoken.map(deadLinksOf) });
      const rows = await Promise.all([
        ...seeds.map(seed => measure(stand, seed, now)),
        ...spoken.map(seed => measureSpoken(stand, seed, now)),
        measureSpellings(stand, spelled, now),
        measureLater(stand, later, now),
      ]);
      return reportOf(rows.flat());
    });
  },
};

interface Measured {
  readonly request: string;
  readonly bounds: Bounds;
  readonly bound: keyof Bounds;
  /** Records that a complete request finds or deletes. */
  readonly there: number;
  /** How many it found or deleted. */
  readonly found: (counts: RequestResult['counts']) => number | undefined;
  start(): Promise<{ readonly workflowId: string }>;
}

async function measureOne({ client, sandbox }: Stand, seed: CompanySeed, measured: Measured): Promise<Row> {
  const { request, bounds, bound, there, found, start } = measured;
  const company = sandbox.company(seed.name);
  const before = company.requests().length;
  const result = await client.result((await start()).workflowId);
  const logged = company.requests().length - before;
  note(`${seed.name}, ${request}: ${logged} API requests`);
  return {
    calls: seed.calls.length,
    request,
    status: result.status,
    logged,
    apiRequests: result.apiRequests,
    bound: bounds[bound],
    ofBound: logged / bounds[bound],
    listEverything: bounds.listEverything,
    barred: bound !== 'company',
    found: found(result.counts) ?? 0,
    there,
  };
}

const callsOf: Measured['found'] = ({ calls }) => calls;
const deletedOf: Measured['found'] = ({ deleted }) => deleted;
const filesOf: Measured['found'] = ({ recordings = 0, voicemails = 0 }) => recordings + voicemails;

async function measure(stand: Stand, seed: CompanySeed, now: number): Promise<Row[]> {
  const { client } = stand;
  const { contactIds, callIds, subjectEmail: email } = seed.truth;
  const capitals = email.replace(/^./, letter => letter.toUpperCase());
  const common = (requestId: string, address: string) => ({
    requestId,
    connection: seed.name,
    subject: { email: address },
  });
  const access = (requestId: string, calls: 'by-number' | 'company', address: string) =>
    client.start('access', { ...common(requestId, address), calls });
  const bounds = boundsOf(seed, { contactIds, email }, now);
  const there = callIds.length;
  return [
    await measureOne(stand, seed, {
      request: 'access by number',
      bounds,
      bound: 'byNumber',
      there,
      found: callsOf,
      start: () => access('by-number', 'by-number', email),
    }),
    await measureOne(stand, seed, {
      request: 'access by number, capitals',
      bounds: boundsOf(seed, { contactIds, email: capitals }, now),
      bound: 'byNumber',
      there,
      found: callsOf,
      start: () => access('capitals', 'by-number', capitals),
    }),
    await measureOne(stand, seed, {
      request: 'access, calls=company',
      bounds,
      bound: 'company',
      there,
      found: callsOf,
      start: () => access('company', 'company', email),
    }),
    await measureOne(stand, seed, {
      request: 'deletion',
      bounds,
      bound: 'deletion',
      there: contactIds.length,
      found: deletedOf,
      start: () => client.start('deletion', { ...common('deletion', email), settleSeconds: 0 }),
    }),
  ];
}

/** The links of the second request with audio, as far as they have died: those that it uses first. */
function deadLinksOf(seed: CompanySeed): FaultRule {
  const { files } = spokenBoundsOf(seed);
  return { company: seed.name, requests: { from: files + 1, to: files + DEAD_LINKS }, action: 'status', status: 403 };
}

/** What belongs to calls, one sort after the other. */
async function measureSpoken(stand: Stand, seed: CompanySeed, now: number): Promise<Row[]> {
  const { contactIds, subjectEmail: email } = seed.truth;
  const calls = boundsOf(seed, { contactIds, email }, now);
  const { files, audio, transcripts, insights } = spokenBoundsOf(seed);
  const one = (
    request: string,
    include: NonNullable<AccessInput['include']>,
    { more, there, found }: Pick<Measured, 'there' | 'found'> & { readonly more: number },
  ) =>
    measureOne(stand, seed, {
      request: `access, ${request}`,
      bounds: { ...calls, byNumber: calls.byNumber + more },
      bound: 'byNumber',
      ...{ there, found },
      start: () =>
        stand.client.start('access', {
          requestId: request.replaceAll(/[^a-z0-9]+/g, '-'),
          ...{ connection: seed.name, subject: { email }, include },
        }),
    });
  const recorded = { there: files, found: filesOf };
  return [
    await one('audio', ['recordings', 'voicemails'], { more: audio(0), ...recorded }),
    await one(`audio, ${DEAD_LINKS} links died`, ['recordings', 'voicemails'], {
      more: audio(DEAD_LINKS),
      ...recorded,
    }),
    await one('transcripts', ['transcripts'], {
      more: transcripts,
      there: transcripts,
      found: counts => counts.transcripts,
    }),
    await one('transcripts and insights', ['transcripts', 'insights'], {
      more: transcripts + insights,
      there: insights,
      found: counts => counts.insights,
    }),
  ];
}

/** One number, which her card stores with a plus and without. */
async function measureSpellings(stand: Stand, seed: CompanySeed, now: number): Promise<Row[]> {
  const persona = seed.truth.personas['bare-before-plus'];
  const [email] = persona?.identities.emails ?? [];
  if (persona === undefined || email === undefined) throw new Error('the company has no such persona');
  const { contacts, calls } = persona;
  const bounds = boundsOf(seed, { email, contactIds: contacts.certain }, now);
  const common = (requestId: string) => ({ requestId, connection: seed.name, subject: { email } });
  return [
    await measureOne(stand, seed, {
      request: 'access, two spellings of one number',
      bounds,
      bound: 'byNumber',
      there: calls.certain.length,
      found: callsOf,
      start: () => stand.client.start('access', common('spellings')),
    }),
    await measureOne(stand, seed, {
      request: 'deletion, two spellings of one number',
      bounds,
      bound: 'deletion',
      there: contacts.certain.length,
      found: deletedOf,
      start: () => stand.client.start('deletion', { ...common('spellings-deletion'), settleSeconds: 0 }),
    }),
  ];
}

/** A deletion that a person approves when what was read of its contacts is old. */
async function measureLater(stand: Stand, seed: CompanySeed, now: number): Promise<Row> {
  const { contactIds, subjectEmail: email } = seed.truth;
  const { client } = stand;
  return measureOne(stand, seed, {
    request: 'deletion, approved later',
    bounds: boundsOf(seed, { contactIds, email }, now),
    bound: 'deletionLater',
    there: contactIds.length,
    found: deletedOf,
    async start() {
      const input = { requestId: 'later', connection: seed.name, subject: { email } };
      const started = await client.start('deletion', { ...input, settleSeconds: 0, requireApproval: true });
      const planDigest = await planThatWaits(client, started.workflowId);
      await delay(LATER_MS);
      await client.approve(started.workflowId, { planDigest, decisions: {}, at: new Date().toISOString() });
      return started;
    },
  });
}

/** @throws if the request ends without waiting for an approval */
async function planThatWaits(client: DsrClient, workflowId: string): Promise<string> {
  for (;;) {
    const { waitingFor, planDigest, result } = await client.status(workflowId);
    if (waitingFor?.cause === 'approval' && planDigest !== undefined) return planDigest;
    if (result !== undefined) throw new Error(`the request ended ${result.status} instead of waiting`);
    await delay(200);
  }
}

function reportOf(rows: readonly Row[]): Report {
  return {
    rows: [
      ['CALLS', 'REQUEST', 'STATUS', 'LOGGED', 'RESULT SAYS', 'BOUND', 'OF BOUND', 'LIST EVERYTHING', 'FOUND'],
      ...rows.map(row => [
        String(row.calls),
        row.request,
        row.status,
        String(row.logged),
        String(row.apiRequests),
        String(row.bound),
        row.ofBound.toFixed(3),
        String(row.listEverything),
        `${row.found} of ${row.there}`,
      ]),
    ],
    missed: rows.flatMap(missedOf),
    measured: { bar: { ofBound: 1 }, requests: rows },
  };
}

function missedOf(row: Row): string[] {
  const checks = [
    [row.status !== 'completed', `ended ${row.status}`],
    [row.found !== row.there, `found ${row.found} of ${row.there} records`],
    [row.barred && row.logged !== row.bound, `${row.logged} API requests, ${row.bound} do`],
    [row.apiRequests !== row.logged, `its result says ${row.apiRequests} API requests, ${row.logged} arrived`],
  ] as const;
  return checks.flatMap(([isMissed, sentence]) =>
    isMissed ? [`${row.calls} calls, ${row.request}: ${sentence}`] : [],
  );
}
