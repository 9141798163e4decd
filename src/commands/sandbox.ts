/** The command that runs the stand-in Aircall until it is stopped. */
import { runSandbox } from '../../sandbox/main';
import type { Context } from './context';
import { EXIT, type Exit, usage } from './errors';

export interface SandboxCommandOptions {
  readonly port?: string;
  readonly seed?: string;
  readonly faults?: string;
}

export async function sandbox({ terminal }: Context, options: SandboxCommandOptions): Promise<Exit> {
  const port = wholeNumber('--port', options.port, 65_535);
  const seed = wholeNumber('--seed', options.seed, 0xffff_ffff);
  const { sandbox: running } = await runSandbox({ port, seed, faultsFile: options.faults }).catch(refusePort);
  terminal.print(
    { origin: running.origin, baseUrl: running.baseUrl, companies: running.companies.map(({ name }) => name) },
    [],
  );
  await terminal.stopped();
  await running.close();
  return EXIT.done;
}

function refusePort(error: unknown): never {
  if (!(error instanceof Error && 'syscall' in error && error.syscall === 'listen' && 'code' in error)) throw error;
  throw usage(`The port of --port cannot be used (${error.code}).`);
}

function wholeNumber(name: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw usage(`${name} takes a whole number from 0 to ${max}.`);
}
