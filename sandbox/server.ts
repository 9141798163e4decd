/**
 * The HTTP side: checks the sender, applies faults and the limit, makes the answer and puts it on the wire.
 * It must never write a request to stdout: the log is kept in memory and read through the admin door.
 * Facts: docs/aircall.md 2 (refusals at the edge).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerAdmin } from './admin';
import { parseJson } from './check';
import type { CompanyState, LoggedRequest } from './company';
import type { FaultRule } from './faults';
import { refuseAsLimited } from './limits';
import { mediaFileOf, serveMedia } from './media';
import { answerOauthPage, answerToken } from './oauth';
import { findRoute } from './routes';
import { sabotage, send } from './sabotage';
import type { RequestLog, SandboxState } from './state';
import type { Reply } from './wire';

const BODY_BYTES_MAX = 1_000_000;

export async function handleRequest(
  state: SandboxState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const host = request.headers.host ?? '';
  const origin = /^[\w.:[\]-]+$/.test(host) ? `http://${host}` : state.origin();
  const url = new URL(request.url ?? '/', origin);
  const body = await readBody(request);
  if (url.pathname.startsWith('/_sandbox/')) {
    send(response, answerAdmin(state, request, url, body));
    return;
  }
  if (url.pathname.startsWith('/oauth/')) {
    send(response, answerOauthPage(request.method ?? 'GET', url, body, state.companies));
    return;
  }
  if (url.pathname.startsWith('/media/')) {
    return answerMedia(state, request, url, response);
  }
  return answerApi(
    state,
    { method: request.method ?? 'GET', url, origin, body, authorization: request.headers.authorization },
    response,
  );
}

async function answerMedia(
  state: SandboxState,
  { method = 'GET', headers }: IncomingMessage,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  const file = mediaFileOf(url.pathname);
  const company = state.companies.find(({ seed }) => seed.name === file?.company);
  const subject = { company: company?.seed.name ?? null, method, path: url.pathname, search: '' };
  const fault = state.pickMediaFault(subject);
  const entry = logRequest(state.mediaLog, { ...subject, at: state.now(), query: new URLSearchParams(), fault });
  const sound = file && company?.sound(file.callId, file.kind);
  const answer = () => serveMedia(url, headers.authorization, state.now(), sound);
  const revoke = () => company?.credentials.revoke();
  entry.status =
    fault === undefined ? send(response, answer()) : await sabotage(fault, response, answer, revoke, state.released);
}

interface ApiRequest {
  readonly method: string;
  readonly url: URL;
  readonly origin: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

async function answerApi(state: SandboxState, request: ApiRequest, response: ServerResponse): Promise<void> {
  const { method, url } = request;
  const { company, refusal } = identify(state.companies, request.authorization);
  const subject = { company: company?.seed.name ?? null, method, path: url.pathname, search: url.search };
  const fault = state.pickFault(subject);
  const entry = logRequest(state.log, { ...subject, at: state.now(), query: url.searchParams, fault });
  const limited = refusal === undefined ? limitOf(state, company) : undefined;
  // The credential is checked again: a fault may have revoked it.
  const refusalNow = () => identify(state.companies, request.authorization).refusal;
  const answer = () => limited ?? answerRoute(state, request, company, refusalNow());
  const revoke = () => company?.credentials.revoke();
  entry.status =
    fault === undefined ? send(response, answer()) : await sabotage(fault, response, answer, revoke, state.released);
}

const edge = (status: number, message: string): Reply => ({ status, json: { message } });

/** Unverified: the answer to a dead token; measured is 403 for a wrong API key. */
const deadCredential = (status: 401 | 403): Reply => edge(status, status === 401 ? 'Unauthorized' : 'Forbidden');

function identify(
  companies: readonly CompanyState[],
  authorization: string | undefined,
): { company?: CompanyState; refusal?: Reply } {
  if (authorization === undefined) return { refusal: edge(401, 'Unauthorized') };
  for (const company of companies) {
    const verdict = company.credentials.judge(authorization);
    if (verdict === 'good') return { company };
    if (verdict === 'refused') return { company, refusal: deadCredential(company.behaviour().deadToken) };
  }
  return { refusal: edge(403, 'Forbidden') };
}

function limitOf(state: SandboxState, company: CompanyState | undefined): Reply | undefined {
  const behaviour = company?.behaviour();
  const resetAt = behaviour === undefined ? undefined : company?.limiter.take(behaviour.rateLimit);
  return behaviour === undefined || resetAt === undefined
    ? undefined
    : refuseAsLimited(behaviour, resetAt, state.now());
}

function answerRoute(
  state: SandboxState,
  request: ApiRequest,
  company: CompanyState | undefined,
  refusal: Reply | undefined,
): Reply {
  const { method, url, origin, body } = request;
  if (method === 'POST' && url.pathname === '/v1/oauth/token') return answerToken(body, state.companies);
  const route = findRoute(method, url.pathname);
  if (route === undefined) return edge(404, 'Not Found');
  if (refusal !== undefined || company === undefined) return refusal ?? edge(403, 'Forbidden');
  return route({ company, origin, path: url.pathname, query: url.searchParams, body });
}

interface Arrival {
  readonly company: string | null;
  readonly method: string;
  readonly path: string;
  readonly at: number;
  readonly query: URLSearchParams;
  readonly fault: FaultRule | undefined;
}

function logRequest(log: RequestLog, { company, method, path, at, query, fault }: Arrival): { status: number | null } {
  const parameters = Object.fromEntries([...new Set(query.keys())].map(key => [key, query.getAll(key).join(',')]));
  log.count += 1;
  const entry = {
    number: log.count,
    at,
    company,
    method,
    path,
    query: parameters,
    status: null,
    fault: fault?.action ?? null,
  };
  const logged: LoggedRequest & { status: number | null } = entry;
  log.entries.push(logged);
  return logged;
}

/** A form if the content type is that of a form, JSON otherwise; undefined if it is absent, neither or too large. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  const source = Buffer.concat(chunks).toString();
  if (source === '' || size > BODY_BYTES_MAX) return undefined;
  if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(source));
  }
  try {
    return parseJson(source, 'body');
  } catch {
    return undefined;
  }
}
