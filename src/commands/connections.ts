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
import { LIMIT_PER_MINUTE_DEFAULT, LIMIT_PER_MINUTE_MAX, SHARE_DEFAULT, SHARE_MAX } from '../request/budget';
import { apiTaskQueue, NAME_PATTERN } from '../request/names';
import {
  type Connection,
  type Connections,
  type Credential,
  createConnections,
  nextCredentialVersion,
} from '../vault/connections';
import { answer, CommandError, EXIT, type Exit, type Output, table, tell } from './output';

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
  const baseUrl = parseBaseUrl(options.baseUrl ?? DEFAULT_BASE_URL);
  if (baseUrl === undefined)
    throw usage('--base-url takes an HTTPS address, or an HTTP one on this machine, without user, query or fragment.');
  const limitPerMinute = numberOf(options.limitPerMinute, LIMIT_PER_MINUTE_DEFAULT);
  if (!Number.isInteger(limitPerMinute) || limitPerMinute < 1 || limitPerMinute > LIMIT_PER_MINUTE_MAX) {
    throw usage(`--limit-per-minute takes a whole number from 1 to ${LIMIT_PER_MINUTE_MAX}.`);
  }
  const share = numberOf(options.share, SHARE_DEFAULT);
  if (!(share > 0 && share <= SHARE_MAX)) throw usage(`--share takes a number above 0, at most ${SHARE_MAX}.`);

  const connections = configuredConnections();
  await pingWith(name, baseUrl, credential);
  const present = await connections.get(name);
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
  answer(options, { connection: name, baseUrl, limitPerMinute, share, replaced: present !== undefined }, [
    `Connected ${name}: Aircall answered, the credentials are sealed in the vault.`,
    `Budget: ${Math.floor(limitPerMinute * share)} of ${limitPerMinute} API requests a minute. Workers pick it up within 10 seconds.`,
  ]);
  return EXIT.done;
}

export async function connections(options: Output): Promise<Exit> {
  const keyring = configuredKeyring();
  const store = createConnections(configuredVault(keyring));
  const names = await store.names();
  const rates = await effectiveRates(names);
  const rows = [];
  for (const name of names) {
    const value = (await store.get(name))?.value;
    if (value === undefined) continue;
    const { baseUrl, limitPerMinute, share, credential, connectedAt } = value;
    const effective = rates.get(name);
    rows.push({
      connection: name,
      baseUrl,
      credential: credential.kind,
      connectedAt,
      budget: {
        limitPerMinute,
        share,
        effectivePerMinute: effective === undefined ? null : Math.round(effective * 6000) / 100,
      },
    });
  }
  answer(options, { connections: rows }, [
    ...(rows.length === 0 ? ['No connections. Add one: aircall-dsr connect NAME'] : []),
    ...(rows.length === 0
      ? []
      : table([
          ['CONNECTION', 'CREDENTIAL', 'LIMIT/MIN', 'SHARE', 'IN FORCE/MIN', 'BASE URL'],
          ...rows.map(({ connection, credential, budget, baseUrl }) => [
            connection,
            credential,
            String(budget.limitPerMinute),
            String(budget.share),
            budget.effectivePerMinute === null ? 'not known' : String(budget.effectivePerMinute),
            baseUrl,
          ]),
        ])),
  ]);
  return EXIT.done;
}

export async function ping(name: string, options: Output): Promise<Exit> {
  const stored = await storedAs(name, configuredConnections());
  await pingWith(name, stored.baseUrl, stored.credential);
  answer(options, { connection: name, ping: 'pong' }, [`Aircall answers ${name}: the credentials are good.`]);
  return EXIT.done;
}

export async function disconnect(name: string, options: Output): Promise<Exit> {
  const store = configuredConnections();
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

function configuredConnections(): Connections {
  return createConnections(configuredVault(configuredKeyring()));
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
    throw new CommandError(error.code, `${what} of ${name}. Nothing was changed.`, EXIT.failed);
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

/** The limits in force on the server; empty where no server answers. */
async function effectiveRates(names: readonly string[]): Promise<Map<string, number>> {
  const rates = new Map<string, number>();
  if (names.length === 0) return rates;
  const [{ connectTemporal }, { readQueueRate }] = await Promise.all([
    import('../temporal/connect.js'),
    import('../temporal/queue-rate.js'),
  ]);
  try {
    const { connection, options } = await connectTemporal(configuredKeyring());
    for (const name of names) {
      const rate = await readQueueRate({
        connection,
        namespace: options.namespace,
        taskQueue: apiTaskQueue(configuredTaskQueue(), name),
      });
      if (rate !== undefined) rates.set(name, rate);
    }
    await connection.close();
  } catch {
    tell('note: no Temporal server answers, so the budgets in force are not known.');
  }
  return rates;
}
