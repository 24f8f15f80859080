import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs `work` while no other process of this machine runs any under the same name: others wait for it. Uses nothing but Node, since
 * it runs before there are any dependencies. Who runs listens on a socket of that name, which ends with the process, however it
 * ends; who waits is connected to it.
 * @template T
 * @param {string} name such as a path
 * @param {() => Promise<T>} work
 * @param {() => void} [onWait] called once, when another is at work
 * @returns {Promise<T>}
 */
export async function oneAtATime(name, work, onWait = () => {}) {
  const address = addressOf(name);
  for (let waits = 0; ; waits++) {
    const server = await listenOn(address);
    if (server !== undefined) {
      try {
        return await work();
      } finally {
        await closed(server);
      }
    }
    if (waits === 0) onWait();
    await endOf(address);
  }
}

function addressOf(name) {
  const short = `headgate-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${short}`;
  // Linux has socket names that are no files, so that none is left behind.
  return process.platform === 'linux' ? `\0${short}` : join(tmpdir(), `${short}.sock`);
}

/** Undefined while another listens. */
async function listenOn(path) {
  const server = createServer();
  server.connections = new Set();
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    server.connections.add(socket);
    socket.on('close', () => server.connections.delete(socket));
  });
  server.listen(path);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

async function closed(server) {
  const done = new Promise((resolve) => server.close(resolve));
  for (const socket of server.connections) socket.destroy();
  await done;
}

/** Waits until nobody listens any more. */
async function endOf(path) {
  const socket = connect(path);
  await new Promise((resolve) => {
    socket.on('error', (error) => {
      // A socket's file whose process was killed.
      if (error.code === 'ECONNREFUSED' && !path.startsWith('\0')) rmSync(path, { force: true });
    });
    socket.on('close', resolve);
    socket.resume();
  });
}
