/** The command that saves the package of an access request, and how packages are saved. */
import type { RequestResult } from '../client';
import type { Cases } from '../vault/cases';
import type { Context } from './context';
import { CommandError, EXIT, type Exit } from './errors';
import { refuseOther, saveOnce } from './out-file';
import { resolveId } from './request-id';

export async function savePackageOf(
  { terminal, parts }: Context,
  id: string,
  { out }: { readonly out: string },
): Promise<Exit> {
  const all = await parts();
  const { result, status } = await all.client.status(await resolveId(all, id));
  const found = result?.package;
  await refuseOther(out, async () => found?.sha256);
  if (found === undefined) {
    throw new CommandError(
      'no-package',
      `This request has no package (status ${status}). Only an access request that found something has one, until it is purged.`,
      EXIT.failed,
    );
  }
  await savePackage(all.cases, found, out);
  terminal.print({ out, ...found }, [`Saved the package: ${out} (${found.sizeBytes} bytes). It holds personal data.`]);
  return EXIT.done;
}

/** Readable by its owner only. @throws {CommandError} `no-package`, `usage` */
export async function savePackage(
  cases: Cases,
  found: NonNullable<RequestResult['package']>,
  path: string,
): Promise<void> {
  const bytes = await cases.readPackage(found.uri);
  if (bytes === undefined)
    throw new CommandError(
      'no-package',
      'The package is not in this vault. Set AIRCALL_DSR_VAULT to the one that the worker uses.',
      EXIT.failed,
    );
  await saveOnce(path, bytes);
}
