/**
 * JSON values of which a process holds many at once and reads one at a time: each lies in memory as deflated text, and is made anew
 * when it is read. Of random words they shrink to a quarter. Pure.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** @typeParam T JSON: what JSON cannot write is lost */
export interface Packed<T> {
  /** The value, made anew each time. */
  open(): T;
  /** In JSON it stands as the value itself. */
  toJSON(): T;
}

/** In UTF-16 units: a shorter text is not worth the time. */
const DEFLATED_LENGTH_MIN = 1_000;
/** The quickest: what it packs is read again at once. */
const LEVEL = 1;

export function pack<T>(value: T): Packed<T> {
  const open = value === undefined ? () => value : opener<T>(JSON.stringify(value));
  return { open, toJSON: open };
}

function opener<T>(text: string): Packed<T>['open'] {
  return text.length < DEFLATED_LENGTH_MIN ? () => JSON.parse(text) : inflater(text);
}

/** A function of its own, because one that is returned keeps what its neighbours need. */
function inflater<T>(text: string): Packed<T>['open'] {
  // A copy: what the library returns may be the beginning of a much larger piece of memory.
  const bytes = Buffer.from(deflateRawSync(text, { level: LEVEL }));
  return () => JSON.parse(inflateRawSync(bytes).toString());
}

/** Read from its beginning; an array is one too. */
export interface List<T> extends Iterable<T> {
  readonly length: number;
}

/** Some of its items are open at a time. */
export interface PackedList<T> extends List<T> {
  push(item: T): void;
  /** In JSON it stands as an array. */
  toJSON(): T[];
}

const BLOCK = 1_000;

export function packedList<T>(): PackedList<T> {
  const blocks: Packed<readonly T[]>[] = [];
  let last: T[] = [];
  return {
    get length() {
      return blocks.length * BLOCK + last.length;
    },
    push(item) {
      last.push(item);
      if (last.length < BLOCK) return;
      blocks.push(pack(last));
      last = [];
    },
    *[Symbol.iterator]() {
      for (const block of blocks) yield* block.open();
      yield* last;
    },
    toJSON() {
      return [...this];
    },
  };
}
