/**
 * A history that anyone can replay without a key: its payloads decrypted, and each identity of the subject in them replaced
 * by a pseudonym, the same at every place (decision D7). An allow list names the kept texts. Everything else is blank: texts
 * that others wrote into a run, and fields of later versions of Temporal. Nothing stays of a refused input.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { inputFor } from '../request/addressed';
import { ApprovalRefused, approvalIn, rejectionIn } from '../request/approval';
import { ALARMS, ExtensionRefused, extensionIn } from '../request/clock';
import { isEndCode } from '../request/handling';
import { InvalidInput, parseInput } from '../request/input';
import { STATUSES } from '../request/model';
import {
  APPROVE,
  CREDENTIALS_UPDATED,
  EXTEND,
  isChildId,
  KINDS,
  type Kind,
  NAME_PATTERN,
  REJECT,
  type RequestRef,
  requestBehind,
  SEARCH_ATTRIBUTES,
  WORKFLOW_NAMES,
  WORKFLOW_TYPES,
} from '../request/names';
import { bytesOf, encodingOf, isPayload, JSON_PLAIN, json, jsonIn, payloadsIn } from './history';
import { type History, historyToJson } from './history-json';
import { isLockedOut, LOCKED_OUT, openAsWorker } from './opened';

const HistoryMessage = temporal.api.history.v1.History;
const DIGITS = 7;

const SDK_ID = /^\d{1,9}$/;
const ACTIVITY_TYPE = /^[A-Za-z]{1,64}$/;
/** The name of a patch. */
const PATCH = /^[a-z-]{1,64}$/;

/** Keyed, so that nobody can find the address of a pseudonym by trial. */
export type Hash = (value: string) => string;

/**
 * @returns JSON of the history, as `temporal workflow show --output json` prints it
 * @throws {KeyringError} `unknown-key`; {PayloadBroken} `wrong-key`
 */
export async function portableHistory(history: History, codec: PayloadCodec, hash: Hash): Promise<string> {
  const copy = HistoryMessage.decode(HistoryMessage.encode(history).finish());
  const run = factsOf(copy, codec);
  const events: unknown[] = [];
  for (const event of copy.events) events.push(await keptOf(event, run, ''));
  const kept = HistoryMessage.fromObject({ events });
  const payloads = payloadsIn(kept);
  forgetRefused(kept, payloads);
  const names = pseudonymsOf(payloads, hash);
  for (const payload of payloads)
    if (encodingOf(payload) === JSON_PLAIN) Object.assign(payload, { data: bytesOf(renamed(jsonIn(payload), names)) });
  return historyToJson(kept);
}

/** Facts that decide whether a text of a history is one of ours. */
interface RunFacts {
  readonly codec: PayloadCodec;
  readonly workflowId: string;
  readonly request: RequestRef | undefined;
  readonly taskQueue: string;
  /** Names of machines and update ids of starters are confidential: each becomes a number. */
  readonly numbers: { readonly process: Map<string, number>; readonly update: Map<string, number> };
}

function factsOf(history: History, codec: PayloadCodec): RunFacts {
  const { workflowId, taskQueue } = history.events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
  return {
    codec: isLockedOut(history) ? LOCKED_OUT : codec,
    workflowId: workflowId ?? '',
    request: requestBehind(workflowId ?? ''),
    taskQueue: taskQueue?.name ?? '',
    numbers: { process: new Map(), update: new Map() },
  };
}

type Text = (text: string, run: RunFacts) => boolean | string;

const like =
  (pattern: RegExp): Text =>
  text =>
    pattern.test(text);
const uuid = like(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const ofSdk = like(SDK_ID);
/** The service's main task queue, or that of a connection. */
const queue: Text = (text, { taskQueue }) =>
  text === taskQueue || (text.startsWith(`${taskQueue}/`) && NAME_PATTERN.test(text.slice(taskQueue.length + 1)));
/** The run itself, its parent or a child. */
const related: Text = (text, { workflowId }) => `${workflowId}:`.startsWith(`${text}:`) || isChildId(workflowId, text);
const numbered =
  (what: keyof RunFacts['numbers']): Text =>
  (text, { numbers }) => {
    const known = numbers[what];
    const number = known.get(text) ?? known.size + 1;
    known.set(text, number);
    return `${what} ${number}`;
  };
const update = numbered('update');

/** Kept or replaced texts, by their name, or by the names of parent and member; all others are left out. */
const TEXTS: Readonly<Record<string, Text>> = {
  workflowId: related,
  /** Without one a replay knows no parent; its name is of the deployment. */
  parentWorkflowNamespace: () => 'default',
  runId: uuid,
  originalExecutionRunId: uuid,
  firstExecutionRunId: uuid,
  baseRunId: uuid,
  newRunId: uuid,
  requestId: uuid,
  activityId: ofSdk,
  timerId: ofSdk,
  'workflowType.name': text => WORKFLOW_NAMES.some(name => name === text),
  'activityType.name': like(ACTIVITY_TYPE),
  'taskQueue.name': queue,
  'taskQueue.normalName': queue,
  'input.name': text => [EXTEND, APPROVE, REJECT].includes(text),
  signalName: text => (text === CREDENTIALS_UPDATED ? text : 'another'),
  markerName: like(/^core_[a-z_]{1,32}$/),
  type: isEndCode,
  identity: numbered('process'),
  updateId: update,
  protocolInstanceId: update,
  acceptedRequestMessageId: (text, run) => `${update(text.replace(/\/request$/, ''), run)}/request`,
  fairnessKey: (text, { request }) => text === request?.requestId,
  sdkName: like(/^temporal-[a-z]{1,32}$/),
  sdkVersion: like(/^[\d.]{1,32}$/),
  buildId: like(/^@temporalio\/worker@[\w.+-]{1,100}$/),
};

/** Objects whose members are copied; other objects are left out. */
const COPIED_OBJECTS = new Set([
  ...['workflowType', 'activityType', 'taskQueue', 'workflowExecution', 'parentWorkflowExecution'],
  ...['rootWorkflowExecution', 'retryPolicy', 'priority', 'sdkMetadata', 'coreUsedFlags', 'langUsedFlags'],
  ...['workerVersion', 'acceptedRequest', 'meta', 'outcome', 'failure', 'lastFailure', 'cause'],
  ...['applicationFailureInfo', 'timeoutFailureInfo', 'canceledFailureInfo', 'terminatedFailureInfo'],
  ...['serverFailureInfo', 'resetWorkflowFailureInfo', 'activityFailureInfo', 'childWorkflowExecutionFailureInfo'],
  ...['input', 'args', 'result', 'success', 'details', 'lastHeartbeatDetails', 'data', 'patch-data', 'payloads'],
  ...['searchAttributes', 'indexedFields', 'TemporalChangeVersion', ...Object.keys(SEARCH_ATTRIBUTES)],
]);
const ATTRIBUTES = /^[a-zA-Z]+EventAttributes$/;
/** No workflow of ours reads their content. */
const SIGNALED = 'workflowExecutionSignaledEventAttributes';

/** @param within the member that contains it */
async function keptOf(value: object, run: RunFacts, within: string): Promise<Record<string, unknown>> {
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const found = await keptMember(name, member, run, within);
    if (found !== undefined) kept[name] = found;
  }
  return kept;
}

async function keptMember(name: string, member: unknown, run: RunFacts, within: string): Promise<unknown> {
  if (typeof member === 'string') {
    const text = (TEXTS[`${within}.${name}`] ?? TEXTS[name])?.(member, run) ?? false;
    return text === true ? member : text || undefined;
  }
  if (isScalar(member)) return member;
  if (typeof member !== 'object' || member === null) return undefined;
  const known = COPIED_OBJECTS.has(name) || ATTRIBUTES.test(name);
  if (!known || (within === SIGNALED && name === 'input')) return undefined;
  if (isPayload(member)) return keptPayload(name, member, run);
  if (name !== 'payloads') return Array.isArray(member) ? member.filter(isScalar) : keptOf(member, run, name);
  const payloads = (Array.isArray(member) ? member : []).filter(isPayload);
  const some = within === 'args' ? payloads.slice(0, 1) : payloads;
  const kept = await Promise.all(some.map(payload => keptPayload(within, payload, run)));
  return kept.filter(payload => payload !== undefined);
}

/** Numbers, also long ones, instants and durations (two numbers each), and empty values: they hold no text. */
function isScalar(value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'boolean') return true;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  const names = Object.keys(value);
  return names.every(name => SCALAR_PARTS.includes(name)) && Object.values(value).every(isScalar);
}

const SCALAR_PARTS = ['seconds', 'nanos', 'low', 'high', 'unsigned'];

/** By the name of the parent. */
async function keptPayload(holder: string, payload: Payload, run: RunFacts): Promise<Payload | undefined> {
  switch (holder) {
    case 'input':
    case 'result':
    case 'success':
      return openAsWorker(payload, run.codec);
    case 'args':
      return json(updateOf(jsonIn(await openAsWorker(payload, run.codec)), run));
    case 'details':
    case 'lastHeartbeatDetails':
      return json(countsIn(jsonIn(await openAsWorker(payload, run.codec))));
    case 'data':
    case 'patch-data':
      return json(noteIn(jsonIn(payload)));
    default:
      return searchAttribute(holder, payload, run);
  }
}

/** The input of an update: what a request reads of it. */
function updateOf(value: unknown, { workflowId }: RunFacts): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {};
  const known = readBy(approvalIn, value) ?? readBy(rejectionIn, value) ?? readBy(extensionIn, value);
  return known === undefined ? {} : { ...(member(value, 'workflowId') === workflowId && { workflowId }), ...known };
}

function readBy<T>(read: (value: object) => T, value: object): T | undefined {
  try {
    return read(value);
  } catch (error) {
    if (error instanceof ExtensionRefused || error instanceof ApprovalRefused) return undefined;
    throw error;
  }
}

/**
 * What the SDK notes of a local activity or a patch. Nobody encrypts it: anybody who reaches the server can write such a
 * note, so that only numbers and names of its known shape are kept.
 */
function noteIn(value: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(NOTES).flatMap(([name, isKnown]) => {
      const noted = member(value, name);
      return isKnown(noted) ? [[name, noted]] : [];
    }),
  );
}

const isText = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value);
const isTime = (value: unknown) => value === null || isScalar(value);

const NOTES: Readonly<Record<string, (value: unknown) => boolean>> = {
  seq: isScalar,
  attempt: isScalar,
  activity_id: isText(SDK_ID),
  activity_type: isText(ACTIVITY_TYPE),
  complete_time: isTime,
  backoff: isTime,
  original_schedule_time: isTime,
  id: isText(PATCH),
  deprecated: isScalar,
};

const COUNTS = ['apiRequests', 'credentialVersion', 'sent', 'uncertain'];

/** The record of a step's attempts. */
function countsIn(value: unknown): Record<string, unknown> {
  const counts = COUNTS.map(name => [name, member(value, name)] as const).filter(([, count]) => isScalar(count));
  return Object.fromEntries(counts);
}

type Attribute = keyof typeof SEARCH_ATTRIBUTES | 'TemporalChangeVersion';

function searchAttribute(name: string, payload: Payload, { request }: RunFacts): Payload | undefined {
  const value = jsonIn(payload);
  const rules = {
    DsrKind: text => text === request?.kind,
    DsrConnection: text => text === request?.connection,
    DsrStatus: text => STATUSES.some(status => status === text),
    DsrSubject: text => /^[0-9a-f]{32}$/.test(text),
    DsrDueAt: text => /^[\d:.TZ-]{10,32}$/.test(text),
    DsrAlarm: text => ALARMS.some(alarm => alarm === text),
    TemporalChangeVersion: text => PATCH.test(text),
  } satisfies Record<Attribute, (text: string) => boolean>;
  const isOurs = new Map<string, (text: string) => boolean>(Object.entries(rules)).get(name);
  const ours = [value].flat().every(text => typeof text === 'string' && isOurs?.(text));
  if (!ours) return undefined;
  const type = Buffer.from(payload.metadata?.type ?? []);
  const known = /^(Keyword|KeywordList|Datetime)$/.test(type.toString());
  return { metadata: { encoding: Buffer.from(JSON_PLAIN), ...(known && { type }) }, data: bytesOf(value) };
}

/** Replaces a refused input everywhere in the history; a replay never reads it. */
function forgetRefused(history: History, payloads: readonly Payload[]): void {
  if (isLockedOut(history)) return; // it holds none
  const { events } = history;
  const { workflowType, input } = events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
  const kind = KINDS.find(each => WORKFLOW_TYPES[each] === workflowType?.name);
  if (kind === undefined) return;
  const given = (input?.payloads ?? []).map(jsonIn);
  if (given.length === 1 && isGood(kind, given[0])) return;
  const isGiven = (value: unknown) => given.some(one => isDeepStrictEqual(one, value));
  for (const payload of payloads) {
    const value = jsonIn(payload);
    if ([value, ...(inputFor(FIRST_STEP, value) ?? [])].some(isGiven)) Object.assign(payload, json(REFUSED));
  }
}

/** It takes the input of the request as it is. */
const FIRST_STEP = 'openRequest';

const REFUSED = 'an input that was refused';

function isGood(kind: Kind, input: unknown): boolean {
  try {
    parseInput(kind, input);
    return true;
  } catch (error) {
    if (error instanceof InvalidInput) return false;
    throw error;
  }
}

/** Everything that names the subject, with its pseudonym. */
function pseudonymsOf(payloads: readonly Payload[], hash: Hash): Map<string, string> {
  const names = new Map<string, string>();
  for (const payload of payloads) {
    const subject = member(jsonIn(payload), 'subject');
    for (const email of [member(subject, 'email'), ...listIn(subject, 'emails')])
      if (typeof email === 'string')
        names.set(email, `subject-${hash(`pseudonym ${email}`).slice(0, 12)}@example.invalid`);
    for (const number of listIn(subject, 'phoneNumbers'))
      if (typeof number === 'string') names.set(number, numberFor(hash(`pseudonym ${number}`)));
  }
  // The longest first: a number may be the beginning of another.
  return new Map([...names].sort(([one], [other]) => other.length - one.length));
}

/** A number that belongs to nobody, in the form of a telephone number. */
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
  const isAnswer = 'planDigest' in value && 'at' in value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, isAnswer && name === 'by' ? APPROVER : renamed(each, names)]),
  );
}

/** Whoever approved or rejected a plan: of their keys only the ids are evidence. */
const APPROVER = 'approver';

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = member(value, name);
  return Array.isArray(list) ? list : [];
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
