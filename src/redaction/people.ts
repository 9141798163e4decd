/**
 * The names under which people other than the subject appear: `Agent 1`, `Person 2`, numbered as they first appear. Who is who is learnt
 * from all records first, so that the order of records changes numbers only. A person must never have two names.
 */

/** A name longer than this is read to here: normalizing takes time by the square of the length. */
const NAME_LENGTH_MAX = 256;
/** Words of a name that are compared. */
const NAME_WORDS_MAX = 6;

/** What a record says of somebody. Equal keys are one person; a name is one only if there is no key. */
export interface Description {
  readonly keys: readonly string[];
  readonly name?: string | undefined;
}

export interface People {
  learn(who: Description): void;
  /** @returns as `Agent 1`; always the same for one person */
  label(who: Description): string;
  /** Whether a name is such a label: records that were redacted before hold them. */
  isLabel(name: string): boolean;
  /** The folded names that were learnt, with either name first, of at least two words: a single one may be any word. */
  names(): readonly string[];
  /** Whether a text is, as a whole, a name or key that was learnt. @param text a folded name, or a key */
  knows(text: string): boolean;
}

interface Somebody {
  /** Who it turned out to be. */
  same?: Somebody;
  number?: number;
}

/** @param word what they are called: `Agent`. @param isOwn whether a folded name is the subject's, whom no label replaces */
export function createPeople(word: 'Agent' | 'Person', isOwn: (name: string) => boolean): People {
  const byKey = new Map<string, Somebody>();
  const byName = new Map<string, { readonly who: Somebody; readonly hasKey: boolean }>();
  const taken = new Set<number>();
  let last = 0;

  function one(keys: readonly string[]): Somebody {
    const [main = {}, ...others] = new Set(keys.flatMap(key => whoIs(byKey.get(key)) ?? []));
    for (const other of others) other.same = main;
    for (const key of keys) byKey.set(key, main);
    return main;
  }

  function find({ keys, name }: Description): Somebody {
    const known = keys.map(key => byKey.get(key)).find(who => who !== undefined);
    if (known !== undefined) return known;
    if (keys.length > 0) return one(keys);
    return named(foldName(name ?? '')) ?? {};
  }

  function named(folded: string): Somebody | undefined {
    return spellingsOf(folded)
      .map(spelling => byName.get(spelling)?.who)
      .find(who => who !== undefined);
  }

  function numberOf(who: Somebody): number {
    if (who.number === undefined) {
      do last += 1;
      while (taken.has(last));
      who.number = last;
    }
    return who.number;
  }

  const isLabel = (name: string) => name.startsWith(`${word} `) && /^[1-9]\d{0,8}$/.test(name.slice(word.length + 1));

  function label(who: Description): string {
    if (who.keys.length === 0 && who.name !== undefined && isLabel(who.name)) return who.name;
    return `${word} ${numberOf(whoIs(find(who)) ?? {})}`;
  }

  return {
    learn({ keys, name = '' }) {
      // Records that were redacted before: their labels stay.
      if (keys.length === 0 && isLabel(name)) taken.add(Number(name.slice(word.length + 1)));
      const folded = foldName(name);
      const who = keys.length > 0 ? one(keys) : {};
      // A word without a letter is a number: it may be the subject's.
      if (!folded.split(' ').every(word => /\p{L}/u.test(word)) || (keys.length === 0 && isLabel(name))) return;
      const known = byName.get(folded);
      if (known === undefined || (keys.length > 0 && !known.hasKey))
        byName.set(folded, { who, hasKey: keys.length > 0 });
    },
    label,
    isLabel,
    names() {
      const others = [...byName.keys()].filter(name => name.includes(' ') && !isOwn(name));
      return [...new Set(others.flatMap(spellingsOf))].filter(name => !isOwn(name));
    },
    knows: text => byKey.has(text) || (named(text) !== undefined && !isOwn(text)),
  };
}

function whoIs(who: Somebody | undefined): Somebody | undefined {
  let found = who;
  while (found?.same !== undefined) found = found.same;
  return found;
}

/** People write either name first: a folded name as it is, with its last word before the others, and with its first behind them. */
function spellingsOf(folded: string): string[] {
  const words = folded.split(' ');
  return [words, [...words.slice(-1), ...words.slice(0, -1)], [...words.slice(1), ...words.slice(0, 1)]].map(spelling =>
    spelling.join(' '),
  );
}

/** The words of a name, without marks and in lower case, with a blank between. */
export function foldName(name: string): string {
  return wordsOf(name).slice(0, NAME_WORDS_MAX).join(' ');
}

/** As foldName, quick for most single words. */
export function foldWord(word: string): string {
  return /^[a-z\d]+$/i.test(word) ? word.toLowerCase() : foldName(word);
}

function wordsOf(name: string): string[] {
  return name
    .slice(0, NAME_LENGTH_MAX)
    .normalize('NFKD')
    .replace(/[\p{M}\p{Cf}]/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(word => word !== '');
}
