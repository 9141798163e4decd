/**
 * Finds the server that production runs, and the tool that makes its schema in PostgreSQL: both are built from the official
 * Go modules, pinned by temporal-server/go.mod and go.sum. For the rehearsal of docker-compose.yml, which has the same version
 * as images; the demo and all other tests run the dev server.
 */
import { type Chain, findFirst } from './chain';
import { findInCache, type ResolveOptions } from './find-temporal-cli';
import { buildGoProgram } from './go-build';
import { cachePlace } from './places';
import { runCommand } from './run-command';

/** The version in temporal-server/go.mod. */
const VERSION = '1.31.2';

interface Program {
  readonly wanted: string;
  /** In the cache. */
  readonly name: string;
  /** Import path of its main package. */
  readonly program: string;
  readonly variable: string;
}

/**
 * The path of a `temporal-server`. The first call on a machine may build for minutes.
 * @throws {TemporalServerUnavailable} when no step finds one
 */
export function resolveTemporalServer(options?: ResolveOptions): Promise<string> {
  const program = 'go.temporal.io/server/cmd/server';
  const wanted = 'The Temporal server';
  return findFirst(chainOf({ wanted, name: 'temporal-server', program, variable: 'TEMPORAL_SERVER_PATH' }, options));
}

/**
 * The path of a `temporal-sql-tool` of the same version.
 * @throws {TemporalServerUnavailable} when no step finds one
 */
export function resolveSqlTool(options?: ResolveOptions): Promise<string> {
  const program = 'go.temporal.io/server/cmd/tools/sql';
  const wanted = 'The schema tool of the Temporal server';
  return findFirst(
    chainOf({ wanted, name: 'temporal-sql-tool', program, variable: 'TEMPORAL_SQL_TOOL_PATH' }, options),
  );
}

function chainOf({ wanted, name, program, variable }: Program, options?: ResolveOptions): Chain {
  const explicitPath = process.env[variable] ?? '';
  const place = cachePlace(`${name}-${VERSION}`);
  const explicit = { name: variable, find: () => checkVersion(explicitPath) };
  const search = [
    { name: 'cache', find: () => findInCache(place) },
    {
      name: 'build from the official Go modules',
      find: () =>
        buildGoProgram({
          what: `Building ${name} ${VERSION} (minutes, once)`,
          program,
          folder: 'temporal-server',
          place,
          variable,
          onProgress: options?.onProgress,
        }),
    },
  ];
  return {
    wanted,
    steps: options?.steps ?? (explicitPath === '' ? search : [explicit]),
    advice:
      explicitPath === ''
        ? `name ${name} ${VERSION} in ${variable}, or install Go >= 1.26 with access to its module proxy.`
        : `correct ${variable}, or unset it to have one built.`,
  };
}

/** With another version the rehearsal would prove nothing. */
async function checkVersion(path: string): Promise<string> {
  const printed = await runCommand({ file: path, args: ['--version'] });
  if (!printed.includes(VERSION)) throw new Error(`${path} prints "${printed}", but the rehearsal needs ${VERSION}`);
  return path;
}
