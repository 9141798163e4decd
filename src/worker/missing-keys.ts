/**
 * Keys that payloads name and that the key file lacks. Anybody who reaches the server can send a payload with any key id, so only
 * a key that an open request waits for is logged and makes the worker unready, for as long as something waits, and only so many.
 */
import type { InjectedSinks } from '@temporalio/worker';
import { isKeyId, KeyringError } from '../encryption/key-file';
import type { Keyring } from '../encryption/keyring';
import type { WorkerRole } from '../encryption/payload-codec';
import type { Log } from '../log';
import { requestBehind } from '../request/names';
import { CaseFileBroken, type Cases } from '../vault/cases';
import type { RunSinks } from '../workflows/received';

export interface MissingKeys {
  readonly role: WorkerRole;
  readonly sinks: InjectedSinks<RunSinks>;
  /** Empty if no request waits for a key. */
  problems(): string[];
}

export interface MissingKeysDependencies {
  readonly keyring: Pick<Keyring, 'ids'>;
  readonly cases: Pick<Cases, 'standing'>;
  readonly log: Log;
  readonly now: () => number;
}

type Known = 'open' | 'ended' | undefined;

/** More ids at a time are one problem. */
const IDS_MAX = 20;
/** Longer than the server and the steps take to repeat what waits. */
const FORGOTTEN_AFTER_MS = 15 * 60_000;

export function createMissingKeys({ keyring, cases, log, now }: MissingKeysDependencies): MissingKeys {
  /** When something last waited for each key. */
  const seen = new Map<string, number>();
  let othersMs: number | undefined;
  const checks = new Map<string, Promise<Known>>();

  async function check(workflowId: string): Promise<Known> {
    const request = requestBehind(workflowId);
    if (request === undefined) return undefined;
    try {
      return (await cases.standing(request, 'a-minute-ago')).hasEnded ? 'ended' : 'open';
    } catch (error) {
      if (error instanceof CaseFileBroken) return undefined;
      // Its record needs a key too that is not here.
      if (error instanceof KeyringError && error.code === 'unknown-key') return 'open';
      throw error;
    }
  }

  /** One check at a time for each run, however many payloads it was sent. A request that was just opened is known at once. */
  function checkOnce(workflowId: string): Promise<Known> {
    const underWay = checks.get(workflowId) ?? check(workflowId).finally(() => checks.delete(workflowId));
    checks.set(workflowId, underWay);
    return underWay;
  }

  function isRecent(atMs: number): boolean {
    return now() - atMs < FORGOTTEN_AFTER_MS;
  }

  function forget(): void {
    const there = keyring.ids;
    for (const [id, atMs] of seen) if (there.includes(id) || !isRecent(atMs)) seen.delete(id);
    if (othersMs !== undefined && !isRecent(othersMs)) othersMs = undefined;
  }

  function onAwaited(keyId: string): void {
    forget();
    if (!isKeyId(keyId) || keyring.ids.includes(keyId)) return;
    const isNew = !seen.has(keyId);
    if (isNew && seen.size === IDS_MAX) {
      if (othersMs === undefined)
        say(`payloads need more than ${IDS_MAX} keys that are not in the key file; their requests wait`);
      othersMs = now();
      return;
    }
    seen.set(keyId, now());
    if (isNew)
      say(`a payload needs key ${keyId}, which is not in the key file; its request waits for that key`, { keyId });
  }

  function say(message: string, more: { readonly keyId?: string } = {}): void {
    log({ level: 'error', message, code: 'unknown-key', ...more });
  }

  return {
    role: { requestBehind: checkOnce, onAwaited },
    // Also while a run is replayed: it cannot go on without the key.
    sinks: { keys: { awaited: { fn: (_, keyId) => onAwaited(keyId), callDuringReplay: true } } },
    problems() {
      forget();
      return [
        ...[...seen.keys()].map(id => `key ${id} is missing in the key file`),
        ...(othersMs === undefined ? [] : ['more keys are missing in the key file']),
      ];
    },
  };
}
