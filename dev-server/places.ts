/**
 * The places of files: the package's own pinned build files, and the cache that outlives `npm ci` and fresh clones.
 * Nothing is ever written into the package, which may be installed read-only.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of the package beside this source, also when this runs compiled from `dist/`. */
export function packageFolder(...names: string[]): string {
  let folder = __dirname;
  while (!isPackageRoot(folder)) {
    if (dirname(folder) === folder) throw new Error(`no package.json of aircall-dsr above ${__dirname}`);
    folder = dirname(folder);
  }
  return join(folder, ...names);
}

/** A place in the cache of the user. Its name holds the platform, because machines may share a home. */
export function cachePlace(name: string): string {
  const { XDG_CACHE_HOME } = process.env;
  const caches = XDG_CACHE_HOME === undefined || XDG_CACHE_HOME === '' ? join(homedir(), '.cache') : XDG_CACHE_HOME;
  return join(caches, 'aircall-dsr', `${name}-${process.platform}-${process.arch}`);
}

function isPackageRoot(folder: string): boolean {
  const path = join(folder, 'package.json');
  if (!existsSync(path)) return false;
  const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'name' in manifest && manifest.name === 'aircall-dsr';
}
