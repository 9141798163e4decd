/**
 * The sandbox in a process of its own, so that it shares no event loop with what is measured. As a script it serves the
 * companies of its environment; `startSandboxApart` starts it and reads its log through the admin door.
 */
import { createServer } from 'node:net';
import {
  type CompanySeed,
  type CompanySeedInput,
  createCompanySeed,
  type LoggedRequest,
  startSandbox,
} from '../sandbox';
import { firstCredentials } from '../sandbox/credentials';
import { note, noteError } from './note';
import { type Process, startProcess } from './processes';

/** Companies are made from their seed in both processes: the data need not travel. */
export interface CompanyApart extends CompanySeedInput {
  readonly behaviour?: NonNullable<CompanySeed['behaviour']>;
}

export interface SandboxApart {
  readonly baseUrl: string;
  /** Of every company's standard subject. */
  readonly subjectEmail: string;
  readonly process: Process;
  /** Of one company, or of all. */
  requests(company?: string): Promise<LoggedRequest[]>;
  clearRequests(): Promise<void>;
  close(): Promise<void>;
}

const ENVIRONMENT = { companies: 'BENCH_SANDBOX_COMPANIES', port: 'BENCH_SANDBOX_PORT' } as const;
const HOST = '127.0.0.1';

export async function startSandboxApart(companies: readonly CompanyApart[]): Promise<SandboxApart> {
  const port = await freePort();
  const started = await startProcess({
    label: 'sandbox',
    script: 'sandbox-apart.js',
    args: [],
    env: { ...process.env, [ENVIRONMENT.companies]: JSON.stringify(companies), [ENVIRONMENT.port]: String(port) },
  });
  const origin = `http://${HOST}:${port}`;
  return {
    baseUrl: `${origin}/v1`,
    subjectEmail: createCompanySeed({ name: 'any', seed: 1, contacts: 0, calls: 0, now: 0 }).truth.subjectEmail,
    process: started,
    async requests(company) {
      const reply = await fetch(`${origin}/_sandbox/requests`);
      const log: { readonly requests: LoggedRequest[] } = JSON.parse(await reply.text());
      return company === undefined ? log.requests : log.requests.filter(each => each.company === company);
    },
    async clearRequests() {
      await fetch(`${origin}/_sandbox/clear-requests`, { method: 'POST' });
    },
    close: () => started.kill(),
  };
}

/** The header that opens a company's API. */
export function authorizationOf(company: string): string {
  const { apiId, apiToken } = firstCredentials(company);
  return `Basic ${Buffer.from(`${apiId}:${apiToken}`).toString('base64')}`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function main(): Promise<void> {
  const inputs: readonly CompanyApart[] = JSON.parse(process.env[ENVIRONMENT.companies] ?? '[]');
  const companies = inputs.map(({ behaviour, ...input }) => ({
    ...createCompanySeed(input),
    ...(behaviour && { behaviour }),
  }));
  await startSandbox({ companies, port: Number(process.env[ENVIRONMENT.port]) });
  note('ready');
}

if (require.main === module) {
  main().catch((error: unknown) => {
    noteError(error);
    process.exitCode = 1;
  });
}
