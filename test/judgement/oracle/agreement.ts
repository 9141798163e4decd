/** Where do the product and the oracle differ? */
import type { Company } from './companies';
import { type Rule, type Verdicts, verdictsOn } from './oracle';
import { askProduct } from './product';

interface Difference {
  readonly company: Company;
  readonly product: Verdicts;
  readonly oracle: Verdicts;
}

/** Of the first company on which the product and an oracle, whole or without a rule, differ. */
export function firstDifference(companies: readonly Company[], without?: Rule): Difference | undefined {
  for (const company of companies) {
    const product = askProduct(company).verdicts;
    const oracle = verdictsOn(company, without);
    if (JSON.stringify(product) !== JSON.stringify(oracle)) return { company, product, oracle };
  }
  return undefined;
}
