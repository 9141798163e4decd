/**
 * Seeded randomness: a run that failed can be run again. Nothing in the sandbox may use `Math.random`.
 * The generator is mulberry32 (public domain); secrets made here are made up and must never guard anything real.
 */
import { createHash } from 'node:crypto';

export interface Random {
  /** In [0, 1). */
  fraction(): number;
  /** An integer in [min, max]. */
  integer(min: number, max: number): number;
  pick<T>(from: readonly [T, ...T[]]): T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (min: number, max: number) => min + Math.floor(fraction() * (max - min + 1));
  return { fraction, integer, pick: from => from[integer(0, from.length - 1)] ?? from[0] };
}

/** Hexadecimal digits that depend on the parts only. */
export function hexOf(length: number, ...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, length);
}

/** A number below 2^32 that depends on the parts only. */
export function numberOf(...parts: readonly (string | number)[]): number {
  return Number.parseInt(hexOf(8, ...parts), 16);
}
