#!/usr/bin/env bash
# undici 7.30.1: a server that sends 100 Continue although it was not asked to.
# Likely guess: it is passed over and the answer behind it is taken, as RFC 9110, 15.2 wants of a client, and as undici
# does with 102 and 103.
# Behaviour: the request fails and the connection is closed, though the server has taken the request and answered 200.
# Seen: 100: SocketError bad response; 102: 200; 103: 200
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent undici@7.30.1
cat > look.mjs <<'JS'
import { createServer } from 'node:net';
import { request } from 'undici';
const FINAL = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
async function answered(first) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(`${first}\r\n\r\n${FINAL}`));
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const { statusCode, body } = await request(`http://127.0.0.1:${server.address().port}/`, { method: 'POST', body: 'x' });
    await body.dump();
    return String(statusCode);
  } catch (error) {
    return `${error.constructor.name} ${error.message}`;
  } finally {
    server.close();
  }
}
const seen = {};
for (const first of ['100 Continue', '102 Processing', '103 Early Hints'])
  seen[first.slice(0, 3)] = await answered(`HTTP/1.1 ${first}`);
console.log(Object.entries(seen).map(([status, what]) => `${status}: ${what}`).join('; '));
process.exit(seen[100].startsWith('SocketError') && seen[102] === '200' && seen[103] === '200' ? 0 : 1);
JS
node look.mjs
