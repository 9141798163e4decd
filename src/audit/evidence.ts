/**
 * The evidence of requests: a bundle for each, made from its receipt and its histories while the server still has them, and
 * kept in the vault as long as receipts. It holds no personal data, so it outlives the request's data. The time up to which
 * it is kept is the server's, never that of a worker. What nobody can read counts as not there: a bundle is made again while
 * the server has the histories, and without the time all of them are searched. Decision D13.
 *
 * `evidence/<connection>/<kind>/<requestId>/<runId>` is a bundle; `evidence-looked/up-to` holds the time up to which ended requests
 * were searched.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Client } from '@temporalio/client';
import type { Keyring } from '../encryption/keyring';
import { createPayloadCodec } from '../encryption/payload-codec';
import { pemOf } from '../encryption/signing-key';
import { errorCode } from '../error-code';
import type { Receipt } from '../receipt/model';
import { isChildId, type RequestRef, requestOf, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import type { Evidence } from '../retention/evidence';
import { sideBySide } from '../side-by-side';
import { childrenIn, closedRuns, endCodeOf, historyOf, runsAt } from '../temporal/histories';
import { isRunOf } from '../temporal/own-runs';
import { isUnreadable, VaultError } from '../vault/errors';
import type { Vault } from '../vault/vault';
import { VERSION } from '../version';
import { type Files, MANIFEST, RECEIPT, signBundle } from './bundle';
import { endIn, resultIn } from './history';
import type { History } from './history-json';
import { portableHistory } from './portable';
import { storyPage } from './story';

export interface EvidenceDependencies {
  readonly temporal: Client;
  readonly vault: Vault;
  readonly keyring: Keyring;
  /** The service's main task queue. */
  readonly taskQueue: string;
  readonly now: () => number;
}

const FETCHED_AT_ONCE = 8;
/** Runs of a page of a search. */
const PAGE_MAX = 25;
const ROOT = 'evidence';
const SEARCHED = 'evidence-looked/up-to';
/** A run may be listed a while after it has ended. */
const LISTED_WITHIN_MS = 10 * 60_000;
/** Codes of what anybody can put into the place of an object, besides bytes that cannot be unsealed. */
const NOT_OURS = ['unknown-key', 'vault-too-large', 'EISDIR'];
/** Errors that make a history unreadable here: the key file is old, or the key was retired. */
const LOCKED = ['unknown-key', 'wrong-key'];

export function createEvidence({ temporal, vault, keyring, taskQueue, now }: EvidenceDependencies): Evidence {
  const keyOf = ({ connection, kind, requestId }: RequestRef, ...runId: string[]) =>
    [ROOT, connection, kind, requestId, ...runId].join('/');

  /**
   * The history that its receipt states. After a reset it is that of a later run, which begins with the events of the first; a run
   * that was reset after its end may end in another way. If there is none such, the latest one.
   */
  async function historyBehind(receipt: Receipt): Promise<History | undefined> {
    const { runId } = receipt.request;
    const runs = await runsAt(temporal, workflowIdOf(receipt.request), runId);
    const closed = runs.filter(run => !run.open && isRunOf({ runId }, run));
    const latestFirst = closed.toSorted((one, other) => other.startedAt.getTime() - one.startedAt.getTime());
    let latest: History | undefined;
    for (const run of latestFirst) {
      const history = await historyOf(temporal, run);
      latest ??= history;
      if (history !== undefined && isStatedBy(receipt, history)) return history;
    }
    return latest;
  }

  async function make(receipt: Receipt): Promise<Files | undefined> {
    const workflowId = workflowIdOf(receipt.request);
    const { runId } = receipt.request;
    const history = await historyBehind(receipt);
    if (history === undefined) return undefined;
    // Its own events name its children: a list on the server may lag, or lack deleted runs.
    // Others were started by nobody with a key, under ids that may say anything.
    const own = childrenIn(history).filter(child => isChildId(workflowId, child.workflowId));
    const children = await sideBySide(own, FETCHED_AT_ONCE, async run => ({
      run,
      history: await historyOf(temporal, run),
    }));
    const there = [{ run: { workflowId, runId }, history }, ...children].flatMap(({ run, history: found }) =>
      found === undefined ? [] : [{ run, history: found }],
    );
    const exported = there.map((each, index) => ({
      ...each,
      file: index === 0 ? 'history.json' : `history-${index}.json`,
    }));
    const codec = createPayloadCodec(keyring);
    // The same person in two connections has two pseudonyms, as in receipts.
    const hash = (value: string) => keyring.hash(`${receipt.request.connection} ${value}`);
    const files = new Map([[RECEIPT, Buffer.from(`${JSON.stringify(receipt, null, 2)}\n`)]]);
    for (const each of exported) files.set(each.file, Buffer.from(await portableHistory(each.history, codec, hash)));
    const key = keyring.signingKey();
    // The signer of the receipt too: it may have used an older key.
    const signers = new Set([key.publicKey, receipt.signer.publicKey]);
    files.set('public-key.pem', Buffer.from([...signers].map(signer => `${pemOf(signer)}\n`).join('')));
    files.set('story.html', Buffer.from(storyPage(receipt)));
    const about = {
      workflowId,
      exportedAt: new Date(now()).toISOString(),
      version: VERSION,
      workflows: receipt.service.workflows,
      runs: exported.map(({ run, file }) => ({ file, ...run })),
      missing: children.flatMap(({ run, history: found }) => (found === undefined ? [run] : [])),
    };
    files.set(MANIFEST, Buffer.from(`${JSON.stringify(signBundle(files, about, key), null, 2)}\n`));
    return files;
  }

  /** Anybody who can write the vault can store something there, also under the id of a key that nobody has. */
  async function stored(key: string): Promise<Buffer | 'broken' | undefined> {
    try {
      return (await vault.get(key))?.value;
    } catch (error) {
      if (isUnreadable(error) || NOT_OURS.includes(errorCode(error) ?? '')) return 'broken';
      throw error;
    }
  }

  const bundleOf = ({ request }: Receipt) => stored(keyOf(request, request.runId));

  return {
    async keep(receipt) {
      const present = await bundleOf(receipt);
      if (present !== undefined && present !== 'broken') return 'kept';
      try {
        const files = await make(receipt);
        if (files === undefined) return present ?? 'gone';
        const key = keyOf(receipt.request, receipt.request.runId);
        if (present === 'broken') await vault.replace(key, pack(files));
        else await vault.putIfAbsent(key, pack(files));
        return 'kept';
      } catch (error) {
        if (LOCKED.includes(errorCode(error) ?? '')) return 'locked';
        throw error;
      }
    },

    async of(receipt) {
      const present = await bundleOf(receipt);
      if (present !== undefined && present !== 'broken') return unpack(present);
      const files = await make(receipt);
      if (files !== undefined || present === undefined) return files;
      const workflowId = workflowIdOf(receipt.request);
      throw new VaultError(
        'evidence-broken',
        `The evidence of ${workflowId} cannot be read, and its history is deleted.`,
      );
    },

    async unkept(nowMs, page) {
      const searched = await stored(SEARCHED);
      const from = searched instanceof Buffer ? new Date(searched.toString()) : undefined;
      const within = { from, to: new Date(nowMs), types: Object.values(WORKFLOW_TYPES), max: PAGE_MAX };
      const { runs, next } = await closedRuns(temporal, taskQueue, within, page);
      const found = await sideBySide(
        runs,
        FETCHED_AT_ONCE,
        async ({ workflowId, runId, closedAt = new Date(nowMs) }) => {
          const request = requestOf(workflowId);
          if (request === undefined) return [];
          // Whoever keeps one of which that cannot be said learns why; the others do not wait for it.
          const present = await stored(keyOf(request, runId)).catch(() => undefined);
          return present instanceof Buffer ? [] : [{ request, closedAt }];
        },
      );
      const requests = [...new Map(found.flat().map(each => [workflowIdOf(each.request), each])).values()];
      return next === undefined ? { requests } : { requests, next };
    },

    async noteKept(nowMs) {
      const upTo = new Date(nowMs - LISTED_WITHIN_MS).toISOString();
      if ((await stored(SEARCHED)) === 'broken') return vault.replace(SEARCHED, Buffer.from(upTo));
      // A later sweep may have stored a later time: keep it.
      await vault.update(SEARCHED, present =>
        present !== undefined && present.toString() >= upTo ? undefined : Buffer.from(upTo),
      );
    },
  };
}

function isStatedBy({ issued, failure }: Receipt, history: History): boolean {
  if (issued.how === 'at-end') return resultIn(history) !== undefined;
  return endCodeOf(endIn(history)) === failure;
}

function pack(files: Files): Buffer {
  return gzipSync(JSON.stringify(Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.toString()]))));
}

function unpack(packed: Buffer): Files {
  const files: Record<string, string> = JSON.parse(gunzipSync(packed).toString());
  return new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]));
}
