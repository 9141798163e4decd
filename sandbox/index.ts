/**
 * A stand-in Aircall over real HTTP, for development, the demo and tests: seeded data, seeded faults, several companies.
 * It must never import from the product, nor use randomness or time that a caller cannot set.
 * Facts: docs/aircall.md 8 says which behaviour was measured, documented or guessed.
 */
import { createServer } from 'node:http';
import { type CompanySeed, createCompany, exposeCompany, type LoggedRequest, type SandboxCompany } from './company';
import { createFaultPicker, type FaultPlan, parseFaultPlan } from './faults';
import { createStandardCompanies } from './seed';
import { handleRequest } from './server';
import type { SandboxState } from './state';

export type { Behaviour, RateLimit } from './behaviour';
export { SandboxInputError } from './check';
export type { CompanySeed, LoggedRequest, SandboxCompany, StoredMedia, Truth } from './company';
export type { ContactInput } from './contacts';
export type { ApiKey } from './credentials';
export type { FaultAction, FaultPlan, FaultRule, Selection } from './faults';
export { parseFaultPlan } from './faults';
export { OAUTH_CLIENT } from './oauth';
export type { PersonaDoubt, PersonaName } from './personas';
export { type CompanySeedInput, createCompanySeed, createStandardCompanies } from './seed';
export type { Judged, PersonaTruth } from './seed-personas';
export type { Call, CallRecord, Contact, ContactRecord } from './wire';

export interface SandboxOptions {
  /** 0, the default: any free one. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Of the standard companies; default 1. */
  readonly seed?: number | undefined;
  /** Default: `acme` and `globex`. */
  readonly companies?: readonly CompanySeed[] | undefined;
  readonly faults?: FaultPlan | undefined;
  /** ms epoch; default Date.now. */
  readonly now?: (() => number) | undefined;
}

export interface Sandbox {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** The origin and `/v1`. */
  readonly baseUrl: string;
  readonly companies: readonly SandboxCompany[];
  /** @throws on an unknown name. */
  company(name: string): SandboxCompany;
  /** All API requests since the start or the last clearing; neither admin nor media. */
  requests(): LoggedRequest[];
  /** All requests for recordings and voicemails since the start or the last clearing. */
  mediaRequests(): LoggedRequest[];
  clearRequests(): void;
  /** Counting of requests starts anew. @throws {SandboxInputError} on an unusable plan. */
  setFaults(plan: FaultPlan | undefined): void;
  /** Answers the requests that rules with the action `hold` or `hold-body` hold now; later ones are held again. */
  release(): void;
  /** Ends open connections too, also those that hang; safe to call twice. */
  close(): Promise<void>;
}

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const now = options.now ?? Date.now;
  const host = options.host ?? '127.0.0.1';
  const companies = (options.companies ?? createStandardCompanies({ seed: options.seed ?? 1, now: now() })).map(seed =>
    createCompany(seed, now),
  );
  const held: (() => void)[] = [];
  let origin = '';
  let exposed: readonly SandboxCompany[] = [];
  const pickersOf = (plan: FaultPlan | undefined) => {
    const { seed, rules, media = [] } = parseFaultPlan(plan ?? []);
    return { pickFault: createFaultPicker({ seed, rules }), pickMediaFault: createFaultPicker({ seed, rules: media }) };
  };
  const state: SandboxState = {
    companies,
    log: { count: 0, entries: [] },
    mediaLog: { count: 0, entries: [] },
    now,
    origin: () => origin,
    exposed: () => exposed,
    ...pickersOf(options.faults),
    setFaults(plan) {
      Object.assign(state, pickersOf(plan));
    },
    clearLogs() {
      for (const { entries } of [state.log, state.mediaLog]) entries.length = 0;
    },
    released: () => new Promise(resolve => held.push(resolve)),
    release() {
      for (const letGo of held.splice(0)) letGo();
    },
  };

  const server = createServer((request, response) => {
    handleRequest(state, request, response).catch(() => response.destroy());
  });
  // Longer than any pause of a client that reuses connections: a reset would look like a fault that nobody planned.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  origin = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`;
  const requests = () => state.log.entries.map(entry => ({ ...entry }));
  const mediaRequests = () => state.mediaLog.entries.map(entry => ({ ...entry }));
  exposed = companies.map(company => exposeCompany(company, origin, { requests, mediaRequests }));

  return {
    origin,
    baseUrl: `${origin}/v1`,
    companies: exposed,
    company(name) {
      const found = exposed.find(each => each.name === name);
      if (found === undefined) throw new Error(`the sandbox has no company "${name}"`);
      return found;
    },
    requests,
    mediaRequests,
    clearRequests: state.clearLogs,
    setFaults: state.setFaults,
    release: state.release,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
