/**
 * Steps without a server: the real activities on a folder vault, against the sandbox over real HTTP, one attempt at a time.
 * The clock is the machine's plus what a test adds; jitter is whatever the test says.
 */
import type { Info } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type Sandbox, type SandboxCompany, type SandboxOptions, startSandbox } from '../../../sandbox';
import { createActivities, type RaisedAlarm } from '../../../src/activities';
import { type Read, readObject, type Written, writeObject } from '../../../src/activities/case-objects';
import { createGates } from '../../../src/activities/gates';
import { createServerTime } from '../../../src/activities/server-time';
import { createWakingActivities } from '../../../src/activities/waking';
import { type AircallClientOptions, createAircallClient } from '../../../src/aircall/client';
import { contactSchema } from '../../../src/aircall/schemas';
import type { Keyring } from '../../../src/encryption/keyring';
import { createMediaClient } from '../../../src/media/client';
import type { Need } from '../../../src/request/approval';
import type { ApiActivities, LocalActivities, WakingActivities } from '../../../src/request/contracts';
import type { StepFailureDetail } from '../../../src/request/handling';
import type { FinalStatus, RequestResult } from '../../../src/request/model';
import { type Kind, type RequestRef, WORKFLOW_TYPES, workflowIdOf } from '../../../src/request/names';
import type { WaitDelays } from '../../../src/request/waits';
import { type Approvers, createApprovers } from '../../../src/vault/approvers';
import { type Brake, createBrake } from '../../../src/vault/brake';
import { type CaseRef, type Cases, createCases } from '../../../src/vault/cases';
import { type Connection, type Connections, type Credential, createConnections } from '../../../src/vault/connections';
import { createFolderDriver } from '../../../src/vault/folder';
import { createReceipts, type Receipts } from '../../../src/vault/receipts';
import { createVault, type Vault, type VaultDriver } from '../../../src/vault/vault';
import { keyOf, keyringOf } from '../../encryption/keyrings';
import { askedFor } from '../../support/asked';
import { rightNowMs } from '../../support/clocks';
import { makeFolder, removeFolder } from '../../support/folders';

export interface Steps {
  readonly sandbox: Sandbox;
  readonly company: SandboxCompany;
  readonly api: ApiActivities;
  readonly local: LocalActivities;
  readonly waking: WakingActivities;
  readonly keyring: Keyring;
  readonly driver: VaultDriver;
  readonly vault: Vault;
  readonly cases: Cases;
  readonly connections: Connections;
  readonly approvers: Approvers;
  readonly brake: Brake;
  readonly receipts: Receipts;
  /** A request of the connection `acme`. */
  readonly request: RequestRef;
  /** Open runs, each as workflow id and run id. */
  readonly openRuns: Set<string>;
  /** Runs that the server knows. */
  readonly knownRuns: Set<string>;
  /** Connections whose credential was told to be refused. */
  readonly refused: string[];
  /** Requests that were woken, and the rest of the pages of those that wait. `wakeFails`: no signal arrives. */
  readonly woken: RequestRef[];
  readonly waitingPages: string[];
  wakeFails: boolean;
  /** What an API request is answered that asks for a permit: milliseconds until the next one. */
  readonly permit: { nextMs: number };
  /** What was told of due dates; `fail`: nobody takes it. */
  readonly alarms: { readonly told: RaisedAlarm[]; fail: boolean };
  /** Lets time pass for the steps, not for anything else. */
  advance(ms: number): void;
  now(): number;
  /** Stores `acme` with this credential, or its API key, under a version above every earlier one. */
  connect(credential?: Credential, changes?: Partial<Connection>): Promise<Connection>;
  connection(): Promise<Connection>;
  /** Objects of the request's case file. */
  write<W extends keyof Written>(what: W, content: Written[W]): Promise<CaseRef>;
  read<W extends keyof Read>(ref: CaseRef, what: W): Promise<Read[W]>;
  /** Judged people: these cards, each certain and read at this time (now), with these numbers. */
  people(
    contacts: readonly { readonly id: number }[],
    digits?: readonly string[],
    changes?: Partial<Read['people']['contacts'][number]>,
  ): Promise<CaseRef>;
  /** The plan of the request about these contacts, all of them certain. */
  plan(contacts: readonly { readonly id: number }[], changes?: Partial<Read['plan']['rows'][number]>): Promise<CaseRef>;
  stop(): Promise<void>;
}

const requestOf = (kind: Kind): RequestRef => ({ connection: 'acme', kind, requestId: 'r-1' });

export interface StepsOptions {
  /** `access` where not given. */
  readonly kind?: Kind;
  readonly sandbox?: SandboxOptions;
  readonly client?: AircallClientOptions;
  /** 0 where not given: no jitter. */
  readonly random?: () => number;
  readonly waitDelays?: WaitDelays;
  /** The vault of other steps: these are of another process. */
  readonly driver?: VaultDriver;
  /** What the request says of approvals, besides the defaults. */
  readonly need?: Partial<Need>;
}

export async function startSteps(options: StepsOptions = {}): Promise<Steps> {
  const folder = makeFolder();
  const keyring = keyringOf(['k-1', keyOf('steps')]);
  const driver = options.driver ?? createFolderDriver(folder);
  const vault = createVault(driver, keyring);
  const cases = createCases(vault);
  const connections = createConnections(vault);
  const approvers = createApprovers(vault);
  const brake = createBrake(vault);
  const sandbox = await startSandbox(options.sandbox);
  const company = sandbox.company('acme');
  const aircall = createAircallClient(options.client);
  const openRuns = new Set<string>();
  const knownRuns = new Set<string>();
  const refused: string[] = [];
  const woken: RequestRef[] = [];
  const waitingPages: string[] = [];
  const alarms = { told: [] as RaisedAlarm[], fail: false };
  const permit = { nextMs: 0 };
  let advancedMs = 0;
  const now = () => Date.now() + advancedMs;
  const elapsedMs = () => performance.now() + advancedMs;
  const receipts = createReceipts({ vault, keyring, now });
  const { api, local } = createActivities({
    connections,
    cases,
    approvers,
    brake,
    receipts,
    aircall,
    media: createMediaClient({ hosts: [] }),
    signingKey: keyring.signingKey,
    gates: createGates(),
    takePermit: async () => permit.nextMs,
    workflows: 'c'.repeat(64),
    onRateLimit: (connection, limit) => connections.noteRateLimit(connection, new Date(now()), limit.limitPerMinute),
    hash: keyring.hash,
    serverTime: createServerTime(elapsedMs),
    elapsedMs,
    random: options.random ?? (() => 0),
    waitDelays: options.waitDelays,
    onAnswer() {},
    onRefused: connection => refused.push(connection),
    alarms: {
      log: alarm => alarms.told.push(alarm),
      async send() {
        if (alarms.fail) throw new Error('the webhook is down');
      },
    },
    onEnded() {},
    isOpen: async (request, runId) => openRuns.has(`${workflowIdOf(request)} ${runId}`),
    isKnown: async (_, runId) => knownRuns.has(runId),
    async wake(woke) {
      if (steps.wakeFails) throw new Error('the server does not answer');
      woken.push(woke);
    },
  });
  let version = 0;

  const steps: Steps = {
    sandbox,
    company,
    api,
    local,
    waking: createWakingActivities({ wakePage: async () => waitingPages.shift() }),
    keyring,
    driver,
    vault,
    cases,
    connections,
    approvers,
    brake,
    receipts,
    request: requestOf(options.kind ?? 'access'),
    openRuns,
    knownRuns,
    permit,
    refused,
    woken,
    waitingPages,
    wakeFails: false,
    alarms,
    advance(ms) {
      advancedMs += ms;
    },
    now,
    async connect(credential, changes = {}) {
      version += 1;
      const present = await connections.get('acme');
      const connection: Connection = {
        name: 'acme',
        baseUrl: sandbox.baseUrl,
        limitPerMinute: 60,
        share: 0.75,
        credential: credential ?? { kind: 'api-key', apiId: company.apiId, apiToken: company.apiToken },
        credentialVersion: version,
        connectedAt: '2026-01-31T00:00:00.000Z',
        incarnation: 1,
        ...changes,
      };
      if (!(await connections.put(connection, present?.version))) throw new Error('the connection changed meanwhile');
      return connection;
    },
    async connection() {
      const stored = await connections.get('acme');
      if (stored === undefined) throw new Error('there is no connection');
      return stored.value;
    },
    write: (what, content) => writeObject(cases, steps.request, what, content),
    read: (ref, what) => readObject(cases, steps.request, ref, what),
    people: (contacts, digits = [], changes = {}) => steps.write('people', peopleOf(contacts, digits, changes)),
    plan: (contacts, changes = {}) => steps.write('plan', planOf(steps.request.kind, contacts, changes)),
    async stop() {
      aircall.close();
      await sandbox.close();
      removeFolder(folder);
    },
  };
  if (options.driver === undefined) await steps.connect();
  const { request } = steps;
  const startedAt = '2026-01-31T00:00:00.000Z';
  await cases.open({ request, ...askedFor('of-nobody', options.need), runId: 'run-0', startedAt, incarnation: 1 });
  return steps;
}

/** As `judgePeople` writes them. */
export function peopleOf(
  contacts: readonly { readonly id: number }[],
  digits: readonly string[] = [],
  changes: Partial<Read['people']['contacts'][number]> = {},
): Written['people'] {
  const because = [{ identity: 'email 1', field: 'emails' }] as const;
  return {
    contacts: contacts.map(card => ({ card: contactSchema.parse(card), because, readMs: rightNowMs(), ...changes })),
    numbers: digits.map(each => ({ digits: each, spellings: [`+${each}`] })),
    otherNumbers: [],
    ...{ ignored: 0, withoutCountry: 0, beyond: 0 },
  };
}

/** As `makePlan` writes it. */
export function planOf(
  kind: Kind,
  contacts: readonly { readonly id: number }[],
  changes: Partial<Read['plan']['rows'][number]> = {},
): Written['plan'] {
  const verb = kind === 'deletion' ? 'delete' : 'deliver';
  const row = { record: 'contact', verb, because: [] } as const;
  return { rows: contacts.map(({ id }, place) => ({ ref: `contact ${place + 1}`, id, ...row, ...changes })) };
}

/** The cards that Aircall has of these contacts. */
export function cardsOf(company: SandboxCompany, ids: readonly number[]) {
  return company.contacts().filter(({ id }) => ids.includes(id));
}

/** One attempt of a step of the access request, where `info` names no other. `heartbeats` collects what it hands on to the next one. */
export async function attempt<T>(
  step: () => Promise<T>,
  info: Partial<Info> = {},
  heartbeats: unknown[] = [],
): Promise<T> {
  const environment = new MockActivityEnvironment(
    { ...infoOf(requestOf('access'), 'run-0'), currentAttemptScheduledTimestampMs: rightNowMs(), ...info },
    { logger: new DefaultLogger('ERROR') },
  );
  environment.on('heartbeat', details => heartbeats.push(details));
  return environment.run<[], T, () => Promise<T>>(step);
}

/** The info of an attempt that belongs to the run of a request. */
export function infoOf(request: RequestRef, runId: string): Partial<Info> {
  return {
    workflowType: WORKFLOW_TYPES[request.kind],
    workflowExecution: { workflowId: workflowIdOf(request), runId },
  };
}

export interface Failed {
  readonly code: string;
  readonly nonRetryable: boolean;
  readonly delayMs: number | undefined;
  readonly detail: StepFailureDetail;
  readonly message: string;
}

/** How a step failed; a step that did not fail, or with anything but a typed failure, fails the test. */
export async function failureOf(running: Promise<unknown>): Promise<Failed> {
  const error: unknown = await running.then(
    value => {
      throw new Error(`the step did not fail: ${JSON.stringify(value)}`);
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApplicationFailure)) throw error;
  const { type, nonRetryable, nextRetryDelay, details, message } = error;
  const detail: unknown = details?.[0];
  return {
    code: type ?? '',
    nonRetryable: nonRetryable === true,
    delayMs: typeof nextRetryDelay === 'number' ? nextRetryDelay : undefined,
    detail: { apiRequests: numberIn(detail, 'apiRequests'), credentialVersion: numberIn(detail, 'credentialVersion') },
    message,
  };
}

function numberIn(details: unknown, name: string): number {
  if (typeof details === 'object' && details !== null) {
    const value: unknown = Object.entries(details).find(([key]) => key === name)?.[1];
    if (typeof value === 'number') return value;
  }
  throw new Error(`a failed step tells no ${name}`);
}

/** The end of the request that steps belong to. */
export const endedAs = (status: FinalStatus): RequestResult => ({
  ...requestOf('access'),
  status,
  counts: { contacts: 0, calls: 0, refused: 0, failed: 0 },
  outcomes: [],
  coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
  apiRequests: 0,
  startedAt: '2026-01-31T12:00:00.000Z',
  completedAt: '2026-01-31T12:00:01.000Z',
  doubts: [],
  approvals: [],
});
