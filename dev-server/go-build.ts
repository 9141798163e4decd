/**
 * Builds a program from Go modules into the cache, once. Versions are those of the go.mod and go.sum that are committed in
 * the program's folder here; nothing is ever written there.
 */
import { makeOnce } from './make-once';
import { packageFolder } from './places';
import { type OnProgress, reportEffort } from './progress';
import { findOnPath, runCommand } from './run-command';

export interface GoProgram {
  /** The label of the progress line. */
  readonly what: string;
  /** Import path of its main package. */
  readonly program: string;
  /** Name of the folder beside this source that pins its modules. */
  readonly folder: string;
  /** Place of the executable. */
  readonly place: string;
  /** The variable that names an executable instead. */
  readonly variable: string;
  readonly onProgress: OnProgress | undefined;
}

/** Resolves with the path of the executable. */
export async function buildGoProgram({
  what,
  program,
  folder,
  place,
  variable,
  onProgress,
}: GoProgram): Promise<string> {
  if ((await findOnPath('go')) === undefined)
    throw new Error(`there is no Go toolchain: install Go >= 1.26 or set ${variable}`);
  return reportEffort({
    what,
    onProgress,
    run: report =>
      makeOnce({
        path: place,
        onWait: holder => report(`waiting for process ${holder}, which makes it`),
        make: async path => {
          await runCommand({
            file: 'go',
            args: ['build', '-v', '-mod=readonly', '-buildvcs=false', '-o', path, program],
            cwd: packageFolder('dev-server', folder),
            // A workspace of the user's would replace the pinned modules.
            env: { GOWORK: 'off' },
            onLine: line => report(line.startsWith('go: ') ? line.slice(4) : `compiling ${line}`),
          });
        },
      }),
  });
}
