/** A bare HTTP server for replies that no stand-in gives: its handler writes to the wire itself and knows the request's number. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';

export interface Received {
  /** From 1. */
  readonly number: number;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RawServer {
  readonly baseUrl: string;
  readonly received: Received[];
  connections(): number;
  /** Resolves when a connection has ended, also where that was before. */
  readonly connectionEnded: Promise<void>;
  stop(): Promise<void>;
}

export async function startRawServer(
  answer: (response: ServerResponse, received: Received) => void,
): Promise<RawServer> {
  const received: Received[] = [];
  let connections = 0;
  let ended = () => {};
  const connectionEnded = new Promise<void>(resolve => {
    ended = resolve;
  });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { method, url, headers } = request;
    const each = { number: received.length + 1, method, url, headers, body: Buffer.concat(chunks).toString() };
    received.push(each);
    answer(response, each);
  });
  server.on('connection', socket => {
    connections += 1;
    socket.on('close', () => ended());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    received,
    connections: () => connections,
    connectionEnded,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
