/** What a bundle must be to pass, with whatever key it was signed: each way in which it may be something else is refused. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { checkBundle, type Files, MANIFEST, type Manifest, RECEIPT, signBundle } from '../../src/audit/bundle';
import { jsonIn, resultIn } from '../../src/audit/history';
import { type History, historyFromJson, historyToJson } from '../../src/audit/history-json';
import { signingKeyOf } from '../../src/encryption/signing-key';
import { receiptContent } from '../../src/receipt/build';
import type { ReceiptContent } from '../../src/receipt/model';
import { signReceipt } from '../../src/receipt/sign';
import type { RequestResult } from '../../src/request/model';
import { requestOf } from '../../src/request/names';
import { HISTORIES } from '../replay/scenarios';

const keyOf = (seed: number) => signingKeyOf(Buffer.alloc(32, seed));
const OURS = keyOf(1);
const BEFORE = keyOf(2);
const FOREIGN = keyOf(3);
type Key = typeof OURS;
const recorded = (name: string) => historyFromJson(readFileSync(join(HISTORIES, `${name}.json`), 'utf8'));
const WITH_CHILD = recorded('access-company-with-children.0');
const CHILD = recorded('access-company-with-children.1');
const AT = '2026-11-24T12:00:00.000Z';
const WORKFLOWS = 'a'.repeat(64);

const runOf = ({ events }: History) => {
  const { workflowId, originalExecutionRunId } = events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
  return { workflowId: workflowId ?? '', runId: originalExecutionRunId ?? '' };
};
const isResult = z.custom<RequestResult>();

interface Made {
  readonly parent?: History;
  /** Null: left out. */
  readonly child?: History | null;
  readonly key?: Key;
  readonly receiptKey?: Key;
  /** What the receipt states otherwise. */
  readonly stated?: Partial<ReceiptContent>;
  readonly manifest?: Partial<Manifest>;
}

/** A bundle as it is exported, properly signed whatever it says. */
function bundle(made: Made = {}): Files {
  const { parent = WITH_CHILD, child = CHILD, key = OURS, receiptKey = key, stated, manifest } = made;
  const run = runOf(parent);
  const request = requestOf(run.workflowId);
  if (request === undefined) throw new Error('it is the history of a request');
  const result = resultIn(parent);
  const content = receiptContent({
    ...{ request, runId: run.runId, dryRun: false, subjectHash: null, startedAt: null, clock: undefined },
    ending: result
      ? { result: isResult.parse(jsonIn(result)) }
      : { code: 'terminated', receivedAt: null, endedAt: null },
    ...{ phases: {}, budget: null, service: { version: '0.1.0', workflows: WORKFLOWS } },
  });
  const issued = { at: AT, how: 'at-end' } as const;
  const receipt = signReceipt({ ...content, ...stated, issued, chain: { sequence: 1, previous: null } }, receiptKey);
  const files = new Map([
    [RECEIPT, Buffer.from(JSON.stringify(receipt))],
    ['history.json', Buffer.from(historyToJson(parent))],
    ...(child ? [['history-1.json', Buffer.from(historyToJson(child))] as const] : []),
  ]);
  const runs = [run, runOf(CHILD)].map((each, index) => ({
    file: index ? `history-${index}.json` : 'history.json',
    ...each,
  }));
  const about = {
    workflowId: run.workflowId,
    exportedAt: AT,
    version: '0.1.0',
    workflows: WORKFLOWS,
    runs,
    missing: [],
  };
  return files.set(MANIFEST, Buffer.from(JSON.stringify(signBundle(files, { ...about, ...manifest }, key))));
}

const parentRun = { file: 'history.json', ...runOf(WITH_CHILD) };
const cut = (history: History, count: number): History => ({ events: history.events?.slice(0, count) ?? [] });
const withResult = (data: string): History => {
  const history = recorded('access-company-with-children.0');
  const [payload] = history.events?.at(-1)?.workflowExecutionCompletedEventAttributes?.result?.payloads ?? [];
  Object.assign(payload ?? {}, { data: Buffer.from(data) });
  return history;
};

describe('a bundle', () => {
  it('that is whole passes, with the key that signed it and without', () => {
    expect(checkBundle(bundle()).missing).toEqual([]);
    expect(checkBundle(bundle(), [OURS.publicKey]).workflowId).toBe(runOf(WITH_CHILD).workflowId);
  });

  it('that somebody signed anew passes only where nobody says whose signature it must be', () => {
    expect(() => checkBundle(bundle({ key: FOREIGN }))).not.toThrow();
    expect(() => checkBundle(bundle({ key: FOREIGN }), [OURS.publicKey])).toThrow('is not a given key');
    const halfway = bundle({ key: FOREIGN, receiptKey: OURS });
    expect(() => checkBundle(halfway)).toThrow('signed with different keys');
    expect(() => checkBundle(halfway, [OURS.publicKey])).toThrow('is not a given key');
  });

  it('whose receipt was signed with a key of before passes where both are trusted', () => {
    const late = bundle({ receiptKey: BEFORE });
    expect(() => checkBundle(late)).toThrow('signed with different keys');
    expect(() => checkBundle(late, [OURS.publicKey])).toThrow('is not a given key');
    expect(() => checkBundle(late, [BEFORE.publicKey, OURS.publicKey])).not.toThrow();
  });

  it('that lacks a child passes only where its manifest says so', () => {
    const without = { child: null, manifest: { runs: [parentRun] } };
    expect(() => checkBundle(bundle(without))).toThrow('names a child');
    const said = { ...without.manifest, missing: [runOf(CHILD)] };
    expect(checkBundle(bundle({ child: null, manifest: said })).missing).toEqual([runOf(CHILD)]);
  });

  it.each<readonly [string, Made, string]>([
    [
      'the receipt of another request',
      { stated: { request: { ...requestOfReceipt(), requestId: 'another' } } },
      'belong to different requests',
    ],
    [
      'the receipt of another run',
      { stated: { request: { ...requestOfReceipt(), runId: 'another' } } },
      'different requests',
    ],
    ['a history that is cut off', { parent: cut(WITH_CHILD, 20) }, 'is cut off before its end'],
    [
      'a child that is another run',
      { child: recorded('access-completed.0') },
      'is not the history that the manifest names',
    ],
    ['a history that is none', { child: { events: [] } }, 'is not the history that the manifest names'],
    ['other workflows than the receipt', { manifest: { workflows: 'b'.repeat(64) } }, 'name different workflows'],
    ['another status in its receipt', { stated: { status: 'no-match' } }, ': status.'],
    ['other counts in its receipt', { stated: { sources: [] } }, ': sources.'],
    ['other API requests in its receipt', { stated: { apiRequests: 1 } }, ': apiRequests.'],
    ['another package in its receipt', { stated: { package: null } }, ': package.'],
    ['another verification in its receipt', { stated: { verification: 'verified' } }, ': verification.'],
    ['a result that is none', { parent: withResult('{}'), stated: {} }, 'no result'],
  ])('with %s is refused', (_, made, message) => {
    expect(() => checkBundle(made.parent && resultIn(made.parent) ? forged(made) : bundle(made))).toThrow(message);
  });

  it('without its receipt is refused, and so is one whose page or key is not that of its manifest', () => {
    const files = new Map(bundle());
    files.delete(RECEIPT);
    expect(() => checkBundle(files)).toThrow(`${RECEIPT} is missing`);
    expect(() => checkBundle(new Map(bundle()).set('story.html', Buffer.from('x')))).toThrow('does not name');
  });
});

function requestOfReceipt(): ReceiptContent['request'] {
  const { workflowId, runId } = runOf(WITH_CHILD);
  const request = requestOf(workflowId);
  if (request === undefined) throw new Error('it is the history of a request');
  return { ...request, runId, dryRun: false, regime: null };
}

/** With the receipt of the true history. */
function forged({ parent = WITH_CHILD }: Made): Files {
  const files = new Map(bundle());
  files.delete(MANIFEST);
  files.set('history.json', Buffer.from(historyToJson(parent)));
  const runs = [parentRun, { file: 'history-1.json', ...runOf(CHILD) }];
  const about = {
    workflowId: parentRun.workflowId,
    exportedAt: AT,
    version: '0.1.0',
    workflows: WORKFLOWS,
    runs,
    missing: [],
  };
  return files.set(MANIFEST, Buffer.from(JSON.stringify(signBundle(files, about, OURS))));
}
