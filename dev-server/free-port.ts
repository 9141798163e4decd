/** Ports of this machine for servers that cannot choose one themselves. */
import { createServer } from 'node:net';

export const HOST = '127.0.0.1';
export const ANY_PORT = 0;

/** Free at the moment of the call; nothing keeps it free. */
export function findFreePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', error => {
      reject(new Error(`port ${wanted} cannot be used: ${error.message}`));
    });
    server.listen(wanted, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : wanted));
    });
  });
}
