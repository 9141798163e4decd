/** Decides when the names of two cards cannot be one person's; no other place does. A card without a name contradicts nobody. */
import type { Card } from './judgement';

/** Of a first or last name; normalizing takes time by the square of the length. */
const NAME_LENGTH_MAX = 256;

/** The words of a card's name: without marks, in lower case, in the order of letters, so that equal names are equal lists. */
export function nameWords({ first_name, last_name }: Card): readonly string[] {
  const words = [first_name, last_name].flatMap(name =>
    (name ?? '')
      .slice(0, NAME_LENGTH_MAX)
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u),
  );
  return [...new Set(words)].filter(word => word !== '').sort();
}

/** Whether both cards have a name, and the names share no word. */
export function namesContradict(one: Card, other: Card): boolean {
  return contradict(new Set(nameWords(one)), new Set(nameWords(other)));
}

function contradict(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size > 0 && other.size > 0 && [...one].every(word => !other.has(word));
}

/** Different names that are compared with each other, because each is compared with each. */
export const NAMES_MAX = 50;

/** The names of some cards. More than the limit are as good as a contradiction: nobody has so many. */
export interface Names {
  /** Whether a card has a name. */
  readonly some: boolean;
  /** Whether two of the cards contradict each other. */
  readonly contradictory: boolean;
  /** Whether the card contradicts one of these cards. */
  contradictedBy(card: Card): boolean;
}

export function namesOf(cards: readonly Card[]): Names {
  const names = new Map<string, ReadonlySet<string>>();
  for (const card of cards) {
    const words = nameWords(card);
    if (words.length > 0) names.set(words.join(' '), new Set(words));
    if (names.size > NAMES_MAX) return { some: true, contradictory: true, contradictedBy: hasName };
  }
  const different = [...names.values()];
  return {
    some: different.length > 0,
    contradictory: different.some((one, place) => different.slice(place + 1).some(other => contradict(one, other))),
    contradictedBy(card) {
      const words = new Set(nameWords(card));
      return different.some(other => contradict(words, other));
    },
  };
}

function hasName(card: Card): boolean {
  return nameWords(card).length > 0;
}
