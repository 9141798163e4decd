import type fc from 'fast-check';
import { isBehind, type Stored, type VaultDriver } from '../../src/vault/vault';

/** A store in memory. `later` says when each of its operations happens; at once if absent. */
export function inMemory(
  later: <T>(does: () => T) => Promise<T> = async does => does(),
  objects = new Map<string, Stored<Buffer>>(),
): VaultDriver {
  let versions = objects.size;
  const put = (key: string, value: Buffer) => {
    versions += 1;
    objects.set(key, { value, version: String(versions) });
    return true;
  };
  return {
    get: key => later(() => objects.get(key)),
    putIfAbsent: (key, bytes) => later(() => !objects.has(key) && put(key, bytes)),
    putIfUnchanged: (key, bytes, version) => later(() => objects.get(key)?.version === version && put(key, bytes)),
    list: prefix => later(() => [...objects.keys()].filter(key => key.startsWith(`${prefix}/`)).sort()),
    page: (prefix, max, after) =>
      later(() =>
        [...objects.keys()]
          .filter(key => key.startsWith(`${prefix}/`) && isBehind(key, after))
          .sort((one, other) => (isBehind(one, other) ? 1 : -1))
          .slice(0, max),
      ),
    async delete(key) {
      objects.delete(key);
    },
  };
}

/** A store in memory, each of whose operations happens when the scheduler says so. */
export function scheduled(scheduler: fc.Scheduler, objects?: Map<string, Stored<Buffer>>): VaultDriver {
  return inMemory(does => scheduler.schedule(Promise.resolve()).then(does), objects);
}
