/** From a reply's JSON to records: what was recorded from Aircall fits, unknown fields stay, a bad row harms no other. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENDPOINTS } from '../../src/aircall/endpoints';
import { AircallError } from '../../src/aircall/errors';
import { readPage, readRecord } from '../../src/aircall/replies';
import { callSchema, contactSchema, pongSchema, tokenSchema } from '../../src/aircall/schemas';

const RECORDED = join(__dirname, '../fixtures/aircall-samples/recorded');
const json = (name: string): unknown => JSON.parse(readFileSync(join(RECORDED, name), 'utf8'));
const named = (pattern: RegExp) => readdirSync(RECORDED).filter(name => pattern.test(name));

function member(body: unknown, key: string): unknown {
  return typeof body === 'object' && body !== null
    ? Object.entries(body).find(([name]) => name === key)?.[1]
    : undefined;
}

const meta = { count: 3, total: 3, current_page: 1, per_page: 50, next_page_link: null, previous_page_link: null };
const contact = {
  id: 1,
  emails: [{ id: 9, label: 'Work', value: 'anna@example.com' }],
  phone_numbers: [],
  favourite: 'tea',
};
const call = { id: 1, started_at: 1_790_603_050, raw_digits: '+1 415-555-0123', contact: null, mood: { of: 'agent' } };

const LISTS = [
  ['contacts', /^contacts-(list|search).*200\.json$/, ENDPOINTS.searchContacts, contactSchema, 5],
  ['calls', /^calls-.*200\.json$/, ENDPOINTS.listCalls, callSchema, 5],
] as const;

describe.each(LISTS)('pages of %s that were recorded', (key, pattern, endpoint, schema, pages) => {
  test('are read whole, every field of every record kept', () => {
    const files = named(pattern);
    expect(files.length).toBeGreaterThanOrEqual(pages);
    let rows = 0;
    for (const file of files) {
      const body = json(file);
      const page = readPage<unknown>(endpoint, schema, body);
      expect(page).toMatchObject({ unreadable: [], unnamed: 0, total: member(member(body, 'meta'), 'total') });
      expect(page.records).toEqual(member(body, key));
      expect(page.ids).toHaveLength(page.rows);
      rows += page.rows;
    }
    expect(rows).toBeGreaterThan(2);
  });
});

test('contacts recorded one by one are read whole', () => {
  const files = named(/^contact-(get|create|update-POST)\.200\.json$/);
  expect(files).toHaveLength(3);
  for (const file of files) {
    const body = json(file);
    expect(readRecord<unknown>(ENDPOINTS.getContact, contactSchema, body)).toEqual(member(body, 'contact'));
  }
});

test('a recorded ping is one', () => {
  expect(readRecord(ENDPOINTS.ping, pongSchema, json('ping.200.json'))).toEqual({ ping: 'pong' });
});

const values = (count: number) => Array.from({ length: count }, () => ({ value: 'x' }));

const BAD_CONTACTS = [
  ['more addresses than a contact can have', { ...contact, id: 2, emails: values(101) }],
  ['more numbers than a contact can have', { ...contact, id: 2, phone_numbers: values(101) }],
  ['addresses that are no list', { ...contact, id: 2, emails: 'x' }],
  ['an address that is a number', { ...contact, id: 2, emails: [{ value: 7 }] }],
  ['numbers that are no list', { ...contact, id: 2, phone_numbers: {} }],
] as const;

test.each(BAD_CONTACTS)('a contact with %s is counted and named, and the others are delivered', (_, bad) => {
  const body = { contacts: [contact, bad, { ...contact, id: 3 }], meta };
  expect(readPage(ENDPOINTS.searchContacts, contactSchema, body)).toEqual({
    records: [contact, { ...contact, id: 3 }],
    ids: [1, 2, 3],
    unreadable: [2],
    unnamed: 0,
    rows: 3,
    total: 3,
  });
});

const BAD_CALLS = [
  ['digits that are a number', { ...call, id: 2, raw_digits: 7 }],
  ['a contact without an id', { ...call, id: 2, contact: { first_name: 'Anna' } }],
  ['a start that is a text', { ...call, id: 2, started_at: '2026-09-28' }],
] as const;

test.each(BAD_CALLS)('a call with %s is counted and named, and the others are delivered', (_, bad) => {
  const page = readPage(ENDPOINTS.listCalls, callSchema, { calls: [bad, call], meta });
  expect(page).toMatchObject({ records: [call], ids: [2, 1], unreadable: [2], unnamed: 0, rows: 2 });
});

test.each([null, 'x', 7, [], {}, { id: null }, { id: '5' }, { id: 1.5 }, { id: -1 }])(
  'a row that is %j has no id and is counted as unnamed',
  row => {
    const page = readPage(ENDPOINTS.listCalls, callSchema, { calls: [row, call], meta });
    expect(page).toMatchObject({ records: [call], ids: [1], unreadable: [], unnamed: 1, rows: 2 });
  },
);

test.each([
  null,
  'text',
  [],
  {},
  { contacts: [] },
  { meta },
  { contacts: {}, meta },
  { contacts: [], meta: {} },
  { contacts: [], meta: { total: '3' } },
  { contacts: [], meta: { total: -1 } },
  { calls: [], meta },
  { data: { items: [] }, success: true },
])('a list of contacts that comes as %j is an unexpected reply, not an empty list', body => {
  expect(() => readPage(ENDPOINTS.searchContacts, contactSchema, body)).toThrow(AircallError);
  expect(() => readPage(ENDPOINTS.searchContacts, contactSchema, body)).toThrow('contact search: the reply does not');
});

test('a token reply without a token is an unexpected reply, and one with all of it is honoured', () => {
  expect(() => readRecord(ENDPOINTS.token, tokenSchema, { token_type: 'Bearer' })).toThrow(AircallError);
  const full = { access_token: 'a', refresh_token: 'r', expires_in: 7_200, created_at: 1 };
  expect(readRecord(ENDPOINTS.token, tokenSchema, full)).toEqual(full);
});

test('a token reply that names what it does not give is good: a permanent token', () => {
  const permanent = { access_token: 'a', refresh_token: null, expires_in: null };
  expect(readRecord(ENDPOINTS.token, tokenSchema, permanent).access_token).toBe('a');
});

test('a contact with as many addresses and numbers as are read is read', () => {
  const full = { ...contact, emails: values(100), phone_numbers: values(100) };
  expect(readPage(ENDPOINTS.searchContacts, contactSchema, { contacts: [full], meta }).records).toEqual([full]);
});

test('of a contact with too many values, none is looked at', () => {
  const looked = jest.fn();
  const emails = values(101).map(value => Object.defineProperty(value, 'value', { get: looked, enumerable: true }));
  expect(contactSchema.safeParse({ ...contact, emails }).success).toBe(false);
  expect(looked).not.toHaveBeenCalled();
});

test('a page with more rows than a page has is an unexpected reply, and none of its rows is looked at', () => {
  const looked = jest.fn();
  const row = Object.defineProperty({}, 'id', { get: looked, enumerable: true });
  const page = (rows: number) => () =>
    readPage(ENDPOINTS.listCalls, callSchema, { calls: Array.from({ length: rows }, () => row), meta });
  expect(page(51)).toThrow('call list: the reply does not');
  expect(looked).not.toHaveBeenCalled();
  expect(page(50)().unnamed).toBe(50);
});

test('a count that no company has is an unexpected reply', () => {
  const page = (total: number) => () =>
    readPage(ENDPOINTS.listCalls, callSchema, { calls: [], meta: { ...meta, total } });
  expect(page(100_000_000)().total).toBe(100_000_000);
  for (const total of [100_000_001, Number.MAX_SAFE_INTEGER, 1e300]) expect(page(total)).toThrow(AircallError);
});
