/**
 * People who may approve plans: a name and an Ed25519 public key each. All of them are one guarded object, so that somebody who can
 * write the vault and has no key neither adds nor removes one unnoticed.
 */
import { z } from 'zod';
import { openPublicKey, signingKeyId } from '../encryption/signing-key';
import { NAME_PATTERN } from '../request/names';
import { readable } from './errors';
import type { Vault } from './vault';

const approver = z.strictObject({
  name: z.string().regex(NAME_PATTERN),
  /** SPKI (DER), base64. */
  publicKey: z.string().refine(key => openPublicKey(key) !== undefined),
  addedAt: z.iso.datetime(),
});
const schema = z.strictObject({ approvers: z.array(approver) });
type Stored = z.infer<typeof schema>;

export interface Approver extends z.infer<typeof approver> {
  /** Named by its public key. */
  readonly keyId: string;
}

export interface Approvers {
  /** By name. @throws {VaultError} `approvers-broken`, `vault-rolled-back` */
  list(): Promise<Approver[]>;
  /** `same`: it is registered already; `name-taken`, `key-taken`: by another one, and nothing changes. */
  add(given: Omit<Approver, 'keyId'>): Promise<'added' | 'same' | 'name-taken' | 'key-taken'>;
  /** Removes an approver if at least `leaving` remain. */
  remove(name: string, leaving: number): Promise<'removed' | 'unknown' | 'too-few'>;
}

const KEY = 'approvers';

export function createApprovers(vault: Pick<Vault, 'guarded'>): Approvers {
  /** `change` returns the verdict and, if something changes, all approvers. */
  async function change<V>(
    judge: (present: Stored['approvers']) => { readonly verdict: V; readonly next?: Stored['approvers'] },
  ): Promise<V> {
    let judged = judge([]);
    await reading(() =>
      vault.guarded.update(KEY, bytes => {
        judged = judge(bytes === undefined ? [] : read(bytes));
        return judged.next && bytesOf(judged.next);
      }),
    );
    return judged.verdict;
  }

  return {
    async list() {
      const stored = await reading(() => vault.guarded.get(KEY));
      const all = stored === undefined ? [] : read(stored.value);
      return all
        .map(each => ({ ...each, keyId: signingKeyId(each.publicKey) }))
        .sort((one, other) => (one.name < other.name ? -1 : 1));
    },
    add: ({ name, publicKey, addedAt }) =>
      change(present => {
        const named = present.find(each => each.name === name);
        if (named?.publicKey === publicKey) return { verdict: 'same' };
        if (named !== undefined) return { verdict: 'name-taken' };
        if (present.some(each => each.publicKey === publicKey)) return { verdict: 'key-taken' };
        return { verdict: 'added', next: [...present, { name, publicKey, addedAt }] };
      }),
    remove: (name, leaving) =>
      change(present => {
        const next = present.filter(each => each.name !== name);
        if (next.length === present.length) return { verdict: 'unknown' };
        return next.length < leaving ? { verdict: 'too-few' } : { verdict: 'removed', next };
      }),
  };
}

function reading<T>(read: () => Promise<T>): Promise<T> {
  return readable('approvers-broken', 'list of approvers', read);
}

function read(bytes: Buffer): Stored['approvers'] {
  return schema.parse(JSON.parse(bytes.toString())).approvers;
}

function bytesOf(approvers: Stored['approvers']): Buffer {
  return Buffer.from(JSON.stringify({ approvers }));
}
