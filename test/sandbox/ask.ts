/** Small helpers of the sandbox's tests: a started sandbox with a clock that can be moved, and requests to it. */
import { type Sandbox, type SandboxCompany, type SandboxOptions, startSandbox } from '../../sandbox/index';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined where the body is not JSON. */
  readonly json: unknown;
}

export interface Setup {
  readonly sandbox: Sandbox;
  readonly acme: SandboxCompany;
  /** Asks acme with its API key; the path is below `/v1`. */
  ask(path: string, init?: RequestInit): Promise<Answer>;
  /** Moves the sandbox's clock. */
  pass(ms: number): void;
}

export const NOW = Date.UTC(2026, 8, 28, 12, 0, 30);

const started: Sandbox[] = [];

export async function setUp(options: SandboxOptions = {}): Promise<Setup> {
  let now = NOW;
  const sandbox = await startSandbox({ now: () => now, ...options });
  started.push(sandbox);
  const acme = sandbox.company('acme');
  return {
    sandbox,
    acme,
    ask: (path, init) =>
      request(sandbox.baseUrl + path, { ...init, headers: { Authorization: basic(acme), ...init?.headers } }),
    pass(ms) {
      now += ms;
    },
  };
}

/** Each file calls it once: files that share a process load this one once, and with it would get one hook for all. */
export function closeAfterEach(): void {
  afterEach(async () => {
    await Promise.all(started.splice(0).map(each => each.close()));
  });
}

export function basic({ apiId, apiToken }: { apiId: string; apiToken: string }): string {
  return `Basic ${Buffer.from(`${apiId}:${apiToken}`).toString('base64')}`;
}

export async function request(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

export function post(json: unknown): RequestInit {
  return { method: 'POST', body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value deep in JSON, by keys and indices. */
export function at(json: unknown, ...path: readonly (string | number)[]): unknown {
  let value = json;
  for (const key of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}

/** The ids of the records of a page. */
export function ids(answer: Answer): unknown[] {
  const list = at(answer.json, 'contacts') ?? at(answer.json, 'calls');
  if (!Array.isArray(list)) throw new Error(`no list in ${answer.text.slice(0, 200)}`);
  return list.map(each => at(each, 'id'));
}
