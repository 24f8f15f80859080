import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A wire to a server on this machine, which can be cut. */
export interface Wire {
  readonly port: number;
  /** From now on the server hears everything, and nobody hears the server. */
  deafen(): void;
  /** Breaks all connections, and lets new ones through. */
  cut(): void;
  /** How many connections have come so far. */
  laid(): number;
  close(): Promise<void>;
}

/** Lays a wire to a port. */
export async function layWire(to: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let deaf = false;
  let laid = 0;
  const server = createServer((near) => {
    laid++;
    const far = connect(to, '127.0.0.1');
    near.pipe(far);
    far.on('data', (bytes) => {
      if (!deaf) near.write(bytes);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    deaf = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    deafen: () => (deaf = true),
    cut,
    laid: () => laid,
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
