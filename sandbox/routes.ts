/**
 * The endpoints, one row each: method, path, answer. Only `/v1` is here; refusals at the edge are in server.ts.
 * A search must ignore a parameter that Aircall does not know: an unknown filter returns every shared contact.
 * Facts: docs/aircall.md 2, 4, 6, 7.
 */
import { INTELLIGENCE } from './behaviour';
import { isRecord } from './check';
import { type CompanyState, sharedOnly } from './company';
import type { ContactInput, DetailInput } from './contacts';
import { answerIntelligence } from './intelligence';
import { answerPage, type Listing, wholeNumber } from './pages';
import { renderContact, TAGS } from './render';
import type { CallRecord, ContactRecord, Reply } from './wire';

export interface RouteContext {
  readonly company: CompanyState;
  readonly origin: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** The `:id` of the path; NaN if it is no number. */
  readonly id: number;
  /** The last part of the path. */
  readonly leaf: string;
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  answer(context: RouteContext): Reply;
}

const ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/v1\/ping$/, answer: () => ok({ ping: 'pong' }) },
  { method: 'GET', path: /^\/v1\/company$/, answer: answerCompany },
  { method: 'GET', path: /^\/v1\/tags$/, answer: answerTags },
  { method: 'GET', path: /^\/v1\/contacts$/, answer: context => answerContacts(context, false) },
  { method: 'POST', path: /^\/v1\/contacts$/, answer: createContact },
  { method: 'GET', path: /^\/v1\/contacts\/search$/, answer: context => answerContacts(context, true) },
  { method: 'GET', path: /^\/v1\/contacts\/([^/]+)$/, answer: context => withContact(context, each => each) },
  { method: 'POST', path: /^\/v1\/contacts\/([^/]+)$/, answer: updateContact },
  { method: 'DELETE', path: /^\/v1\/contacts\/([^/]+)$/, answer: deleteContact },
  { method: 'GET', path: /^\/v1\/calls$/, answer: context => answerCalls(context, false) },
  { method: 'GET', path: /^\/v1\/calls\/search$/, answer: context => answerCalls(context, true) },
  { method: 'GET', path: /^\/v1\/calls\/([^/]+)$/, answer: getCall },
  { method: 'DELETE', path: /^\/v1\/calls\/([^/]+)\/(recording|voicemail)$/, answer: deleteMedia },
  {
    method: 'GET',
    path: new RegExp(`^/v1/calls/([^/]+)/(${INTELLIGENCE.join('|')})$`),
    answer: context => withCall(context, call => answerIntelligence(context.company, call, context.leaf)),
  },
];

/** The route of a request, or undefined if Aircall has no such route. */
export function findRoute(
  method: string,
  path: string,
): ((context: Omit<RouteContext, 'id' | 'leaf'>) => Reply) | undefined {
  for (const route of ROUTES) {
    const match = route.method === method ? route.path.exec(path) : null;
    if (match === null) continue;
    const [, id = '', leaf = ''] = match;
    return context => route.answer({ ...context, id: /^\d{1,15}$/.test(id) ? Number(id) : Number.NaN, leaf });
  }
  return undefined;
}

function ok(json: unknown): Reply {
  return { status: 200, json };
}

/** Unverified: the bodies of the service's own refusals; the shape is the documented pair. */
export function refuse(status: number, error: string, troubleshoot: string): Reply {
  return { status, json: { error, troubleshoot } };
}

function answerCompany({ company: { seed } }: RouteContext): Reply {
  return ok({ company: { name: seed.name, users_count: seed.users.length, numbers_count: seed.lines.length } });
}

function answerTags(context: RouteContext): Reply {
  return answerPage(listing(context, 'tags', {}), TAGS, tag => tag);
}

/** The parameters of the list; filters are linked unless the company's links lose them. */
function listing(
  { company, origin, path, query }: RouteContext,
  name: Listing['name'],
  linked: Record<string, string>,
  filters: readonly string[] = [],
): Listing {
  const sent = ['from', 'to', ...(company.behaviour().linksDropFilters ? [] : filters)];
  const kept = Object.fromEntries([...query].filter(([key]) => sent.includes(key)));
  return { name, url: origin + path, query, linked: { ...linked, ...kept } };
}

function seconds(query: URLSearchParams, name: string, absent: number): number {
  return wholeNumber(query.get(name)) ?? absent;
}

function answerContacts(context: RouteContext, search: boolean): Reply {
  const { company, query, origin } = context;
  const orderBy = query.get('order_by') === 'updated_at' ? 'updated_at' : 'created_at';
  const from = seconds(query, 'from', 0);
  const to = seconds(query, 'to', Infinity);
  const found = search
    ? company.contacts.search(
        { email: query.get('email'), phoneNumber: query.get('phone_number') },
        company.behaviour(),
      )
    : company.contacts.shared();
  const rows = found
    .filter(each => each.created_at >= from && each.created_at <= to)
    .sort((a, b) => a[orderBy] - b[orderBy] || a.id - b.id);
  const list = listing(context, 'contacts', { order_by: orderBy }, search ? ['email', 'phone_number'] : []);
  return charset(answerPage(list, rows, each => renderContact(each, `${origin}/v1`)));
}

/** The contact service names its charset, the others do not. */
function charset(reply: Reply): Reply {
  return { ...reply, headers: { 'Content-Type': 'application/json; charset=utf-8' } };
}

const GONE = refuse(404, 'Not Found', 'The contact does not exist.');

function withContact(context: RouteContext, use: (contact: ContactRecord) => ContactRecord | undefined): Reply {
  const { company, id, origin } = context;
  if (company.behaviour().refuseContacts.includes(id))
    return charset(refuse(403, 'Forbidden', 'This contact may not be accessed.'));
  const found = sharedOnly(company.contacts.get(id));
  const contact = found === undefined ? undefined : use(found);
  return charset(contact === undefined ? GONE : ok({ contact: renderContact(contact, `${origin}/v1`) }));
}

function deleteContact(context: RouteContext): Reply {
  const { company, id } = context;
  const reply = withContact(context, contact => {
    company.contacts.remove(contact.id);
    return contact;
  });
  const again = reply.status === 404 && company.contacts.isDeleted(id) && company.behaviour().deleteTwice === 204;
  return reply.status === 200 || again ? { status: 204 } : reply;
}

function updateContact(context: RouteContext): Reply {
  return withContact(context, ({ id }) => context.company.contacts.update(id, readScalars(context.body)));
}

function createContact({ company, body, origin }: RouteContext): Reply {
  const phoneNumbers = readDetails(body, 'phone_numbers');
  const emails = readDetails(body, 'emails');
  if (phoneNumbers === undefined || phoneNumbers.length === 0 || emails === undefined) {
    return charset(
      refuse(400, 'Invalid payload', 'phone_numbers is mandatory; each detail needs a label and a value.'),
    );
  }
  const contact = company.contacts.add({ ...readScalars(body), phone_numbers: phoneNumbers, emails });
  return charset(ok({ contact: renderContact(contact, `${origin}/v1`) }));
}

function readScalars(body: unknown): ContactInput {
  const names = ['first_name', 'last_name', 'information', 'company_name'] as const;
  return Object.fromEntries(
    names.flatMap(name => {
      const value = isRecord(body) ? body[name] : undefined;
      return typeof value === 'string' || value === null ? [[name, value]] : [];
    }),
  );
}

/** Empty if absent, undefined if unusable. */
function readDetails(body: unknown, name: string): DetailInput[] | undefined {
  const given = isRecord(body) ? (body[name] ?? []) : undefined;
  if (!Array.isArray(given)) return undefined;
  const details = given.flatMap((each: unknown) =>
    isRecord(each) && typeof each.label === 'string' && typeof each.value === 'string'
      ? [{ label: each.label, value: each.value }]
      : [],
  );
  return details.length === given.length ? details : undefined;
}

function answerCalls(context: RouteContext, search: boolean): Reply {
  const { company, query } = context;
  const filtered = search && company.behaviour().search !== 'ignores-filter';
  const filter = (name: string) => (filtered && query.get(name) !== '' ? query.get(name) : null);
  const rows = company.calls.search({
    from: seconds(query, 'from', 0),
    to: seconds(query, 'to', Infinity),
    phoneNumber: filter('phone_number'),
    direction: filter('direction'),
    userId: wholeNumber(filter('user_id')) ?? null,
    tagIds: filtered ? query.getAll('tags[]').map(Number) : [],
  });
  const list = listing(context, 'calls', {}, search ? ['phone_number', 'direction', 'user_id'] : []);
  return answerPage(list, rows, call => renderOne(context, call));
}

/** Only the text `true` switches a flag on. */
function renderOne({ company, query, origin }: RouteContext, call: CallRecord): unknown {
  return company.renderCall(call, {
    origin,
    contact: query.get('fetch_contact') === 'true',
    shortUrls: query.get('fetch_short_urls') === 'true',
  });
}

function withCall({ company, id }: RouteContext, use: (call: CallRecord) => Reply): Reply {
  const call = company.calls.get(id);
  return call === undefined ? refuse(404, 'Not Found', 'The call does not exist.') : use(call);
}

function getCall(context: RouteContext): Reply {
  return withCall(context, call => ok({ call: renderOne(context, call) }));
}

function deleteMedia(context: RouteContext): Reply {
  const { company, leaf } = context;
  return withCall(context, ({ id }) => {
    company.calls.setMedia(id, leaf === 'voicemail' ? 'voicemail' : 'recording', false);
    const status = company.behaviour().mediaDeleteStatus;
    return status === 204 ? { status } : { status, json: {} };
  });
}
