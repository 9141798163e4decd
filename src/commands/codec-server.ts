/** The command that lets the Web UI and the `temporal` command show payloads in the clear, until it is asked to end. */
import { once } from 'node:events';
import { startCodecServer } from '../codec-server';
import { configuredCodecToken, configuredKeyring } from '../config';
import { createLog } from '../log';
import { notListening, parseListen } from './listen';
import { answer, CommandError, EXIT, type Exit, type ServiceOutput } from './output';

export interface CodecServerCommandOptions extends ServiceOutput {
  readonly listen?: string;
  readonly uiOrigin?: string;
}

const LISTEN_DEFAULT = '127.0.0.1:8888';
const UI_ORIGIN_DEFAULT = 'http://localhost:8233';
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

export async function codecServer(options: CodecServerCommandOptions): Promise<Exit> {
  const { host, port } = parseListen(options.listen ?? LISTEN_DEFAULT);
  const uiOrigin = originOf(options.uiOrigin ?? UI_ORIGIN_DEFAULT);
  if (uiOrigin === undefined)
    throw usage('--ui-origin takes scheme, host and port of the Web UI, like https://temporal.example.com.');
  const keyring = configuredKeyring();
  const token = configuredCodecToken();
  if (token === undefined && !LOOPBACK.test(host)) {
    throw new CommandError(
      'configuration',
      'Whoever reaches this address could read every payload. Set AIRCALL_DSR_CODEC_TOKEN or AIRCALL_DSR_CODEC_TOKEN_FILE, or listen on 127.0.0.1.',
      EXIT.usage,
    );
  }
  const log = createLog(options.log);
  const server = await startCodecServer({ keyring, host, port, uiOrigin, token, log }).catch((error: unknown) => {
    throw notListening(error);
  });
  answer(options, { url: server.url, uiOrigin, token: token !== undefined }, [
    `Listening on ${server.url} for the Web UI at ${uiOrigin} and for \`temporal --codec-endpoint\`.`,
  ]);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  await server.close();
  return EXIT.done;
}

function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { origin, protocol, pathname, search } = new URL(text);
  return /^https?:$/.test(protocol) && pathname === '/' && search === '' ? origin : undefined;
}

function usage(message: string): CommandError {
  return new CommandError('usage', message, EXIT.usage);
}
