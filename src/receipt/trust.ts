/**
 * Which keys may sign an entry, along a chain: the given ones, those that a trusted key introduces, and none that was revoked
 * before. A time that an entry claims is that of its signer, who may be a thief; so the place in the chain decides
 * wherever it can. Pure.
 */
import type { Entry, KeyStatement } from './model';
import { ReceiptError } from './sign';

export interface Trust {
  /** Takes the next entry. @throws {ReceiptError} `receipt-untrusted`, `receipt-revoked` */
  take(entry: Entry): void;
  /** Places of entries before a revocation whose signatures it declares not to be trusted. Known after the last entry. */
  distrusted(): number[];
  /** Ids of keys that are trusted only because another key introduced them. */
  readonly introduced: ReadonlySet<string>;
}

interface Revocation {
  readonly place: number;
  readonly from: string;
}

/** @param given public keys that are trusted; undefined: the key of the chain's beginning, whatever it is */
export function createTrust(given: readonly string[] | undefined): Trust {
  const trusted = new Set(given);
  /** By id of the introduced key: the id of the key that introduced it. */
  const introducedBy = new Map<string, string>();
  const introduced = new Set<string>();
  const revocations = new Map<string, Revocation[]>();
  const taken: Entry[] = [];

  /** Whether `id` introduced the other one, directly or through others. */
  function isPredecessor(id: string, other: string): boolean {
    for (let each = introducedBy.get(other); each !== undefined; each = introducedBy.get(each))
      if (each === id) return true;
    return false;
  }

  function heed({ says, signer }: KeyStatement, place: number): void {
    const usable = trusted.has(signer.publicKey) && !revocations.has(signer.keyId);
    if (says.does === 'introduce') {
      // An introduction by anyone else adds no trust: its key is refused where it signs, unless it is given.
      if (!usable || introducedBy.has(says.keyId) || says.keyId === signer.keyId) return;
      if (isPredecessor(says.keyId, signer.keyId)) return;
      introducedBy.set(says.keyId, signer.keyId);
      if (trusted.has(says.publicKey)) return;
      trusted.add(says.publicKey);
      introduced.add(says.keyId);
      return;
    }
    if (!usable || isPredecessor(signer.keyId, says.keyId))
      throw new ReceiptError(
        'receipt-untrusted',
        `Key ${signer.keyId} revokes key ${says.keyId}, and may not: a trusted key that is not older than the other one may.`,
      );
    revocations.set(says.keyId, [...(revocations.get(says.keyId) ?? []), { place, from: says.from }]);
  }

  return {
    introduced,
    take(entry) {
      const statement = 'states' in entry && entry.states.about === 'key' ? entry.states.statement : undefined;
      if (given === undefined && taken.length === 0) {
        trusted.add(entry.signer.publicKey);
        if (statement?.says.does === 'introduce') trusted.add(statement.signer.publicKey);
      }
      if (statement !== undefined) heed(statement, entry.chain.sequence);
      taken.push(entry);
      const { keyId, publicKey } = entry.signer;
      if (!trusted.has(publicKey))
        throw new ReceiptError(
          'receipt-untrusted',
          `The receipt is signed with key ${keyId}, which is not a given key, and no statement before it introduces that key.`,
        );
      const [revoked] = revocations.get(keyId) ?? [];
      if (revoked !== undefined)
        throw new ReceiptError(
          'receipt-revoked',
          `The receipt is signed with key ${keyId}, which entry ${revoked.place} of the chain revokes before it.`,
        );
    },
    distrusted() {
      const lateFrom = (id: string) => {
        const times = (revocations.get(id) ?? []).map(({ from }) => Date.parse(from));
        // A thief may claim an earlier time, but not put an entry before one that is already there.
        return times.length === 0 ? -1 : taken.findIndex(({ issued }) => Date.parse(issued.at) >= Math.min(...times));
      };
      const late = new Map([...revocations.keys()].map(id => [id, lateFrom(id)]));
      return taken.flatMap(({ signer, chain }, index) => {
        const from = late.get(signer.keyId) ?? -1;
        return from >= 0 && index >= from ? chain.sequence : [];
      });
    },
  };
}
