/**
 * The composition root: the parts that commands, worker and demo share, each built here once. Parts that need only the vault are
 * apart from parts that need a Temporal server, because many commands work without one.
 */
import type { Client } from '@temporalio/client';
import { createEvidence } from './audit/evidence';
import { createDsrClient, type DsrClient } from './client';
import type { Keyring } from './encryption/keyring';
import type { Evidence } from './retention/evidence';
import { createLateReceipts, type LateReceipts } from './retention/late-receipts';
import { createRetention, type Retention } from './retention/retention';
import { type Approvers, createApprovers } from './vault/approvers';
import { type Brake, createBrake } from './vault/brake';
import { type Cases, createCases } from './vault/cases';
import { type Connections, createConnections } from './vault/connections';
import { createReceipts, type Receipts } from './vault/receipts';
import type { Vault } from './vault/vault';

export interface Stores {
  readonly keyring: Keyring;
  readonly vault: Vault;
  readonly connections: Connections;
  readonly cases: Cases;
  readonly approvers: Approvers;
  readonly brake: Brake;
  readonly receipts: Receipts;
}

export interface Parts extends Stores {
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly client: DsrClient;
  readonly lateReceipts: LateReceipts;
  readonly evidence: Evidence;
  readonly retention: Retention;
}

export function createStores({ keyring, vault }: Pick<Stores, 'keyring' | 'vault'>): Stores {
  return {
    keyring,
    vault,
    connections: createConnections(vault),
    cases: createCases(vault),
    approvers: createApprovers(vault),
    brake: createBrake(vault),
    receipts: createReceipts({ vault, keyring, now: Date.now }),
  };
}

export function createParts(
  stores: Stores,
  { temporal, taskQueue }: { readonly temporal: Client; readonly taskQueue: string },
): Parts {
  const { keyring, vault, cases, receipts } = stores;
  const lateReceipts = createLateReceipts({ temporal, taskQueue, keyring, cases, receipts });
  const evidence = createEvidence({ temporal, vault, keyring, taskQueue, now: Date.now });
  return {
    ...stores,
    temporal,
    taskQueue,
    client: createDsrClient({ temporal, keyring, taskQueue, recordOf: cases.record }),
    lateReceipts,
    evidence,
    retention: createRetention({ temporal, keyring, cases, receipts, lateReceipts, evidence, taskQueue }),
  };
}
