/**
 * Puts a reply on the wire, soundly or as a fault demands.
 * A fault must never depend on timing: the rule alone decides which bytes reach the client.
 */
import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRecord } from './check';
import type { FaultRule } from './faults';
import type { Body, Reply } from './wire';

const PAGE =
  '<!DOCTYPE html><html><head><title>Aircall</title></head><body><h1>Something went wrong</h1></body></html>';
const NOWHERE = 'https://login.invalid/';

/** The status that was sent; null if the connection broke or stays silent. */
export type Sent = number | null;

export function send(response: ServerResponse, reply: Reply): Sent {
  const { status, headers, body } = encode(reply);
  response.writeHead(status, headers);
  if (reply.body === undefined) response.end(Buffer.concat([...body.chunks()]));
  // Its error is that of a client that left.
  else pipeline(Readable.from(body.chunks(), { highWaterMark: 1 }), response, () => {});
  return status;
}

function drop(response: ServerResponse): Sent {
  response.destroy();
  return null;
}

function encode({ status, json, text, body: given, headers }: Reply): {
  status: number;
  headers: Record<string, string | number>;
  body: Body;
} {
  const body = given ?? bodyOfText(text ?? (json === undefined ? '' : JSON.stringify(json)));
  const type = json === undefined ? 'text/html' : 'application/json';
  const described = body.sizeBytes === 0 ? {} : { 'Content-Type': type, 'Content-Length': body.sizeBytes };
  return { status, headers: { ...described, ...(body.sizeBytes === 0 ? withoutType(headers) : headers) }, body };
}

function bodyOfText(text: string): Body {
  const bytes = Buffer.from(text);
  return { sizeBytes: bytes.length, chunks: () => (bytes.length === 0 ? [] : [bytes]) };
}

function withoutType(headers: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name !== 'Content-Type'));
}

/**
 * `answer` applies the request's effect and must be called at most once; `revoke` ends the credentials of the sender;
 * `released` resolves when the sandbox releases the replies that it holds.
 */
export async function sabotage(
  rule: FaultRule,
  response: ServerResponse,
  answer: () => Reply,
  revoke: () => void,
  released: () => Promise<void>,
): Promise<Sent> {
  switch (rule.action) {
    case 'status':
      return send(response, { status: rule.status ?? 500, ...bodyOf(rule), headers: rule.headers ?? {} });
    case 'drop':
      return drop(response);
    case 'drop-after':
      answer();
      return drop(response);
    case 'truncate':
      return truncate(response, answer());
    case 'malformed':
      return send(response, {
        status: 200,
        text: '{"calls":[{"id":41867',
        headers: { 'Content-Type': 'application/json' },
      });
    case 'html':
      return send(response, { status: 200, text: PAGE });
    case 'wrong-shape':
      return send(response, { status: 200, json: { data: { items: [] }, success: true } });
    case 'bad-record':
      return send(response, spoilRecord(answer()));
    case 'deep-record':
      return send(response, deepenRecord(answer()));
    case 'wrong-total':
      return send(response, changeList(answer(), { total: rule.total ?? 0 }));
    case 'many-rows':
      return send(response, changeList(answer(), { rows: rule.rows ?? 0 }));
    case 'redirect':
      return send(response, { status: 302, headers: { Location: rule.location ?? NOWHERE } });
    case 'oversize':
      return pour(response);
    case 'delay':
      await sleep(rule.delayMs ?? 0, undefined, { ref: false });
      return send(response, answer());
    case 'hold':
      await released();
      return send(response, rule.status === undefined ? answer() : { status: rule.status, ...bodyOf(rule) });
    case 'hold-body':
      return sendInParts(response, answer(), 2, released);
    case 'slow':
      return sendInParts(response, answer(), 8, () => sleep(rule.delayMs ?? 0, undefined, { ref: false }));
    case 'hang':
      return null;
    case 'revoke':
      revoke();
      return send(response, answer());
  }
}

function bodyOf({ status, body }: FaultRule): Pick<Reply, 'json' | 'text'> {
  if (body === 'html') return { text: PAGE };
  return body === 'empty' ? {} : { json: { error: `Sandbox fault ${status}`, troubleshoot: 'SANDBOX_FAULT' } };
}

/** Promises the whole body and sends its first half; a reply without a body just breaks off. */
async function truncate(response: ServerResponse, reply: Reply): Promise<Sent> {
  if (encode(reply).body.sizeBytes === 0) return drop(response);
  return sendInParts(response, reply, 2, async () => void response.destroy());
}

/** Sends a body in as many parts of about one size, and calls `between` before each but the first. */
async function sendInParts(
  response: ServerResponse,
  reply: Reply,
  count: number,
  between: () => Promise<void>,
): Promise<Sent> {
  const { status, headers, body } = encode(reply);
  if (body.sizeBytes === 0) return send(response, reply);
  response.writeHead(status, headers);
  const partBytes = Math.max(1, Math.floor(body.sizeBytes / count));
  let left = partBytes;
  for (const chunk of body.chunks()) {
    for (let from = 0; from < chunk.length; ) {
      if (left === 0) {
        await between();
        left = partBytes;
      }
      if (response.destroyed) return status;
      const piece = chunk.subarray(from, from + left);
      await new Promise<void>(resolve => {
        response.once('close', resolve);
        response.write(piece, () => {
          response.off('close', resolve);
          resolve();
        });
      });
      from += piece.length;
      left -= piece.length;
    }
  }
  response.end();
  return status;
}

/** A body that never ends, as fast as the client reads. */
function pour(response: ServerResponse): Sent {
  const chunk = Buffer.alloc(65_536, ' ');
  response.writeHead(200, { 'Content-Type': 'application/json' });
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  response.write('{"contacts":[');
  more();
  return 200;
}

/** The first record of a list, or the only one, gets a field of a wrong type. */
function spoilRecord(reply: Reply): Reply {
  const { json } = reply;
  if (!isRecord(json)) return reply;
  const spoil = (record: unknown, name: string) =>
    isRecord(record) ? { ...record, ...(name.startsWith('contact') ? { emails: 'x' } : { raw_digits: 7 }) } : record;
  const spoiled = Object.entries(json).map(([name, value]) => {
    if (name === 'meta') return [name, value];
    return [
      name,
      Array.isArray(value)
        ? value.map((each: unknown, index) => (index === 0 ? spoil(each, name) : each))
        : spoil(value, name),
    ];
  });
  return { ...reply, json: Object.fromEntries(spoiled) };
}

const LEVELS = 20_000;

/** The first record of a list, or the only one, gets a field of lists within lists, deeper than a recursion goes. */
function deepenRecord(reply: Reply): Reply {
  const deep = `"deep":${'['.repeat(LEVELS)}"bottom"${']'.repeat(LEVELS)},"id":`;
  const { json, ...others } = reply;
  const headers = { ...others.headers, 'Content-Type': 'application/json' };
  return { ...others, headers, text: JSON.stringify(json ?? null).replace('"id":', deep) };
}

/** A list with another total, or with so many empty rows; other replies stay. */
function changeList(reply: Reply, { total, rows }: { readonly total?: number; readonly rows?: number }): Reply {
  const { json } = reply;
  if (!isRecord(json) || !isRecord(json.meta)) return reply;
  const meta = { ...json.meta, ...(total !== undefined && { total }) };
  const changed = Object.entries(json).map(([name, value]) => [
    name,
    rows !== undefined && Array.isArray(value) ? Array.from({ length: rows }, () => ({})) : value,
  ]);
  return { ...reply, json: { ...Object.fromEntries(changed), meta } };
}
