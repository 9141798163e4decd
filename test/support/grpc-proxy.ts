/**
 * A server in front of the run's Temporal server, which passes on every gRPC call or refuses it: what a managed server does
 * with callers and calls that it does not let in. With TLS if it is given a certificate.
 */
import { once } from 'node:events';
import {
  connect,
  constants,
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Certificate } from './certificates';
import { environment } from './service';

export interface GrpcProxy {
  readonly address: string;
  /** Paths of all calls so far, those that were refused too: `/service/method`. */
  readonly calls: string[];
  /** Lets only callers with this certificate connect, from now on; those that are connected stay. */
  requireCertificate(client: Certificate): void;
  /** Ends all connections; callers connect anew. */
  disconnectAll(): void;
  close(): Promise<void>;
}

export interface GrpcProxyOptions {
  /** The gRPC status with which a call is refused; undefined: it is passed on. */
  readonly refuse?: (path: string, headers: IncomingHttpHeaders) => number | undefined;
  readonly tls?: { readonly server: Certificate; readonly client?: Certificate };
}

const { HTTP2_HEADER_PATH, NGHTTP2_FLAG_END_STREAM, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants;

export async function startGrpcProxy({ refuse = () => undefined, tls }: GrpcProxyOptions): Promise<GrpcProxy> {
  const target = `http://${environment('TEST_TEMPORAL_ADDRESS')}`;
  const far = connect(target).on('error', () => {});
  const calls: string[] = [];
  const sessions = new Set<ServerHttp2Session>();

  function take(near: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const path = String(headers[HTTP2_HEADER_PATH]);
    calls.push(path);
    near.on('error', () => {});
    const status = refuse(path, headers);
    if (status === undefined) {
      passOn(near, headers);
      return;
    }
    const refusal = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status };
    near.respond({ ...refusal, 'grpc-message': 'Request unauthorized.' }, { endStream: true });
  }

  function passOn(near: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const call = far.request(headers);
    let trailers: IncomingHttpHeaders = {};
    near.on('close', () => call.close(NGHTTP2_CANCEL));
    call.on('error', () => near.close(NGHTTP2_INTERNAL_ERROR));
    call.on('trailers', received => {
      trailers = received;
    });
    call.on('response', (head, flags) => {
      if (near.destroyed) return;
      if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) {
        near.respond(head, { endStream: true });
        return;
      }
      near.respond(head, { waitForTrailers: true });
      near.on('wantTrailers', () => near.sendTrailers(trailers));
      call.pipe(near);
    });
    near.pipe(call);
  }

  const clientOf = (client: Certificate | undefined) =>
    client === undefined ? {} : { ca: client.certificate, requestCert: true, rejectUnauthorized: true };
  const contextOf = ({ server, client }: NonNullable<GrpcProxyOptions['tls']>) => ({
    cert: server.certificate,
    key: server.key,
    ...clientOf(client),
  });
  const secure = tls && createSecureServer(contextOf(tls));
  const server = secure ?? createServer();
  server.on('stream', take);
  server.on('session', session => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session)).on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  const disconnectAll = () => {
    for (const session of sessions) session.destroy();
  };
  return {
    address: `${tls === undefined ? '127.0.0.1' : 'localhost'}:${typeof bound === 'object' && bound !== null ? bound.port : 0}`,
    calls,
    requireCertificate(client) {
      if (tls !== undefined) secure?.setSecureContext(contextOf({ server: tls.server, client }));
    },
    disconnectAll,
    async close() {
      disconnectAll();
      far.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
