/**
 * The sandbox's replies against recordings of the real API: same status, keys, key order, JSON types and nulls.
 * Every recording of a REST reply must be named here; webhooks are no replies.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCompanySeed } from '../../sandbox/index';
import type { CallRecord, ContactRecord } from '../../sandbox/wire';
import contactCreateRequest from '../fixtures/aircall-samples/recorded/contact-create.request.json';
import contactGet from '../fixtures/aircall-samples/recorded/contact-get.200.json';
import contactUpdated from '../fixtures/aircall-samples/recorded/contact-update-POST.200.json';
import fullShape from '../fixtures/aircall-samples/recorded/contacts-list.full-shape.200.json';
import pageOne from '../fixtures/aircall-samples/recorded/contacts-list.page1.200.json';
import byPhone from '../fixtures/aircall-samples/recorded/contacts-search.by-phone.2023.200.json';
import unfiltered from '../fixtures/aircall-samples/recorded/contacts-search.unknown-param-returns-all.200.json';
import { type Answer, at, basic, closeAfterEach, post, request, setUp } from './ask';

closeAfterEach();

const FOLDER = join(__dirname, '../fixtures/aircall-samples/recorded');

/** Shortly after the last recorded call, before prices are final; and an hour later. */
const FRESH = 1_790_603_300_000;
const LATER = FRESH + 3_600_000;

interface Case {
  readonly file: string;
  readonly path: string;
  readonly status: number;
  readonly init?: RequestInit;
  readonly contacts?: readonly ContactRecord[];
  readonly calls?: readonly CallRecord[];
  readonly now?: number;
  /** `exact` compares values too, `shape` keys, order, types and nulls; a function takes the part that was recorded. */
  readonly compare: 'exact' | 'shape' | 'unordered' | ((json: unknown) => unknown);
  /** Sent instead of acme's API key; null for none. */
  readonly authorization?: string | null;
}

const call = (id: number, started_at: number, more: Partial<CallRecord> = {}): CallRecord => ({
  id,
  direction: 'outbound',
  started_at,
  answered_at: started_at + 3,
  ended_at: started_at + 21,
  missed_call_reason: null,
  raw_digits: '+1 617-555-0113',
  archived: false,
  recording: true,
  voicemail: false,
  contactId: null,
  userId: 2_078_841,
  lineId: 1_389_850,
  comments: [],
  tagIds: [],
  ...more,
});

const comments = [1, 2, 3, 4].map(n => ({
  id: n,
  content: 'connector test comment',
  posted_at: 1_790_604_053 + n,
  userId: null,
}));
const CALLS = [
  call(4186780376, 1790603050),
  call(4186784158, 1790603088, { archived: true, comments }),
  call(4186787210, 1790603116),
];

const PROJECTED = [
  'id',
  'started_at',
  'answered_at',
  'ended_at',
  'duration',
  'cost',
  'pricing_type',
  'archived',
  'comments',
];

const CASES: readonly Case[] = [
  { file: 'ping.200.json', path: '/ping', status: 200, compare: 'exact' },
  { file: 'company.200.json', path: '/company', status: 200, compare: 'shape' },
  { file: 'tags-list.page2-of-9.200.json', path: '/tags?page=2&per_page=1', status: 200, compare: 'exact' },
  {
    file: 'contact-get.200.json',
    path: '/contacts/482393544',
    status: 200,
    contacts: [contactGet.contact],
    compare: 'exact',
  },
  {
    file: 'contact-create.200.json',
    path: '/contacts',
    status: 200,
    init: post(contactCreateRequest),
    compare: 'shape',
  },
  {
    file: 'contact-update-POST.200.json',
    path: '/contacts/482393545',
    status: 200,
    init: post({ first_name: 'Echo Test Updated' }),
    contacts: [{ ...contactUpdated.contact, first_name: 'Echo Test' }],
    now: 1_781_897_959_000,
    compare: 'exact',
  },
  {
    file: 'contacts-list.page1.200.json',
    path: '/contacts?per_page=50',
    status: 200,
    contacts: pageOne.contacts,
    compare: 'exact',
  },
  {
    file: 'contacts-list.full-shape.200.json',
    path: '/contacts?per_page=50',
    status: 200,
    contacts: fullShape.contacts,
    compare: 'exact',
  },
  {
    file: 'contacts-list.page2-past-end.200.json',
    path: '/contacts?page=2&per_page=50',
    status: 200,
    contacts: fullShape.contacts,
    compare: 'unordered',
  },
  {
    file: 'contacts-search.unknown-param-returns-all.200.json',
    path: '/contacts/search?page=1&query=Aircall',
    status: 200,
    contacts: unfiltered.contacts,
    compare: 'exact',
  },
  {
    file: 'contacts-search.by-phone.2023.200.json',
    path: '/contacts/search?phone_number=%2B33639981234',
    status: 200,
    contacts: [...byPhone.contacts, ...fullShape.contacts],
    compare: 'unordered',
  },
  { file: 'calls-list.empty.200.json', path: '/calls', status: 200, compare: 'exact' },
  { file: 'calls-search.no-params-empty.200.json', path: '/calls/search', status: 200, compare: 'exact' },
  {
    file: 'calls-list.page-200-at-cap.200.json',
    path: '/calls?page=200&per_page=50',
    status: 200,
    calls: CALLS,
    compare: 'exact',
  },
  {
    file: 'calls-list.outbound-answered.fresh.200.json',
    path: '/calls?per_page=50',
    status: 200,
    calls: CALLS,
    // The source shows one of the three calls.
    compare: json => ({ calls: [at(json, 'calls', 0)], meta: at(json, 'meta') }),
  },
  {
    file: 'call-outbound-answered.finalized.json',
    path: '/calls/4186780376',
    status: 200,
    calls: CALLS,
    now: LATER,
    compare: json => at(json, 'call'),
  },
  {
    file: 'calls-list.window-with-comments-and-archived.projection.200.json',
    path: '/calls?per_page=50',
    status: 200,
    calls: CALLS,
    now: LATER,
    compare: json => ({
      calls: [0, 1, 2].map(n => Object.fromEntries(PROJECTED.map(key => [key, at(json, 'calls', n, key)]))),
      meta: at(json, 'meta'),
    }),
  },
  { file: 'error.400.10k-cap.json', path: '/calls?page=201&per_page=50', status: 400, compare: 'exact' },
  {
    file: 'error.401.edge-no-authorization-header.json',
    path: '/ping',
    status: 401,
    authorization: null,
    compare: 'exact',
  },
  {
    file: 'error.403.edge-bad-credential.json',
    path: '/ping',
    status: 403,
    authorization: basic({ apiId: 'wrong', apiToken: 'wrong' }),
    compare: 'exact',
  },
  { file: 'error.404.edge-unknown-route.json', path: '/contacts/1/emails', status: 404, compare: 'exact' },
];

/** Recordings that are not the body of a reply; what they say is tested below. */
const NOT_BODIES = [
  'contact-create.request.json',
  'contact-delete.204.meta.json',
  'contacts-search.by-phone.2023.headers.json',
];

async function replyTo({
  path,
  init,
  contacts,
  calls,
  now,
  authorization,
}: Case): Promise<{ answer: Answer; origin: string }> {
  const time = now ?? FRESH;
  const empty = createCompanySeed({ name: 'acme', seed: 1, contacts: 0, calls: 0, now: time });
  const users = [{ id: 2_078_841, name: 'Agent One', email: 'agent.one@example.com', extension: '001' }];
  const lines = [
    { id: 1_389_850, name: 'Line', digits: '+1 984-555-0178', country: 'US', time_zone: 'America/Chicago' },
  ];
  const company = { ...empty, contacts: contacts ?? [], calls: calls ?? [], users, lines };
  const { sandbox, ask } = await setUp({ companies: [company], now: () => time });
  if (authorization === undefined) return { answer: await ask(path, init), origin: sandbox.origin };
  const headers = authorization === null ? {} : { Authorization: authorization };
  return { answer: await request(sandbox.baseUrl + path, { headers }), origin: sandbox.origin };
}

/** Types in place of values; keys keep their order, but for those of details, whose order varies in the recordings. */
function shapeOf(json: unknown): unknown {
  if (json === null) return 'null';
  if (Array.isArray(json)) return json.map(shapeOf);
  if (typeof json !== 'object') return typeof json;
  return Object.entries(ordered(json)).map(([key, value]) => [key, shapeOf(value)]);
}

function ordered(json: object): object {
  const entries = Object.entries(json);
  return 'label' in json ? Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))) : json;
}

function sample(file: string): string {
  return readFileSync(join(FOLDER, '..', file), 'utf8');
}

function recorded(file: string, origin: string): unknown {
  return JSON.parse(sample(`recorded/${file}`).replaceAll('https://api.aircall.io', origin));
}

describe('the sandbox against recordings of the real API', () => {
  test.each(CASES)('a reply is like $file', async each => {
    const { answer, origin } = await replyTo(each);
    const expected = recorded(each.file, origin);
    const { compare } = each;
    const actual = typeof compare === 'function' ? compare(answer.json) : answer.json;
    expect(answer.status).toBe(each.status);
    if (compare === 'exact' || compare === 'unordered') expect(actual).toEqual(expected);
    if (compare !== 'unordered') expect(shapeOf(actual)).toEqual(shapeOf(expected));
  });

  test('a transcription and a call with its contact are like the documented and the composed samples', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ intelligence: true });
    const call = acme.calls().find(each => each.recording !== null && each.user !== null && each.contact !== null);
    const transcription = (await ask(`/calls/${call?.id}/transcription`)).json;
    expect(shapeOf(transcription)).toEqual(shapeOf(JSON.parse(sample('documented/call-transcription.200.json'))));
    const composed = JSON.parse(sample('composed/call-get.fetch_contact-true.200.json'));
    const withContact = (await ask(`/calls/${call?.id}?fetch_contact=true`)).json;
    for (const part of ['call', 'contact', 'user', 'number'] as const) {
      const keys = (json: unknown) => Object.keys(Object(part === 'call' ? at(json, 'call') : at(json, 'call', part)));
      expect(keys(withContact)).toEqual(keys(composed));
    }
  });

  test('every recorded reply is compared', () => {
    const replies = readdirSync(FOLDER).filter(file => !file.startsWith('webhook') && !NOT_BODIES.includes(file));
    expect([...CASES.map(each => each.file)].sort()).toEqual(replies.sort());
  });

  test('deleting a contact answers 204 without body or content type, as recorded', async () => {
    const { ask } = await setUp({ now: () => FRESH, companies: [seedOf(fullShape.contacts)] });
    const answer = await ask('/contacts/518690461', { method: 'DELETE' });
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([204, '', null]);
  });

  test('no rate header is on a good reply, and contacts alone name their charset', async () => {
    const { ask } = await setUp();
    const contacts = await ask('/contacts/search?phone_number=%2B33639981234');
    const names = [...contacts.headers.keys()];
    expect(names.filter(name => name.startsWith('x-aircallapi') || name === 'retry-after')).toEqual([]);
    expect(contacts.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect((await ask('/calls')).headers.get('content-type')).toBe('application/json');
  });
});

function seedOf(contacts: readonly ContactRecord[]) {
  return { ...createCompanySeed({ name: 'acme', seed: 1, contacts: 0, calls: 0, now: FRESH }), contacts };
}
