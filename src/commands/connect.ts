/**
 * The command that connects an Aircall company: its credentials are checked against all that requests will need, must
 * belong to the same company as before, and are stored sealed. Requests that wait for them resume. Decision D4.
 */
import { DEFAULT_BASE_URL, parseBaseUrl } from '../aircall/base-url';
import {
  type Budget,
  type ConfiguredLimit,
  LIMIT_PER_MINUTE_DEFAULT,
  LIMIT_PER_MINUTE_MAX,
  limitInForce,
  type Pace,
  paceOf,
  perMinute,
  SHARE_DEFAULT,
  SHARE_MAX,
} from '../budget';
import { isCountry } from '../judgement/numbers';
import { APPROVALS_MAX } from '../request/approval';
import { NAME_PATTERN, NAME_RULE } from '../request/names';
import { LANGUAGE_DEFAULT, LANGUAGES, type Language } from '../request/options';
import { count } from '../request/words';
import type { Approvers } from '../vault/approvers';
import { DELETIONS_PER_DAY_MAX } from '../vault/brake';
import {
  type Connection,
  type Connections,
  type Credential,
  ifBroken,
  type KeptConnection,
  nextCredentialVersion,
  oauthCredential,
  type Policy,
  policyOf,
} from '../vault/connections';
import { type Notice, noticeShown } from '../vault/notices';
import { probeVault } from '../vault/probe';
import type { Stored } from '../vault/vault';
import { checkAircall, exchangeCode, type Found } from './aircall-checks';
import { authorize } from './authorize';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { noticeIn, noticeWords } from './notices';
import { openRequestsOf, openWords, wakeRequestsOf } from './open-requests';
import { inOneLine } from './terminal';

export interface ConnectOptions {
  readonly apiId?: string;
  readonly apiToken?: string;
  readonly accessToken?: string;
  readonly oauth?: boolean;
  readonly listen?: string;
  readonly baseUrl?: string;
  readonly limitPerMinute?: string;
  readonly share?: string;
  readonly country?: string;
  readonly language?: string;
  readonly notice?: string;
  readonly approvals?: string;
  readonly deletionsPerDay?: string;
  readonly replace?: boolean;
  readonly sameCompany?: boolean;
}

/** The values to store, without those that only Aircall knows. */
interface Wanted {
  readonly name: string;
  readonly baseUrl: string;
  readonly limitPerMinute: ConfiguredLimit;
  readonly share: number;
  readonly policy: Policy;
  /** Undefined: it was not given, and stays as it is. */
  readonly notice: Notice | undefined;
  /** The operator's statement, if Aircall does not show that the company is the same as before. */
  readonly word: 'same' | 'another' | undefined;
  readonly present: Stored<Connection> | undefined;
  /** The stored connection cannot be read, or is not the last one: it is replaced unread. */
  readonly isBroken: boolean;
  /** The remains of a connection that was disconnected while requests waited for it. */
  readonly kept: KeptConnection | undefined;
}

interface Connected {
  readonly found: Found;
  readonly notice: Notice | undefined;
  readonly woken: number | undefined;
  /** Undefined if no server answered. */
  readonly onServer: Pace | undefined;
}

export async function connect(context: Context, name: string, options: ConnectOptions): Promise<Exit> {
  if (!NAME_PATTERN.test(name)) throw usage(`NAME ${NAME_RULE}.`);
  const given = options.oauth === true ? undefined : credentialOf(context, options);
  if (given === undefined && (options.apiId ?? options.apiToken ?? options.accessToken) !== undefined)
    throw usage('Give either credentials or --oauth, not both.');
  if (given !== undefined && options.listen !== undefined) throw usage('--listen belongs to --oauth.');
  if (options.sameCompany === true && options.replace === true)
    throw usage(
      'Give either --same-company or --replace: one says that it is the same company, the other that it is not.',
    );
  const { vault, connections, approvers } = await context.stores();
  // The same name again replaces the credentials. Options that are not given again keep their values.
  const found = await connections.get(name).catch(ifBroken);
  const isBroken = found === 'broken';
  const present = isBroken ? undefined : found;
  const before = present?.value;
  const kept = await connections.kept(name);
  const baseUrl = parseBaseUrl(options.baseUrl ?? before?.baseUrl ?? DEFAULT_BASE_URL);
  if (baseUrl === undefined)
    throw usage('--base-url takes an HTTPS address, or an HTTP one on this machine, without user, query or fragment.');
  const limitPerMinute = limitOf(options.limitPerMinute, before?.limitPerMinute ?? LIMIT_PER_MINUTE_DEFAULT);
  const share = numberOf(options.share, before?.share ?? SHARE_DEFAULT);
  if (!(share > 0 && share <= SHARE_MAX)) throw usage(`--share takes a number above 0, at most ${SHARE_MAX}.`);
  const policy = policyGiven(options, before ?? kept ?? {});
  await refuseTooFew(approvers, policy.approvals ?? 0);
  const notice = options.notice === undefined ? undefined : await noticeOf(options.notice);
  const word = options.sameCompany === true ? 'same' : options.replace === true ? 'another' : undefined;
  const wanted: Wanted = { name, baseUrl, limitPerMinute, share, policy, notice, word, present, isBroken, kept };

  await probeVault(vault);
  if (isBroken)
    context.terminal.note(
      `note: the stored connection ${name} is broken, and is replaced. Options that are not given get their defaults, --approvals, --deletions-per-day and --country too (not --notice); if it was paused, pause it again.`,
    );
  const {
    found: checked,
    notice: inForce,
    woken,
    onServer,
  } = given === undefined
    ? await authorize(context, { name, baseUrl, vault, listen: options.listen }, async (code, client) => {
        const tokens = await exchangeCode(name, baseUrl, { code, redirectUri: client.redirectUri }, client);
        const { clientId, clientSecret } = client;
        const credential = oauthCredential(tokens, { clientId, clientSecret }, await nowMs(context));
        return store(context, connections, wanted, credential, { issuedNow: true });
      })
    : await store(context, connections, wanted, given, { issuedNow: false });

  const shown = noticeShown(inForce);
  const limit = limitInForce(limitPerMinute, undefined);
  const company = checked.company ?? null;
  const paused = (before ?? kept)?.pausedAt !== undefined;
  context.terminal.print(
    {
      connection: name,
      company,
      baseUrl,
      limitPerMinute,
      share,
      country: policy.country ?? null,
      language: policy.language ?? LANGUAGE_DEFAULT,
      notice: shown,
      approvals: policy.approvals ?? 0,
      deletionsPerDay: policy.deletionsPerDay ?? null,
      replaced: present !== undefined || isBroken,
      callsServed: checked.calls,
      requestsWoken: woken ?? null,
      paused,
    },
    [
      `Connected ${name} to the Aircall company ${company === null ? 'that has no name' : `“${company}”`}: ping, contact search and call list work. The credentials are sealed in the vault.`,
      `Aircall serves calls of about the last six months, ${checked.calls} now; only its support can provide older ones.`,
      `Budget: ${perMinute((onServer ?? paceOf({ limitPerMinute: limit, share }, 1)).ratePerSecond)} of ${limit} API requests a minute${limitPerMinute === 'auto' ? ', until Aircall names another limit' : ''}. ${onServer ? 'The Temporal server keeps it; workers' : 'Workers'} pick the connection up within 10 seconds.`,
      ...policyLines(policy),
      ...(shown === null ? [] : [`Access packages ${noticeWords(shown)}.`]),
      ...(woken === undefined || woken === 0 ? [] : [`${count(woken, 'waiting request')} will resume.`]),
      ...(paused ? [`The connection is still paused: aircall-dsr connections resume ${name}`] : []),
    ],
  );
  return EXIT.done;
}

/** Checks a credential, and stores it if all is well. */
async function store(
  context: Context,
  connections: Connections,
  wanted: Wanted,
  credential: Credential,
  how: { readonly issuedNow: boolean },
): Promise<Connected> {
  const { name, baseUrl, limitPerMinute, share, policy, present, isBroken, kept } = wanted;
  const found = await checkAircall({ name, baseUrl, credential }, how);
  const isSame = await isSameCompany(context, connections, wanted, found.company);
  const before = isSame
    ? (present?.value.incarnation ?? kept?.incarnation ?? (await connections.latestIncarnation(name)))
    : undefined;
  const incarnation = before ?? (await connections.beginIncarnation(name, Date.now()));
  const next = (before: Connection | undefined): Connection => {
    const pausedAt = (before ?? kept)?.pausedAt;
    return {
      name,
      ...(found.company !== undefined && { company: found.company }),
      baseUrl,
      limitPerMinute,
      share,
      ...policy,
      credential,
      credentialVersion: nextCredentialVersion(before, Date.now()),
      connectedAt: new Date().toISOString(),
      incarnation,
      ...(pausedAt !== undefined && { pausedAt }),
    };
  };
  if (isBroken) await connections.replace(next(undefined));
  else if (!(await isStored(connections, present, next, name)))
    throw new CommandError(
      'conflict',
      `Somebody else changed connection ${name} meanwhile. Run the command again.`,
      EXIT.failed,
    );
  await connections.forgetKept(name);
  await connections.forgetRateLimits(name);
  const inForce = await noticeFrom(context, connections, { name, incarnation }, wanted.notice);
  const onServer = await setOnServer(context, name, { limitPerMinute: limitInForce(limitPerMinute, undefined), share });
  return { found, notice: inForce, woken: await wakeRequestsOf(context, name), onServer };
}

/** Stores the given notice, or returns the stored one. That of a company that may be another one is destroyed. */
async function noticeFrom(
  { terminal }: Context,
  connections: Connections,
  connection: { readonly name: string; readonly incarnation: number },
  given: Notice | undefined,
): Promise<Notice | undefined> {
  if (given !== undefined) {
    await connections.setNotice(connection, given);
    return given;
  }
  const { name, incarnation } = connection;
  const stored = await connections.storedNotice(name).catch(ifBroken);
  if (stored === 'broken') {
    terminal.note(`note: the stored notice of ${name} cannot be read, and its access requests wait: give --notice.`);
    return undefined;
  }
  if (stored === undefined || stored.incarnation === incarnation) return stored?.notice;
  await connections.forgetNotice(name);
  terminal.note(
    `note: nothing shows that the company is the same, so the notice of ${name} was destroyed: give --notice again.`,
  );
  return undefined;
}

/** By the server if one answers: the workers renew the token by its clock. */
async function nowMs({ ifServerAnswers }: Context): Promise<number> {
  const { serverNowMs } = await import('../temporal/server-time.js');
  return (await ifServerAnswers((temporal, { taskQueue }) => serverNowMs(temporal, taskQueue))) ?? Date.now();
}

/** False if somebody else connected it meanwhile; a refresh, a refusal or a pause between is no conflict. */
async function isStored(
  connections: Connections,
  present: Wanted['present'],
  next: (before: Connection | undefined) => Connection,
  name: string,
): Promise<boolean> {
  if (present === undefined) return connections.put(next(undefined), undefined);
  let mine = false;
  await connections.change(name, before => {
    mine = before.connectedAt === present.value.connectedAt;
    return mine ? next(before) : undefined;
  });
  return mine;
}

/**
 * Whether requests that wait resume with these credentials: with those of another company they would search, and delete,
 * there. Aircall returns no more of a company than its name. If the name does not show that it is the same, an operator must
 * confirm it, or no request may be open.
 */
async function isSameCompany(
  context: Context,
  connections: Connections,
  { name, word, present, isBroken, kept }: Wanted,
  company: string | undefined,
): Promise<boolean> {
  if (present === undefined && kept === undefined && !isBroken) return false;
  const before = isBroken ? kept?.name : await connections.company(name);
  if (before !== undefined && before === company && word !== 'another') return true;
  const [was, is] = [before, company].map(each =>
    each === undefined ? 'a company of unknown name' : `“${inOneLine(each)}”`,
  );
  if (word === 'same') {
    context.terminal.note(
      `note: ${name} belonged to ${was} and now to ${is}; you confirmed that both are the same company.`,
    );
    return true;
  }
  if (before !== undefined && word !== 'another') {
    throw new CommandError(
      'other-company',
      `${name} belongs to the Aircall company ${was}, and these credentials to ${is}. Nothing was changed. Use another name for it; --same-company if the company was renamed; --replace if you need nothing of the old one.`,
      EXIT.failed,
    );
  }
  const open = await openRequestsOf(context, name);
  if (open?.length === 0) return false;
  throw new CommandError(
    open === undefined ? 'temporal-unreachable' : 'requests-open',
    open === undefined
      ? `No Temporal server answers, so the command cannot know if requests of ${was} are open. Nothing was changed. Set TEMPORAL_ADDRESS, or use --same-company if ${is} is the same company.`
      : `${was} has ${openWords(open)}. In ${is} they would continue. Nothing was changed. End them first, or use --same-company if it is the same company.`,
    open === undefined ? EXIT.usage : EXIT.failed,
  );
}

/** Secrets come from the environment rather than from the command line, which other users of the machine can read. */
function credentialOf({ terminal, config }: Context, options: ConnectOptions): Credential {
  const configured = config.aircallCredentials();
  const given = options.apiId !== undefined || options.apiToken !== undefined || options.accessToken !== undefined;
  const from = given ? options : configured;
  if (options.apiToken !== undefined || options.accessToken !== undefined) {
    terminal.note(
      'note: other users of this machine can see a secret on the command line; set AIRCALL_API_TOKEN or AIRCALL_ACCESS_TOKEN instead.',
    );
  }
  const apiId = from.apiId ?? (given ? configured.apiId : undefined);
  const apiToken = from.apiToken ?? (given && from.accessToken === undefined ? configured.apiToken : undefined);
  const { accessToken } = from;
  if (accessToken && apiToken) throw usage('Give either an API id and token, or an access token, not both.');
  if (accessToken) return { kind: 'oauth', accessToken: plainSecret(accessToken) };
  if (apiId && apiToken) return { kind: 'api-key', apiId: plainSecret(apiId), apiToken: plainSecret(apiToken) };
  throw usage('No credentials. Set AIRCALL_API_ID and AIRCALL_API_TOKEN, or AIRCALL_ACCESS_TOKEN, or use --oauth.');
}

/** A secret travels in a header: printable ASCII without spaces, as Aircall issues them. */
function plainSecret(secret: string): string {
  if (/^[!-~]{1,4096}$/.test(secret)) return secret;
  throw usage(
    'A credential holds a character that no credential of Aircall has. Copy it again, without spaces or line ends.',
  );
}

/** Takes a stored value away. */
const NONE = 'none';

/** What is given; otherwise what was stored before. */
function policyGiven(options: ConnectOptions, before: Policy): Policy {
  const { country, language, approvals, deletionsPerDay } = options;
  const given = {
    country: country === undefined ? before.country : countryOf(country),
    language: language === undefined ? before.language : languageOf(language),
    approvals: approvals === undefined ? before.approvals : approvalsOf(approvals),
    deletionsPerDay: deletionsPerDay === undefined ? before.deletionsPerDay : deletionsOf(deletionsPerDay),
  };
  return policyOf(given);
}

function countryOf(text: string): string | undefined {
  if (text === NONE) return undefined;
  const country = text.toUpperCase();
  if (isCountry(country)) return country;
  throw usage('--country takes two letters of ISO 3166, for instance FR, or none.');
}

function languageOf(text: string): Language {
  const language = LANGUAGES.find(each => each === text);
  if (language !== undefined) return language;
  throw usage(`--language takes one of ${LANGUAGES.join(', ')}.`);
}

/** @throws {CommandError} `usage`, before anything is stored or sent */
async function noticeOf(text: string): Promise<Notice> {
  return text === NONE ? text : noticeIn(text);
}

function approvalsOf(text: string): number {
  const approvals = numberOf(text, Number.NaN);
  if (Number.isInteger(approvals) && approvals >= 0 && approvals <= APPROVALS_MAX) return approvals;
  throw usage(`--approvals takes a whole number from 0 to ${APPROVALS_MAX}.`);
}

function deletionsOf(text: string): number | undefined {
  if (text === NONE) return undefined;
  const deletions = numberOf(text, Number.NaN);
  if (Number.isInteger(deletions) && deletions >= 1 && deletions <= DELETIONS_PER_DAY_MAX) return deletions;
  throw usage(`--deletions-per-day takes a whole number from 1 to ${DELETIONS_PER_DAY_MAX}, or none.`);
}

/** Otherwise nobody could approve a deletion. */
async function refuseTooFew(approvers: Approvers, wanted: number): Promise<void> {
  const registered = wanted === 0 ? 0 : (await approvers.list()).length;
  if (registered >= wanted) return;
  throw usage(
    `--approvals ${wanted} needs so many registered approvers, and the vault has ${registered}. Nothing was changed. Run: aircall-dsr approvers add NAME --key FILE`,
  );
}

function policyLines({ country, approvals = 0, deletionsPerDay }: Policy): string[] {
  return [
    ...(country === undefined ? [] : [`Numbers without a country code are read as numbers of ${country}.`]),
    ...(approvals === 0
      ? []
      : [`Each deletion waits until its plan has ${count(approvals, 'approval')}: aircall-dsr plan ID`]),
    ...(deletionsPerDay === undefined
      ? []
      : [`Within 24 hours it deletes at most ${count(deletionsPerDay, 'contact')}; further deletions wait.`]),
  ];
}

function numberOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : text.trim() === '' ? Number.NaN : Number(text);
}

function limitOf(text: string | undefined, otherwise: ConfiguredLimit): ConfiguredLimit {
  if (text === undefined) return otherwise;
  if (text === 'auto') return text;
  const limit = numberOf(text, Number.NaN);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_PER_MINUTE_MAX) return limit;
  throw usage(`--limit-per-minute takes a whole number from 1 to ${LIMIT_PER_MINUTE_MAX}, or auto.`);
}

/** Sets the budget on the server at once. Undefined if no server answers now: a worker sets it later. */
async function setOnServer({ ifServerAnswers }: Context, name: string, budget: Budget): Promise<Pace | undefined> {
  const { paceOn, setQueueRate } = await import('../temporal/queue-rate.js');
  return ifServerAnswers(async (_, { queueOf }) => {
    const queue = queueOf(name);
    const pace = await paceOn(queue, budget);
    await setQueueRate(queue, pace.queueRate);
    return pace;
  });
}
