/**
 * What a request asks for, in a form without personal data, so that the same request id for something else is recognised, also
 * long after the input was destroyed: keyed hashes of the identities, and a keyed digest of each option as it was given. What decides
 * who approves its plan is kept as it is, because steps believe no workflow. Pure. Decisions D12, D16.
 */
import type { Need } from './approval';
import { identityHashesOf } from './identities';
import type { Inputs } from './input';
import type { Kind } from './names';
import { MATCHES_MAX_DEFAULT, type OptionsOf } from './options';

export interface Asked {
  /** Names the subject where one hash has to: that of the first identity. */
  readonly subjectHash: string;
  /** Of all identities, in their canonical order. */
  readonly identityHashes: readonly string[];
  /** Of each given option, by its name. An option that was left out has none, whatever its default is. */
  readonly optionDigests: Readonly<Record<string, string>>;
  /** With the defaults of what was left out. */
  readonly need: Need;
}

/** @param hash keyed, see the keyring */
export function askedOf(hash: (value: string) => string, input: Inputs[Kind]): Asked {
  const { kind: _, requestId: __, connection, subject, ...options } = input;
  const identityHashes = identityHashesOf(hash, { connection, subject });
  const [subjectHash = ''] = identityHashes; // an accepted input has at least one identity
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const digestOf = (name: string, value: unknown) => hash(`option ${connection} ${name} ${JSON.stringify(value)}`);
  const optionDigests = Object.fromEntries(given.map(([name, value]) => [name, digestOf(name, value)]));
  return { subjectHash, identityHashes, optionDigests, need: needOf(input) };
}

function needOf(input: Inputs[Kind]): Need {
  const { requireApproval = false } = input;
  const deletion: OptionsOf<'deletion'> = input.kind === 'deletion' ? input : {};
  const { matchesMax = MATCHES_MAX_DEFAULT, plan } = deletion;
  return { requireApproval, matchesMax, ...(plan !== undefined && { plan }) };
}

/** The fields of the input in which two requests differ; none if they are the same request. */
export function differingFields(one: Asked, other: Asked): readonly string[] {
  const isSameSubject = one.identityHashes.join() === other.identityHashes.join();
  const names = [...Object.keys(one.optionDigests), ...Object.keys(other.optionDigests)];
  const options = [...new Set(names)].sort().filter(name => one.optionDigests[name] !== other.optionDigests[name]);
  return isSameSubject ? options : ['subject', ...options];
}

/** Why a request id is refused: the fields, never their values. It follows the request id. */
export function wordsOfConflict(differing: readonly string[]): string {
  return `was used with other values of ${differing.join(', ')}`;
}
