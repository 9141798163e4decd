/** HOST:PORT, the value of an option. */
import { errorCode } from '../error-code';
import { CommandError, EXIT, usage } from './errors';

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** An IPv6 address may stand in brackets. @throws {CommandError} `usage` */
export function parseListen(text: string, option = '--listen'): Listen {
  const [, host = '', port = ''] = /^(?:\[(?=[^\]]*\]))?([^\]]*?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535) throw usage(`${option} takes HOST:PORT.`);
  return { host, port: Number(port) };
}

export function addressOf({ host, port }: Listen): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function notListening(error: unknown): CommandError {
  const code = errorCode(error) ?? 'unknown error';
  return new CommandError('configuration', `The address of --listen cannot be used (${code}).`, EXIT.usage);
}
