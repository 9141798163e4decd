/** Asks the product of a company, in the steps in which a request does it. */
import { bearsAddress } from '../../../src/judgement/addresses';
import { createCallJudge } from '../../../src/judgement/calls';
import { bearsNumber, judgeCards, knownNumbers } from '../../../src/judgement/cards';
import type { DoubtCode } from '../../../src/judgement/doubts';
import type { CallRecord, Judged, JudgedCall, Known } from '../../../src/judgement/judgement';
import type { Company } from './companies';
import type { Verdict, Verdicts } from './oracle';

/** What the product says of a company, all of it and as the oracle says it. */
export interface Asked {
  readonly known: Known;
  readonly judged: Judged;
  /** Those that are, or may be, the subject's. */
  readonly calls: readonly (JudgedCall & { readonly call: CallRecord })[];
  readonly verdicts: Verdicts;
}

const verdictOf = (doubt: DoubtCode | undefined): Verdict => doubt ?? 'certain';

const asked = new WeakMap<Company, Asked>();

/** Cards by address, their numbers, cards by number, the judgement of them, and of each call; of the same company once only. */
export function askProduct(company: Company): Asked {
  const answer = asked.get(company) ?? ask(company);
  asked.set(company, answer);
  return answer;
}

function ask(company: Company): Asked {
  const { identities, country, cards } = company;
  const byAddress = cards.filter(card => bearsAddress(card, identities.emails));
  const known = knownNumbers(identities, byAddress, country);
  const found = cards.filter(card => byAddress.includes(card) || bearsNumber(card, known.numbers, country));
  const judged = judgeCards(identities, found, country, company);
  const judgeCall = createCallJudge(judged, country);
  const calls = company.calls.flatMap(call => {
    const verdict = judgeCall(call);
    return verdict === undefined ? [] : [{ call, ...verdict }];
  });
  const { contacts, numbers, ignored, withoutCountry, beyond } = judged;
  const cardOf = (place: number | undefined) => (place === undefined ? undefined : contacts[place]?.card.id);
  const verdicts: Verdicts = {
    cards: contacts.map(({ card, doubt }) => [card.id, verdictOf(doubt)] as const),
    numbers: numbers.map(({ digits, doubt }) => [digits, verdictOf(doubt)] as const),
    calls: calls
      .map(({ call, doubt, ofContact }) => [call.id, verdictOf(doubt), cardOf(ofContact)] as const)
      .sort(([one], [other]) => one - other),
    ignored,
    withoutCountry,
    beyond,
  };
  return { known, judged, calls, verdicts };
}
