/** The first step of a request: accepts or refuses the input, and seals the subject. Decisions D7, D12. */
import { activityInfo } from '@temporalio/activity';
import { type Asked, askedOf, differingFields, wordsOfConflict } from '../request/asked';
import { clockOf } from '../request/clock';
import type { LocalActivities, Opened } from '../request/contracts';
import { searchedAddresses } from '../request/identities';
import { endOf, type Inputs, InvalidInput, instantMs, parseInput, refuseImpossibleTimes } from '../request/input';
import type { AccessInput, DeletionInput, Subject } from '../request/model';
import { type Kind, type RequestRef, requestOf, workflowIdOf } from '../request/names';
import {
  DEADLINE_DAYS_DEFAULT,
  LANGUAGE_DEFAULT,
  type Language,
  SETTLE_SECONDS_DEFAULT,
  TIMEZONE_DEFAULT,
} from '../request/options';
import { PART_NAMES } from '../request/sources';
import { whyUnusable } from '../unusable';
import type { Cases, RequestRecord } from '../vault/cases';
import { type Connection, type Connections, requestsPerHourOf } from '../vault/connections';
import { noticeText } from '../vault/notices';
import type { Receipts } from '../vault/receipts';
import { stepFailure, stepName } from './api-step';
import { writeObject } from './case-objects';
import { NOTHING_SENT, requestOfStep, thisRun } from './local-step';

export interface OpeningDependencies {
  readonly cases: Cases;
  readonly connections: Connections;
  readonly receipts: Receipts;
  /** Whether the server knows a run of the request that began as this one. */
  readonly isKnown: (request: RequestRef, runId: string) => Promise<boolean>;
  /** Keyed hash, see the keyring. */
  readonly hash: (value: string) => string;
}

/** The options of both kinds; the schemas make sure that each kind has only its own. */
type Options = Partial<Omit<AccessInput, 'kind'> & Omit<DeletionInput, 'kind'>>;

const DAY_MS = 86_400_000;

export function createOpeningActivities(
  { cases, connections, receipts, isKnown, hash }: OpeningDependencies,
  closeRequest: LocalActivities['closeRequest'],
): Pick<LocalActivities, 'openRequest' | 'progressOf'> {
  /**
   * The record of the run that goes on with the request. One that was terminated, or timed out, has ended its request, whoever
   * starts it again. One that the server has forgotten, without an end and without a receipt, was lost with its database.
   */
  async function continued(present: RequestRecord, mine: RequestRecord): Promise<RequestRecord> {
    if (present.result !== undefined) return present;
    if (present.cutShort) throw ended();
    if (present.runId === mine.runId) return present;
    if (await isKnown(mine.request, present.runId)) throw ended();
    return cases.takeOver(mine, present.runId);
  }

  /** The notice for the package, kept in the case file: what `connect` changes afterwards does not change a package. */
  async function noticeOf(
    { request, incarnation }: RequestRecord,
    ...languages: readonly (Language | undefined)[]
  ): Promise<Opened['notice']> {
    const notice = await connections.notice({ name: request.connection, incarnation });
    if (notice === undefined || notice === 'none') return notice;
    const wanted = [...languages, LANGUAGE_DEFAULT].filter(language => language !== undefined);
    const text = noticeText(notice, wanted);
    return text && writeObject(cases, request, 'notice', text);
  }

  /** What tells the cost of an access request and its time, as of now. */
  async function costsOf(
    kind: Kind,
    connection: Connection | undefined,
    nowMs: number,
  ): Promise<Pick<Opened, 'notEntitled' | 'requestsPerHour'>> {
    if (kind === 'deletion' || connection === undefined) return { notEntitled: [] };
    const [notEntitled, rateLimits] = await Promise.all([
      connections.notEntitled(connection, nowMs),
      connections.rateLimits(connection.name),
    ]);
    return { notEntitled, requestsPerHour: requestsPerHourOf(connection, rateLimits) };
  }

  return {
    /**
     * The first step: refuses bad input, seals the subject, and creates the request's record, which answers
     * the same request id from now on.
     */
    async openRequest({ input, receivedAt, openedAt, runId }) {
      const { kind, workflowId } = thisRun();
      const { parsed, request } = read(kind, input, workflowId, Date.parse(openedAt));
      // An ended request is answered, even if its connection was deleted since.
      const before = await cases.record(request);
      // A run that was reset keeps its deadline, and delivers the same calls.
      const startedAt = before?.runId === runId ? before.startedAt : openedAt;
      const isOver = before?.result !== undefined;
      // A disconnected connection that requests wait for will be connected again: new requests wait too.
      const incarnation = isOver ? before.incarnation : await connections.incarnation(request.connection);
      if (incarnation === undefined) throw refused('connection is not in this vault; run `aircall-dsr connections`');
      const asked = askedOf(hash, parsed);
      const { subjectHash, identityHashes } = asked;
      const connected = (await connections.get(request.connection))?.value;
      const policy = connected ?? (await connections.kept(request.connection));
      const admitted = admit(parsed, {
        receivedMs: Date.parse(receivedAt),
        openedMs: Date.parse(startedAt),
        languageOfConnection: policy?.language ?? LANGUAGE_DEFAULT,
      });
      const { dryRun, clock } = admitted;
      const run = { request, ...asked, runId, startedAt, incarnation };
      const mine = { ...run, ...(dryRun && { dryRun }), ...(clock && { clock }) };
      // It ended before it had a record: refused, or terminated while no worker ran.
      if (before === undefined && (await receipts.newestOf(request)) !== undefined) throw ended();
      const present = await cases.open(mine);
      refuseConflict(present, asked);
      const record = await continued(present, mine);
      if (record.result !== undefined) {
        // The end of this very run: the task that came to it was lost, perhaps before the receipt was issued.
        const isMine = record.runId === runId;
        if (isMine) await closeRequest({ request, runId, result: record.result, phases: {} });
        return { ended: record.result };
      }
      if (kind === 'access' && !dryRun) await cases.mark(identityHashes, request); // a dry run hands over nothing

      const { emails, phoneNumbers } = parsed.subject;
      const identities = { emails: [...emails], phoneNumbers: [...phoneNumbers] };
      const subject = await writeObject(cases, request, 'subject', identities);
      const notice =
        kind === 'access' && !dryRun ? await noticeOf(record, admitted.language, policy?.language) : undefined;
      const accessesOpen =
        kind === 'deletion' && (await cases.marked('access', request.connection, identityHashes)).length > 0;
      const extended = record.clock && { clock: record.clock };
      const costs = await costsOf(kind, connected, Date.parse(openedAt));
      const told = { ...extended, ...(notice && { notice }), ...costs };
      return { opened: { request, subject, subjectHash, identityHashes, ...admitted, ...told, accessesOpen } };
    },

    /** The API requests that a step of this run had sent when it was cancelled, or its deadline came. */
    async progressOf({ activityId }) {
      const request = requestOfStep();
      const known = request && (await cases.progress(request, stepName(activityInfo(), activityId)));
      return known ?? { sent: 0, uncertain: false };
    },
  };
}

/** The work of a request, from its input. Pure. */
function admit(
  parsed: Options & { readonly subject: Subject },
  {
    receivedMs,
    openedMs,
    languageOfConnection,
  }: { readonly receivedMs: number; readonly openedMs: number; readonly languageOfConnection: Language },
): Omit<Opened, 'request' | 'subject' | 'subjectHash' | 'identityHashes' | 'accessesOpen' | 'notEntitled'> {
  const {
    contacts = 'search',
    calls = 'by-number',
    from,
    to,
    dryRun = false,
    settleSeconds = SETTLE_SECONDS_DEFAULT,
  } = parsed;
  const { plan, regime, submittedAt, priority, deadlineDays = DEADLINE_DAYS_DEFAULT } = parsed;
  const {
    include = PART_NAMES,
    lateMedia = false,
    language = languageOfConnection,
    timezone = TIMEZONE_DEFAULT,
  } = parsed;
  const submittedMs = submittedAt === undefined ? undefined : instantMs(submittedAt);
  const clock = clockOf({ regime, submittedMs }, receivedMs);
  return {
    spellings: searchedAddresses(parsed.subject.emails).length,
    deadlineMs: openedMs + deadlineDays * DAY_MS,
    ...(priority && { priority }),
    contacts,
    calls: {
      by: calls,
      from: from === undefined ? null : Math.floor(instantMs(from) / 1000),
      to: Math.floor(Math.min(to === undefined ? openedMs : endOf(to), openedMs) / 1000),
    },
    include,
    lateMedia,
    language,
    timezone,
    dryRun,
    ...(plan !== undefined && { plan }),
    ...(clock && { clock }),
    settleMs: settleSeconds * 1000,
  };
}

/** Refuses a request id that was used for somebody else, or with other options. */
function refuseConflict(record: RequestRecord, asked: Asked): void {
  const differing = differingFields(record, asked);
  if (differing.length === 0) return;
  const message = `this request id ${wordsOfConflict(differing)}; choose a new one`;
  throw stepFailure('request-conflict', message, NOTHING_SENT);
}

function ended() {
  return stepFailure(
    'request-ended',
    'a run of this request id was ended without its last step; choose a new request id',
    NOTHING_SENT,
  );
}

/** The input of a run and the request it names, which must be the one that its workflow id names. */
function read(
  kind: Kind,
  input: unknown,
  workflowId: string,
  nowMs: number,
): { parsed: Inputs[Kind]; request: RequestRef } {
  try {
    const why = whyUnusable(input);
    if (why === 'not-encrypted')
      throw new InvalidInput('the input was not encrypted; start requests with the key file, see README.md');
    if (why !== undefined)
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
    if (error instanceof InvalidInput) throw refused(error.message);
    throw error;
  }
}

function refused(message: string) {
  return stepFailure('invalid-input', message, NOTHING_SENT);
}
