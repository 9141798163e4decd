/**
 * What an activity takes and returns, each with the name of the activity: so neither its own arguments nor what another
 * activity takes or returns passes for its result, whoever hands it over. Decision D8. Workflow-safe.
 */

export interface Taken {
  readonly activity: string;
  readonly input: readonly unknown[];
}

export interface Returned {
  readonly activity: string;
  /** Absent if the activity returns nothing. */
  readonly result?: unknown;
}

export function taken(activity: string, input: readonly unknown[]): Taken {
  return { activity, input };
}

export function returned(activity: string, result: unknown): Returned {
  return { activity, result };
}

/** Undefined if the message was not made for this activity to take. */
export function inputFor(activity: string, message: unknown): readonly unknown[] | undefined {
  return names(activity, message) && 'input' in message && Array.isArray(message.input) ? message.input : undefined;
}

/** Undefined if the message was not returned by this activity. */
export function returnedBy(activity: string, message: unknown): Returned | undefined {
  if (!names(activity, message) || 'input' in message) return undefined;
  return returned(activity, 'result' in message ? message.result : undefined);
}

function names(activity: string, message: unknown): message is { readonly activity: string } {
  return typeof message === 'object' && message !== null && 'activity' in message && message.activity === activity;
}
