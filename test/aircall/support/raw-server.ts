/** A bare HTTP server for replies that no stand-in gives: its handler writes to the wire itself and knows the request's number. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';

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

type Answer = (response: ServerResponse, received: Received) => void;
type Take = (request: IncomingMessage, response: ServerResponse) => void;

export async function startRawServer(answer: Answer): Promise<RawServer> {
  return start(answer, take => createServer(take));
}

/** Its certificate for localhost and 127.0.0.1 is signed by itself; the key guards nothing. */
export async function startSelfSigned(answer: Answer = response => response.end('{}')): Promise<RawServer> {
  return start(answer, take => createSecureServer({ cert: CERTIFICATE, key: KEY }, take));
}

async function start(answer: Answer, listen: (take: Take) => Server): Promise<RawServer> {
  const received: Received[] = [];
  let connections = 0;
  let ended = () => {};
  const connectionEnded = new Promise<void>(resolve => {
    ended = resolve;
  });
  const server = listen(async (request, response) => {
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

const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIULQc/1jh++fFTxmUT97h9Cdc5Z/wwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE1NTgzNFoYDzIxMjYxMDMw
MTU1ODM0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQjy+JS0VAhxMAmHb4dETkRzcG2iFJpR62NpLCGFb+71Ghk6CSgHNUf
b7ztv8KO44XPt/nFOJ7tCmzg3shIslYKo28wbTAdBgNVHQ4EFgQUr5dhflR47jSE
70CpEC7ru48SePIwHwYDVR0jBBgwFoAUr5dhflR47jSE70CpEC7ru48SePIwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAPCWc082oG47eLKQF03iZhNaFi6pfCiEJeCEiDT2vfSzAiEA
x1dKK8rWNxFuTH/U3XPS4VZJ5Y+cl7JtejOLvH2roY0=
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1arm9AzxaWVjU6hw
JGe1LqNY8I7cERAGSWxAJ+a6if6hRANCAAQjy+JS0VAhxMAmHb4dETkRzcG2iFJp
R62NpLCGFb+71Ghk6CSgHNUfb7ztv8KO44XPt/nFOJ7tCmzg3shIslYK
-----END PRIVATE KEY-----
`;
