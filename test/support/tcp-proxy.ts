import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Which way bytes go: to the server, or back from it. */
export type Direction = 'requests' | 'answers';

/** Stands between a client and a server, and keeps bytes back or cuts connections when a test says so. */
export interface TcpProxy {
  /** `host:port`. */
  readonly address: string;
  /** Connections so far. */
  readonly connections: number;
  /** True once bytes are kept back. */
  readonly holding: boolean;
  /** Keeps back what goes one way, once a number of bytes or pieces more have gone through. */
  holdAfter(direction: Direction, after: { readonly pieces?: number; readonly bytes?: number }): void;
  /** Lets through what was kept back, and all that follows. */
  release(): void;
  /** Cuts the connection by which a number of bytes more have gone to the server; once. */
  cutAfter(bytes: number): void;
  stop(): Promise<void>;
}

/** What is waited for: pieces or bytes that may still pass. */
interface Allowance {
  readonly direction: Direction;
  pieces: number;
  bytes: number;
}

/** @param target `host:port` of the server */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [host, port] = target.split(':');
  const sockets = new Set<Socket>();
  let held: (() => void)[] = [];
  let [connections, holding] = [0, false];
  let hold: Allowance | undefined;
  let cut: number | undefined;

  const pass = (direction: Direction, chunk: Buffer, to: Socket): void => {
    const send = (): void => void (to.writable && to.write(chunk));
    if (hold?.direction !== direction) return send();
    holding ||= hold.pieces <= 0 || hold.bytes <= 0;
    hold.pieces -= 1;
    hold.bytes -= chunk.length;
    if (holding) held.push(send);
    else send();
  };

  const server = createServer((client) => {
    connections += 1;
    const upstream = connect({ host, port: Number(port) });
    const end = (): void => {
      for (const socket of [client, upstream]) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    upstream.on('data', (chunk) => pass('answers', chunk, client));
    client.on('data', (chunk) => {
      pass('requests', chunk, upstream);
      if (cut === undefined || (cut -= chunk.length) > 0) return;
      cut = undefined;
      end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    get holding() {
      return holding;
    },
    holdAfter: (direction, { pieces = Infinity, bytes = Infinity }) => {
      hold = { direction, pieces, bytes };
    },
    release: () => {
      hold = undefined;
      holding = false;
      for (const send of held) send();
      held = [];
    },
    cutAfter: (bytes) => {
      cut = bytes;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
