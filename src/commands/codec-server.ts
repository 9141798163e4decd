/** The command that decrypts payloads for the Web UI and the `temporal` command, until it is stopped. */
import { startCodecServer } from '../codec-server';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { notListening, parseListen } from './listen';

export interface CodecServerCommandOptions {
  readonly listen?: string;
  readonly uiOrigin?: string;
  readonly encode?: boolean;
}

const LISTEN_DEFAULT = '127.0.0.1:8888';
const UI_ORIGIN_DEFAULT = 'http://localhost:8233';
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

export async function codecServer(context: Context, options: CodecServerCommandOptions): Promise<Exit> {
  const { host, port } = parseListen(options.listen ?? LISTEN_DEFAULT);
  const uiOrigin = originOf(options.uiOrigin ?? UI_ORIGIN_DEFAULT);
  if (uiOrigin === undefined)
    throw usage('--ui-origin takes scheme, host and port of the Web UI, like https://temporal.example.com.');
  const { terminal, config } = context;
  const keyring = context.keyring();
  const token = config.codecToken();
  if (token === undefined && !LOOPBACK.test(host)) {
    throw new CommandError(
      'configuration',
      'Anyone who reaches this address could read every payload. Set AIRCALL_DSR_CODEC_TOKEN or AIRCALL_DSR_CODEC_TOKEN_FILE, or listen on 127.0.0.1.',
      EXIT.usage,
    );
  }
  const { encode: encodes = false } = options;
  const { log } = terminal;
  const server = await startCodecServer({ keyring, host, port, uiOrigin, token, encodes, log }).catch(
    (error: unknown) => {
      throw notListening(error);
    },
  );
  terminal.print({ url: server.url, uiOrigin, token: token !== undefined, encodes }, [
    `Listening on ${server.url} for the Web UI at ${uiOrigin} and for \`temporal --codec-endpoint\`.`,
    ...(encodes ? ['It also encrypts: anyone who may call it can start requests.'] : []),
  ]);
  await terminal.stopped();
  await server.close();
  return EXIT.done;
}

function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { origin, protocol, pathname, search } = new URL(text);
  return /^https?:$/.test(protocol) && pathname === '/' && search === '' ? origin : undefined;
}
