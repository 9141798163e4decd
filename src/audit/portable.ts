/**
 * A history that anybody can replay without a key: its payloads decrypted, and each identity of the subject in them replaced
 * by a pseudonym, the same wherever it stands. Of a history's personal data there is no more than that (decision D7). An input
 * that was refused may hold anything anywhere: all of it goes.
 */
import { createHash } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { isEncrypted } from '../encryption/payload-codec';
import { InvalidInput, parseInput } from '../request/input';
import { KINDS, type Kind, WORKFLOW_TYPES } from '../request/names';
import { type History, historyToJson } from './history-json';

const HistoryMessage = temporal.api.history.v1.History;
const JSON_PLAIN = 'json/plain';
const DIGITS = 7;
/** Of failures: it names files of a machine and says nothing to whoever replays. */
const STACK = 'stack_trace';

/** Keyed, so that nobody who has the pseudonym can try addresses. */
export type Hash = (value: string) => string;

/** @returns JSON of the history, as `temporal workflow show --output json` prints it */
export async function portableHistory(history: History, codec: PayloadCodec, hash: Hash): Promise<string> {
  const copy = HistoryMessage.decode(HistoryMessage.encode(history).finish());
  const payloads = payloadsIn(copy);
  const sealed = payloads.filter(isEncrypted);
  const plain = await codec.decode(sealed);
  for (const [index, payload] of sealed.entries()) {
    const { metadata = {}, data = null } = plain[index] ?? {};
    Object.assign(payload, { metadata, data });
  }
  forgetRefused(copy, payloads);
  const names = pseudonymsOf(payloads, hash);
  for (const payload of payloads) {
    if (encodingOf(payload) !== JSON_PLAIN) continue;
    Object.assign(payload, { data: Buffer.from(JSON.stringify(renamed(jsonOf(payload), names))) });
  }
  nameProcesses(copy);
  return historyToJson(copy);
}

/** Nothing of an input that no request can have, wherever the history repeats it; what replays never looks into it. */
function forgetRefused({ events }: History, payloads: readonly Payload[]): void {
  const { workflowType, input } = events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
  const kind = KINDS.find(each => WORKFLOW_TYPES[each] === workflowType?.name);
  if (kind === undefined) return;
  const given = (input?.payloads ?? []).map(payload => Buffer.from(payload.data ?? []).toString());
  const [first = ''] = given;
  if (given.length === 1 && isGood(kind, first)) return;
  for (const payload of payloads)
    if (given.includes(Buffer.from(payload.data ?? []).toString()))
      Object.assign(payload, { metadata: { encoding: Buffer.from(JSON_PLAIN) }, data: REFUSED });
}

const REFUSED = Buffer.from('"an input that was refused"');

function isGood(kind: Kind, json: string): boolean {
  try {
    parseInput(kind, JSON.parse(json));
    return true;
  } catch (error) {
    if (error instanceof InvalidInput || error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Machines are nobody's business: each process keeps a number. */
function nameProcesses(value: unknown, processes = new Map<string, string>()): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  for (const [name, member] of Object.entries(value)) {
    if (name !== 'identity' || typeof member !== 'string') nameProcesses(member, processes);
    else if (member !== '') {
      processes.set(member, processes.get(member) ?? `process ${processes.size + 1}`);
      Object.assign(value, { identity: processes.get(member) });
    }
  }
}

/** Everything that names the subject, by what names it from now on. */
function pseudonymsOf(payloads: readonly Payload[], hash: Hash): Map<string, string> {
  const names = new Map<string, string>();
  for (const payload of payloads) {
    if (encodingOf(payload) !== JSON_PLAIN) continue;
    const subject = member(jsonOf(payload), 'subject');
    const email = member(subject, 'email');
    const phoneNumbers = member(subject, 'phoneNumbers');
    if (typeof email === 'string')
      names.set(email, `subject-${hash(`pseudonym ${email}`).slice(0, 12)}@example.invalid`);
    for (const number of Array.isArray(phoneNumbers) ? phoneNumbers : [])
      if (typeof number === 'string') names.set(number, numberFor(hash(`pseudonym ${number}`)));
  }
  return names;
}

/** A number that is nobody's, in the form of one. */
function numberFor(text: string): string {
  const digits = BigInt(`0x${createHash('sha256').update(text).digest('hex')}`).toString();
  return `+1555${digits.slice(0, DIGITS)}`;
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') {
    let text = value;
    for (const [name, pseudonym] of names) text = text.replaceAll(name, pseudonym);
    return text;
  }
  if (Array.isArray(value)) return value.map(each => renamed(each, names));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([name]) => name !== STACK);
  return Object.fromEntries(members.map(([name, each]) => [name, renamed(each, names)]));
}

function payloadsIn(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if (isPayload(value)) return [value];
  return Object.values(value).flatMap(payloadsIn);
}

function isPayload(value: object): value is Payload {
  return 'metadata' in value && typeof value.metadata === 'object' && value.metadata !== null && 'data' in value;
}

function encodingOf({ metadata }: Payload): string {
  return Buffer.from(metadata?.encoding ?? []).toString();
}

function jsonOf({ data }: Payload): unknown {
  return JSON.parse(Buffer.from(data ?? []).toString() || 'null');
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
