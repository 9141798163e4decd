/** A way to the Temporal server on which it can fall silent: it takes what it is sent, also new connections, and answers nothing. */
import { connect, createServer, type Socket } from 'node:net';

export interface Way {
  readonly address: string;
  silence(): void;
  close(): Promise<void>;
}

export async function startWay(to: string): Promise<Way> {
  const { hostname, port } = new URL(`http://${to}`);
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer(client => {
    const behind = connect({ host: hostname, port: Number(port) });
    client.pipe(behind);
    behind.on('data', bytes => void (silent || client.write(bytes)));
    for (const [socket, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {}); // 'close' follows
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the way has no port');
  return {
    address: `127.0.0.1:${bound.port}`,
    silence() {
      silent = true;
    },
    async close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
