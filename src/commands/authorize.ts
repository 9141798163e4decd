/**
 * OAuth at the terminal: prints the address at which an admin consents, takes the callback, pasted or over HTTP, and passes
 * its code to the caller. A callback that does not belong here is refused; over HTTP, the right one may still come.
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { authorizeUrl, oauthPages } from '../aircall/oauth';
import type { OauthConfiguration } from '../config';
import { acceptCallback, CallbackRefused, parseCallback } from '../oauth/callback';
import { listenForCallback } from '../oauth/listener';
import { createAuthorizations, STATE_LIFE_MS } from '../vault/authorizations';
import type { Vault } from '../vault/vault';
import type { Context } from './context';
import { CommandError, EXIT } from './errors';
import { notListening, parseListen } from './listen';

export interface Authorizing {
  readonly name: string;
  readonly baseUrl: string;
  readonly vault: Vault;
  /** HOST:PORT for the callback; it is pasted if not given. */
  readonly listen: string | undefined;
}

/**
 * Waits for a valid callback, at most as long as its state is valid, and returns what `use` makes of its code.
 * @throws {CommandError} if the callback is refused, or none comes
 */
export async function authorize<T>(
  { terminal, config }: Context,
  { name, baseUrl, vault, listen }: Authorizing,
  use: (code: string, client: OauthConfiguration) => Promise<T>,
): Promise<T> {
  const client = config.oauthClient();
  const address = listen === undefined ? undefined : parseListen(listen);
  const authorizations = createAuthorizations(vault);
  const state = await authorizations.begin(name, new Date());
  /** After a valid callback there is no time limit: its code is used. */
  const accept = async (params: URLSearchParams, arrived: () => void) => {
    const code = await acceptCallback(params, name, authorizations, new Date());
    arrived();
    return use(code, client);
  };

  terminal.note(
    `Open this address as an admin of the Aircall company, and authorize, within ${STATE_LIFE_MS / 60_000} minutes:`,
  );
  terminal.note('');
  terminal.note(`  ${authorizeUrl(baseUrl, { ...client, state })}`);
  terminal.note('');
  if (address === undefined) {
    terminal.note('Then paste here the whole address that the browser was sent to:');
    return withinTime(async (ended, arrived) => {
      try {
        return await accept(parseCallback(await readLine(terminal.io.stdin, ended)), arrived);
      } catch (error) {
        throw error instanceof CallbackRefused ? refusal(error) : error;
      }
    });
  }
  return withinTime(received);

  async function received(ended: AbortSignal, arrived: () => void): Promise<T> {
    const { promise, resolve, reject } = withResolvers<T>();
    ended.addEventListener('abort', () => reject(noCallback()));
    const listener = await listenForCallback({
      ...(address ?? { host: '', port: 0 }),
      successUrl: oauthPages(baseUrl).success,
      async receive(params) {
        try {
          resolve(await accept(params, arrived));
          return undefined;
        } catch (error) {
          // Anyone can call this address: only a callback with our state ends the wait.
          if (error instanceof CallbackRefused && error.code !== 'oauth-denied') {
            terminal.note(`A callback was refused (${error.code}): ${error.message}`);
            return error.message;
          }
          reject(error instanceof CallbackRefused ? refusal(error) : error);
          // What the terminal prints names companies and requests: it is not for the person at the browser.
          return error instanceof CallbackRefused
            ? error.message
            : 'Something went wrong. See the terminal of aircall-dsr.';
        }
      },
    }).catch((error: unknown) => {
      throw notListening(error);
    });
    terminal.note(`Waiting for the callback at ${listener.url}.`);
    try {
      return await promise;
    } finally {
      await listener.close();
    }
  }
}

/** `arrived` stops the clock: the callback has come. */
async function withinTime<T>(work: (ended: AbortSignal, arrived: () => void) => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), STATE_LIFE_MS);
  try {
    return await work(ended.signal, () => clearTimeout(timer));
  } finally {
    clearTimeout(timer);
  }
}

/** The first line of stdin that is not empty. */
async function readLine(stdin: Readable, ended: AbortSignal): Promise<string> {
  const lines = createInterface({ input: stdin, terminal: false, signal: ended });
  try {
    for await (const line of lines) if (line.trim() !== '') return line;
    throw noCallback();
  } finally {
    lines.close();
    stdin.destroy();
  }
}

function noCallback(): CommandError {
  return new CommandError(
    'oauth-state-late',
    'No callback came. Run connect again and open the new address.',
    EXIT.failed,
  );
}

function refusal({ code, message }: CallbackRefused): CommandError {
  return new CommandError(code, `The callback is refused. ${message} Nothing was changed.`, EXIT.failed);
}

function withResolvers<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
} {
  let settle: { resolve: (value: T) => void; reject: (error: unknown) => void } | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, resolve: value => settle?.resolve(value), reject: error => settle?.reject(error) };
}
