/**
 * Takes the callback of one authorization over HTTP, behind a proxy that speaks HTTPS, and ends. Its answer shows the
 * outcome; it repeats nothing, is not cached and sends no referrer to other sites.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';

export interface CallbackListener {
  readonly url: string;
  close(): Promise<void>;
}

export interface CallbackListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Address to which the browser is redirected at the end. */
  readonly successUrl: string;
  /** Handles one callback: undefined if all is well, otherwise the message to show. */
  readonly receive: (params: URLSearchParams) => Promise<string | undefined>;
}

/** A proxy may serve it below another path. */
const PATH = /(^|\/)oauth\/callback$/;
const HEADERS = {
  connection: 'close',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
};

/** @throws if the address cannot be listened on */
export async function listenForCallback(options: CallbackListenerOptions): Promise<CallbackListener> {
  const answers = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    answers.add(response);
    response.once('close', () => answers.delete(response));
    const url = URL.canParse(request.url ?? '', 'http://callback')
      ? new URL(request.url ?? '', 'http://callback')
      : undefined;
    if (request.method !== 'GET' || url === undefined || !PATH.test(url.pathname))
      return show(response, 404, 'Nothing is served at this address.');
    void options.receive(url.searchParams).then(
      refusal =>
        refusal === undefined
          ? void response.writeHead(302, { ...HEADERS, location: options.successUrl }).end()
          : show(response, 400, refusal),
      () => show(response, 500, 'Something went wrong. See the terminal of aircall-dsr.'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}/oauth/callback`,
    close: () => closed(server, answers),
  };
}

function show(response: ServerResponse, status: number, message: string): void {
  response
    .writeHead(status, { ...HEADERS, 'content-type': 'text/html; charset=utf-8' })
    .end(`<!DOCTYPE html><html lang="en"><title>aircall-dsr</title><p>${message.replaceAll('<', '&lt;')}</p></html>\n`);
}

/** Answers in progress are still sent. Idle connections, which browsers open in advance, are not waited for. */
async function closed(server: Server, answers: ReadonlySet<ServerResponse>): Promise<void> {
  const ended = new Promise<void>(resolve => server.close(() => resolve()));
  await Promise.all([...answers].map(answer => once(answer, 'close')));
  server.closeAllConnections();
  await ended;
}
