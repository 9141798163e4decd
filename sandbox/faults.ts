/**
 * The fault plan: which API requests fail, and how. A plan is data (JSON) and is checked before it is used.
 * It must depend only on the plan, its seed and the order of the requests: a failing run can be repeated.
 */
import { type Check, integer, listOf, oneOf, onlyKeys, optional, record, SandboxInputError, text } from './check';
import { createRandom } from './random';

/** One number, several, or a range; both ends of a range are included, an open one has no `to`. Counting starts at 1. */
export type Selection = number | readonly number[] | { readonly from: number; readonly to?: number | undefined };

export const FAULT_ACTIONS = [
  'status',
  'drop',
  'drop-after',
  'truncate',
  'malformed',
  'html',
  'wrong-shape',
  'bad-record',
  'deep-record',
  'wrong-total',
  'many-rows',
  'redirect',
  'oversize',
  'delay',
  'hold',
  'hold-body',
  'slow',
  'hang',
  'revoke',
] as const;

export type FaultAction = (typeof FAULT_ACTIONS)[number];

/** All conditions given must hold; a rule without any matches every request. The first rule that matches decides. */
export interface FaultRule {
  /** Only requests of this company, and `requests` and `every` count its requests only. */
  readonly company?: string | undefined;
  /** By number since the plan was set, counting all requests. */
  readonly requests?: Selection | undefined;
  /** Every n-th request since the plan was set. */
  readonly every?: number | undefined;
  readonly method?: string | undefined;
  /** A regular expression that finds something in the path, or in path and query. */
  readonly path?: string | undefined;
  /** By number among the requests that match `company`, `method` and `path`. */
  readonly occurrences?: Selection | undefined;
  /** 0 to 1, drawn with the plan's seed once all other conditions hold. */
  readonly probability?: number | undefined;
  /** The most times that the rule fires. */
  readonly times?: number | undefined;
  readonly action: FaultAction;
  /** For `status`; for `hold`: instead of a sound answer. */
  readonly status?: number | undefined;
  readonly body?: 'json' | 'empty' | 'html' | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For `redirect`; a place that does not exist if left out. */
  readonly location?: string | undefined;
  /** For `wrong-total`: what `meta.total` says. */
  readonly total?: number | undefined;
  /** For `many-rows`: how many empty rows replace those of the page. */
  readonly rows?: number | undefined;
  /** For `delay`, before an otherwise sound answer; for `slow`, between the eighths of its body. */
  readonly delayMs?: number | undefined;
}

export interface FaultPlan {
  readonly seed?: number | undefined;
  /** For API requests. */
  readonly rules: readonly FaultRule[];
  /** For requests for recordings and voicemails, which are counted on their own. */
  readonly media?: readonly FaultRule[] | undefined;
}

export interface FaultSubject {
  readonly company: string | null;
  readonly method: string;
  readonly path: string;
  /** With its question mark, or empty. */
  readonly search: string;
}

/** Returns the rule that strikes a request. Call it once per request, in order. */
export type FaultPicker = (request: FaultSubject) => FaultRule | undefined;

export function createFaultPicker({ seed = 1, rules: given }: Omit<FaultPlan, 'media'>): FaultPicker {
  const random = createRandom(seed);
  const rules = given.map(rule => ({
    rule,
    pattern: new RegExp(rule.path ?? ''),
    seen: 0,
    fitting: 0,
    fired: 0,
  }));
  return ({ company, method, path, search }) => {
    let struck: FaultRule | undefined;
    for (const each of rules) {
      const { rule, pattern } = each;
      if (rule.company !== undefined && rule.company !== company) continue;
      each.seen += 1;
      if (rule.method !== undefined && rule.method !== method) continue;
      if (!pattern.test(path) && !pattern.test(path + search)) continue;
      each.fitting += 1;
      if (!selects(rule.requests, each.seen) || each.seen % (rule.every ?? 1) !== 0) continue;
      if (!selects(rule.occurrences, each.fitting) || each.fired >= (rule.times ?? Infinity)) continue;
      if (struck !== undefined) continue;
      if (rule.probability !== undefined && random.fraction() >= rule.probability) continue;
      each.fired += 1;
      struck = rule;
    }
    return struck;
  };
}

function selects(selection: Selection | undefined, n: number): boolean {
  if (selection === undefined) return true;
  if (typeof selection === 'number') return selection === n;
  if ('from' in selection) return n >= selection.from && n <= (selection.to ?? Infinity);
  return selection.includes(n);
}

const count = integer(1, 1_000_000_000);

const selection: Check<Selection> = (value, at) => {
  if (typeof value === 'number') return count(value, at);
  if (Array.isArray(value)) return listOf(count)(value, at);
  const range = record(value, `${at} (a number, a list of numbers or { from, to })`);
  onlyKeys(range, at, ['from', 'to']);
  return { from: count(range.from, `${at}.from`), to: optional(count)(range.to, `${at}.to`) };
};

const pattern: Check<string> = (value, at) => {
  const source = text(value, at);
  try {
    new RegExp(source);
    return source;
  } catch {
    throw new SandboxInputError(`${at}: expected a regular expression`);
  }
};

const probability: Check<number> = (value, at) => {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw new SandboxInputError(`${at}: expected a number of 0 to 1`);
};

const headers: Check<Readonly<Record<string, string>>> = (value, at) =>
  Object.fromEntries(Object.entries(record(value, at)).map(([name, each]) => [name, text(each, `${at}.${name}`)]));

const RULE_KEYS = [
  'company',
  'requests',
  'every',
  'method',
  'path',
  'occurrences',
  'probability',
  'times',
  'action',
  'status',
  'body',
  'headers',
  'location',
  'delayMs',
  'total',
  'rows',
] as const;

/** Keys that belong to some actions only. */
const KEY_ACTIONS: Readonly<Record<string, readonly FaultAction[]>> = {
  status: ['status', 'hold'],
  body: ['status'],
  headers: ['status'],
  location: ['redirect'],
  delayMs: ['delay', 'slow'],
  total: ['wrong-total'],
  rows: ['many-rows'],
};

const rule: Check<FaultRule> = (value, at) => {
  const given = record(value, at);
  onlyKeys(given, at, RULE_KEYS);
  const action = oneOf(...FAULT_ACTIONS)(given.action, `${at}.action`);
  for (const [key, owners] of Object.entries(KEY_ACTIONS)) {
    if (given[key] !== undefined && !owners.includes(action)) {
      throw new SandboxInputError(`${at}.${key}: belongs to the action "${owners[0]}", not to "${action}"`);
    }
  }
  const status = integer(200, 599);
  const delayMs = integer(0, 600_000);
  const total = integer(0, Number.MAX_SAFE_INTEGER);
  const rows = integer(0, 10_000_000);
  return {
    company: optional(text)(given.company, `${at}.company`),
    requests: optional(selection)(given.requests, `${at}.requests`),
    every: optional(count)(given.every, `${at}.every`),
    method: optional(oneOf('GET', 'POST', 'PUT', 'DELETE'))(given.method, `${at}.method`),
    path: optional(pattern)(given.path, `${at}.path`),
    occurrences: optional(selection)(given.occurrences, `${at}.occurrences`),
    probability: optional(probability)(given.probability, `${at}.probability`),
    times: optional(count)(given.times, `${at}.times`),
    action,
    status: (action === 'status' ? status : optional(status))(given.status, `${at}.status`),
    body: optional(oneOf('json', 'empty', 'html'))(given.body, `${at}.body`),
    headers: optional(headers)(given.headers, `${at}.headers`),
    location: optional(text)(given.location, `${at}.location`),
    delayMs: (action === 'delay' || action === 'slow' ? delayMs : optional(delayMs))(given.delayMs, `${at}.delayMs`),
    total: (action === 'wrong-total' ? total : optional(total))(given.total, `${at}.total`),
    rows: (action === 'many-rows' ? rows : optional(rows))(given.rows, `${at}.rows`),
  };
};

/** A plan `{ seed?, rules, media? }`, or the bare list of rules. @throws {SandboxInputError} that names the place. */
export function parseFaultPlan(value: unknown): FaultPlan {
  const plan = Array.isArray(value) ? { rules: value } : record(value, 'faults');
  onlyKeys(plan, 'faults', ['seed', 'rules', 'media']);
  return {
    seed: optional(integer(0, 2 ** 32 - 1))(plan.seed, 'faults.seed'),
    rules: listOf(rule)(plan.rules, 'faults.rules'),
    media: optional(listOf(rule))(plan.media, 'faults.media'),
  };
}
