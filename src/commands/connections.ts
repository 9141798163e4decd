/** Commands about connections that exist: listed, pinged, paused, resumed, disconnected. */
import { type Budget, inForce, perMinute, ratePerSecond } from '../budget';
import { LANGUAGE_DEFAULT } from '../request/options';
import { count } from '../request/words';
import { sideBySide } from '../side-by-side';
import type { QueueState } from '../temporal/queue-rate';
import { budgetOf, type Connection, ifBroken, resumed } from '../vault/connections';
import { type NoticeShown, noticeShown } from '../vault/notices';
import { pingAircall } from './aircall-checks';
import { type ConfirmOptions, confirm } from './confirm';
import { connectionNamed } from './connection-named';
import type { Context } from './context';
import { CommandError, EXIT, type Exit } from './errors';
import { noticeWords } from './notices';
import { openRequestsOf, openWords, wakeRequestsOf } from './open-requests';
import { table } from './terminal';

const ASKED_AT_ONCE = 8;
const RATE_LIMITS_BROKEN =
  'What its 429 replies said cannot be read: the configured limit applies until Aircall names another one.';
const NOTICE_BROKEN =
  'Its notice cannot be read, and its access requests wait. Run aircall-dsr connect again with --notice.';

export interface DisconnectOptions extends ConfirmOptions {
  readonly force?: boolean;
}

export async function connections(context: Context): Promise<Exit> {
  const { connections: store } = await context.stores();
  const found = await sideBySide(await store.names(), ASKED_AT_ONCE, async name => {
    const rateLimits = await store.rateLimits(name);
    const company = (await store.kept(name))?.name;
    try {
      const stored = await store.get(name);
      const notice = stored && (await store.notice(stored.value).catch(ifBroken));
      return { name, connection: stored?.value, rateLimits, notice, company: stored?.value.company ?? company };
    } catch (error) {
      if (ifBroken(error) && error instanceof Error) return { name, rateLimits, fault: error.message };
      throw error;
    }
  });
  /** Connections that are not served until they are connected again, and what of others cannot be read. */
  const broken = found.flatMap(({ name, fault, rateLimits, notice }) => {
    if (fault !== undefined) return [{ connection: name, message: fault }];
    return [
      ...(rateLimits === 'broken' ? [{ connection: name, message: RATE_LIMITS_BROKEN }] : []),
      ...(notice === 'broken' ? [{ connection: name, message: NOTICE_BROKEN }] : []),
    ];
  });
  const names = new Set(found.map(({ name }) => name));
  const gone = (await store.keptNames()).filter(name => !names.has(name));
  const held = found.filter(({ connection }) => isHeld(connection)).map(({ name }) => name);
  const budgets = new Map(
    found.flatMap(({ name, connection, rateLimits }) =>
      connection === undefined ? [] : [[name, budgetOf(connection, rateLimits)] as const],
    ),
  );
  const server = await queryServer(context, budgets, [...held, ...gone]);
  const rows = found.flatMap(({ name, connection, rateLimits: noted, notice, company }) => {
    if (connection === undefined) return []; // broken, or disconnected meanwhile
    const rateLimits = noted === 'broken' ? undefined : noted;
    const { baseUrl, limitPerMinute, share, credential, connectedAt, pausedAt, refusedAt } = connection;
    const { country, language, approvals, deletionsPerDay } = connection;
    const queue = server?.queues.get(name);
    const asked = budgetOf(connection, rateLimits);
    const onePartition = perMinute(ratePerSecond(asked, 1));
    return {
      connection: name,
      company: company ?? null,
      state: stateOf(connection, queue),
      baseUrl,
      credential: credential.kind,
      connectedAt,
      country: country ?? null,
      language: language ?? LANGUAGE_DEFAULT,
      /** The languages of its notice; `none`: it informs people in another way. */
      notice: notice === 'broken' ? null : noticeShown(notice),
      /** How many approvers must approve each deletion, and how many contacts may be deleted within 24 hours; null: any number. */
      approvals: approvals ?? 0,
      deletionsPerDay: deletionsPerDay ?? null,
      /** Times since when an operator holds its API requests, and since when Aircall refuses its credentials. */
      pausedAt: pausedAt ?? null,
      refusedAt: refusedAt ?? null,
      /** Requests that wait for one or the other. */
      waitingRequests: isHeld(connection) ? (server?.waiting.get(name) ?? null) : 0,
      budget: {
        limitPerMinute,
        share,
        /** The limit that the last 429 with a limit named. */
        observedLimitPerMinute: rateLimits?.namedPerMinute ?? null,
        configuredPerMinute: queue === undefined ? onePartition : perMinute(queue.pace.ratePerSecond),
        effectivePerMinute: queue?.rate === undefined ? null : perMinute(inForce(queue.rate, queue.pace)),
        /** Of its task queue; and what the budget would be with one. */
        partitions: queue?.pace.partitions ?? null,
        onePartitionPerMinute: onePartition,
        /** Seconds between two API requests, of which each needs a permit; null: the queue alone keeps the budget. */
        permitEverySeconds: queue?.pace.permitEverySeconds ?? null,
      },
      backlog: queue === undefined ? null : { steps: queue.backlog, oldestSeconds: queue.oldestSeconds },
      rateLimited: { count: rateLimits?.count ?? 0, lastAt: rateLimits?.lastAt ?? null },
    };
  });
  /** Connections whose credentials were destroyed while requests were open. */
  const disconnected = await sideBySide(gone, ASKED_AT_ONCE, async connection => ({
    connection,
    company: (await store.kept(connection))?.name ?? null,
    waitingRequests: server?.waiting.get(connection) ?? null,
  }));
  const goneLines = disconnected.map(
    ({ connection, waitingRequests }) =>
      `${connection}: disconnected; ${waitWords(waitingRequests)}. Run: aircall-dsr connect ${connection}`,
  );
  const brokenLines = broken.map(({ connection, message }) => `${connection}: ${message}`);
  context.terminal.print(
    { connections: rows, disconnected, broken },
    rows.length === 0
      ? ['No connections. Add one: aircall-dsr connect NAME', ...goneLines, ...brokenLines]
      : [
          ...table([
            [
              'CONNECTION',
              'COMPANY',
              'STATE',
              'LIMIT/MIN',
              'SHARE',
              'BUDGET/MIN',
              'IN FORCE',
              'QUEUED',
              'OLDEST',
              '429S',
              'LAST 429',
            ],
            ...rows.map(({ connection, company, state, budget, backlog, rateLimited }) => [
              connection,
              company ?? '?',
              state,
              budget.observedLimitPerMinute === null
                ? String(budget.limitPerMinute)
                : `${budget.limitPerMinute} (Aircall allows ${budget.observedLimitPerMinute})`,
              String(budget.share),
              String(budget.configuredPerMinute),
              String(budget.effectivePerMinute ?? '?'),
              String(backlog?.steps ?? '?'),
              backlog === null ? '?' : `${backlog.oldestSeconds} s`,
              String(rateLimited.count),
              rateLimited.lastAt ?? 'never',
            ]),
          ]),
          ...rows.flatMap(({ connection, budget, pausedAt, refusedAt, waitingRequests, ...policy }) => {
            const waiting = waitWords(waitingRequests);
            return [
              ...policyWords(policy).map(words => `${connection}: ${words}`),
              ...partitionWords(budget).map(words => `${connection}: ${words}`),
              ...(refusedAt === null
                ? []
                : [
                    `${connection}: Aircall has refused its credentials since ${refusedAt}; ${waiting}. Run: aircall-dsr connect ${connection}`,
                  ]),
              ...(pausedAt === null
                ? []
                : [
                    `${connection}: paused since ${pausedAt}; ${waiting}. Run: aircall-dsr connections resume ${connection}`,
                  ]),
            ];
          }),
          ...goneLines,
          ...brokenLines,
        ],
  );
  return EXIT.done;
}

export async function ping({ terminal, stores }: Context, name: string): Promise<Exit> {
  await pingAircall(await connectionNamed(name, (await stores()).connections));
  terminal.print({ connection: name, ping: 'pong' }, [`Aircall accepts the credentials of ${name}.`]);
  return EXIT.done;
}

export async function pause({ terminal, stores }: Context, name: string): Promise<Exit> {
  const { connections: store } = await stores();
  await connectionNamed(name, store);
  const paused = await store.change(name, present =>
    present.pausedAt === undefined ? { ...present, pausedAt: new Date().toISOString() } : undefined,
  );
  terminal.print({ connection: name, pausedAt: paused?.pausedAt ?? null }, [
    `Paused ${name}: no API request is sent, except those that renew its token. To let its requests continue, run: aircall-dsr connections resume ${name}`,
  ]);
  return EXIT.done;
}

/** Also if nothing was paused: credentials that were refused are tried again. */
export async function resume(context: Context, name: string): Promise<Exit> {
  const { connections: store } = await context.stores();
  await connectionNamed(name, store);
  await store.change(name, present => resumed(present, Date.now()));
  const woken = await wakeRequestsOf(context, name);
  context.terminal.print({ connection: name, resumed: true, requestsWoken: woken ?? null }, [
    `Resumed ${name}: ${woken === undefined ? 'its requests resume when a worker sees it' : `${count(woken, 'waiting request')} will resume`}.`,
  ]);
  return EXIT.done;
}

export async function disconnect(context: Context, name: string, options: DisconnectOptions): Promise<Exit> {
  const { force = false } = options;
  const { connections: store } = await context.stores();
  await connectionNamed(name, store).catch(ifBroken);
  const open = await openRequestsOf(context, name);
  if (!force && open === undefined) {
    throw new CommandError(
      'temporal-unreachable',
      `No Temporal server answers, so it is not known whether requests of ${name} are open. Nothing was changed. Set TEMPORAL_ADDRESS, or use --force.`,
      EXIT.usage,
    );
  }
  if (!force && open !== undefined && open.length > 0) {
    throw new CommandError(
      'requests-open',
      `${name} has ${openWords(open)}. Nothing was changed. End them first, or use --force: they then wait until ${name} is connected again.`,
      EXIT.failed,
    );
  }
  const requestsOpen = open?.length ?? null;
  if (force) await confirm(context.terminal, disconnectQuestion(name, requestsOpen), options);
  await store.delete(name, { waitedFor: requestsOpen !== 0 });
  if (requestsOpen !== 0) await wakeRequestsOf(context, name); // those that wait for another event of this connection
  context.terminal.print({ connection: name, disconnected: true, requestsOpen }, [
    `Disconnected ${name}: its credentials are destroyed.${requestsOpen === 0 ? '' : ` ${requestsOpen === null ? 'Its open requests' : count(requestsOpen, 'open request')} will wait until it is connected again, to the same company.`}`,
  ]);
  return EXIT.done;
}

function disconnectQuestion(name: string, requestsOpen: number | null): string {
  const open =
    requestsOpen === null
      ? 'It is not known whether requests of it are open: any that are'
      : count(requestsOpen, 'open request');
  const waiting =
    requestsOpen === 0 ? 'None of its requests is open.' : `${open} will wait until it is connected again.`;
  return `Destroy the credentials of ${name}? ${waiting}`;
}

function isHeld(connection: Connection | undefined): boolean {
  return connection?.pausedAt !== undefined || connection?.refusedAt !== undefined;
}

function stateOf({ pausedAt, refusedAt }: Connection, queue: QueueState | undefined): string {
  if (refusedAt !== undefined) return 'credentials-refused';
  if (pausedAt !== undefined) return 'paused';
  return queue === undefined ? 'unknown' : queue.served ? 'served' : 'no-worker';
}

interface Partitioned {
  readonly configuredPerMinute: number;
  readonly partitions: number | null;
  readonly onePartitionPerMinute: number;
  readonly permitEverySeconds: number | null;
}

/** What several partitions cost a low budget, and what to do. */
function partitionWords(budget: Partitioned): string[] {
  const { configuredPerMinute, partitions, onePartitionPerMinute, permitEverySeconds } = budget;
  const cure = 'Give the task queues one partition, see docs/operate/managed.md';
  if (permitEverySeconds !== null)
    return [
      `its limit is too low for the ${partitions} partitions of its task queue, so each API request also takes a permit from the Temporal server, one in ${Math.ceil(permitEverySeconds)} seconds; steps come in another order. ${cure}`,
    ];
  if (configuredPerMinute >= onePartitionPerMinute) return [];
  return [
    `the ${partitions} partitions of its task queue cost part of the budget: ${configuredPerMinute} API requests a minute instead of ${onePartitionPerMinute}. ${cure}`,
  ];
}

interface ShownPolicy {
  readonly country: string | null;
  readonly notice: NoticeShown;
  readonly approvals: number;
  readonly deletionsPerDay: number | null;
}

/** What its operator has set for all of its requests, if anything. */
function policyWords({ country, notice, approvals, deletionsPerDay }: ShownPolicy): string[] {
  const set = [
    ...(country === null ? [] : [`numbers without a country code are of ${country}`]),
    ...(notice === null ? [] : [`access packages ${noticeWords(notice)}`]),
    ...(approvals === 0 ? [] : [`each deletion needs ${count(approvals, 'approval')}`]),
    ...(deletionsPerDay === null ? [] : [`within 24 hours it deletes at most ${count(deletionsPerDay, 'contact')}`]),
  ];
  return set.length === 0 ? [] : [set.join('; ')];
}

function waitWords(requests: number | null): string {
  return `${requests === null ? 'an unknown number of requests' : count(requests, 'request')} waiting`;
}

/** The server's data on the connections' queues, and on the requests that wait for connections that are held. */
async function queryServer(
  { terminal, ifServerAnswers }: Context,
  budgets: ReadonlyMap<string, Budget>,
  held: readonly string[],
) {
  if (budgets.size + held.length === 0) return undefined;
  const { describeQueue, paceOn } = await import('../temporal/queue-rate.js');
  const { countWaiting } = await import('../temporal/waiting.js');
  const answer = await ifServerAnswers(async (temporal, { queueOf, taskQueue }) => ({
    queues: new Map(
      await sideBySide([...budgets], ASKED_AT_ONCE, async ([name, budget]) => {
        const queue = queueOf(name);
        return [name, { ...(await describeQueue(queue)), pace: await paceOn(queue, budget) }] as const;
      }),
    ),
    waiting: new Map(
      await sideBySide(
        held,
        ASKED_AT_ONCE,
        async name => [name, await countWaiting(temporal, taskQueue, name, new Date())] as const,
      ),
    ),
  }));
  if (answer === undefined) terminal.note('note: no Temporal server answers, so the state of the queues is not known.');
  return answer;
}
