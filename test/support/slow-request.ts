import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

/** A request whose body comes in two halves, the second when the test says so. */
export interface SlowRequest {
  /** Sends the rest and gives the status of the answer. */
  finish(): Promise<number>;
  /** Breaks the connection off. */
  abort(): void;
}

/** Sends the head of a POST and half of its body, and resolves when that is written. */
export async function openSlowRequest(url: string, token: string, body: string): Promise<SlowRequest> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const bytes = Buffer.from(body);
  const half = bytes.length >> 1;
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/cloudevents-batch+json',
    `Content-Length: ${bytes.length}`,
  ];
  const answer = statusOf(socket);
  answer.catch(() => undefined);
  await write(socket, Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes.subarray(0, half)]));
  return {
    finish: async () => {
      await write(socket, bytes.subarray(half));
      return answer;
    },
    abort: () => void socket.destroy(),
  };
}

function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.write(bytes, (error) => (error ? reject(error) : resolve())),
  );
}

async function statusOf(socket: Socket): Promise<number> {
  let text = '';
  for await (const chunk of socket.setEncoding('latin1')) {
    text += String(chunk);
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(text);
    if (status) return Number(status[1]);
  }
  throw new Error(`the connection ended after ${JSON.stringify(text)}`);
}
