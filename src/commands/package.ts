/** The command that saves the package of an access request, and how packages are saved. */
import type { RequestRef } from '../request/names';
import { requestOf } from '../request/names';
import { CaseFileBroken, type Cases } from '../vault/cases';
import type { Context } from './context';
import { CommandError, EXIT, type Exit } from './errors';
import { refuseOther, removePart, saveStream } from './out-file';
import { noSuchRequest, resolveId } from './request-id';

export async function savePackageOf(
  { terminal, parts }: Context,
  id: string,
  { out }: { readonly out: string },
): Promise<Exit> {
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const request = requestOf(workflowId);
  if (request === undefined) throw noSuchRequest();
  const { result, status } = await all.client.status(workflowId);
  const found = result?.package;
  await refuseOther(out, async () => found?.sha256);
  if (found === undefined) {
    throw new CommandError(
      'no-package',
      `This request has no package (status ${status}). Only an access request that ended with its searches done has one, until it is purged.`,
      EXIT.failed,
    );
  }
  await savePackage(all.cases, request, out);
  terminal.print({ out, ...found }, [`Saved the package: ${out} (${found.sizeBytes} bytes). It holds personal data.`]);
  return EXIT.done;
}

/** The package that the record of the request states; readable by its owner only. @throws {CommandError} `no-package`, `usage` */
export async function savePackage(cases: Cases, request: RequestRef, path: string): Promise<void> {
  const stated = (await cases.record(request))?.result?.package;
  const file = stated && (await cases.openPackage(request, stated.sha256));
  if (file === undefined)
    throw new CommandError(
      'no-package',
      'The package is not in this vault. Set AIRCALL_DSR_VAULT to the one that the worker uses.',
      EXIT.failed,
    );
  try {
    await saveStream(path, file);
  } catch (error) {
    // Purged meanwhile, or broken: nobody can continue.
    if (error instanceof CaseFileBroken) await removePart(path, file);
    throw error;
  }
}
