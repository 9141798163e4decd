/**
 * Commands about connections. `connect` and `ping` are the only ones that ask Aircall themselves, one request each.
 */
import { DEFAULT_BASE_URL, parseBaseUrl } from '../aircall/base-url';
import { type Authorization, createAircallClient } from '../aircall/client';
import { ENDPOINTS } from '../aircall/endpoints';
import { AircallError } from '../aircall/errors';
import { readRecord } from '../aircall/replies';
import { pongSchema } from '../aircall/schemas';
import { configuredKeyring, configuredTaskQueue, configuredVault } from '../config';
import {
  type Budget,
  type ConfiguredLimit,
  LIMIT_PER_MINUTE_DEFAULT,
  LIMIT_PER_MINUTE_MAX,
  limitInForce,
  ratePerSecond,
  SHARE_DEFAULT,
  SHARE_MAX,
} from '../request/budget';
import { apiTaskQueue, NAME_PATTERN } from '../request/names';
import { sideBySide } from '../request/side-by-side';
import type { QueueOn, QueueState } from '../temporal/queue-rate';
import {
  budgetOf,
  type Connection,
  type Connections,
  type Credential,
  createConnections,
  nextCredentialVersion,
} from '../vault/connections';
import { probeVault } from '../vault/probe';
import { answer, CommandError, EXIT, type Exit, type Output, table, tell } from './output';

const ASKED_AT_ONCE = 8;
/** What these commands do without a Temporal server is done without waiting long for one. */
const TEMPORAL_WITHIN_MS = 2_000;

export interface ConnectOptions extends Output {
  readonly apiId?: string;
  readonly apiToken?: string;
  readonly accessToken?: string;
  readonly baseUrl?: string;
  readonly limitPerMinute?: string;
  readonly share?: string;
}

export async function connect(name: string, options: ConnectOptions): Promise<Exit> {
  if (!NAME_PATTERN.test(name)) throw usage('NAME takes 1 to 64 letters, digits, dots, underscores or hyphens.');
  const credential = credentialOf(options);
  const vault = await configuredVault(configuredKeyring());
  const connections = createConnections(vault);
  // The same name again replaces the credentials; what is not named again stays.
  const present = await connections.get(name);
  const kept = present?.value;
  const baseUrl = parseBaseUrl(options.baseUrl ?? kept?.baseUrl ?? DEFAULT_BASE_URL);
  if (baseUrl === undefined)
    throw usage('--base-url takes an HTTPS address, or an HTTP one on this machine, without user, query or fragment.');
  const limitPerMinute = limitOf(options.limitPerMinute, kept?.limitPerMinute ?? LIMIT_PER_MINUTE_DEFAULT);
  const share = numberOf(options.share, kept?.share ?? SHARE_DEFAULT);
  if (!(share > 0 && share <= SHARE_MAX)) throw usage(`--share takes a number above 0, at most ${SHARE_MAX}.`);

  await probeVault(vault);
  await pingWith(name, baseUrl, credential);
  const stored = await connections.put(
    {
      name,
      baseUrl,
      limitPerMinute,
      share,
      credential,
      credentialVersion: nextCredentialVersion(present?.value, Date.now()),
      connectedAt: new Date().toISOString(),
    },
    present?.version,
  );
  if (!stored)
    throw new CommandError(
      'conflict',
      `Connection ${name} was changed by somebody else meanwhile. Run the command again.`,
      EXIT.failed,
    );
  await connections.forgetRateLimits(name);
  const limit = limitInForce(limitPerMinute, undefined);
  const onServer = await setOnServer(name, { limitPerMinute: limit, share });
  answer(options, { connection: name, baseUrl, limitPerMinute, share, replaced: present !== undefined }, [
    `Connected ${name}: Aircall answered, the credentials are sealed in the vault.`,
    `Budget: ${perMinute(ratePerSecond({ limitPerMinute: limit, share }, 1))} of ${limit} API requests a minute${limitPerMinute === 'auto' ? ', until Aircall names another limit' : ''}. ${onServer ? 'The Temporal server keeps it; workers' : 'Workers'} pick the connection up within 10 seconds.`,
  ]);
  return EXIT.done;
}

export async function connections(options: Output): Promise<Exit> {
  const store = await configuredConnections();
  const found = await sideBySide(await store.names(), ASKED_AT_ONCE, async name => {
    const stored = await store.get(name);
    return { name, connection: stored?.value, rateLimits: await store.rateLimits(name) };
  });
  const queues = await queuesOf(found.map(({ name }) => name));
  const rows = found.flatMap(({ name, connection, rateLimits }) => {
    if (connection === undefined) return []; // disconnected meanwhile
    const { baseUrl, limitPerMinute, share, credential, connectedAt } = connection;
    const queue = queues.get(name);
    return {
      connection: name,
      state: queue === undefined ? 'unknown' : queue.served ? 'served' : 'no-worker',
      baseUrl,
      credential: credential.kind,
      connectedAt,
      budget: {
        limitPerMinute,
        share,
        /** What the last 429 that named a limit said. */
        observedLimitPerMinute: rateLimits?.namedPerMinute ?? null,
        configuredPerMinute: perMinute(ratePerSecond(budgetOf(connection, rateLimits), 1)),
        effectivePerMinute: queue?.rate === undefined ? null : perMinute(queue.rate),
      },
      backlog: queue === undefined ? null : { steps: queue.backlog, oldestSeconds: queue.oldestSeconds },
      rateLimited: { count: rateLimits?.count ?? 0, lastAt: rateLimits?.lastAt ?? null },
    };
  });
  answer(
    options,
    { connections: rows },
    rows.length === 0
      ? ['No connections. Add one: aircall-dsr connect NAME']
      : table([
          [
            'CONNECTION',
            'STATE',
            'LIMIT/MIN',
            'SHARE',
            'BUDGET/MIN',
            'IN FORCE',
            'WAITING',
            'OLDEST',
            '429S',
            'LAST 429',
          ],
          ...rows.map(({ connection, state, budget, backlog, rateLimited }) => [
            connection,
            state,
            budget.observedLimitPerMinute === null
              ? String(budget.limitPerMinute)
              : `${budget.limitPerMinute} (Aircall says ${budget.observedLimitPerMinute})`,
            String(budget.share),
            String(budget.configuredPerMinute),
            String(budget.effectivePerMinute ?? '?'),
            String(backlog?.steps ?? '?'),
            backlog === null ? '?' : `${backlog.oldestSeconds} s`,
            String(rateLimited.count),
            rateLimited.lastAt ?? 'never',
          ]),
        ]),
  );
  return EXIT.done;
}

export async function ping(name: string, options: Output): Promise<Exit> {
  const stored = await storedAs(name, await configuredConnections());
  await pingWith(name, stored.baseUrl, stored.credential);
  answer(options, { connection: name, ping: 'pong' }, [`Aircall answers ${name}: the credentials are good.`]);
  return EXIT.done;
}

export async function disconnect(name: string, options: Output): Promise<Exit> {
  const store = await configuredConnections();
  await storedAs(name, store);
  await store.delete(name);
  answer(options, { connection: name, disconnected: true }, [
    `Disconnected ${name}: its credentials are destroyed. Requests that are still open wait until it is connected again.`,
  ]);
  return EXIT.done;
}

/** What is no name is not repeated: an e-mail address in the wrong place is personal data. */
export function unknownConnection(name: string): CommandError {
  const which = NAME_PATTERN.test(name) ? `connection ${name}` : 'connection of that name';
  return new CommandError('unknown-connection', `There is no ${which}. See aircall-dsr connections.`, EXIT.usage);
}

/** @throws {CommandError} `unknown-connection` */
async function storedAs(name: string, store: Connections): Promise<Connection> {
  const stored = NAME_PATTERN.test(name) ? await store.get(name) : undefined;
  if (stored === undefined) throw unknownConnection(name);
  return stored.value;
}

async function configuredConnections(): Promise<Connections> {
  return createConnections(await configuredVault(configuredKeyring()));
}

/** @throws {CommandError} saying what Aircall answered */
async function pingWith(name: string, baseUrl: string, credential: Credential): Promise<void> {
  const aircall = createAircallClient();
  const authorization: Authorization =
    credential.kind === 'api-key' ? credential : { accessToken: credential.accessToken };
  try {
    readRecord(ENDPOINTS.ping, pongSchema, await aircall.send({ endpoint: ENDPOINTS.ping, baseUrl, authorization }));
  } catch (error) {
    if (!(error instanceof AircallError)) throw error;
    const refused = error.code === 'unauthorized' || error.code === 'forbidden';
    const what = refused ? 'Aircall refuses the credentials' : `Aircall could not be asked (${error.message})`;
    throw new CommandError(error.code, `${name}: ${what}. Nothing was changed.`, EXIT.failed);
  } finally {
    aircall.close();
  }
}

/** Secrets come from the environment rather than from the command line, which other users of the machine can read. */
function credentialOf(options: ConnectOptions): Credential {
  const given = options.apiId !== undefined || options.apiToken !== undefined || options.accessToken !== undefined;
  const from = given
    ? options
    : {
        apiId: process.env.AIRCALL_API_ID,
        apiToken: process.env.AIRCALL_API_TOKEN,
        accessToken: process.env.AIRCALL_ACCESS_TOKEN,
      };
  if (options.apiToken !== undefined || options.accessToken !== undefined) {
    tell(
      'note: a secret on the command line can be seen by others on this machine; AIRCALL_API_TOKEN or AIRCALL_ACCESS_TOKEN cannot.',
    );
  }
  const apiId = from.apiId ?? (given ? process.env.AIRCALL_API_ID : undefined);
  const apiToken =
    from.apiToken ?? (given && from.accessToken === undefined ? process.env.AIRCALL_API_TOKEN : undefined);
  const { accessToken } = from;
  if (accessToken && apiToken) throw usage('Give either an API id and token, or an access token, not both.');
  if (accessToken) return { kind: 'oauth', accessToken: plainSecret(accessToken) };
  if (apiId && apiToken) return { kind: 'api-key', apiId: plainSecret(apiId), apiToken: plainSecret(apiToken) };
  throw usage('No credentials. Set AIRCALL_API_ID and AIRCALL_API_TOKEN, or AIRCALL_ACCESS_TOKEN.');
}

/** A secret travels in a header: printable ASCII without spaces, as Aircall issues them. */
function plainSecret(secret: string): string {
  if (/^[!-~]{1,4096}$/.test(secret)) return secret;
  throw usage('A credential holds a character that none of Aircall’s has. Copy it again, without spaces or line ends.');
}

function numberOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : text.trim() === '' ? Number.NaN : Number(text);
}

function usage(message: string): CommandError {
  return new CommandError('usage', message, EXIT.usage);
}

function limitOf(text: string | undefined, otherwise: ConfiguredLimit): ConfiguredLimit {
  if (text === undefined) return otherwise;
  if (text === 'auto') return text;
  const limit = numberOf(text, Number.NaN);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_PER_MINUTE_MAX) return limit;
  throw usage(`--limit-per-minute takes a whole number from 1 to ${LIMIT_PER_MINUTE_MAX}, or auto.`);
}

/** In requests a minute, as people think of limits. */
function perMinute(ratePerSecond: number): number {
  return Math.round(ratePerSecond * 6000) / 100;
}

/** What the server says of the connections' queues; empty where no server answers. */
async function queuesOf(names: readonly string[]): Promise<Map<string, QueueState>> {
  if (names.length === 0) return new Map();
  const { describeQueue } = await import('../temporal/queue-rate.js');
  const states = await withQueues(names, async queue => describeQueue(queue));
  if (states === undefined) tell('note: no Temporal server answers, so what happens in the queues is not known.');
  return new Map((states ?? []).map((state, index) => [names[index] ?? '', state]));
}

/** Sets the budget on the server at once; a worker sees to it later where no server answers now. */
async function setOnServer(name: string, budget: Budget): Promise<boolean> {
  const { rateOn, setQueueRate } = await import('../temporal/queue-rate.js');
  const set = await withQueues([name], async queue => setQueueRate(queue, await rateOn(queue, budget)));
  return set !== undefined;
}

/** Asks the Temporal server about the queues of connections; undefined where it does not answer. */
async function withQueues<T>(names: readonly string[], ask: (queue: QueueOn) => Promise<T>): Promise<T[] | undefined> {
  const { connectTemporal } = await import('../temporal/connect.js');
  try {
    const { connection, options } = await connectTemporal(configuredKeyring(), TEMPORAL_WITHIN_MS);
    try {
      const { namespace } = options;
      return await sideBySide(names, ASKED_AT_ONCE, name =>
        ask({ connection, namespace, taskQueue: apiTaskQueue(configuredTaskQueue(), name) }),
      );
    } finally {
      await connection.close();
    }
  } catch {
    return undefined;
  }
}
