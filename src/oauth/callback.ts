/**
 * The callback of Aircall's consent page: read strictly, and judged once. Refusals name the cause and the remedy;
 * they repeat nothing of the callback.
 */
import type { Authorizations, StateVerdict } from '../vault/authorizations';

export type CallbackCode =
  | 'oauth-callback-unusable'
  | 'oauth-state-wrong'
  | 'oauth-state-used'
  | 'oauth-state-late'
  | 'oauth-denied';

export class CallbackRefused extends Error {
  override readonly name = 'CallbackRefused';
  constructor(
    readonly code: CallbackCode,
    message: string,
  ) {
    super(message);
  }
}

const VALUE_MAX = 4_096;
const PLAIN_ERROR = /^[a-z_]{1,40}$/;

const REFUSED: Readonly<Record<Exclude<StateVerdict, 'good'>, readonly [CallbackCode, string]>> = {
  unknown: ['oauth-state-wrong', 'Its state was not issued for this vault. Open the new address.'],
  'of-another-connection': [
    'oauth-state-wrong',
    'Its state was issued for another connection. Open the address of this one.',
  ],
  used: [
    'oauth-state-used',
    'Its state was used before; a state works once. Run connect again and open the new address.',
  ],
  late: ['oauth-state-late', 'Its state is older than 10 minutes. Run connect again and open the new address.'],
};

/** The parameters of an address, or of its query alone, as a person pasted it. @throws {CallbackRefused} */
export function parseCallback(text: string): URLSearchParams {
  const trimmed = text.trim();
  if (URL.canParse(trimmed)) return new URL(trimmed).searchParams;
  if (/^\??[\w%.~+-]+=[^\s]*$/.test(trimmed)) return new URLSearchParams(trimmed);
  throw unusable('The pasted text is no address. Copy the whole address that the browser shows at the end.');
}

/**
 * The code of a valid callback. Its state cannot be used again.
 * @throws {CallbackRefused}
 */
export async function acceptCallback(
  params: URLSearchParams,
  connection: string,
  authorizations: Authorizations,
  now: Date,
): Promise<string> {
  const state = only(params, 'state');
  const error = only(params, 'error');
  // Anybody may have made it up: the page says so, and nothing else happens.
  if (state === undefined && error !== undefined)
    throw unusable(`It says that Aircall did not authorize it${named(error)}, but it has no state as proof.`);
  if (state === undefined) throw unusable('It has no state. Copy the whole address that the browser shows at the end.');
  const verdict = await authorizations.redeem(connection, state, now);
  if (verdict !== 'good') {
    const [code, message] = REFUSED[verdict];
    throw new CallbackRefused(code, message);
  }
  if (error !== undefined)
    throw new CallbackRefused(
      'oauth-denied',
      `Aircall did not authorize the connection${named(error)}. An admin of the company must consent.`,
    );
  const code = only(params, 'code');
  if (code === undefined) throw unusable('It has neither a code nor an error. Run connect again.');
  return code;
}

/** The name of an error, if it is a plain word. */
function named(error: string): string {
  return PLAIN_ERROR.test(error) ? ` (${error})` : '';
}

/** @throws {CallbackRefused} if it is there twice, too long, or not printable ASCII */
function only(params: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = params.getAll(name);
  if (more.length > 0 || (value !== undefined && !/^[!-~]+$/.test(value)) || (value?.length ?? 0) > VALUE_MAX)
    throw unusable('It does not have the form that Aircall sends. Run connect again.');
  return value;
}

function unusable(message: string): CallbackRefused {
  return new CallbackRefused('oauth-callback-unusable', message);
}
