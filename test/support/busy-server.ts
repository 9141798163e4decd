/** A Temporal server that is busy: passes calls on to the real one, counts them, and refuses some of them. */
import { once } from 'node:events';
import http2 from 'node:http2';
import { environment } from './service';

export interface BusyServer {
  readonly address: string;
  /** Calls so far, by method. */
  readonly calls: ReadonlyMap<string, number>;
  /** The next calls of a method end with this gRPC status. */
  refuse(method: string, times: number, grpcStatus: number): void;
  close(): Promise<void>;
}

export async function startBusyServer(): Promise<BusyServer> {
  const upstream = http2.connect(`http://${environment('TEST_TEMPORAL_ADDRESS')}`);
  const calls = new Map<string, number>();
  const refused = new Map<string, { left: number; readonly status: number }>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on('session', session => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    const method = String(headers[':path']).split('/').at(-1) ?? '';
    calls.set(method, (calls.get(method) ?? 0) + 1);
    const refusal = refused.get(method);
    if (refusal !== undefined && refusal.left > 0) {
      refusal.left -= 1;
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(refusal.status) },
        { endStream: true },
      );
      return;
    }
    const passedOn = upstream.request(headers);
    stream.pipe(passedOn);
    passedOn.on('response', (answer, flags) => {
      if (stream.destroyed) return;
      if (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) return stream.respond(answer, { endStream: true });
      stream.respond(answer, { waitForTrailers: true });
      let trailers: http2.IncomingHttpHeaders = {};
      passedOn.on('trailers', last => {
        trailers = last;
      });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      passedOn.pipe(stream);
    });
    stream.on('close', () => passedOn.close());
    passedOn.on('error', () => stream.close());
    stream.on('error', () => passedOn.close());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the busy server has no port');
  return {
    address: `127.0.0.1:${address.port}`,
    calls,
    refuse: (method, times, status) => void refused.set(method, { left: times, status }),
    async close() {
      for (const session of sessions) session.destroy();
      upstream.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
