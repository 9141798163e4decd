/**
 * Finds the S3 server of the tests: Versity's gateway over a folder. The last resort is a build from its Go module, pinned
 * by s3-server/go.mod. It was chosen because its conditional writes hold if writers race, since version 1.8.
 */
import { type Chain, findFirst } from './chain';
import { findInCache, type ResolveOptions } from './find-temporal-cli';
import { buildGoProgram } from './go-build';
import { cachePlace } from './places';
import { findOnPath, runCommand } from './run-command';

/** The version in s3-server/go.mod. */
const VERSION = 'v1.8.0';
const MINOR_MIN = 8;

/**
 * The path of a `versitygw`. The first call on a machine without one may build for about a minute.
 * @throws {TemporalServerUnavailable} when no step finds one
 */
export async function resolveS3Server(options?: ResolveOptions): Promise<string> {
  return findFirst(s3ServerChain(options));
}

function s3ServerChain(options?: ResolveOptions): Chain {
  const explicitPath = process.env.VERSITYGW_PATH ?? '';
  const place = cachePlace(`versitygw-${VERSION}`);
  const explicit = { name: 'VERSITYGW_PATH', find: () => checkRuns(explicitPath) };
  const search = [
    { name: 'versitygw on PATH', find: findServerOnPath },
    { name: 'cache', find: () => findInCache(place) },
    {
      name: 'build from its Go module',
      find: () =>
        buildGoProgram({
          what: `Building the S3 server of the tests, versitygw ${VERSION} (a minute, once)`,
          program: 'github.com/versity/versitygw/cmd/versitygw',
          folder: 's3-server',
          place,
          variable: 'VERSITYGW_PATH',
          onProgress: options?.onProgress,
        }),
    },
  ];
  return {
    wanted: 'The S3 server of the tests',
    steps: options?.steps ?? (explicitPath === '' ? search : [explicit]),
    advice:
      explicitPath === ''
        ? `put versitygw >= 1.${MINOR_MIN} on PATH or name it in VERSITYGW_PATH, or install Go >= 1.26 with access to its module proxy.`
        : 'correct VERSITYGW_PATH, or unset it to have a server found or built.',
  };
}

async function findServerOnPath(): Promise<string> {
  const path = await findOnPath('versitygw');
  if (path === undefined) throw new Error('there is none');
  const version = await runCommand({ file: path, args: ['--version'] });
  const [, major, minor] = /\bv(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) throw new Error(`${path} does not print its version; name it in VERSITYGW_PATH to use it`);
  if (Number(major) === 1 && Number(minor) < MINOR_MIN)
    throw new Error(`${path} is ${major}.${minor}, but conditional writes that race need 1.${MINOR_MIN}`);
  return path;
}

/** A server that somebody built prints no version; the person who named it must know it. */
async function checkRuns(path: string): Promise<string> {
  await runCommand({ file: path, args: ['--version'] });
  return path;
}
