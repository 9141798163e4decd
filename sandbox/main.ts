/**
 * The sandbox as a command: starts it and prints how to use it, on stderr.
 * It must never write to stdout, nor end the process. The secrets it prints are made up.
 */
import { readFileSync } from 'node:fs';
import { parseJson, SandboxInputError } from './check';
import type { SandboxCompany } from './company';
import { parseFaultPlan } from './faults';
import { type Sandbox, startSandbox } from './index';
import { createStandardCompanies } from './seed';

export interface RunSandboxOptions {
  /** Default 0: any free one. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
  /** A fault plan in JSON. */
  readonly faultsFile?: string | undefined;
  /** Of each company, in all. */
  readonly contacts?: number | undefined;
  readonly calls?: number | undefined;
}

/** @throws {SandboxInputError} if the fault plan cannot be read or used. */
export async function runSandbox(options: RunSandboxOptions = {}): Promise<{ sandbox: Sandbox }> {
  const { port, host, faultsFile, contacts, calls } = options;
  const faults = faultsFile === undefined ? undefined : parseFaultPlan(parseJson(readFaults(faultsFile), faultsFile));
  const companies = createStandardCompanies({ seed: options.seed ?? 1, now: Date.now(), contacts, calls });
  const sandbox = await startSandbox({ port, host, companies, faults });
  process.stderr.write(describeSandbox(sandbox));
  return { sandbox };
}

function readFaults(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new SandboxInputError('the file of --faults cannot be read; name an existing JSON file');
  }
}

function describeSandbox(sandbox: Sandbox): string {
  const lines = [
    `Sandbox of Aircall's API at ${sandbox.origin} (its log: ${sandbox.origin}/_sandbox/requests)`,
    `Base URL ${sandbox.baseUrl}`,
    ...sandbox.companies.flatMap(company => describeCompany(company, sandbox)),
  ];
  return `${lines.join('\n')}\n`;
}

function describeCompany(
  { name, apiId, apiToken, accessToken, truth }: SandboxCompany,
  { baseUrl, origin }: Sandbox,
): string[] {
  const personas = Object.keys(truth.personas).length;
  return [
    '',
    `${name}, subject ${truth.subjectEmail}`,
    `  API id        ${apiId}`,
    `  API token     ${apiToken}`,
    `  access token  ${accessToken}`,
    ...(personas === 0 ? [] : [`  personas      ${personas}, see truth.personas in ${origin}/_sandbox/state`]),
    `  AIRCALL_API_ID=${apiId} AIRCALL_API_TOKEN=${apiToken} aircall-dsr connect ${name} --base-url ${baseUrl}`,
  ];
}
