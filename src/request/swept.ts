/** What a retention sweep did, in counts. Pure; Workflow-safe. */
import { object, type Shaped, whole } from './shapes';

export const sweptFields = {
  /** Requests whose evidence was kept, or cannot be kept. */
  kept: whole,
  /** Requests whose evidence could not be kept now. */
  unkept: whole,
  destroyed: whole,
  /** Items that could not be judged or destroyed now. */
  left: whole,
  /** Runs under the ids of requests that are not ours: ignored. */
  foreign: whole,
};
export const sweptShape = object(sweptFields);
export type Swept = Shaped<typeof sweptShape>;

export const NOTHING_SWEPT: Swept = { kept: 0, unkept: 0, destroyed: 0, left: 0, foreign: 0 };

export function sumOf(one: Swept, more: Partial<Swept>): Swept {
  const { kept = 0, unkept = 0, destroyed = 0, left = 0, foreign = 0 } = more;
  return {
    kept: one.kept + kept,
    unkept: one.unkept + unkept,
    destroyed: one.destroyed + destroyed,
    left: one.left + left,
    foreign: one.foreign + foreign,
  };
}
