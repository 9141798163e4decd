/**
 * Health checks for an orchestrator: `/healthz`, whether the process answers, and `/readyz`, whether it does its work; if
 * not, the answer lists the problems. Names of connections and keys, no personal data.
 */
import { createServer } from 'node:http';

export interface HealthServer {
  close(): Promise<void>;
}

export interface HealthOptions {
  readonly host: string;
  readonly port: number;
  /** Problems that keep it from its work; empty if all is well. */
  readonly problems: () => readonly string[];
}

/** @throws if the address cannot be listened on */
export async function serveHealth({ host, port, problems }: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const found = request.url === '/readyz' ? problems() : request.url === '/healthz' ? [] : undefined;
    const status = found === undefined ? 404 : found.length === 0 ? 200 : 503;
    response
      .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(
        `${JSON.stringify(found === undefined ? { error: 'not found' } : { ok: found.length === 0, problems: found })}\n`,
      );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  server.unref(); // a worker that cannot start ends
  return {
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
