/**
 * The steps that ask nobody but the vault: opening and closing a request, merging what was found, building the package,
 * and waiting. They run on the main task queue, so that they never cost a company's budget; small ones within the workflow
 * task. Decisions D4, D7, D9, D12.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { activityInfo, heartbeat } from '@temporalio/activity';
import { BROKEN_MARK, PLAINTEXT_MARK } from '../encryption/marks';
import { PACKAGE_FORMAT } from '../package/model';
import { zipPackage } from '../package/zip';
import { type Alarm, type Clock, clockOf } from '../request/clock';
import { emailSpellings, foldEmail, phoneDigits } from '../request/identity';
import {
  DEADLINE_DAYS_DEFAULT,
  endOf,
  type Inputs,
  InvalidInput,
  instantMs,
  parseInput,
  refuseImpossibleTimes,
  SETTLE_SECONDS_DEFAULT,
} from '../request/input';
import type {
  AccessInput,
  Coverage,
  DeletionInput,
  PackageRef,
  PhaseTimes,
  RequestResult,
  WaitingFor,
} from '../request/model';
import {
  KINDS,
  type Kind,
  type RequestRef,
  requestBehind,
  requestOf,
  WORKFLOW_TYPES,
  workflowIdOf,
} from '../request/names';
import type { CaseRef, Cases, StepProgress } from '../vault/cases';
import type { Connections } from '../vault/connections';
import type { Receipts } from '../vault/receipts';
import type { CredentialRefused } from './api-activities';
import { stepFailure, stepName } from './api-step';
import {
  anyListing,
  callListing,
  contactListing,
  type Listing,
  peopleSchema,
  readObject,
  subjectSchema,
} from './case-objects';

export interface LocalDependencies {
  readonly cases: Cases;
  readonly connections: Connections;
  readonly receipts: Receipts;
  /** Keyed hash, see the keyring. */
  readonly hash: (value: string) => string;
  readonly now: () => number;
  /** Whether a run is still open on the server. */
  readonly isOpen: (workflowId: string, runId: string) => Promise<boolean>;
  /** Told once when Aircall refuses a connection's credential and nothing can renew it. */
  readonly onRefused: (connection: string) => void;
  readonly alarms: Alarms;
  /** Told of each request that has ended, when its last step is done. */
  readonly onEnded: (request: RequestRef, result: RequestResult) => void;
}

/** How alarms reach whoever has to know. */
export interface Alarms {
  /** Here, once. */
  tell(alarm: RaisedAlarm): void;
  /** To the webhook; rejects where it is to be tried again. */
  send(alarm: RaisedAlarm): Promise<void>;
}

/** A due date that is near, or has passed, of a request that is still open. */
export interface RaisedAlarm {
  readonly request: RequestRef;
  readonly runId: string;
  readonly alarm: Alarm;
  readonly regime: string;
  /** ISO 8601. */
  readonly dueAt: string;
  /** What it waits for, where it waits. */
  readonly waitingFor?: WaitingFor['cause'];
}

export interface Opened {
  readonly request: RequestRef;
  readonly subject: CaseRef;
  readonly subjectHash: string;
  /** How many spellings of the address are searched for. */
  readonly spellings: number;
  readonly deadlineMs: number;
  readonly priority?: 'batch';
  readonly calls: { readonly by: 'by-number' | 'company'; readonly from: number | null; readonly to: number };
  readonly dryRun: boolean;
  readonly clock?: Clock;
  readonly settleMs: number;
  /** Whether a deletion has an access request of the same subject to wait for. */
  readonly accessesOpen: boolean;
}

/** A request that goes on, or one that was answered before. */
export type Opening = { readonly opened: Opened } | { readonly ended: RequestResult };

export interface Merged {
  readonly object: CaseRef;
  /** Different rows seen. */
  readonly distinct: number;
  readonly records: number;
  readonly withheld: number;
  readonly unreadable: number;
}

export interface People {
  readonly people: CaseRef;
  readonly contacts: number;
  readonly numbers: number;
  readonly ignoredNumbers: number;
  /** Names the set of contacts: keyed hash over their ids. */
  readonly planDigest: string;
}

/** The options of both kinds; the schemas saw to it that each kind has only its own. */
type Options = Partial<AccessInput & DeletionInput>;

const NOTHING_SENT = { apiRequests: 0, credentialVersion: 0 } as const;
/** What an attempt hands on to the next: an alarm is sent again, not told again. */
const TOLD = 'told';
const WAIT_DELAY_MS_MAX = 60_000;

export function createLocalActivities({
  cases,
  connections,
  receipts,
  hash,
  now,
  isOpen,
  onRefused,
  alarms,
  onEnded,
}: LocalDependencies) {
  /** A connection that is waited for will be made again: its requests wait with the others. */
  async function isConnectedOrAwaited(name: string): Promise<boolean> {
    return ((await connections.get(name)) ?? (await connections.kept(name))) !== undefined;
  }

  return {
    /**
     * The first step: refuses bad input, seals who the request is about, and creates the request's record, which answers
     * the same request id ever after.
     * @param receivedAt when it reached the server; ISO 8601. A workflow of an earlier version does not tell it.
     */
    async openRequest(input: unknown, receivedAt?: string): Promise<Opening> {
      const { kind, runId, workflowId } = thisRun();
      const { parsed, request } = read(kind, input, workflowId, now());
      // What has ended is answered, also where its connection has gone since.
      const over = (await cases.record(request))?.result !== undefined;
      if (!over && !(await isConnectedOrAwaited(request.connection))) {
        throw stepFailure(
          'invalid-input',
          'connection is not one of this vault; run `aircall-dsr connections`',
          NOTHING_SENT,
        );
      }
      const email = parsed.subject.email;
      const subjectHash = hash(foldEmail(email));
      const startedMs = now();
      const { calls = 'by-number', from, to, dryRun = false, settleSeconds = SETTLE_SECONDS_DEFAULT }: Options = parsed;
      const startedAt = new Date(startedMs).toISOString();
      const { regime, submittedAt } = parsed;
      const clock = clockOf(
        { regime, submittedMs: submittedAt === undefined ? undefined : instantMs(submittedAt) },
        receivedAt === undefined ? startedMs : Date.parse(receivedAt),
      );
      const mine = { request, subjectHash, runId, startedAt, ...(dryRun && { dryRun }), ...(clock && { clock }) };
      const record = await cases.open(mine);
      const used =
        record.subjectHash !== subjectHash
          ? 'another subject'
          : (record.dryRun ?? false) !== dryRun
            ? 'a dry run, or this is one'
            : undefined;
      if (used !== undefined) {
        throw stepFailure('request-conflict', `this request id was used for ${used}; choose a new one`, NOTHING_SENT);
      }
      if (record.result !== undefined) return { ended: record.result };
      if (kind === 'access') await cases.markOpenAccess(subjectHash, { request, runId });

      const subject = await cases.write(request, { email, phoneNumbers: [...(parsed.subject.phoneNumbers ?? [])] });
      const deadlineDays = parsed.deadlineDays ?? DEADLINE_DAYS_DEFAULT;
      return {
        opened: {
          request,
          subject,
          subjectHash,
          spellings: emailSpellings(email).length,
          deadlineMs: startedMs + deadlineDays * 86_400_000,
          ...(parsed.priority && { priority: parsed.priority }),
          calls: {
            by: calls,
            from: from === undefined ? null : Math.floor(instantMs(from) / 1000),
            to: Math.floor(Math.min(to === undefined ? startedMs : endOf(to), startedMs) / 1000),
          },
          dryRun,
          ...(clock && { clock }),
          settleMs: settleSeconds * 1000,
          accessesOpen: kind === 'deletion' && (await cases.openAccesses(request.connection, subjectHash)).length > 0,
        },
      };
    },

    /** What a step of this run had sent when it was cancelled, or its deadline came. */
    async progressOf({ activityId }: { readonly activityId: string }): Promise<StepProgress> {
      const workflowId = activityInfo().workflowExecution?.workflowId ?? '';
      const request = requestBehind(workflowId);
      const known = request && (await cases.progress(request, stepName(workflowId, activityId)));
      return known ?? { sent: 0, uncertain: false };
    },

    /** Several pages of lists as one: records once each, in the order of the pages. */
    async mergeListings({
      request,
      objects,
    }: {
      readonly request: RequestRef;
      readonly objects: readonly CaseRef[];
    }): Promise<Merged> {
      const ids = new Set<number>();
      const records = new Map<number, Listing['records'][number]>();
      const withheld = new Set<number>();
      const unreadable = new Set<number>();
      let unnamed = 0;
      for (const object of objects) {
        const listing = await readObject(cases, request, object, anyListing);
        for (const id of listing.ids) ids.add(id);
        for (const record of listing.records) if (!records.has(record.id)) records.set(record.id, record);
        for (const id of listing.withheld) withheld.add(id);
        for (const id of listing.unreadable) unreadable.add(id);
        unnamed += listing.unnamed;
      }
      for (const id of records.keys()) unreadable.delete(id); // another reading of the row was good
      const merged = {
        ids: [...ids],
        records: [...records.values()],
        withheld: [...withheld],
        unreadable: [...unreadable],
        unnamed,
      };
      const object = await cases.write(request, merged);
      return {
        object,
        distinct: ids.size + unnamed,
        records: records.size,
        withheld: withheld.size,
        unreadable: unreadable.size + unnamed,
      };
    },

    /** The subject's contacts and numbers in a fixed order, from here on named by their places in it. */
    async identifyPeople(input: {
      readonly request: RequestRef;
      readonly subject: CaseRef;
      readonly contacts: CaseRef;
    }): Promise<People> {
      const { phoneNumbers } = await readObject(cases, input.request, input.subject, subjectSchema);
      const { records } = await readObject(cases, input.request, input.contacts, contactListing);
      const contacts = [...records].sort((a, b) => a.id - b.id);
      const values = [
        ...phoneNumbers,
        ...contacts.flatMap(({ phone_numbers }) => phone_numbers?.flatMap(({ value }) => value ?? []) ?? []),
      ];
      const numbers = new Map<string, { digits: string; query: string }>();
      let ignoredNumbers = 0;
      for (const value of values) {
        const digits = phoneDigits(value);
        if (digits === undefined) ignoredNumbers += 1;
        else if (!numbers.has(digits))
          numbers.set(digits, { digits, query: /^\s*(\+|00)/.test(value) ? `+${digits}` : digits });
      }
      const people = await cases.write(input.request, peopleSchema.parse({ contacts, numbers: [...numbers.values()] }));
      return {
        people,
        contacts: contacts.length,
        numbers: numbers.size,
        ignoredNumbers,
        planDigest: hash(`plan ${contacts.map(({ id }) => id).join(' ')}`),
      };
    },

    /**
     * Who is there again: contacts found now that were among those of before, by their places there, and how many are new.
     * The new ones are added behind the others, whose places stay.
     */
    async recogniseContacts(input: {
      readonly request: RequestRef;
      readonly people: CaseRef;
      readonly found: CaseRef;
    }): Promise<{ readonly people: CaseRef; readonly known: readonly number[]; readonly fresh: readonly number[] }> {
      const before = await readObject(cases, input.request, input.people, peopleSchema);
      const { records } = await readObject(cases, input.request, input.found, contactListing);
      const places = new Map(before.contacts.map(({ id }, place) => [id, place]));
      const known = records.flatMap(({ id }) => places.get(id) ?? []).sort((a, b) => a - b);
      const added = records.filter(({ id }) => !places.has(id)).sort((a, b) => a.id - b.id);
      if (added.length === 0) return { people: input.people, known, fresh: [] };
      const people = await cases.write(input.request, { ...before, contacts: [...before.contacts, ...added] });
      return { people, known, fresh: added.map((_, index) => before.contacts.length + index) };
    },

    /** The access package, sealed in the vault. The same findings always make the same bytes. */
    async buildPackage(input: {
      readonly request: RequestRef;
      readonly subject: CaseRef;
      readonly people: CaseRef;
      readonly calls: CaseRef;
      readonly coverage: Coverage & { readonly calls: NonNullable<Coverage['calls']> };
      readonly startedAt: string;
    }): Promise<PackageRef> {
      const { contacts } = await readObject(cases, input.request, input.people, peopleSchema);
      const { records } = await readObject(cases, input.request, input.calls, callListing);
      const { contacts: contactCoverage, calls: callCoverage, outOfReach } = input.coverage;
      const bytes = await zipPackage({
        format: PACKAGE_FORMAT,
        requestId: input.request.requestId,
        connection: input.request.connection,
        createdAt: input.startedAt,
        subject: await readObject(cases, input.request, input.subject, subjectSchema),
        contacts,
        calls: [...records].sort((a, b) => (b.started_at ?? 0) - (a.started_at ?? 0) || b.id - a.id),
        coverage: {
          contacts: { state: contactCoverage.state, gaps: [...contactCoverage.gaps] },
          calls: { ...callCoverage, gaps: [...callCoverage.gaps] },
          outOfReach: [...outOfReach],
        },
      });
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const uri = await cases.writePackage(input.request, bytes, sha256);
      return { uri, sha256, sizeBytes: bytes.length };
    },

    /**
     * Ends when the vault holds another credential than the one that was refused; until then Temporal repeats it. The
     * connection says that it was refused, so that no other request asks with it.
     */
    async awaitCredentials({ connection, failedVersion }: CredentialRefused): Promise<void> {
      const at = new Date(now()).toISOString();
      let marked = false;
      const present = await connections.change(connection, stored => {
        marked = stored.credentialVersion === failedVersion && stored.refusedAt === undefined;
        return marked ? { ...stored, refusedAt: at } : undefined;
      });
      if (marked) onRefused(connection);
      if (present !== undefined && present.credentialVersion !== failedVersion) return;
      throw stepFailure('credentials-awaited', 'waiting for `aircall-dsr connect`', NOTHING_SENT, waitDelayMs());
    },

    /** Ends when the connection is not paused, or gone; until then Temporal repeats it. */
    async awaitResumption({ connection }: { readonly connection: string }): Promise<void> {
      if ((await connections.get(connection))?.value.pausedAt === undefined) return;
      throw stepFailure(
        'resumption-awaited',
        'waiting for `aircall-dsr connections resume`',
        NOTHING_SENT,
        waitDelayMs(),
      );
    },

    /** Ends when no access request of the same subject is open; until then Temporal repeats it. */
    async awaitAccessRequests(input: { readonly connection: string; readonly subjectHash: string }): Promise<void> {
      const marks = await cases.openAccesses(input.connection, input.subjectHash);
      for (const { request, runId } of marks) {
        if (await isOpen(workflowIdOf(request), runId)) {
          throw stepFailure(
            'access-request-awaited',
            'waiting for an access request of the same subject',
            NOTHING_SENT,
            waitDelayMs(),
          );
        }
        await cases.unmarkOpenAccess(input.subjectHash, request); // its run was terminated
      }
    },

    /** Tells that the due date of this run is near, or has passed. */
    async raiseAlarm(alarm: Omit<RaisedAlarm, 'runId'>): Promise<void> {
      const raised = { ...alarm, runId: thisRun().runId };
      if (activityInfo().heartbeatDetails !== TOLD) alarms.tell(raised);
      heartbeat(TOLD);
      try {
        await alarms.send(raised);
      } catch {
        throw stepFailure('alarm-untold', 'the webhook for alarms did not take it', NOTHING_SENT);
      }
    },

    /** The record keeps an extension, for the receipt of a run that never comes to its last step. */
    async noteClock({ request, clock }: { readonly request: RequestRef; readonly clock: Clock }): Promise<void> {
      await cases.noteClock(request, thisRun().runId, clock);
    },

    /**
     * The last step: the record keeps how the request ended, and its receipt is issued. Where both say so already, because
     * this is taken again, they stand: answers how it ended where that is not what was given.
     */
    async closeRequest(input: {
      readonly request: RequestRef;
      readonly subjectHash: string;
      readonly result: RequestResult;
      /** Absent where the workflow is of a version that did not tell them. */
      readonly phases?: PhaseTimes;
    }): Promise<RequestResult | undefined> {
      const { request, subjectHash, phases = {} } = input;
      const { startedAt, dryRun = false, clock, result = input.result } = await cases.close(request, input.result);
      await receipts.issue({
        request,
        runId: thisRun().runId,
        dryRun,
        subjectHash,
        startedAt,
        clock,
        ending: { result },
        phases,
        how: 'at-end',
      });
      if (request.kind === 'access') await cases.unmarkOpenAccess(subjectHash, request);
      onEnded(request, result);
      return isDeepStrictEqual(result, input.result) ? undefined : result;
    },
  };
}

export type LocalActivities = ReturnType<typeof createLocalActivities>;

function thisRun(): { kind: Kind; workflowId: string; runId: string } {
  const { workflowExecution, workflowType } = activityInfo();
  const kind = KINDS.find(candidate => WORKFLOW_TYPES[candidate] === workflowType);
  if (workflowExecution === undefined || kind === undefined) throw new RangeError('this step belongs to a request');
  return { kind, ...workflowExecution };
}

/** The input of a run and the request it names, which must be the one that its workflow id names. */
function read(
  kind: Kind,
  input: unknown,
  workflowId: string,
  nowMs: number,
): { parsed: Inputs[Kind]; request: RequestRef } {
  try {
    if (input === PLAINTEXT_MARK)
      throw new InvalidInput('the input was not encrypted; start requests with the key file, see README.md');
    if (input === BROKEN_MARK)
      throw new InvalidInput('the input was changed, encrypted with another key of the same id, or is no JSON');
    const parsed = parseInput(kind, input);
    refuseImpossibleTimes(parsed, nowMs);
    const request = { connection: parsed.connection, kind, requestId: parsed.requestId };
    const named = requestOf(workflowId);
    if (named === undefined || workflowIdOf(named) !== workflowIdOf(request)) {
      throw new InvalidInput(
        'the workflow id must be dsr:<connection>:<kind>:<requestId> with the values of the input',
      );
    }
    return { parsed, request };
  } catch (error) {
    if (error instanceof InvalidInput) throw stepFailure('invalid-input', error.message, NOTHING_SENT);
    throw error;
  }
}

/** Grows with the attempts, to a minute. */
function waitDelayMs(): number {
  return Math.min(1_000 * 2 ** Math.min(activityInfo().attempt - 1, 10), WAIT_DELAY_MS_MAX);
}
